"""Rule: which step comes next until a certificate is replaced.

Owns the steps and their order, and what each of them asks of a person. Refuses to find out what is the case: that is
handed in. How many certificates an account of ChaMan may have is not known, and another program may use the same
account; so no step ever advises to replace one there before the new one is in use.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.keys.certificates.channel_rules import EXPIRY_STEPS
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass

Name = Literal["none", "make", "mend", "upload", "switch", "reload", "wait", "remove"]
QUIET: Final = timedelta(days=1)
"""How long no token may have been got with the old key before its certificate is removed: a full day of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of a profile and its two keys.

    Attributes:
        profile: its name.
        key: name of the key in use.
        ends: end of its certificate; None if that is not known.
        next_key: name of the other key, or None.
        next_ends: end of its certificate; None if that is not known.
        objection: why the other key cannot be used, or None.
        refusal: why no token came with the other key, empty if one came; None if it was not tried.
        in_force: whether the running gateway has this very configuration; None if it shows nothing.
        quiet_since: since when it has got no token with the other key; None if that is not known.
    """

    profile: str
    key: str
    ends: datetime | None = None
    next_key: str | None = None
    next_ends: datetime | None = None
    objection: Objection | None = None
    refusal: str | None = None
    in_force: bool | None = None
    quiet_since: datetime | None = None

    @property
    def switched(self) -> bool:
        """Whether the other key is the old one: its certificate ends first."""
        return self.ends is not None and self.next_ends is not None and self.next_ends < self.ends


class Step(NamedTuple):
    """What comes next.

    Attributes:
        name: of the step.
        text: what to do and why.
        command: to be typed next; empty where nothing is, or a person does something in ChaMan first.
    """

    name: Name
    text: Text
    command: str = ""


def next_step(it: Situation, now: datetime) -> Step:
    """Decide on the next step."""
    if it.next_key is None:
        return _first(it, now)
    if it.switched:
        return _after_switch(it, now)
    if it.objection is not None:
        text = Text("next_key '{key}' cannot be used: {objection}", key=it.next_key, objection=it.objection.sentence)
        return Step("mend", text, _again(it))
    if it.refusal == "":
        return Step(
            "switch",
            Text(
                "A token came with next_key '{key}': its certificate is registered. Exchange the keys.", key=it.next_key
            ),
            f"fla-gateway cert switch {it.profile}",
        )
    return _upload(it)


def _first(it: Situation, now: datetime) -> Step:
    made = f"fla-gateway cert new {it.key.partition(':')[2] or it.key}-{now.year + 2}"
    what = Text(
        'Make the next pair, put the printed [keys.NAME] into the configuration, and next_key = "NAME" into '
        "[profiles.{profile}]; then reload.",
        profile=it.profile,
    )
    if it.ends is None or it.ends - now > timedelta(days=EXPIRY_STEPS[0]):
        day = "?" if it.ends is None else f"{it.ends:%Y-%m-%d}"
        text = Text(
            "Nothing has to be done: the certificate ends on {day}. To begin all the same: {what}", day=day, what=what
        )
        return Step("none", text, made)
    return Step("make", Text("The certificate ends on {day}. {what}", day=f"{it.ends:%Y-%m-%d}", what=what), made)


def _upload(it: Situation) -> Step:
    refused = Text("No token came with next_key '{key}': {reason}\n", key=it.next_key or "", reason=it.refusal or "")
    text = Text(
        "{refused}Upload its .cer in ChaMan, in the account with this client id: Certificaten, Een certificaat "
        "toevoegen (add a certificate), beside the old one. Do not take the old one out: it is in use until the keys "
        "are exchanged. Does another program use the same account, with the old certificate? Ask before anything is "
        "removed there. How many certificates an account may have is not known; if ChaMan refuses a second one, ask "
        "its contact center.",
        refused=refused if it.refusal else NOTHING,
    )
    return Step("upload", text, f"fla-gateway cert try {it.profile}")


def _after_switch(it: Situation, now: datetime) -> Step:
    old = it.next_key or ""
    if it.in_force is None:
        text = Text(
            "The keys are exchanged, and the gateway has to confirm that it gets no token with '{old}' any more, but "
            "its status cannot be read. Start it, name its admin listener with --admin, or give the key of its status "
            "page with --admin-key-file.",
            old=old,
        )
        return Step("wait", text, _again(it))
    if not it.in_force:
        text = Text("The keys are exchanged in the file; the running gateway has another configuration in force.")
        return Step("reload", text, "fla-gateway reload")
    if it.quiet_since is None or now - it.quiet_since < QUIET:
        since = now if it.quiet_since is None else it.quiet_since
        text = Text(
            "The keys are exchanged. Wait until {until} UTC, a full day after the last token with '{old}'. To go back, "
            "`fla-gateway cert switch {profile}` once more.",
            until=f"{since + QUIET:%Y-%m-%d %H:%M}",
            old=old,
            profile=it.profile,
        )
        return Step("wait", text, _again(it))
    text = Text(
        "No token came with '{old}' for a full day. If no other program uses its certificate, remove that in ChaMan: "
        "the one whose Vervaldatum (expiry date) is {day}, and no other. Then:",
        old=old,
        day="?" if it.next_ends is None else f"{it.next_ends:%Y-%m-%d}",
    )
    return Step("remove", text, f"fla-gateway cert finish {it.profile}")


def _again(it: Situation) -> str:
    return f"fla-gateway cert renew {it.profile}"
