"""Rule: what /status answered becomes lines for a terminal.

Owns their order and their words; those of codes and states are the page's (`admin.status.messages`). Refuses to judge
and to print. Every text of the answer is made printable: paths and subjects may hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from fla_gateway.admin.status.health import SKEW
from fla_gateway.admin.status.messages import DOUBTS, ENDS, LEVELS, STATES, cure
from fla_gateway.errors import position_of
from fla_gateway.observe.logs.log_values import printable
from fla_gateway.problems import PROBLEMS

FINDINGS: Final[Mapping[str, str]] = {
    "not-served": "cannot be used: {why_not}",
    "loading": "its key is still being loaded",
    "no-token": "there is no valid token, so calls fail",
    "certificate-ended": "the certificate has expired: fla-gateway cert renew {name}",
    "certificate-urgent": "the certificate ends {ends_in}: fla-gateway cert renew {name}",
    "token-failing": "the token cannot be renewed; calls work until it ends",
    "former-key": "the key that is configured now cannot be used, the former one serves: {former_key}",
    "api-failing": "APIs fail: {failing}; nothing is queued here, your program sends again",
    "calls-failing": "the last call failed",
    "braked": "the gateway holds calls back: {brakes}",
    "certificate-soon": "the certificate ends {ends_in}: fla-gateway cert renew {name}",
}
_NO_SCOPE: Final = "the account has no right for an API: {}; have it added to the account in ChaMan"
_COLOURS: Final = {"good": "32", "attention": "33", "bad": "31"}
_WIDTH: Final = 14
_MOST_DOUBTS: Final = 10


def lines(document: Mapping[str, Any], *, coloured: bool = False, zone: tzinfo | None = None) -> Iterator[str]:
    """Write the lines.

    Args:
        document: as /status answers.
        coloured: whether a terminal shows them.
        zone: the reader's; this machine's by default.
    """
    times = _Times(zone)
    level = str(document.get("level", ""))
    state = STATES.get(str(document.get("state")), "")
    yield _painted(f"{LEVELS.get(level, level)}. {state}".strip(), level, coloured=coloured)
    yield _fact("version", _text(document.get("version")))
    yield _fact("since", times.shown(document.get("started")))
    yield _fact("as of", times.shown(document.get("time")))
    for listener in _tables(document, "listeners"):
        only = f" for {_text(listener.get('profile'))} alone" if listener.get("profile") else ""
        yield _fact("listens on", f"{_text(listener.get('address'))}{' (TLS)' if listener.get('tls') else ''}{only}")
    if document.get("callers") is None:
        yield _fact("callers", "none: every program that reaches the gateway may call")
    for profile in _tables(document, "profiles"):
        yield ""
        yield from _profile_lines(profile, times, coloured=coloured)
    yield from _general_lines(document, times)


def _profile_lines(profile: Mapping[str, Any], times: _Times, *, coloured: bool) -> Iterator[str]:
    level = str(profile.get("level", ""))
    environment = _text(profile.get("environment"))
    where = environment.upper() if profile.get("production") else environment
    name = f"{_text(profile.get('name'))} ({where})"
    yield f"{name}: {_painted(LEVELS.get(level, level).lower(), level, coloured=coloured)}"
    certificate = _table(profile, "certificate")
    failing = _tables(profile, "failing")
    without_scope = [it for it in failing if it.get("reason") == "missing-scope"]
    days = _days(certificate.get("days_left"))
    known = {
        "name": _text(profile.get("name")),
        "why_not": _text(profile.get("why_not")),
        "former_key": _text(profile.get("former_key")),
        "ends_in": f"in {days}" if certificate.get("days_left") else "within a day",
        "failing": ", ".join(_failing(it, times) for it in failing if it not in without_scope),
        "brakes": ", ".join(
            f"{_text(it.get('service'))} until {times.shown(it.get('until'))}" for it in _tables(profile, "brakes")
        ),
    }
    for code in profile.get("findings") or ():
        if code != "api-failing" or known["failing"]:
            yield f"  ! {FINDINGS.get(str(code), _text(code)).format_map(known)}"
    for it in without_scope:
        yield f"  ! {_NO_SCOPE.format(_failing(it, times))}"
    yield from _token_lines(_table(profile, "token"), times)
    if certificate:
        end = times.shown(certificate.get("not_after"))
        has_ended = int(certificate.get("days_left") or 0) < 0
        yield _fact("certificate", f"expired since {end}" if has_ended else f"{days} left, until {end}")
    yield _fact("last success", times.shown(profile.get("last_success")))
    if failure := _table(profile, "last_failure"):
        yield from _failure_lines(failure, times)
    minutes = _tables(profile, "minutes")
    counts = {kind: sum(int(it.get(kind) or 0) for it in minutes) for kind in ("answered", "refused", "failed")}
    yield _fact("last hour", ", ".join(f"{number} {kind}" for kind, number in counts.items()))


def _token_lines(token: Mapping[str, Any], times: _Times) -> Iterator[str]:
    if not token:
        return
    until = f", until {times.shown(token.get('expires'))}" if token.get("expires") else ""
    yield _fact("token", f"{_text(token.get('state'))}{until}")
    failure = _table(token, "last_failure")
    if token.get("failures") and failure:
        yield _fact("", f"{times.shown(failure.get('time'))}: {_text(failure.get('detail'))}")
        yield _fact("", cure(str(failure.get("code") or ""), 0))


def _days(number: object) -> str:
    return "1 day" if number == 1 else f"{_text(number)} days"


def _failing(api: Mapping[str, Any], times: _Times) -> str:
    return f"{_text(api.get('service'))} since {times.shown(api.get('since'))} ({_text(api.get('reason'))})"


def _failure_lines(failure: Mapping[str, Any], times: _Times) -> Iterator[str]:
    code, status = str(failure.get("code") or ""), int(failure.get("status") or 0)
    what = PROBLEMS[code].title if code in PROBLEMS else f"the API answered {status}" if status else "no answer came"
    yield _fact("last failure", f"{times.shown(failure.get('time'))}: {what}")
    yield _fact("", cure(code, status))


def _general_lines(document: Mapping[str, Any], times: _Times) -> Iterator[str]:
    found = [*_doubt_lines(_table(document, "doubts"), times)]
    journal = _table(document, "journal")
    if journal.get("failing"):
        found.append("! the audit journal cannot be written: see the gateway's log, and make room on its disk")
    if _table(document, "door").get("limited"):
        found.append("! too many connections: the gateway accepts no further ones for now")
    configuration = _table(document, "configuration")
    found += [
        f"! the last reload was refused: {_position(fault)}: {_text(fault.get('message'))}"
        for fault in _tables(configuration, "faults")
    ]
    for changed in _tables(configuration, "differs"):
        when = times.shown(changed.get("changed"))
        found.append(f"! {_text(changed.get('file'))} changed at {when}: `fla-gateway reload` applies it")
    if unknown := _table(document, "unknown_callers"):
        found.append(_unknown_line(unknown, times))
    for clock in _tables(document, "clocks"):
        offset = float(clock.get("offset_seconds") or 0)
        if abs(offset) > SKEW:
            side = "behind" if offset > 0 else "ahead of"
            found.append(f"! this machine's clock is {abs(offset):.0f} s {side} the token server's: set it right")
    for end in _tables(document, "ends"):
        if end.get("kind") != "certificate":
            what = f"{ENDS.get(str(end.get('kind')), 'End')} {_text(end.get('name'))}"
            left = end.get("days_left")
            has_ended = int(left or 0) < 0
            found.append(f"! {what}: {times.shown(end.get('ends'))}, {'ended' if has_ended else f'{_days(left)} left'}")
    if found:
        yield ""
        yield from found


def _position(fault: Mapping[str, Any]) -> str:
    return _text(position_of(str(fault.get("file", "")), fault.get("line"), str(fault.get("path", ""))))


def _unknown_line(unknown: Mapping[str, Any], times: _Times) -> str:
    count, last = unknown.get("count"), times.shown(unknown.get("last"))
    peers = _tables(unknown, "peers")
    origin = f" from {_text(peers[0].get('peer'))}" if peers else ""
    user = f", user {_text(unknown['uid'])} of this machine" if unknown.get("uid") is not None else ""
    if count == 1:
        return f"1 call in the last hour without a valid key, at {last}{origin}{user}"
    return f"{_text(count)} calls in the last hour without a valid key, the last one at {last}{origin}{user}"


def _doubt_lines(doubts: Mapping[str, Any], times: _Times) -> Iterator[str]:
    number = int(doubts.get("number") or 0)
    if not number:
        return
    back = doubts.get("looked_back")
    looked = f" (the journal was read back to {times.shown(back)})" if back else ""
    yield f"! {number} {'call' if number == 1 else 'calls'} in doubt: look up with the API what became of each{looked}"
    for call in _tables(doubts, "calls")[:_MOST_DOUBTS]:
        asked = f"{_text(call.get('method'))} {_text(call.get('path'))}"
        reason = DOUBTS.get(str(call.get("reason")), _text(call.get("reason")))
        yield f"  {times.shown(call.get('time'))}  {_text(call.get('profile'))}  {asked}  {reason}"
        yield f"    fla-gateway audit settle {_text(call.get('id'))} --as done|not-done|sent-again"


class _Times:
    """Writes moments in UTC, with the reader's time beside it where that differs."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def shown(self, value: object) -> str:
        """Write a moment of the answer."""
        if value is None:
            return "none since the start"
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            return _text(value)
        local = moment.astimezone(self._zone)
        utc = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        return f"{utc} ({local:%H:%M:%S} local)" if local.utcoffset() else utc


def _fact(label: str, value: str) -> str:
    return f"  {label:<{_WIDTH}} {value}"


def _painted(text: str, level: str, *, coloured: bool) -> str:
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if coloured and level in _COLOURS else text


def _text(value: object) -> str:
    return printable(str(value))


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _tables(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []
