"""Rule: what /status answered becomes lines for a terminal.

Owns their order and their words; those of codes and states are the page's (`admin.status.messages`). Refuses to judge
and to print. Every text of the answer is made printable: paths and subjects may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from fla_gateway.admin.status.messages import DOUBTS, ENDS, LEVELS, STATES, cure, missing_right
from fla_gateway.cli.output.language import shown
from fla_gateway.errors import position_of
from fla_gateway.i18n.message import NOTHING, Plural, Text
from fla_gateway.oauth import clock_skew
from fla_gateway.observe.logs.log_values import printable
from fla_gateway.problems import PROBLEMS

FINDINGS: Final[Mapping[str, Callable[[Mapping[str, str]], Text]]] = {
    "not-served": lambda known: Text("cannot be used: {why_not}", why_not=known["why_not"]),
    "loading": lambda _: Text("its key is still being loaded"),
    "no-token": lambda _: Text("there is no valid token, so calls fail"),
    "certificate-ended": lambda known: Text(
        "the certificate has expired: fla-gateway cert renew {name}", name=known["name"]
    ),
    "certificate-urgent": lambda known: Text(
        "the certificate ends {ends_in}: fla-gateway cert renew {name}",
        ends_in=known["ends_in"],
        name=known["name"],
    ),
    "token-failing": lambda _: Text("the token cannot be renewed; calls work until it ends"),
    "former-key": lambda known: Text(
        "the key that is configured now cannot be used, the former one serves: {former_key}",
        former_key=known["former_key"],
    ),
    "api-failing": lambda known: Text(
        "APIs fail: {failing}; nothing is queued here, your program sends again", failing=known["failing"]
    ),
    "calls-failing": lambda _: Text("the last call failed"),
    "braked": lambda known: Text("the gateway holds calls back: {brakes}", brakes=known["brakes"]),
    "certificate-soon": lambda known: Text(
        "the certificate ends {ends_in}: fla-gateway cert renew {name}",
        ends_in=known["ends_in"],
        name=known["name"],
    ),
}
_TOKEN_STATES: Final[Mapping[str, str]] = {
    "fresh": Text("fresh"),
    "stale": Text("stale"),
    "expired": Text("expired"),
    "idle": Text("idle"),
    "none": Text("none"),
}
_KINDS: Final = ("answered", "refused", "failed")
_END: Final = Text("End")
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
    state = STATES.get(str(document.get("state")), NOTHING)
    yield _painted(f"{shown(LEVELS.get(level, level))}. {shown(state)}".strip(), level, coloured=coloured)
    yield _fact(Text("version"), _text(document.get("version")))
    yield _fact(Text("since"), times.shown(document.get("started")))
    yield _fact(Text("as of"), times.shown(document.get("time")))
    for listener in _tables(document, "listeners"):
        only = (
            Text(" for {profile} alone", profile=_text(listener.get("profile"))) if listener.get("profile") else NOTHING
        )
        yield _fact(
            Text("listens on"),
            f"{_text(listener.get('address'))}{' (TLS)' if listener.get('tls') else ''}{shown(only)}",
        )
    if document.get("callers") is None:
        yield _fact(Text("callers"), Text("none: every program that reaches the gateway may call"))
    for profile in _tables(document, "profiles"):
        yield ""
        yield from _profile_lines(profile, times, coloured=coloured)
    yield from _general_lines(document, times)


def _profile_lines(profile: Mapping[str, Any], times: _Times, *, coloured: bool) -> Iterator[str]:
    level = str(profile.get("level", ""))
    environment = _text(profile.get("environment"))
    where = environment.upper() if profile.get("production") else environment
    name = f"{_text(profile.get('name'))} ({where})"
    yield f"{name}: {_painted(shown(LEVELS.get(level, level)).lower(), level, coloured=coloured)}"
    certificate = _table(profile, "certificate")
    failing = _tables(profile, "failing")
    without_scope = [it for it in failing if it.get("reason") == "missing-scope"]
    known = {
        "name": _text(profile.get("name")),
        "why_not": _text(profile.get("why_not")),
        "former_key": _text(profile.get("former_key")),
        "ends_in": _ends_in(certificate),
        "failing": ", ".join(shown(_failing(it, times)) for it in failing if it not in without_scope),
        "brakes": ", ".join(
            shown(Text("{service} until {time}", service=_text(it.get("service")), time=times.shown(it.get("until"))))
            for it in _tables(profile, "brakes")
        ),
    }
    for code in profile.get("findings") or ():
        if code != "api-failing" or known["failing"]:
            yield f"  ! {shown(FINDINGS[str(code)](known)) if str(code) in FINDINGS else _text(code)}"
    granted = next((_text(it.get("scope")) for it in _tables(profile, "negotiations") if it.get("lifetime")), "")
    yield from (f"  {_alarm(_no_scope(it, times, granted))}" for it in without_scope)
    if finding := _table(profile, "finding"):
        command = f"fla-gateway doctor {_text(profile.get('name'))}"
        page = _text(finding.get("anchor"))
        yield _fact(
            Text("finding"), Text("explained in {page}; {command} checks everything", page=page, command=command)
        )
    yield from _token_lines(_table(profile, "token"), times)
    if certificate:
        yield _fact(Text("certificate"), _certificate(certificate, times))
    yield _fact(Text("last success"), times.shown(profile.get("last_success")))
    if failure := _table(profile, "last_failure"):
        yield from _failure_lines(failure, times)
    minutes = _tables(profile, "minutes")
    answered, refused, failed = (sum(int(it.get(kind) or 0) for it in minutes) for kind in _KINDS)
    counts = Text(
        "{answered} answered, {refused} refused, {failed} failed", answered=answered, refused=refused, failed=failed
    )
    yield _fact(Text("last hour"), counts)


def _token_lines(token: Mapping[str, Any], times: _Times) -> Iterator[str]:
    if not token:
        return
    state = str(token.get("state"))
    words = _TOKEN_STATES.get(state, _text(state))
    if token.get("expires"):
        words = Text("{state}, until {time}", state=words, time=times.shown(token.get("expires")))
    yield _fact(Text("token"), words)
    failure = _table(token, "last_failure")
    if token.get("failures") and failure:
        yield _fact("", f"{times.shown(failure.get('time'))}: {_text(failure.get('detail'))}")
        yield _fact("", cure(str(failure.get("code") or ""), 0))


def _days(number: object) -> Text:
    return Plural("{count} day", "{count} days", count=_number(number))


def _ends_in(certificate: Mapping[str, Any]) -> Text:
    left = _number(certificate.get("days_left"))
    return Plural("in {count} day", "in {count} days", count=left) if left else Text("within a day")


def _certificate(certificate: Mapping[str, Any], times: _Times) -> Text:
    end, left = times.shown(certificate.get("not_after")), _number(certificate.get("days_left"))
    if left < 0:
        return Text("expired since {end}", end=end)
    return Text("{days} left, until {end}", days=_days(left), end=end)


def _failing(api: Mapping[str, Any], times: _Times) -> Text:
    return Text(
        "{service} since {time} ({reason})",
        service=_text(api.get("service")),
        time=times.shown(api.get("since")),
        reason=_text(api.get("reason")),
    )


def _no_scope(api: Mapping[str, Any], times: _Times, granted: str) -> Text:
    return Text(
        "the account has no right for an API: {api}; {what}",
        api=_failing(api, times),
        what=missing_right(_text(api.get("service")), granted),
    )


def _failure_lines(failure: Mapping[str, Any], times: _Times) -> Iterator[str]:
    code, status = str(failure.get("code") or ""), int(failure.get("status") or 0)
    what = PROBLEMS[code].title if code in PROBLEMS else _answered(status)
    yield _fact(Text("last failure"), f"{times.shown(failure.get('time'))}: {shown(what)}")
    yield _fact("", cure(code, status))


def _answered(status: int) -> Text:
    return Text("the API answered {status}", status=status) if status else Text("no answer came")


def _general_lines(document: Mapping[str, Any], times: _Times) -> Iterator[str]:
    found = [*_doubt_lines(_table(document, "doubts"), times)]
    journal = _table(document, "journal")
    if journal.get("failing"):
        found.append(
            _alarm(Text("the audit journal cannot be written: see the gateway's log, and make room on its disk"))
        )
    if _table(document, "door").get("limited"):
        found.append(_alarm(Text("too many connections: the gateway accepts no further ones for now")))
    configuration = _table(document, "configuration")
    found += [
        _alarm(
            Text(
                "the last reload was refused: {place}: {message}",
                place=_position(fault),
                message=_text(fault.get("message")),
            )
        )
        for fault in _tables(configuration, "faults")
    ]
    for changed in _tables(configuration, "differs"):
        when = times.shown(changed.get("changed"))
        file = _text(changed.get("file"))
        found.append(_alarm(Text("{file} changed at {time}: `fla-gateway reload` applies it", file=file, time=when)))
    if unknown := _table(document, "unknown_callers"):
        found.append(shown(_unknown_calls(unknown, times)))
    for clock in _tables(document, "clocks"):
        offset = float(clock.get("offset_seconds") or 0)
        if abs(offset) > clock_skew.NOTEWORTHY:
            found.append(_alarm(clock_skew.warning(offset)))
    for end in _tables(document, "ends"):
        if end.get("kind") != "certificate":
            found.append(_alarm(_ending(end, times)))
    if found:
        yield ""
        yield from found


def _position(fault: Mapping[str, Any]) -> str:
    return _text(position_of(str(fault.get("file", "")), fault.get("line"), str(fault.get("path", ""))))


def _unknown_calls(unknown: Mapping[str, Any], times: _Times) -> Text:
    peers, uid = _tables(unknown, "peers"), unknown.get("uid")
    return Plural(
        "{count} call in the last hour without a valid key, at {time}{origin}{user}",
        "{count} calls in the last hour without a valid key, the last one at {time}{origin}{user}",
        count=_number(unknown.get("count")),
        time=times.shown(unknown.get("last")),
        origin=Text(" from {peer}", peer=_text(peers[0].get("peer"))) if peers else NOTHING,
        user=Text(", user {uid} of this machine", uid=_text(uid)) if uid is not None else NOTHING,
    )


def _ending(end: Mapping[str, Any], times: _Times) -> Text:
    what, name = ENDS.get(str(end.get("kind")), _END), _text(end.get("name"))
    time, left = times.shown(end.get("ends")), _number(end.get("days_left"))
    if left < 0:
        return Text("{what} {name}: {time}, ended", what=what, name=name, time=time)
    return Text("{what} {name}: {time}, {days} left", what=what, name=name, time=time, days=_days(left))


def _doubt_lines(doubts: Mapping[str, Any], times: _Times) -> Iterator[str]:
    number = int(doubts.get("number") or 0)
    if not number:
        return
    back = doubts.get("looked_back")
    yield _alarm(
        Plural(
            "{count} call in doubt: look up with the API what became of each{looked}",
            "{count} calls in doubt: look up with the API what became of each{looked}",
            count=number,
            looked=Text(" (the journal was read back to {time})", time=times.shown(back)) if back else NOTHING,
        )
    )
    for call in _tables(doubts, "calls")[:_MOST_DOUBTS]:
        asked = f"{_text(call.get('method'))} {_text(call.get('path'))}"
        reason = DOUBTS.get(str(call.get("reason")), _text(call.get("reason")))
        yield f"  {times.shown(call.get('time'))}  {_text(call.get('profile'))}  {asked}  {shown(reason)}"
        yield f"    fla-gateway audit settle {_text(call.get('id'))} --as done|not-done|sent-again"


class _Times:
    """Writes moments in UTC, with the reader's time beside it where that differs."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def shown(self, value: object) -> str:
        """Write a moment of the answer."""
        if value is None:
            return shown(Text("none since the start"))
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            return _text(value)
        local = moment.astimezone(self._zone)
        utc = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        return shown(Text("{utc} ({time} local)", utc=utc, time=f"{local:%H:%M:%S}")) if local.utcoffset() else utc


def _fact(label: str, value: str) -> str:
    return f"  {shown(label):<{_WIDTH}} {shown(value)}"


def _alarm(text: Text) -> str:
    return f"! {shown(text)}"


def _painted(text: str, level: str, *, coloured: bool) -> str:
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if coloured and level in _COLOURS else text


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str:
    return printable(str(value))


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _tables(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []
