"""Rule: does a line of the journal follow the one before?

Owns what the chain demands of one line, and the memory of the line before. Refuses to know files and what the
findings mean together (`reader.verification`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.journal.format.line_format import NO_HASH, SEGMENT, Line, head_of

FIRST_SEGMENT: Final = 1


class Chain:
    """The chain up to a line.

    After a finding it goes on with the line as it is, so that one change is one finding.

    Attributes:
        head: hash of the last line; `NO_HASH` before the first.
        seq: number of the last line; 0 before the first.
        number: number of the segment that it is in; 0 before the first.
    """

    def __init__(self) -> None:
        self.head = NO_HASH
        self.seq = 0
        self.number = 0
        self._lines = 0
        self._started = False

    def begin(self, number: int) -> Text:
        """Go on to the next segment.

        Args:
            number: from the name of its file.

        Returns:
            What is wrong, or empty text. A journal may begin with any segment: retention removes the oldest.
        """
        before, self.number = self.number, number
        empty, self._lines = before and not self._lines, 0
        if before and number == before:
            return Text("there are two segments with the number {number}", number=number)
        if before and number != before + 1:
            return Text("segments {first} to {last} are missing", first=before + 1, last=number - 1)
        return Text("segment {number} is empty, and yet another one follows", number=before) if empty else NOTHING

    def follow(self, line: Line) -> Iterator[Text]:
        """Judge a line, and go on from it; yields what is wrong."""
        self._lines += 1
        yield from self._kind_findings(line)
        seq = line.members["seq"]
        if self._started or self.number == FIRST_SEGMENT:
            if line.members["prev"] != self.head:
                yield Text("prev is not the hash of the line before: one was changed, or lines were removed or put in")
            if seq != self.seq + 1:
                yield Text("seq is {seq} where {due} is due", seq=seq, due=self.seq + 1)
        self._started = True
        self.head, self.seq = head_of(line.raw), seq

    def follow_usual(
        self, lines: Sequence[bytes], index: int, is_usual: Callable[[bytes, int], object], noted: Collection[str]
    ) -> int:
        """Go on from intents and outcomes as a writer makes them, as long as nothing is wrong with them.

        Args:
            lines: without their line breaks.
            index: of the one to begin with.
            is_usual: whether one is beyond doubt but for `prev` and `seq`, behind which it is judged.
            noted: hashes; a line that has one of them is left to `follow`.

        Returns:
            Index of the first line that is left to `follow`.
        """
        if not (self._started and self._lines):
            return index
        head, seq, count = self.head, self.seq, 0
        for line in islice(lines, index, None):
            due = b'{"prev":"%b","seq":%d,' % (head.encode(), seq + 1)
            if not (line.startswith(due) and is_usual(line, len(due))):
                break
            new = sha256(line).hexdigest()
            if new in noted:
                break
            head, seq, count = new, seq + 1, count + 1
        self._lines += count
        self.head, self.seq = head, seq
        return index + count

    def skip(self, head: str) -> None:
        """Go on from a line that could not be read.

        Args:
            head: its hash.
        """
        self._lines += 1
        self._started = True
        self.head, self.seq = head, self.seq + 1

    def _kind_findings(self, line: Line) -> Iterator[Text]:
        is_segment = line.members["record"] == SEGMENT
        if self._lines == 1 and not is_segment:
            yield Text("the first line of a segment is not its own record")
        elif self._lines > 1 and is_segment:
            yield Text("the record of a segment is within one")
        elif is_segment and line.members.get("segment") != self.number:
            yield Text("the record of the segment has another number than the file's name")
