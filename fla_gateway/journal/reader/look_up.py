"""Rule: what the journal has of some requests, by their ids.

Owns where the search may end. Refuses to read files, and to judge what was found.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from fla_gateway.journal.format.line_format import INTENT, Line
from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import lines_about


def look_up(directory: Path, wanted: Collection[str]) -> dict[str, Exchange]:
    """Find exchanges, the newest segments first; all segments are read only for what is in none.

    Args:
        directory: of the journal.
        wanted: request ids.

    Raises:
        JournalError: there is no journal, or it cannot be read.
    """
    wanted = frozenset(wanted)
    intents: dict[str, Line] = {}
    outcomes: dict[str, Line] = {}
    for segment in reversed(segments_of(directory)):
        for line in lines_about(directory, segment, wanted):
            of_kind = intents if line.members["record"] == INTENT else outcomes
            of_kind.setdefault(line.members["id"], line)
        if intents.keys() >= wanted:
            # An outcome comes after its intent.
            break
    return {it: Exchange(intents.get(it), outcomes.get(it)) for it in wanted if it in intents or it in outcomes}
