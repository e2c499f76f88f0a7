"""Adapter: lines for standard output and standard error, written by one thread.

Owns the one bounded queue for request lines and events, the thread that empties it, and the counts of what was dropped.
Refuses to know what the lines say. The event loop never waits for a reader that has stopped reading, a full disk or a
closed pipe.

It writes to the descriptors themselves, not through `sys.stdout`: a thread that hangs inside a buffered stream holds
the stream's lock, and the interpreter aborts when it wants to flush it at the end. The descriptors are shared with
other programs, so they are not made non-blocking; poll(2) says when a piece of a bounded size can be written.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final

from fla_gateway.observe.logs.line_queue import NOTICE_SECONDS, Lane, Notice
from fla_gateway.system.needed_thread import start

MOST_BYTES: Final = 8 << 20
"""Bytes of lines that may wait in all; some 20,000 request lines."""
EVENT_BYTES: Final = 1 << 20
"""Of these, what only events can take."""

_STALL_SECONDS: Final = 0.1
"""While a stream takes nothing: how soon a line for the other stream is noticed."""
_PAUSE_SECONDS: Final = 0.01


class LineWriter:
    """Writes request lines and events in the background, in order, and drops what would pile up.

    Events have room of their own. Beyond it they take the place of request lines, the oldest first, so that no event is
    dropped while a request line waits. A stream that takes nothing does not hold up the other one. Nothing is written
    before `start`.

    Args:
        requests: descriptor for request lines; never closed here.
        events: descriptor for events; never closed here, may be the same.
        request_notice: see `Notice`; without it a loss is only counted.
        event_notice: the same for events.
        on_failure: called by the thread when request lines begin to fail, with the reason.
        most_bytes: see `MOST_BYTES`.
        event_bytes: see `EVENT_BYTES`.
    """

    def __init__(
        self,
        requests: int,
        events: int,
        *,
        request_notice: Notice | None = None,
        event_notice: Notice | None = None,
        on_failure: Callable[[OSError], None] | None = None,
        most_bytes: int = MOST_BYTES,
        event_bytes: int = EVENT_BYTES,
    ) -> None:
        self._requests = Lane(requests, request_notice)
        self._events = Lane(events, event_notice)
        self._lanes = (self._events, self._requests)
        self._one_file = _same_file(requests, events)
        self._on_failure = on_failure
        self._most_bytes = most_bytes
        self._event_bytes = event_bytes
        # Reentrant: a finalizer that logs may run while this very thread holds it.
        self._changed = threading.Condition(threading.RLock())
        self._number = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def dropped_requests(self) -> int:
        """Request lines lost since the start: no room, or the descriptor refused them."""
        return self._requests.dropped

    @property
    def dropped_events(self) -> int:
        """Events lost since the start."""
        return self._events.dropped

    def follow(self, request_notice: Notice, event_notice: Notice) -> None:
        """Report losses by other lines from now on."""
        with self._changed:
            self._requests.notice, self._events.notice = request_notice, event_notice

    def start(self) -> None:
        """Start the thread; until then lines wait in memory. Raises NoThreadError."""
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="output", daemon=True)
            start(thread)
            self._thread = thread

    def offer_requests(self, block: bytes, lines: int) -> bool:
        """Hand over whole request lines; never blocks.

        Returns:
            False if there was no room and they are lost.
        """
        with self._changed:
            beyond = max(0, self._events.size - self._event_bytes)
            if self._requests.size + beyond + len(block) > self._most_bytes - self._event_bytes:
                self._requests.dropped += lines
                return False
            self._put(self._requests, block, lines)
        return True

    def offer_event(self, line: bytes) -> bool:
        """Hand over the line or lines of one event; never blocks. Any thread may call it.

        Returns:
            False if there was no room, not even in the place of request lines, and it is lost.
        """
        with self._changed:
            while self._requests.waiting and self._size() + len(line) > self._most_bytes:
                self._requests.evict()
            if self._size() + len(line) > self._most_bytes:
                self._events.dropped += 1
                return False
            self._put(self._events, line, 1)
        return True

    def flush(self, limit: float) -> bool:
        """Wait until everything is written, for at most `limit` seconds.

        Returns:
            Whether it is.
        """
        self.start()
        with self._changed:
            return self._changed.wait_for(self._is_empty, limit)

    def close(self, limit: float) -> None:
        """Write what waits and end the thread; gives up after `limit` seconds. Offer nothing afterwards."""
        if self._thread is None and self._is_empty():
            return
        self.start()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(limit)

    def _size(self) -> int:
        return self._requests.size + self._events.size

    def _is_empty(self) -> bool:
        return self._size() == 0

    def _put(self, lane: Lane, block: bytes, lines: int) -> None:
        self._number += 1
        lane.put(self._number, block, lines)
        self._changed.notify_all()

    def _work(self) -> None:
        while lanes := self._wait_for_lines():
            for lane in _writable(lanes):
                failure = self._write_piece(lane)
                if failure is not None and lane is self._requests and self._on_failure is not None:
                    self._on_failure(failure)

    def _wait_for_lines(self) -> list[Lane]:
        with self._changed:
            while True:
                lanes = self._begin_blocks(float("inf") if self._closing else time.monotonic())
                if lanes or self._closing:
                    return lanes
                owing = any(lane.owing for lane in self._lanes)
                self._changed.wait(NOTICE_SECONDS if owing else None)

    def _begin_blocks(self, now: float) -> list[Lane]:
        """Take the next block of every lane that has none under way; return the lanes that have one then.

        Where both are one file, a block is written to its end before the next, and in the order of their arrival.
        """
        begun = [lane for lane in self._lanes if lane.block]
        if self._one_file:
            if not begun:
                waiting = [lane for lane in self._lanes if lane.has_next(now)]
                begun = sorted(waiting, key=Lane.first_number)[:1]
                for lane in begun:
                    lane.begin(now)
            return begun
        for lane in self._lanes:
            if not lane.block and lane.has_next(now):
                lane.begin(now)
        return [lane for lane in self._lanes if lane.block]

    def _write_piece(self, lane: Lane) -> OSError | None:
        """Write a piece of the block under way; return why not, if it is the first failure after a success."""
        try:
            written = os.write(lane.descriptor, lane.piece())
        except BlockingIOError:
            # Made non-blocking by another program, and without room for a whole piece although poll found some.
            time.sleep(_PAUSE_SECONDS)
            return None
        except OSError as error:
            with self._changed:
                first = not lane.broken
                lane.fail()
                self._changed.notify_all()
            return error if first else None
        with self._changed:
            if lane.advance(written):
                self._changed.notify_all()
        return None


def _writable(lanes: list[Lane]) -> list[Lane]:
    """Wait a moment for descriptors that take a piece, or fail."""
    if not hasattr(select, "poll"):
        return lanes
    if any(lane.read_only for lane in lanes):
        return [lane for lane in lanes if lane.read_only]
    poll = select.poll()
    for lane in lanes:
        poll.register(lane.descriptor, select.POLLOUT)
    ready = {descriptor for descriptor, _ in poll.poll(_STALL_SECONDS * 1000)}
    return [lane for lane in lanes if lane.descriptor in ready]


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return one == other
