"""Rule: what of the gateway's state a person has to know, in which words, and which command leads on.

Owns the sentences, and how long a state has to last. Refuses to know where states come from
(`runtime.monitoring.alert_watch`), and when something is said again (`ledger`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from fla_gateway.i18n.message import NOTHING, Plural, Text
from fla_gateway.observe.alerts.alert import Code, Condition
from fla_gateway.observe.api_health import FailingApi
from fla_gateway.observe.expiries import DAYS_BEFORE, Expiry, Kind, step

LASTING_SECONDS: Final = 1800.0
"""How long an API, or the token server, has to fail: what passes by itself needs no person."""
_FEWEST_FAILURES: Final = 2
"""One call that failed, and no other since, shows nothing that lasts."""
_DAYS_DAILY: Final = 7
"""Days after an end on each of which it is said; then once a week."""
_INLINE: Final = "profile:"
"""How the name of a key begins that is written in its profile (`profiles.key_sources`)."""
_CODES: Final[dict[Kind, Code]] = {
    "certificate": "certificate-ends",
    "listener-certificate": "listener-certificate-ends",
    "caller-key": "caller-key-ends",
    "admin-key": "admin-key-ends",
}


class TokenTrouble(NamedTuple):
    """A profile for which no token can be had.

    Attributes:
        profile: its name.
        code: problem code of the last failure.
        since: when the first of these failures was, in seconds since 1970.
        latest: when the last one was.
    """

    profile: str
    code: str
    since: float
    latest: float


def of_expiries(ends: Iterable[Expiry], now: datetime) -> Iterator[Condition]:
    """Name the ends that are near or past, as `observe.expiries` has them."""
    for end in ends:
        reached = step(end, now)
        if reached is not None:
            yield _of_end(end, reached, now)


def of_profiles(unavailable: Iterable[str], without_token: Iterable[TokenTrouble]) -> Iterator[Condition]:
    """Name the profiles that do not work.

    Args:
        unavailable: those that are not served, since their keys cannot be used.
        without_token: those that get no token.
    """
    for name in unavailable:
        yield Condition(
            "profile-not-served",
            name,
            Text("The profile {profile} is not served: its key cannot be used.", profile=name),
            f"fla-gateway doctor {name}",
            Text("It says what is wrong with the key, and what to do."),
            profiles=(name,),
            over=Text("The profile {profile} is served again.", profile=name),
        )
    for profile, code, since, latest in without_token:
        # What was not asked for has not failed.
        if latest - since < LASTING_SECONDS:
            continue
        yield Condition(
            "no-token",
            profile,
            Text("The profile {profile} has got no token for 30 minutes ({code}).", profile=profile, code=code),
            f"fla-gateway doctor {profile}",
            Text("It says which step fails, and whose fault it is."),
            profiles=(profile,),
            over=Text("The profile {profile} gets tokens again.", profile=profile),
            since=since,
        )


def of_apis(failing: Iterable[FailingApi], wall: float) -> Iterator[Condition]:
    """Name the APIs that have failed for some time.

    Args:
        failing: those whose last call failed.
        wall: the time, in seconds since 1970.
    """
    for api in failing:
        if api.failures < _FEWEST_FAILURES or wall - api.since < LASTING_SECONDS:
            continue
        yield Condition(
            "api-failing",
            f"{api.profile} {api.service}",
            Text(
                "Calls of the profile {profile} to {service} have failed for 30 minutes ({reason}).",
                profile=api.profile,
                service=api.service,
                reason=api.reason,
            ),
            f"fla-gateway doctor {api.profile}",
            Text("It says which step fails, and whose fault it is."),
            profiles=(api.profile,),
            over=Text("{service} answers the profile {profile} again.", profile=api.profile, service=api.service),
            since=api.since,
        )


def of_doubts(number: int) -> Iterator[Condition]:
    """Name the calls in doubt that no person has settled.

    Args:
        number: of them.
    """
    if number:
        yield Condition(
            "calls-in-doubt",
            "",
            Plural(
                "Of {count} call it is not known whether it changed anything.",
                "Of {count} calls it is not known whether they changed anything.",
                count=number,
            ),
            "fla-gateway audit show --in-doubt",
            Text("Look each one up before it is sent again, and settle it: fla-gateway audit settle."),
            level=number,
            over=Text("No call is in doubt any more."),
        )


def of_reload(faults: int, *, refused: bool) -> Iterator[Condition]:
    """Name a configuration that was refused.

    Args:
        faults: of it.
        refused: whether the last reload was.
    """
    if refused:
        yield Condition(
            "reload-refused",
            "",
            Plural(
                "The configuration on the disk was refused for {count} fault; the former one is in force.",
                "The configuration on the disk was refused for {count} faults; the former one is in force.",
                count=faults,
            ),
            "fla-gateway check",
            Text("It names each fault with its place; reload when it finds none."),
            over=Text("The configuration on the disk is in force."),
        )


def _of_end(end: Expiry, reached: int, now: datetime) -> Condition:
    ended = now >= end.ends
    what, over = _ended(end) if ended else (_ending(end, end.days_left(now)), NOTHING)
    command, cure = _way_on(end)
    return Condition(
        _CODES[end.kind],
        end.name.removeprefix(_INLINE),
        what,
        command,
        cure,
        profiles=end.profiles,
        level=_level(reached),
        over=over,
        ends=end.ends.timestamp(),
    )


def _level(reached: int) -> int:
    """Give the number of a report: days of `DAYS_BEFORE` in their order, then each day, then each week."""
    if reached > 0:
        return DAYS_BEFORE.index(reached) + 1
    after = -reached
    return len(DAYS_BEFORE) + 1 + (after if after < _DAYS_DAILY else after // _DAYS_DAILY * _DAYS_DAILY)


def _thing(end: Expiry) -> Text:
    name = end.name
    match end.kind:
        case "certificate" if name.startswith(_INLINE):
            return Text("the certificate of the profile {profile}", profile=name.removeprefix(_INLINE))
        case "certificate":
            return Text("the certificate of the key {key}", key=name)
        case "listener-certificate":
            return Text("the certificate of the listener {listener}", listener=name)
        case "caller-key":
            caller, _, digits = name.partition(" ")
            return Text("the key {digits} of the caller {caller}", caller=caller, digits=digits)
        case _:
            return Text("the admin key {digits}", digits=name)


def _ending(end: Expiry, days: int) -> Text:
    return Plural(
        "{count} day is left, until {day}: {thing}.",
        "{count} days are left, until {day}: {thing}.",
        count=max(days, 0),
        day=f"{end.ends.astimezone(UTC):%Y-%m-%d}",
        thing=_thing(end),
    )


def _ended(end: Expiry) -> tuple[Text, Text]:
    day, thing = f"{end.ends.astimezone(UTC):%Y-%m-%d}", _thing(end)
    return (
        Text("It has ended on {day}: {thing}.", day=day, thing=thing),
        Text("Replaced, or taken out: {thing}, which ended on {day}.", day=day, thing=thing),
    )


def _way_on(end: Expiry) -> tuple[str, Text]:
    match end.kind:
        case "certificate":
            profile = end.profiles[0] if end.profiles else "PROFILE"
            return f"fla-gateway cert renew {profile}", Text("It says which step is next, each time it is run.")
        case "listener-certificate":
            return "fla-gateway reload", Text("Renew the certificate first: callers refuse one that has ended.")
        case "caller-key":
            caller = end.name.partition(" ")[0]
            return f"fla-gateway caller new {caller}", Text("Give the caller the new key before the old one ends.")
        case _:
            return "fla-gateway admin new", Text("It makes the next key of the status page.")
