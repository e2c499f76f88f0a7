"""Rule: ends of certificates as a calendar (iCalendar, RFC 5545).

Owns the form. Refuses to know where the ends come from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Catalogue, Text

_OCTETS: Final = 73
"""Of a line and its line break: RFC 5545, section 3.1 permits 75 without the break."""
_REMINDERS: Final = (60, 30, 7)
"""Days before the end at which a calendar is to remind."""


class CalendarEntry(NamedTuple):
    """The end of a certificate.

    Attributes:
        profile: that has it.
        key: name of the key.
        ends: the moment.
    """

    profile: str
    key: str
    ends: datetime


def calendar(entries: Iterable[CalendarEntry], now: datetime, spoken: Spoken = ENGLISH) -> str:
    """Write a calendar with one whole-day event for each end, with reminders before it.

    Args:
        entries: the ends.
        now: when it was written.
        spoken: the language of what people read.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//fla-gateway//certificates//{spoken.language.upper()}"]
    for entry in entries:
        lines += _event(entry, now, spoken.catalogue)
    return "".join(f"{_folded(line)}\r\n" for line in (*lines, "END:VCALENDAR"))


def _event(entry: CalendarEntry, now: datetime, catalogue: Catalogue) -> list[str]:
    uid = hashlib.sha256(f"{entry.profile} {entry.key} {entry.ends:%Y%m%d}".encode()).hexdigest()[:32]
    # The name of an inline key is made up of its profile: `profiles.key_sources`.
    what = (
        Text("Certificate of {profile} ends", profile=entry.profile)
        if entry.key.startswith("profile:")
        else Text("Certificate of {profile} ({key}) ends", profile=entry.profile, key=entry.key)
    ).translated(catalogue)
    cure = Text("`fla-gateway cert renew {profile}` says what comes next.", profile=entry.profile).translated(catalogue)
    found = [
        "BEGIN:VEVENT",
        f"UID:{uid}@fla-gateway",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{entry.ends:%Y%m%d}",
        f"DTEND;VALUE=DATE:{entry.ends + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(what)}",
        f"DESCRIPTION:{_escaped(cure)}",
        "TRANSP:TRANSPARENT",
    ]
    for days in _REMINDERS:
        found += ["BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{_escaped(what)}", f"TRIGGER:-P{days}D", "END:VALARM"]
    return [*found, "END:VEVENT"]


def _escaped(text: str) -> str:
    """Escape as section 3.3.11 has it."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Fold a long line, between characters (section 3.1)."""
    parts, size = [""], 0
    for sign in line:
        size += len(sign.encode())
        if size > _OCTETS:
            parts.append("")
            size = 1 + len(sign.encode())
        parts[-1] += sign
    return "\r\n ".join(parts)
