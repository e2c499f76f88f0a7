"""The steps of a renewal, and the calendar of ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificates.expiry_calendar import CalendarEntry, calendar
from fla_gateway.keys.certificates.renewal import Situation, next_step
from fla_gateway.keys.model import Objection

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SOON, LATE = NOW + timedelta(days=20), NOW + timedelta(days=700)
FIRST = Situation(profile="employer", key="acme", ends=SOON)
BOTH = replace(FIRST, next_key="next", next_ends=LATE)
AFTER = Situation(profile="employer", key="next", ends=LATE, next_key="acme", next_ends=SOON)
CUT_OFF = Objection(Message("x", "it is cut off"), Text("copy it"))
YESTERDAY = NOW - timedelta(hours=24)


@pytest.mark.parametrize(
    ("situation", "name", "said"),
    [
        (replace(FIRST, ends=LATE), "none", "Nothing has to be done"),
        (replace(FIRST, ends=None), "none", "Nothing has to be done"),
        (FIRST, "make", "cert new acme-2028"),
        (
            replace(BOTH, objection=Objection(Message("x", "it is cut off"), Text("copy it"))),
            "mend",
            "cut off (copy it)",
        ),
        (BOTH, "upload", "cert try employer"),
        (replace(BOTH, refusal="token-refused: no"), "upload", "token-refused: no"),
        (replace(BOTH, refusal=""), "switch", "cert switch employer"),
        (AFTER, "wait", "status cannot be read"),
        (replace(AFTER, in_force=False), "reload", "fla-gateway reload"),
        (replace(AFTER, in_force=True), "wait", "until 2026-12-01 12:00 UTC"),
        (replace(AFTER, in_force=True, quiet_since=YESTERDAY + timedelta(seconds=1)), "wait", "12:00 UTC"),
        (replace(AFTER, in_force=True, quiet_since=YESTERDAY), "remove", "cert finish employer"),
    ],
)
def test_the_next_step_is_known_in_every_situation(situation, name, said):
    """Name, and what is said or typed next."""
    step = next_step(situation, NOW)
    assert step.name == name
    assert said in f"{step.text} {step.command}"


def test_no_step_before_the_exchange_advises_to_remove_the_old_one():
    """Replacing it in ChaMan would end the calls of every program that uses the account."""
    for refusal in (None, "", "token-refused"):
        text = next_step(replace(BOTH, refusal=refusal), NOW).text.lower()
        assert "remove that" not in text
        assert "replace" not in text


def test_the_calendar_has_an_event_for_each_end():
    """Lines end with CRLF and are folded at 75 octets; ids are the same when it is written again."""
    entries = [CalendarEntry("employer", "é" * 60, SOON), CalendarEntry("other", "next", LATE)]
    text = calendar(entries, NOW)
    assert text.count("BEGIN:VEVENT\r\n") == text.count("END:VEVENT\r\n") == 2
    assert "DTSTART;VALUE=DATE:20261220\r\n" in text
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert [it for it in calendar(entries, SOON).splitlines() if it.startswith("UID")] == [
        it for it in text.splitlines() if it.startswith("UID")
    ]
