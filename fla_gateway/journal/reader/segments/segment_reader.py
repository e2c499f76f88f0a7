"""Adapter: the segments of a journal become what was found in them.

Owns which of them are read, and what of them, while a gateway may be writing. Refuses to know where a line ends
(`segment_stream`), to judge what the lines say, and to write: a torn line is the writer's to repair.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from os import SEEK_END
from pathlib import Path
from typing import Final

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import Line, read
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.reader.segments.block_filter import BlockFilter, Chosen, Predicate
from fla_gateway.journal.reader.segments.body_index import Repetitive
from fla_gateway.journal.reader.segments.line_entries import entries_of, entry_of
from fla_gateway.journal.reader.segments.read_results import (
    Entry,
    Found,
    Lines,
    Passed,
    Place,
    SegmentStart,
    Wanted,
)
from fla_gateway.journal.reader.segments.segment_files import opened
from fla_gateway.journal.reader.segments.segment_stream import SEARCHED, blocks_of, line_at, lines_with, whole_lines

# The writer puts id after record; within a text of the line, these quotes would have a backslash before them.
_IDENTIFIED: Final = re.compile(rb'"record":"(intent|outcome)","id":"([0-9a-f-]{36})"')
_OUTCOME_RECORD: Final = b'"record":"outcome"'


def read_segments(directory: Path, segments: Sequence[Segment]) -> Iterator[Found]:
    """Read segments line by line; needs no lock, and memory for a block.

    Args:
        directory: of the journal.
        segments: consecutive ones.

    Raises:
        JournalError: a file cannot be read, or was removed in the meantime.
    """
    number = 0
    for one in read_blocks(directory, segments):
        if isinstance(one, Lines):
            for entry in entries_of(one, number):
                number = entry.place.line
                yield entry
        else:
            number = 0
            yield one


def read_blocks(directory: Path, segments: Sequence[Segment], size: int = SEARCHED) -> Iterator[Lines | Found]:
    """Read segments, lines that are whole a block at a time.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        size: bytes of a block.

    Raises:
        JournalError: as `read_segments`.
    """
    for segment in segments:
        yield SegmentStart(Place(segment.name, 0), segment.number)
        with opened(directory / segment.name) as stream:
            yield from blocks_of(stream, segment.name, size)


def lines_of_kind(directory: Path, segments: Sequence[Segment], kind: str) -> Iterator[Line]:
    """Read the lines of one kind, passing over the others without looking into them; for kinds that are rare.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        kind: a kind of `format.line_format`.

    Raises:
        JournalError: as `read_segments`.
    """
    # No text of another line has this: the quotes within it would have a backslash before them.
    needle = f'"record":"{kind}"'.encode()
    for segment in segments:
        path = directory / segment.name
        with opened(path) as stream:
            for raw in lines_with(stream, needle):
                entry = entry_of(Place(segment.name, 0), raw)
                if isinstance(entry, Entry) and entry.line.members["record"] == kind:
                    yield entry.line


def lines_about(directory: Path, segment: Segment, wanted: Collection[str]) -> Iterator[Line]:
    """Read the intents and outcomes of some requests in a segment, passing over all others.

    Args:
        directory: of the journal.
        segment: one of it.
        wanted: request ids.

    Raises:
        JournalError: as `read_segments`.
    """
    path = directory / segment.name
    with opened(path) as stream:
        for whole in whole_lines(stream):
            for match in _IDENTIFIED.finditer(whole):
                name = match[2].decode()
                entry = entry_of(Place(segment.name, 0), line_at(whole, match.start())) if name in wanted else None
                if isinstance(entry, Entry) and entry.line.members.get("id") == name:
                    yield entry.line


def read_wanted(
    directory: Path, segments: Sequence[Segment], predicate: Predicate, size: int = SEARCHED
) -> Iterator[Wanted]:
    """Read what a question needs of segments, a block at a time; the rest is said to be `Passed`.

    Lines have no numbers here: no question needs them.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        predicate: what the question wants.
        size: bytes of a block.

    Raises:
        JournalError: as `read_segments`.
    """
    return read_filtered(directory, segments, BlockFilter(predicate), size)


def read_filtered(
    directory: Path, segments: Sequence[Segment], chosen: BlockFilter, size: int = SEARCHED
) -> Iterator[Wanted]:
    """Read what a filter chooses of segments, a block at a time; `read_wanted` makes the filter of a predicate.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        chosen: decides about each block; it learns where a segment begins.
        size: bytes of a block.
    """
    for segment in segments:
        yield SegmentStart(Place(segment.name, 0), segment.number)
        chosen.begin(segment)
        with opened(directory / segment.name) as stream:
            for one in blocks_of(stream, segment.name, size):
                if isinstance(one, Lines):
                    yield from _read_chosen(one, chosen.choose(one.raw))
                    continue
                if isinstance(one, Entry):
                    chosen.choose(one.line.raw + b"\n")
                yield one


def read_again(directory: Path, blocks: Repetitive) -> Iterator[Found]:
    """Read the lines of bodies that came again, and pass over all blocks without.

    Args:
        directory: of the journal.
        blocks: where they are.

    Raises:
        JournalError: as `read_segments`.
    """
    for segment, places in blocks.places():
        yield SegmentStart(Place(segment.name, 0), segment.number)
        with opened(directory / segment.name) as stream:
            for number, place, size in places:
                if blocks.needs(number):
                    raw = os.pread(stream.fileno(), size, place)
                    starts = blocks.choose(raw)
                    yield from (entry_of(Place(segment.name, 0), raw[it : raw.index(b"\n", it)]) for it in starts)


def seq_before_outcomes(directory: Path, segments: Sequence[Segment], number: int) -> int:
    """Give the number of a line behind which there are at least so many outcomes; 0 if there are not so many.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        number: of outcomes.

    Raises:
        JournalError: as `read_segments`.
    """
    for segment in reversed(segments):
        path = directory / segment.name
        with opened(path) as stream:
            end = stream.seek(0, SEEK_END)
            while end > 0:
                begin = max(0, end - SEARCHED)
                stream.seek(begin)
                lines = stream.read(end - begin).split(b"\n")
                number -= sum(_OUTCOME_RECORD in line for line in lines)
                seq = next((found for line in lines[1:] if (found := _seq_of(line))), 0)
                if number <= 0 and seq:
                    return max(seq - len(lines), 0)
                end = begin
    return 0


def _seq_of(raw: bytes) -> int:
    try:
        return int(read(raw).members["seq"])
    except JournalError:
        return 0


def _read_chosen(lines: Lines, choice: Chosen | None) -> Iterator[Wanted]:
    """Read what was chosen of a block; None for all."""
    file, block = lines
    if choice is None:
        yield from (entry_of(Place(file, 0), raw) for raw in block[:-1].split(b"\n"))
        return
    first, last, since, time = choice.ends
    due = first
    for index, start in choice.starts:
        if due < first + index:
            yield Passed(due, first + index - 1, since=since)
        due = first + index + 1
        yield entry_of(Place(file, 0), block[start : block.index(b"\n", start)])
    yield Passed(due, last, time, since, choice.outcomes, choice.intents)
