"""Rule: what the bytes of one line are.

Owns what a line may be: its length, its characters, the form of its time. Refuses to know the lines around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from fla_gateway.errors import JournalError
from fla_gateway.i18n.message import Text, joined
from fla_gateway.journal.format.line_format import head_of, read
from fla_gateway.journal.reader.segments.read_results import Damaged, Entry, Lines, Place

LONGEST_LINE: Final = 65_536
"""Bytes of a line without its line break; the longest that a writer makes is far shorter."""

# What the gateway writes is printable ASCII; any other byte in a file could forge a terminal's output.
_UNPRINTABLE: Final = (*range(10), *range(11, 32), 127)
"""Of ASCII, but for the line break; the search for each takes less time than one look at every byte."""
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)


def entry_of(place: Place, raw: bytes, *, is_printable: bool = False) -> Entry | Damaged:
    """Read a line.

    Args:
        place: where it is.
        raw: its bytes, without the line break.
        is_printable: whether it is known to be `printable`.
    """
    if len(raw) > LONGEST_LINE:
        return Damaged(place, Text("the line is longer than {most} bytes", most=LONGEST_LINE), head_of(raw))
    if not (is_printable or printable(raw)):
        return Damaged(place, Text("the line has bytes that are no printable ASCII"), head_of(raw))
    try:
        line = read(raw)
    except JournalError as error:
        return Damaged(place, joined((error.text,)), head_of(raw))
    if not _is_time(line.members["time"]):
        return Damaged(place, Text("the line has a time that is none"), head_of(raw))
    return Entry(place, line)


def printable(raw: bytes) -> bool:
    """Return whether lines are printable ASCII, but for their line breaks."""
    return raw.isascii() and not any(map(raw.__contains__, _UNPRINTABLE))


def entries_of(lines: Lines, before: int) -> Iterator[Entry | Damaged]:
    """Read whole lines.

    Args:
        lines: as they are in the file.
        before: number of the line before them.
    """
    raws, is_printable = lines.raw[:-1].split(b"\n"), printable(lines.raw)
    return (
        entry_of(Place(lines.file, at), raw, is_printable=is_printable) for at, raw in enumerate(raws, start=before + 1)
    )


def _is_time(text: str) -> bool:
    try:
        return _TIME.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:  # 30 February
        return False
