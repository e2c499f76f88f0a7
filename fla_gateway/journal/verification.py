"""Rule: what a whole journal shows when its chain is followed from end to end.

Owns the verdict: what is there, what is broken, which heads are known. Refuses to claim more than the chain proves;
what that is, is said by `fla-gateway audit verify` and docs/audit.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from fla_gateway.journal.chain import FIRST_SEGMENT, Chain
from fla_gateway.journal.found import Begun, Damaged, Entry, Found, Place, Torn
from fla_gateway.journal.lines import LOST, NO_HASH, REPAIR, RETENTION, Line

MOST_FINDINGS: Final = 100
"""Findings kept word for word; the others are counted."""


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        place: where it was noticed.
        message: what it is; quotes nothing of the line.
    """

    place: Place
    message: str


class Anchor(NamedTuple):
    """A record whose hash somebody kept.

    Attributes:
        place: where it stands; file "" for a record that retention removed.
        seq: its number.
        time: as it says.
        broken: whether something was wrong before it, so that it does not vouch for all that stands before.
    """

    place: Place
    seq: int
    time: str
    broken: bool


class Removed(NamedTuple):
    """The newest segment that a record of retention says was removed; its head is empty where it could not be read."""

    segment: int
    last_seq: int
    head: str


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
        removed: what retention removed last, as recorded.
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
    removed: Removed | None = None
    anchors: dict[str, Anchor] = field(default_factory=dict)

    @property
    def beginning_removed(self) -> bool:
        """Whether the journal once began earlier than it does now."""
        return self.first_segment > FIRST_SEGMENT


def verify(found: Iterable[Found], heads: Collection[str] = ()) -> Verdict:
    """Follow the chain.

    Args:
        found: a whole journal, as `reading.read_segments` gives it.
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

    def take(self, one: Found) -> None:
        if isinstance(one, Begun):
            self._begin(one)
        elif isinstance(one, Torn):
            self._verdict.torn = one
        elif isinstance(one, Damaged):
            self._add(one.place, one.reason)
            self._chain.skip(one.head)
        else:
            self._follow(one)

    def end(self) -> Verdict:
        verdict = self._verdict
        verdict.head, verdict.seq = self._chain.head, self._chain.seq
        if not verdict.records:
            self._add(Place("", 0), "there is no record")
        self._judge_beginning()
        for head in sorted(self._heads - verdict.anchors.keys()):
            self._add(Place("", 0), f"no record has the hash {head}: what it vouched for was changed or removed")
        return verdict

    def _begin(self, begun: Begun) -> None:
        verdict, name = self._verdict, begun.place.file
        if not verdict.segments:
            verdict.first_segment = begun.number
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
        verdict.records += 1
        for message in self._chain.follow(line):
            self._add(entry.place, message)
        verdict.times = (verdict.times[0] or line.members["time"], line.members["time"])
        if self._chain.head in self._heads:
            anchor = Anchor(entry.place, self._chain.seq, line.members["time"], broken=verdict.count > 0)
            verdict.anchors[self._chain.head] = anchor
        self._note(line)

    def _take_first(self, members: Mapping[str, Any]) -> None:
        verdict = self._verdict
        verdict.first_seq, verdict.first_prev = members["seq"], members["prev"]
        if verdict.first_prev in self._heads and verdict.first_prev != NO_HASH:
            # The hash of the last record that was removed stands in the first that is left.
            verdict.anchors[verdict.first_prev] = Anchor(Place("", 0), verdict.first_seq - 1, "", broken=False)

    def _note(self, line: Line) -> None:
        kind = line.members["record"]
        if kind == REPAIR:
            self._verdict.repairs.append(line.members)
        elif kind == LOST:
            self._verdict.losses.append(line.members)
        elif kind == RETENTION:
            listed = [removed for removed in map(_removed, _listed(line.members)) if removed]
            newest = max((*listed, *([self._verdict.removed] if self._verdict.removed else [])), default=None)
            self._verdict.removed = newest

    def _judge_beginning(self) -> None:
        """Compare where the journal begins with what retention says it removed.

        Less may be missing than the record says: it is written before the files are removed. Without a record, the
        removal itself is older than what is left.
        """
        verdict, removed = self._verdict, self._verdict.removed
        if removed is None or not verdict.records or verdict.first_segment <= removed.segment:
            return
        place = Place(verdict.files[0], 0)
        if verdict.first_segment > removed.segment + 1:
            self._add(place, f"segments are missing before it: retention removed them up to {removed.segment} only")
        elif removed.head and (verdict.first_seq, verdict.first_prev) != (removed.last_seq + 1, removed.head):
            self._add(place, f"it does not follow segment {removed.segment} as retention recorded its end")

    def _add(self, place: Place, message: str) -> None:
        self._verdict.count += 1
        if len(self._verdict.findings) < MOST_FINDINGS:
            self._verdict.findings.append(Finding(place, message))


def _listed(members: Mapping[str, Any]) -> list[Any]:
    listed = members.get("segments")
    return listed if isinstance(listed, list) else []


def _removed(listed: object) -> Removed | None:
    if not isinstance(listed, dict):
        return None
    segment, last_seq, head = (listed.get(name) for name in ("segment", "last_seq", "head"))
    if isinstance(segment, int) and isinstance(last_seq, int) and isinstance(head, str):
        return Removed(segment, last_seq, head)
    return None
