"""Adapter: the segments of a journal become what was found in them.

Owns reading them within bounds, line by line or a block at a time, while a gateway may be writing. Refuses to judge
what the lines say, and to write: a torn line is the writer's to repair.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final

from fla_gateway.errors import JournalError
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.line_format import Line, read
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.reader.segments.block_filter import BlockFilter, Chosen, Wish
from fla_gateway.journal.reader.segments.body_index import Repetitive
from fla_gateway.journal.reader.segments.line_entries import LONGEST_LINE, entries_of, entry_of
from fla_gateway.journal.reader.segments.read_results import (
    Begun,
    Damaged,
    Entry,
    Found,
    Lines,
    Passed,
    Place,
    Torn,
    Wanted,
)
from fla_gateway.journal.reader.segments.segment_files import opened

# The writer puts id after record; within a text of the line, these quotes would have a backslash before them.
_IDENTIFIED: Final = re.compile(rb'"record":"(intent|outcome)","id":"([0-9a-f-]{36})"')
_OUTCOME_RECORD: Final = b'"record":"outcome"'
_SEARCHED: Final = 262_144
"""Bytes that are searched at once: more would not stay in the processor's cache."""


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


def read_blocks(directory: Path, segments: Sequence[Segment], size: int = _SEARCHED) -> Iterator[Lines | Found]:
    """Read segments, lines that are whole a block at a time.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        size: bytes of a block.

    Raises:
        JournalError: as `read_segments`.
    """
    for segment in segments:
        yield Begun(Place(segment.name, 0), segment.number)
        with opened(directory / segment.name) as stream:
            yield from _read_blocks(stream, segment.name, size)


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
            for raw in _lines_with(stream, needle):
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
        for whole in _whole_lines(stream):
            for match in _IDENTIFIED.finditer(whole):
                name = match[2].decode()
                entry = entry_of(Place(segment.name, 0), _line_at(whole, match.start())) if name in wanted else None
                if isinstance(entry, Entry) and entry.line.members.get("id") == name:
                    yield entry.line


def _lines_with(stream: BinaryIO, needle: bytes) -> Iterator[bytes]:
    for whole in _whole_lines(stream):
        at = whole.find(needle)
        while at >= 0:
            line = _line_at(whole, at)
            yield line
            at = whole.find(needle, whole.rfind(b"\n", 0, at) + 1 + len(line))


def _whole_lines(stream: BinaryIO, size: int = _SEARCHED) -> Iterator[bytes]:
    """Read a file in pieces that end with a line; a last line without a line break, and lines too long, are left out.

    Args:
        stream: the file, at its beginning; it is not moved.
        size: bytes of a piece.
    """
    place, is_within_line = 0, False
    while data := os.pread(stream.fileno(), size, place):
        end = data.rfind(b"\n") + 1
        # A line that is longer than a piece is longer than any line may be.
        begin = data.find(b"\n") + 1 if is_within_line else 0
        if begin < end:
            yield data[begin:end]
        is_within_line = not end and (is_within_line or len(data) > LONGEST_LINE)
        if not end and not is_within_line:
            return
        place += end or len(data)


def _line_at(lines: bytes, place: int) -> bytes:
    end = lines.find(b"\n", place)
    return lines[lines.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(lines)]


def read_wanted(directory: Path, segments: Sequence[Segment], wish: Wish, size: int = _SEARCHED) -> Iterator[Wanted]:
    """Read what a question needs of segments, a block at a time; the rest is said to be `Passed`.

    Lines have no numbers here: no question needs them.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        wish: what the question wants.
        size: bytes of a block.

    Raises:
        JournalError: as `read_segments`.
    """
    return read_filtered(directory, segments, BlockFilter(wish), size)


def read_filtered(
    directory: Path, segments: Sequence[Segment], chosen: BlockFilter, size: int = _SEARCHED
) -> Iterator[Wanted]:
    """Read what a filter chooses of segments, a block at a time; `read_wanted` makes the filter of a wish.

    Args:
        directory: of the journal.
        segments: consecutive ones.
        chosen: decides about each block; it learns where a segment begins.
        size: bytes of a block.
    """
    for segment in segments:
        yield Begun(Place(segment.name, 0), segment.number)
        chosen.begin(segment)
        with opened(directory / segment.name) as stream:
            for one in _read_blocks(stream, segment.name, size):
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
        yield Begun(Place(segment.name, 0), segment.number)
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
                begin = max(0, end - _SEARCHED)
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


def _read_blocks(stream: BinaryIO, file: str, size: int) -> Iterator[Lines | Found]:
    place, most = 0, size
    while data := os.pread(stream.fileno(), most, place):
        end = data.rfind(b"\n") + 1
        if end:
            yield Lines(file, data[:end])
            place, most = place + end, size
        elif len(data) > LONGEST_LINE:
            break
        elif len(data) < most:
            yield Torn(Place(file, _lines_before(stream, place) + 1), len(data))
            return
        else:
            most *= 2
    else:
        return
    # Never so in what a writer made: what is left of the file is read line by line.
    number = _lines_before(stream, place)
    stream.seek(place)
    yield from _read_lines(stream, file, number + 1)


def _lines_before(stream: BinaryIO, place: int) -> int:
    """Count lines only where the number is needed: to count takes a tenth of the time of a verification."""
    starts = range(0, place, _SEARCHED)
    return sum(os.pread(stream.fileno(), min(_SEARCHED, place - at), at).count(b"\n") for at in starts)


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


def _read_lines(stream: BinaryIO, file: str, first: int = 1) -> Iterator[Found]:
    for number, (raw, size, head) in enumerate(_raw_lines(stream), start=first):
        place = Place(file, number)
        if raw.endswith(b"\n"):
            yield entry_of(place, raw[:-1])
        elif head:
            yield Damaged(place, Text("the line is longer than {most} bytes", most=LONGEST_LINE), head)
        else:
            yield Torn(place, size)


def _raw_lines(stream: BinaryIO) -> Iterator[tuple[bytes, int, str]]:
    """Cut a file into lines.

    Yields:
        The line with its line break, or the beginning of one that is too long or has none; its size; and the hash of
        one that is too long, else empty text.
    """
    while raw := stream.readline(LONGEST_LINE + 1):
        if raw.endswith(b"\n") or len(raw) <= LONGEST_LINE:
            yield raw, len(raw), ""
        else:
            yield raw, *_pass_over(stream, raw)


def _pass_over(stream: BinaryIO, beginning: bytes) -> tuple[int, str]:
    """Read a line to its end; give size and hash of the whole, the latter empty if it has no line break."""
    digest, size = sha256(beginning), len(beginning)
    while more := stream.readline(LONGEST_LINE):
        digest.update(more.removesuffix(b"\n"))
        size += len(more)
        if more.endswith(b"\n"):
            return size, digest.hexdigest()
    return size, ""
