"""Rule: what a whole journal shows when its chain is followed from end to end.

Owns the verdict: what is there, what is broken, which heads are known. Refuses to claim more than the chain proves;
what that is, is said by `fla-gateway audit verify` and docs/audit.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from typing import Any, Final, NamedTuple

from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.hash_chain import FIRST_SEGMENT, Chain
from fla_gateway.journal.format.line_format import LOST, NO_HASH, REPAIR, RETENTION
from fla_gateway.journal.reader.removed_segments import RemovedSegments
from fla_gateway.journal.reader.segments.line_entries import LONGEST_LINE, entry_of
from fla_gateway.journal.reader.segments.read_results import Damaged, Entry, Found, Lines, Place, SegmentStart, Torn
from fla_gateway.journal.reader.segments.usual_lines import time_of, usual_in
from fla_gateway.lean_dataclass import dataclass

MOST_FINDINGS: Final = 100
"""Findings kept word for word; the others are counted."""


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        place: where it was noticed.
        message: what it is; quotes nothing of the line.
    """

    place: Place
    message: Text


class Anchor(NamedTuple):
    """A record whose hash the operator kept.

    Attributes:
        place: where it is; file "" for a record that retention removed.
        seq: its number.
        time: as it says.
        broken: whether something was wrong before it, so that it does not prove all that precedes it.
    """

    place: Place
    seq: int
    time: str
    broken: bool


