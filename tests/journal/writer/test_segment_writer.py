"""The chain holds over every sequence of writing, rotation, crash, repair and reopening."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.journal.format.line_format import REPAIR
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.segment_writer import SegmentWriter
from tests.support.journal_writer import DAY, NOON, an_intent, chained_lines, files
from tests.support.properties import examples

STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 6)),
    st.tuples(st.just("wait"), st.sampled_from([1, DAY // 2, DAY, 3 * DAY])),
    st.tuples(st.just("renew"), st.just(0)),
    st.tuples(st.just("reopen"), st.just(0)),
    st.tuples(st.just("tear"), st.integers(1, 400)),
    st.tuples(st.just("rubbish"), st.integers(1, 400)),
)


class Life:
    """A journal of small segments, and what was written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOON
        self.written = 0
        self.entries = EntryEncoder(b"k" * 32, dict)
        self._open()

    def _open(self) -> None:
        self.directory = Directory(self.path)
        self.segment_writer = SegmentWriter(self.directory, self.entries, "1", 1_500)
        stamp = self.entries.stamp(self.now)
        repairs = [
            self.entries.other(stamp, REPAIR, {"segment": segment.number, "bytes": tail.torn, "sha256": tail.sha256})
            for segment, tail in self.segment_writer.torn
        ]
        if repairs:
            self.segment_writer.append(repairs, self.now)

    def append(self, number: int) -> None:
        stamp = self.entries.stamp(self.now)
        intents = [an_intent(self.written + it) for it in range(number)]
        self.segment_writer.append(self.entries.intents(stamp, intents, [""] * number), self.now)
        self.written += number

    def wait(self, seconds: int) -> None:
        self.now += seconds

    def renew(self, _: int) -> None:
        self.segment_writer.renew()

    def reopen(self, _: int) -> None:
        self.segment_writer.close()
        self.directory.close()
        self._open()

    def tear(self, size: int) -> None:
        """Lose the end of the last line."""
        if existing := files(self.path):
            content = existing[-1].read_bytes()
            last = content.rindex(b"\n", 0, -1) + 1 if content.count(b"\n") > 1 else 0
            existing[-1].write_bytes(content[: max(last, len(content) - size)])
        self.reopen(0)

    def rubbish(self, size: int) -> None:
        """Find zeros at the end."""
        if existing := files(self.path):
            with existing[-1].open("ab") as stream:
                stream.write(b"\0" * size)
        self.reopen(0)


@examples(50)
@given(steps=st.lists(STEPS, max_size=25))
def test_every_line_names_the_one_before(steps):
    """Whatever happens to a journal, its lines are one chain over all its segments, and `verify` finds nothing."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder) / "journal")
        for name, number in steps:
            getattr(life, name)(number)
        life.append(1)
        life.segment_writer.close()
        life.directory.close()
        lines = chained_lines(life.path)
        assert (lines[0]["prev"], lines[0]["seq"]) == ("0" * 64, 1)
        numbers = [int(line["id"][:8]) for line in lines if line["record"] == "intent"]
        assert numbers == sorted(numbers)
        torn = sum(name == "tear" for name, _ in steps)
        assert len(numbers) >= life.written - torn
        verdict = verify(read_segments(life.path, segments_of(life.path)))
        assert (verdict.count, verdict.findings) == (0, [])
