"""Rule: what /status answered becomes lines for a terminal.

Owns their order and their words; those of codes and states are the page's (`admin.status.messages`). Refuses to judge
and to print; lines of a profile are in `profile_text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any, Final

from fla_gateway.admin.status.messages import DOUBTS, ENDS, LEVELS, STATES
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.remote.profile_text import profile_lines
from fla_gateway.cli.remote.status_values import (
    Times,
    alarm,
    days,
    fact,
    number_of,
    painted,
    table_of,
    tables_of,
    text_of,
)
from fla_gateway.errors import position_of
from fla_gateway.i18n.message import NOTHING, Plural, Text
from fla_gateway.oauth import clock_skew

_END: Final = Text("End")
_MOST_DOUBTS: Final = 10


def lines(document: Mapping[str, Any], *, coloured: bool = False, zone: tzinfo | None = None) -> Iterator[str]:
    """Write the lines.

    Args:
        document: as /status answers.
        coloured: whether a terminal shows them.
        zone: the reader's; this machine's by default.
    """
    times = Times(zone)
    level = str(document.get("level", ""))
    state = STATES.get(str(document.get("state")), NOTHING)
    yield painted(f"{shown(LEVELS.get(level, level))}. {shown(state)}".strip(), level, coloured=coloured)
    yield fact(Text("version"), text_of(document.get("version")))
    yield fact(Text("since"), times.shown(document.get("started")))
    yield fact(Text("as of"), times.shown(document.get("time")))
    for listener in tables_of(document, "listeners"):
        served = listener.get("profile")
        only = Text(" for {profile} alone", profile=text_of(served)) if served else NOTHING
        yield fact(
            Text("listens on"),
            f"{text_of(listener.get('address'))}{' (TLS)' if listener.get('tls') else ''}{shown(only)}",
        )
    if document.get("callers") is None:
        yield fact(Text("callers"), Text("none: every program that reaches the gateway may call"))
    for profile in tables_of(document, "profiles"):
        yield ""
        yield from profile_lines(profile, times, coloured=coloured)
    yield from _general_lines(document, times)


def _general_lines(document: Mapping[str, Any], times: Times) -> Iterator[str]:
    found = [*_doubt_lines(table_of(document, "doubts"), times)]
    journal = table_of(document, "journal")
    if journal.get("failing"):
        found.append(
            alarm(Text("the audit journal cannot be written: see the gateway's log, and make room on its disk"))
        )
    if table_of(document, "door").get("limited"):
        found.append(alarm(Text("too many connections: the gateway accepts no further ones for now")))
    configuration = table_of(document, "configuration")
    found += [
        alarm(
            Text(
                "the last reload was refused: {place}: {message}",
                place=_position(fault),
                message=text_of(fault.get("message")),
            )
        )
        for fault in tables_of(configuration, "faults")
    ]
    for changed in tables_of(configuration, "differs"):
        when = times.shown(changed.get("changed"))
        file = text_of(changed.get("file"))
        found.append(alarm(Text("{file} changed at {time}: `fla-gateway reload` applies it", file=file, time=when)))
    if unknown := table_of(document, "unknown_callers"):
        found.append(shown(_unknown_calls(unknown, times)))
    for clock in tables_of(document, "clocks"):
        offset = float(clock.get("offset_seconds") or 0)
        if abs(offset) > clock_skew.NOTEWORTHY:
            found.append(alarm(clock_skew.warning(offset)))
    for end in tables_of(document, "ends"):
        if end.get("kind") != "certificate":
            found.append(alarm(_ending(end, times)))
    if found:
        yield ""
        yield from found


def _position(fault: Mapping[str, Any]) -> str:
    return text_of(position_of(str(fault.get("file", "")), fault.get("line"), str(fault.get("path", ""))))


def _unknown_calls(unknown: Mapping[str, Any], times: Times) -> Text:
    peers, uid = tables_of(unknown, "peers"), unknown.get("uid")
    return Plural(
        "{count} call in the last hour without a valid key, at {time}{origin}{user}",
        "{count} calls in the last hour without a valid key, the last one at {time}{origin}{user}",
        count=number_of(unknown.get("count")),
        time=times.shown(unknown.get("last")),
        origin=Text(" from {peer}", peer=text_of(peers[0].get("peer"))) if peers else NOTHING,
        user=Text(", user {uid} of this machine", uid=text_of(uid)) if uid is not None else NOTHING,
    )


def _ending(end: Mapping[str, Any], times: Times) -> Text:
    what, name = ENDS.get(str(end.get("kind")), _END), text_of(end.get("name"))
    time, left = times.shown(end.get("ends")), number_of(end.get("days_left"))
    if left < 0:
        return Text("{what} {name}: {time}, ended", what=what, name=name, time=time)
    return Text("{what} {name}: {time}, {days} left", what=what, name=name, time=time, days=days(left))


def _doubt_lines(doubts: Mapping[str, Any], times: Times) -> Iterator[str]:
    number = int(doubts.get("number") or 0)
    if not number:
        return
    back = doubts.get("looked_back")
    yield alarm(
        Plural(
            "{count} call in doubt: look up with the API what became of each{looked}",
            "{count} calls in doubt: look up with the API what became of each{looked}",
            count=number,
            looked=Text(" (the journal was read back to {time})", time=times.shown(back)) if back else NOTHING,
        )
    )
    for call in tables_of(doubts, "calls")[:_MOST_DOUBTS]:
        asked = f"{text_of(call.get('method'))} {text_of(call.get('path'))}"
        reason = DOUBTS.get(str(call.get("reason")), text_of(call.get("reason")))
        yield f"  {times.shown(call.get('time'))}  {text_of(call.get('profile'))}  {asked}  {shown(reason)}"
        yield f"    fla-gateway audit settle {text_of(call.get('id'))} --as done|not-done|sent-again"