class Gap(NamedTuple):
    """Lines that are not there, or cannot be read, and that nothing accounts for.

    Attributes:
        first: number of the first one.
        last: number of the last one.
    """

    first: int
    last: int


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        files: names of first and last segment; empty text without any.
        segments: how many there are.
        records: lines that could be read.
        first_seq: number of the first one.
        first_prev: hash that it says the one before it had; `NO_HASH` where none was.
        times: times of the first and the last.
        seq: number of the last.
        head: hash of the last.
        findings: the first `MOST_FINDINGS`.
        count: of all findings.
        repairs: records of torn lines that were cut off.
        losses: records of times in which nothing could be written.
        torn: the last line of the journal, if it has no line break.
        left: such lines at the end of other segments: the chain shows whether more than they is missing.
        first_segment: number of the first segment.
        accounted: whether nothing is missing before the first record but what retention recorded.
        gaps: the first `MOST_FINDINGS` parts that are missing: what was in doubt there is unknown.
        anchors: the heads that were asked for and found.
    """

    files: tuple[str, str] = ("", "")
    segments: int = 0
    records: int = 0
    first_seq: int = 0
    first_prev: str = NO_HASH
    times: tuple[str, str] = ("", "")
    seq: int = 0
    head: str = NO_HASH
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    repairs: list[Mapping[str, Any]] = field(default_factory=list)
    losses: list[Mapping[str, Any]] = field(default_factory=list)
    torn: Torn | None = None
    left: int = 0
    first_segment: int = 0
    accounted: bool = True
    gaps: list[Gap] = field(default_factory=list)
    anchors: dict[str, Anchor] = field(default_factory=dict)

    @property
    def beginning_removed(self) -> bool:
        """Whether the journal once began earlier than it does now."""
        return self.first_segment > FIRST_SEGMENT


def verify(found: Iterable[Lines | Found], heads: Collection[str] = ()) -> Verdict:
    """Follow the chain.

    Args:
        found: a whole journal, as `segment_reader.read_blocks` gives it; or `read_segments`, which is much slower.
        heads: hashes that were kept elsewhere, 64 lower-case hexadecimal digits each; each that is the hash of no
            record is a finding.
    """
    verification = _Verification(frozenset(heads))
    for one in found:
        verification.take(one)
    return verification.end()


class _Verification:
    """One run of `verify`."""

    def __init__(self, heads: frozenset[str]) -> None:
        self._verdict = Verdict()
        self._chain = Chain()
        self._heads = heads
        self._removed = RemovedSegments()
        self._line = 0

    def take(self, one: Lines | Found) -> None:
        if isinstance(one, Lines):
            self._take_lines(one)
        elif isinstance(one, SegmentStart):
            self._begin(one)
        elif isinstance(one, Torn):
            self._verdict.torn = one
        elif isinstance(one, Damaged):
            self._add(one.place, one.reason)
            self._chain.skip(one.head)
            self._miss(self._chain.seq, self._chain.seq)
        else:
            self._follow(one)

    def _take_lines(self, block: Lines) -> None:
        """Take usual lines by their bytes, and each other one as JSON."""
        lines, is_usual, index = block.raw[:-1].split(b"\n"), usual_in(block.raw), 0
        is_short = max(map(len, lines)) <= LONGEST_LINE
        while index < len(lines):
            begin = index
            if self._verdict.records and is_short:
                index = self._chain.follow_usual(lines, begin, is_usual, self._heads)
            if index > begin:
                self._verdict.records += index - begin
                self._verdict.times = (self._verdict.times[0], time_of(lines[index - 1]))
            if index < len(lines):
                self.take(entry_of(Place(block.file, self._line + index + 1), lines[index]))
                index += 1
        self._line += len(lines)

    def end(self) -> Verdict:
        verdict = self._verdict
        verdict.head, verdict.seq = self._chain.head, self._chain.seq
        if not verdict.records:
            self._add(Place("", 0), Text("there is no record"))
        self._judge_beginning()
        for head in sorted(self._heads - verdict.anchors.keys()):
            message = Text("no record has the hash {hash}: what it vouched for was changed or removed", hash=head)
            self._add(Place("", 0), message)
        return verdict

    def _begin(self, begun: SegmentStart) -> None:
        verdict, name = self._verdict, begun.place.file
        self._line = 0
        if not verdict.segments:
            verdict.first_segment = begun.number
            self._removed.begin(begun.number)
        else:
            self._removed.end(self._chain.number, self._chain.seq, self._chain.head)
        if verdict.torn:
            verdict.torn, verdict.left = None, verdict.left + 1
        verdict.files = (verdict.files[0] or name, name)
        verdict.segments += 1
        wrong = self._chain.begin(begun.number)
        if wrong:
            self._add(begun.place, wrong)

    def _follow(self, entry: Entry) -> None:
        verdict, line = self._verdict, entry.line
        if not verdict.records:
            self._take_first(line.members)
        elif line.members["seq"] > self._chain.seq + 1:
            self._miss(self._chain.seq + 1, line.members["seq"] - 1)
        verdict.records += 1
        for message in self._chain.follow(line):
            self._add(entry.place, message)
        verdict.times = (verdict.times[0] or line.members["time"], line.members["time"])
        if self._chain.head in self._heads:
            anchor = Anchor(entry.place, self._chain.seq, line.members["time"], broken=verdict.count > 0)
            verdict.anchors[self._chain.head] = anchor
        self._note(entry)

    def _take_first(self, members: Mapping[str, Any]) -> None:
        verdict = self._verdict
        verdict.first_seq, verdict.first_prev = members["seq"], members["prev"]
        if verdict.first_prev in self._heads and verdict.first_prev != NO_HASH:
            # The first record that is left holds the hash of the last one that was removed.
            verdict.anchors[verdict.first_prev] = Anchor(Place("", 0), verdict.first_seq - 1, "", broken=False)

    def _note(self, entry: Entry) -> None:
        members = entry.line.members
        kind = members["record"]
        if kind == REPAIR:
            self._verdict.repairs.append(members)
        elif kind == LOST:
            self._verdict.losses.append(members)
        elif kind == RETENTION:
            for message in self._removed.take(members, self._chain.number):
                self._add(entry.place, message)

    def _judge_beginning(self) -> None:
        verdict = self._verdict
        if not verdict.records:
            return
        wrong = self._removed.judge_beginning(verdict.first_seq, verdict.first_prev)
        verdict.accounted = not wrong
        if wrong:
            self._add(Place(verdict.files[0], 0), wrong)
        if verdict.first_seq > 1 and (wrong or not verdict.beginning_removed):
            verdict.gaps.insert(0, Gap(1, verdict.first_seq - 1))

    def _miss(self, first: int, last: int) -> None:
        gaps = self._verdict.gaps
        if gaps and gaps[-1].last + 1 == first:
            gaps[-1] = Gap(gaps[-1].first, last)
        elif len(gaps) < MOST_FINDINGS:
            gaps.append(Gap(first, last))

    def _add(self, place: Place, message: Text) -> None:
        self._verdict.count += 1
        if len(self._verdict.findings) < MOST_FINDINGS:
            self._verdict.findings.append(Finding(place, message))
