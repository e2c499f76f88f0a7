"""Rule: what a vendor or a help desk is given of a diagnosis.

Owns the list of what may leave the company, and its form. Refuses to delete: each line is written from a permitted
member, so that what is added elsewhere later does not come into it by itself. Paths, addresses of the company's
network, names of callers and of files are not in it, nor a signature or a token, which no record has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from fla_gateway.diagnosis.findings import BRANCHES, VERDICT_WORDS, Check, ruled_out
from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Catalogue, Text, joined, said
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.negotiations import PERMITTED_FIELDS, Negotiation
from fla_gateway.profiles import Profile

_HEAD: Final = Text("Report of a diagnosis, for a help desk. It holds no key, no token and no signature.")
_FOUND: Final = Text("What was found")
_OURS: Final = Text("Our side, checked")
_YOURS: Final = Text("Your side said")
_IDS: Final = ("belgov-trace-id", "x-request-id", "x-correlation-id")
_SHARED_FIELDS: Final = tuple(name for name in PERMITTED_FIELDS if name != "via")
"""Of a response: Via may name a proxy of the company, which opens TLS and adds it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the report was made with.

    Attributes:
        version: of the gateway.
        compiled: whether its data path is compiled.
        python: version of Python.
        system: name and version of the operating system.
        fingerprint: of the configuration.
        time: when.
    """

    version: str
    compiled: bool
    python: str
    system: str
    fingerprint: str
    time: datetime


def write_report(
    place: Place,
    profile: Profile,
    checks: Sequence[Check],
    negotiations: Sequence[Negotiation],
    spoken: Spoken = ENGLISH,
) -> Iterator[str]:
    """Write the lines.

    Args:
        place: what it was made with.
        profile: what was diagnosed.
        checks: everything that was checked.
        negotiations: with the token server, the latest first.
        spoken: the language of who reads it; codes, names and what the token server said are the same in each.
    """
    writer = _Writer(spoken.catalogue)
    yield writer.said(_HEAD)
    yield ""
    yield from writer.facts(_facts(place, profile))
    yield ""
    found = [it for it in checks if it.verdict in {"warning", "fatal"}]
    yield writer.said(_FOUND)
    yield from map(writer.check, found)
    if not found:
        yield writer.said(Text("  nothing"))
    yield ""
    yield writer.said(_OURS)
    yield from (writer.check(it) for it in checks if it not in found)
    excluded = joined(ruled_out(checks), "; ") or Text("nothing was excluded")
    yield writer.said(Text("  not the cause: {things}", things=excluded))
    yield ""
    yield writer.said(_YOURS)
    before: Negotiation | None = None
    for negotiation in negotiations:
        yield f"  {_moment(datetime.fromtimestamp(negotiation.time, UTC))}  {negotiation.result}"
        is_same = before is not None and _kind(before) == _kind(negotiation)
        yield from writer.facts(_brief(negotiation) if is_same else _said(negotiation), "    ")
        before = negotiation
    if not negotiations:
        yield writer.said(Text("  nothing: the token server was not asked"))


class _Writer:
    """Writes in one language."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def said(self, text: str) -> str:
        return said(text, self._catalogue)

    def check(self, check: Check) -> str:
        branch, what = self.said(BRANCHES[check.branch]), self.said(check.description)
        seen = f": {self.said(check.shared)}" if check.shared else ""
        width = max(len(self.said(word)) for word in VERDICT_WORDS.values()) + 1
        verdict = self.said(VERDICT_WORDS[check.verdict]).lower()
        return f"  {verdict:<{width}} {branch}: {what}{seen} ({check.code})"

    def facts(self, facts: Iterable[tuple[str, str]], indent: str = "") -> Iterator[str]:
        pairs = [(self.said(label), self.said(value)) for label, value in facts]
        width = max(len(label) for label, _ in pairs)
        yield from (f"{indent}{label:<{width}} {value}" for label, value in pairs)


def _facts(place: Place, profile: Profile) -> Iterator[tuple[str, str]]:
    request = profile.token_request
    kind = Text("compiled") if place.compiled else Text("source")
    yield Text("made at"), _moment(place.time)
    yield (
        Text("made with"),
        Text("fla-gateway {version} ({kind}), {python}", version=place.version, kind=kind, python=place.python),
    )
    yield Text("on"), place.system
    yield Text("configuration"), place.fingerprint
    yield Text("environment"), profile.environment_shown
    yield Text("token server"), request.token_url
    yield Text("API"), profile.upstream.authority
    yield Text("client id"), request.client_id
    yield Text("scope asked"), " ".join(request.scope) or Text("(none)")


def _said(one: Negotiation) -> Iterator[tuple[str, str]]:
    none = Text("none")
    ends = none if one.certificate_ends is None else _moment(one.certificate_ends)
    if one.status or "request" in one.phases:
        yield Text("asserted"), f"header {json.dumps(one.header)} claims {json.dumps(one.claims)}"
    yield Text("certificate"), Text("SHA-256 {hash}, until {end}", hash=one.certificate or none, end=ends)
    yield Text("clock"), _clock(one)
    yield Text("took"), ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in one.phases.items())
    if one.status:
        yield Text("response"), f"{one.status} {one.error}".rstrip()
    if one.answer:
        yield Text("said"), one.answer
    elif not one.status:
        last = next(reversed(list(one.phases)), "")
        yield Text("said"), Text("nothing; the attempt ended in this phase: {phase}", phase=last or Text("none"))
    yield from ((f"  {name}:", value) for name in _SHARED_FIELDS if (value := one.fields.get(name)))
    if one.scope:
        yield Text("scope"), one.scope


def _kind(one: Negotiation) -> tuple[object, ...]:
    """Give what makes two negotiations alike: then the second is written in short."""
    return one.result, one.status, one.error, one.answer, one.certificate, one.header, one.endpoint


def _brief(one: Negotiation) -> Iterator[tuple[str, str]]:
    yield Text("the same as above"), f"jti {one.claims['jti']}" if "jti" in one.claims else ""
    ids = ((f"  {name}:", value) for name in _IDS if (value := one.fields.get(name)))
    yield from ids


def _clock(one: Negotiation) -> Text:
    if one.clock_sample is None:
        return Text("not measured")
    apart = f"{abs(one.clock_sample):.0f}"
    measured = (
        Text("yours was ahead of ours by {seconds} s", seconds=apart)
        if one.clock_sample > 0
        else Text("yours was behind ours by {seconds} s", seconds=apart)
    )
    if not round(one.clock_offset):
        return measured
    return Text(
        "{measured}; the assertion was corrected by {offset} s", measured=measured, offset=f"{one.clock_offset:.0f}"
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
