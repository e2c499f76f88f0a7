"""The writer of both standard streams, through real pipes, files and sockets."""

from __future__ import annotations

import contextlib
import gc
import os
import pty
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fla_gateway.observe.logs.line_writer import LineWriter
from tests.support.waiting import PATIENCE, eventually

NOTICES = {
    "request_notice": lambda count: b"lost requests %d\n" % count,
    "event_notice": lambda count: b"lost events %d\n" % count,
}


class Reader:
    """Reads everything from a descriptor once it is told to, and closes it at the end."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self.text = b""
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self):
        """Begin to read."""
        self._thread.start()
        return self

    def _read(self):
        try:
            while more := os.read(self._descriptor, 65_536):
                self.text += more
        except OSError:
            return

    def end(self):
        """Wait for the end of the text, and give it."""
        self._thread.join(PATIENCE)
        return self.text


class Files:
    """Pipes and writers. At the end the readers go first, so that no thread is left that writes to a reused number."""

    def __init__(self):
        self._reading, self._writing, self._writers = [], [], []

    def pipe(self):
        """Open a pipe."""
        return self.keep(*os.pipe())

    def keep(self, reading, writing):
        """Close both ends at the end, unless they are closed already."""
        self._reading.append(reading)
        self._writing.append(writing)
        return reading, writing

    def writer(self, requests, events, **options):
        """Make a writer."""
        self._writers.append(LineWriter(requests, events, **options))
        return self._writers[-1]

    def end(self):
        """Close everything."""
        _close(self._reading)
        for writer in self._writers:
            writer.close(PATIENCE)
        _close(self._writing)


def _close(descriptors):
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


@pytest.fixture
def files():
    """Give pipes and writers."""
    opened = Files()
    yield opened
    opened.end()


def fill(writer):
    """Offer request lines until there is no room; give how many found some."""
    line = b"r" * 1023 + b"\n"
    count = 0
    while writer.offer_requests(line, 1):
        count += 1
    return count


def test_lines_of_both_kinds_keep_their_order_in_one_file(files):
    """Where both streams are one pipe, lines come in the order in which they were offered, and whole."""
    reading, writing = files.pipe()
    writer = files.writer(writing, os.dup(writing), **NOTICES)
    offered = []
    for number in range(400):
        line = b"%d " % number + b"x" * (number * 37 % 900) + b"\n"
        (writer.offer_event if number % 3 else lambda it: writer.offer_requests(it, 1))(line)
        offered.append(line)
    reader = Reader(reading).start()
    writer.start()
    writer.close(PATIENCE)
    os.close(writer._events.descriptor)
    os.close(writing)
    assert reader.end() == b"".join(offered)


def test_nothing_runs_before_the_start(files):
    """Landlock does not confine threads that run already: until `start` lines wait in memory."""
    reading, writing = files.pipe()
    before = threading.active_count()
    writer = files.writer(writing, writing)
    writer.offer_event(b"early\n")
    writer.offer_requests(b"line\n", 1)
    assert threading.active_count() == before
    writer.start()
    writer.close(PATIENCE)
    assert os.read(reading, 100) == b"early\nline\n"


def test_closing_writes_what_waited_for_a_start(files):
    """A process that ends before its output was started says why all the same."""
    reading, writing = files.pipe()
    writer = files.writer(writing, writing)
    writer.offer_event(b"why\n")
    writer.close(PATIENCE)
    assert os.read(reading, 100) == b"why\n"


@pytest.mark.parametrize("stalled", ["requests", "events"])
def test_a_stalled_stream_does_not_hold_up_the_other(files, stalled):
    """Nobody reads the one; the lines of the other come at once."""
    _, deaf = files.pipe()
    reading, heard = files.pipe()
    requests, events = (deaf, heard) if stalled == "requests" else (heard, deaf)
    writer = files.writer(requests, events)
    writer.start()
    long = b"x" * 200_000 + b"\n"
    if stalled == "requests":
        writer.offer_requests(long, 1)
        writer.offer_event(b"heard\n")
    else:
        writer.offer_event(long)
        writer.offer_requests(b"heard\n", 1)
    assert os.read(reading, 100) == b"heard\n"
    assert not writer.flush(0)


def test_events_have_room_when_request_lines_have_none(files):
    """The room of events is theirs alone; beyond it each takes the place of request lines, the oldest first."""
    reading, writing = files.pipe()
    writer = files.writer(writing, writing, most_bytes=100 << 10, event_bytes=10 << 10, **NOTICES)
    lines = fill(writer)
    assert lines == 90
    event = b"e" * 1023 + b"\n"
    assert [writer.offer_event(event) for _ in range(10)] == [True] * 10
    assert writer.dropped_requests == 1
    assert [writer.offer_event(event) for _ in range(90)] == [True] * 90
    assert (writer.dropped_requests, writer.dropped_events) == (91, 0)
    assert not writer.offer_event(event)
    assert not writer.offer_requests(b"r\n", 1)
    assert (writer.dropped_requests, writer.dropped_events) == (92, 1)
    reader = Reader(reading).start()
    writer.start()
    writer.close(PATIENCE)
    os.close(writing)
    text = reader.end().splitlines(keepends=True)
    assert text.count(event) == 100
    assert sorted(line for line in text if line != event) == [b"lost events 1\n", b"lost requests 92\n"]


def test_a_loss_is_said_without_a_further_line(files):
    """When the reader goes on, it is said how many are missing; no other line has to come."""
    reading, writing = files.pipe()
    writer = files.writer(writing, writing, most_bytes=300 << 10, event_bytes=0, **NOTICES)
    writer.start()
    fill(writer)
    while writer.dropped_requests < 3:
        fill(writer)
    lost = writer.dropped_requests
    reader = Reader(reading).start()
    assert writer.flush(PATIENCE)
    writer.close(PATIENCE)
    os.close(writing)
    said = [int(line.split()[-1]) for line in reader.end().splitlines() if line.startswith(b"lost requests")]
    assert sum(said) == lost


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_counted_and_reported_once(files):
    """Every line is lost and counted; why is reported at the first failure, for request lines alone."""
    full = os.open("/dev/full", os.O_WRONLY)
    failures: list[OSError] = []
    writer = files.writer(full, full, on_failure=failures.append, **NOTICES)
    writer.start()
    for _ in range(5):
        writer.offer_requests(b"one\ntwo\n", 2)
        writer.offer_event(b"event\n  at a\n  at b\n")
    assert writer.flush(PATIENCE)
    writer.close(PATIENCE)
    os.close(full)
    assert (writer.dropped_requests, writer.dropped_events) == (10, 5)
    assert [type(error) for error in failures] == [OSError]


def test_a_disk_with_room_again_goes_on_with_whole_lines(tmp_path, files):
    """A line that was torn by a full disk is ended before the next, and the loss is said."""
    code = (
        "import os, resource, signal, sys; from fla_gateway.observe.logs.line_writer import LineWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (25, resource.RLIM_INFINITY))\n"
        "file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
        "writer = LineWriter(file, file, event_notice=lambda count: b'lost %d\\n' % count); writer.start()\n"
        "writer.offer_event(b'0123456789\\n'); writer.offer_event(b'a' * 20 + b'\\n'); writer.flush(30)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "writer.offer_event(b'again\\n'); writer.close(30)\n"
    )
    path = tmp_path / "log"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=PATIENCE)
    assert path.read_bytes() == b"0123456789\n" + b"a" * 14 + b"\nagain\nlost 1\n"


@pytest.mark.parametrize("kind", ["closed", "read-only pipe", "read-only file", "reader gone"])
def test_a_descriptor_that_takes_nothing_costs_nothing_but_lines(files, kind):
    """They are lost and counted; neither the thread nor who offers them minds."""
    reading, writing = files.pipe()
    if kind == "closed":
        target = os.dup2(writing, 900)
        os.close(target)
    elif kind == "reader gone":
        os.close(reading)
        target = writing
    else:
        target = reading if kind == "read-only pipe" else os.open(os.devnull, os.O_RDONLY)
    other, heard = files.pipe()
    writer = files.writer(target, heard)
    writer.start()
    for _ in range(3):
        writer.offer_requests(b"lost\n", 1)
    writer.offer_event(b"heard\n")
    assert os.read(other, 100) == b"heard\n"
    assert writer.flush(PATIENCE)
    assert writer.dropped_requests == 3
    writer.close(PATIENCE)


def test_a_terminal_that_is_stopped_holds_up_nothing(files):
    """Ctrl-S, or a terminal window that hangs."""
    _, slave = files.keep(*pty.openpty())
    reading, heard = files.pipe()
    writer = files.writer(slave, heard)
    writer.start()
    writer.offer_requests(b"x" * 79 + b"\n" + (b"y" * 79 + b"\n") * 20_000, 20_001)
    writer.offer_event(b"heard\n")
    assert os.read(reading, 100) == b"heard\n"


def test_a_socket_takes_lines_as_the_journal_of_systemd_reads_them(files):
    """A stream socket that is read gets everything; one that is not holds up nothing."""
    ours, theirs = socket.socketpair()
    deaf, nobody = socket.socketpair()
    with ours, theirs, deaf, nobody:
        writer = files.writer(deaf.fileno(), ours.fileno())
        writer.start()
        writer.offer_requests(b"z" * 2_000_000 + b"\n", 1)
        text = b"".join(b"%d\n" % number for number in range(100_000))
        writer.offer_event(text)
        heard = b""
        while len(heard) < len(text):
            heard += theirs.recv(65_536)
        assert heard == text
        nobody.close()
        writer.close(PATIENCE)


async def test_non_blocking_output_is_waited_for(files):
    """A terminal or pipe that another program made non-blocking loses nothing."""
    reading, writing = files.pipe()
    os.set_blocking(writing, False)
    writer = files.writer(writing, writing)
    writer.start()
    text = b"".join(b"%d\n" % number for number in range(50_000))
    writer.offer_requests(text, 50_000)
    reader = Reader(reading).start()
    await eventually(lambda: len(reader.text) == len(text))
    writer.close(PATIENCE)
    assert (reader.text, writer.dropped_requests) == (text, 0)


def test_a_finalizer_that_logs_does_not_hang(files):
    """Garbage may be collected, and its finalizer may log, while a line is being handed over."""
    reading, writing = files.pipe()
    writer = files.writer(writing, writing)

    class Talkative:
        def __init__(self):
            self.circle = self

        def __del__(self):
            writer.offer_event(b"bye\n")

    with writer._changed:
        for _ in range(100):
            Talkative()
        gc.collect()
    writer.close(PATIENCE)
    assert os.read(reading, 4096) == b"bye\n" * 100


def test_closing_gives_up_on_a_reader_that_does_not_read(files):
    """A program that ends does not wait for ever; its thread is no reason to stay."""
    _, writing = files.pipe()
    writer = files.writer(writing, writing)
    writer.start()
    writer.offer_event(b"x" * 1_000_000 + b"\n")
    writer.close(0.05)
    assert not writer.flush(0)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "output"] == [True]
