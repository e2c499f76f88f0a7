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
from fla_gateway.observe.logs.log_values import printable
from fla_gateway.problems import PROBLEMS

FINDINGS: Final[Mapping[str, str]] = {
    "not-served": "cannot be used: {why_not}",
    "loading": "its key is still being loaded",
    "no-token": "there is no valid token, so calls fail",
    "certificate-ended": "the certificate has expired: register another one in ChaMan and configure it",
    "certificate-urgent": "the certificate ends in {days_left} days: replace it now",
    "token-failing": "the token cannot be renewed; calls work until it ends",
    "former-key": "the key that is configured now cannot be used, the former one serves: {former_key}",
    "api-failing": "APIs fail: {failing}; nothing is queued here, your program sends again",
    "calls-failing": "the last call failed",
    "braked": "the gateway holds calls back: {brakes}",
    "certificate-soon": "the certificate ends in {days_left} days: order another one",
}
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
    known = {
        "why_not": _text(profile.get("why_not")),
        "former_key": _text(profile.get("former_key")),
        "days_left": _text(certificate.get("days_left")),
        "failing": ", ".join(
            f"{_text(it.get('service'))} since {times.shown(it.get('since'))} ({_text(it.get('reason'))})"
            for it in _tables(profile, "failing")
        ),
        "brakes": ", ".join(
            f"{_text(it.get('service'))} until {times.shown(it.get('until'))}" for it in _tables(profile, "brakes")
        ),
    }
    for code in profile.get("findings") or ():
        yield f"  ! {FINDINGS.get(str(code), _text(code)).format_map(known)}"
    if token := _table(profile, "token"):
        until = f", until {times.shown(token.get('expires'))}" if token.get("expires") else ""
        yield _fact("token", f"{_text(token.get('state'))}{until}")
    if certificate:
        yield _fact("certificate", f"{known['days_left']} days left, until {times.shown(certificate.get('not_after'))}")
    yield _fact("last success", times.shown(profile.get("last_success")))
    if failure := _table(profile, "last_failure"):
        yield from _failure_lines(failure, times)
    minutes = _tables(profile, "minutes")
    counts = {kind: sum(int(it.get(kind) or 0) for it in minutes) for kind in ("answered", "refused", "failed")}
    yield _fact("last hour", ", ".join(f"{number} {kind}" for kind, number in counts.items()))


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
        f"! the last reload was refused: {_text(fault.get('place'))}: {_text(fault.get('message'))}"
        for fault in _tables(configuration, "faults")
    ]
    for changed in _tables(configuration, "differs"):
        when = times.shown(changed.get("changed"))
        found.append(f"! {_text(changed.get('file'))} changed at {when}: `fla-gateway reload` applies it")
    if unknown := _table(document, "unknown_callers"):
        count, last = _text(unknown.get("count")), times.shown(unknown.get("last"))
        found.append(f"{count} calls in the last hour without a valid key, the last one at {last}")
    for clock in _tables(document, "clocks"):
        if abs(float(clock.get("offset_seconds") or 0)) > SKEW:
            found.append(f"! this machine's clock is {_text(clock.get('offset_seconds'))} s off: set it right")
    for end in _tables(document, "ends"):
        if end.get("kind") != "certificate":
            what = f"{ENDS.get(str(end.get('kind')), 'End')} {_text(end.get('name'))}"
            found.append(f"! {what}: {times.shown(end.get('ends'))}, {_text(end.get('days_left'))} days left")
    if found:
        yield ""
        yield from found


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
