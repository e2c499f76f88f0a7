"""Adapter: an open segment becomes lines and blocks, within bounds.

Owns where a line ends, a last one that is torn and one that is too long among them. Refuses to know which segment it
is, and which lines are wanted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO, Final

from fla_gateway.i18n.message import Text
from fla_gateway.journal.reader.segments.line_entries import LONGEST_LINE, entry_of
from fla_gateway.journal.reader.segments.read_results import Damaged, Found, Lines, Place, Torn

SEARCHED: Final = 262_144
"""Bytes that are searched at once: more would not stay in the processor's cache."""


def blocks_of(stream: BinaryIO, file: str, size: int = SEARCHED) -> Iterator[Lines | Found]:
    """Read a segment a block at a time; what is left behind a line that is too long, line by line.

    Args:
        stream: the file, at its beginning.
        file: its name.
        size: bytes of a block.
    """
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
    starts = range(0, place, SEARCHED)
    return sum(os.pread(stream.fileno(), min(SEARCHED, place - at), at).count(b"\n") for at in starts)


def lines_with(stream: BinaryIO, needle: bytes) -> Iterator[bytes]:
    """Read the lines that have some bytes, without their line breaks; as `whole_lines` otherwise."""
    for whole in whole_lines(stream):
        at = whole.find(needle)
        while at >= 0:
            line = line_at(whole, at)
            yield line
            at = whole.find(needle, whole.rfind(b"\n", 0, at) + 1 + len(line))


def whole_lines(stream: BinaryIO, size: int = SEARCHED) -> Iterator[bytes]:
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


def line_at(lines: bytes, place: int) -> bytes:
    """Return the line around a place, without its line break."""
    end = lines.find(b"\n", place)
    return lines[lines.rfind(b"\n", 0, place) + 1 : end if end >= 0 else len(lines)]


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
