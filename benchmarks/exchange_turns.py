"""Value: the exchanges of a measurement, in turns between transports without sockets.

Owns the messages, the transports, the clock and the turns, which are the same for every commit that is measured.
Refuses to know how a gateway is built: it is given a pool and a factory of connections.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.work import CALLER_KEY, DECLARATIONS, ITEMS, POST_BYTES, Work, answer

KINDS: Final = {"gateway": "gateway.toml", "guarded": "guarded.toml"}
"""The configurations, by their templates: with defaults only, and with callers, limits and journal."""
WORKS: Final = ("GET", "POST")
AT_A_TIME: Final = 8
WARM_UP: Final = 400
"""Exchanges before the count begins: connections are open, heads remembered, caches filled."""
_MOST_TURNS: Final = 1000
PROFILE: Final = "bench"
NEVER: Final = 86_400.0
_HOST: Final = b"Host: 127.0.0.1\r\n"
_AUTHORIZATION: Final = b"Authorization: Bearer " + CALLER_KEY.encode() + b"\r\n"
_OK: Final = b"HTTP/1.1 200 OK\r\n"

_REQUESTS: Final = {
    "GET": (
        b"GET /bench" + ITEMS.encode() + b" HTTP/1.1\r\n" + _HOST + b"Accept: application/json\r\n"
        b"Accept-Encoding: gzip, deflate\r\nUser-Agent: benchmark/1\r\nX-Request-ID: 0123456789abcdef\r\n"
        + _AUTHORIZATION + b"\r\n"
    ),
    "POST": (
        b"POST /bench" + DECLARATIONS.encode() + b" HTTP/1.1\r\n" + _HOST + b"Accept: application/json\r\n"
        b"Content-Type: application/json\r\nUser-Agent: benchmark/1\r\n" + _AUTHORIZATION
        + b"Content-Length: %d\r\n\r\n" % POST_BYTES + b"x" * POST_BYTES
    ),
}  # fmt: skip
_WITH_BODY: Final = frozenset({"POST"})
_NUMBER: Final = 16
"""Bytes at the end of a body by which it differs from all others."""
_FIELDS: Final = (
    _OK + b"Server: nginx/1.22.1\r\nDate: Sun, 29 Nov 2026 18:36:31 GMT\r\nContent-Type: application/json\r\n"
    b"Connection: keep-alive\r\n"
)
_ANSWERS: Final = {
    "GET": _FIELDS + b"Content-Length: %d\r\n\r\n" % len(answer()) + answer(),
    "POST": _FIELDS + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(answer()), answer()),
}


class Sink(asyncio.Transport):
    """A transport that takes everything at once and counts messages by the bytes that they begin with."""

    def __init__(self, beginning: bytes) -> None:
        """Take what a message begins with."""
        super().__init__()
        self.messages = 0
        self._beginning = beginning

    def write(self, data: Any) -> None:
        """Count a message."""
        if data.startswith(self._beginning):
            self.messages += 1

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - asyncio's signature
        """Know nothing of a peer."""
        return default

    def get_write_buffer_size(self) -> int:
        """Have nothing left to send."""
        return 0

    def can_write_eof(self) -> bool:
        """Be as TCP is."""
        return True

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def close(self) -> None:
        """Stay open; the protocol has nothing more to say by then."""

    def abort(self) -> None:
        """See `close`."""

    def pause_reading(self) -> None:
        """Do nothing: what is read is given by hand."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class SteppingClock:
    """A clock that goes on by a microsecond with each reading, so that every run meets the same times."""

    def __init__(self) -> None:
        """Start both clocks at a fixed time."""
        self._wall = itertools.count(1_795_000_000_000_000)
        self._monotonic = itertools.count(1_000_000_000)

    def wall(self) -> float:
        """See `Clock.wall`."""
        return next(self._wall) / 1_000_000

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return next(self._monotonic) / 1_000_000


class Stand:
    """A gateway, and the two sides of it that are played here."""

    def __init__(self, pool: Any, protocols: Callable[[], Any], work: str) -> None:
        """Open callers' connections; those to the API come with the first exchanges.

        Args:
            pool: of the connections to the API, whose opener is replaced by one without sockets.
            protocols: makes a caller's connection, as a listener does for each that it accepts.
            work: GET or POST.
        """
        self._method = work
        self._requests = _requests(work)
        self._prepared: list[bytes] = []
        self._answer = _ANSWERS[work]
        self._apis: list[tuple[Any, Sink]] = []
        pool._open = self._open  # noqa: SLF001 - connects without a socket
        self._callers = [(protocols(), Sink(_OK)) for _ in range(AT_A_TIME)]
        for connection, transport in self._callers:
            connection.connection_made(transport)

    async def _open(self, make: Callable[[], Any]) -> Any:
        connection, transport = make(), Sink(self._method.encode())
        connection.connection_made(transport)
        self._apis.append((connection, transport))
        return connection

    async def warm_up(self) -> None:
        """Exchange until everything is as it stays: the first requests wait for a token and for connections."""
        for done in range(WARM_UP // AT_A_TIME):
            for connection, _ in self._callers:
                connection.data_received(next(self._requests))
            await self._until(self._apis, done)
            for api, _ in self._apis:
                api.data_received(self._answer)
            await self._until(self._callers, done)

    async def _until(self, side: list[tuple[Any, Sink]], done: int) -> None:
        for _ in range(_MOST_TURNS):
            await asyncio.sleep(0)
            if sum(sink.messages for _, sink in side) == (done + 1) * AT_A_TIME:
                return
        raise RuntimeError("the exchanges of the warm-up came to no end")

    def prepare(self, count: int) -> None:
        """Write the requests of `exchange`, so that this is no part of what is counted."""
        self._prepared = [next(self._requests) for _ in range(count)]

    async def exchange(self, count: int) -> None:
        """Do some exchanges that were prepared, `AT_A_TIME` of them in a turn of the loop, as under load.

        Raises:
            RuntimeError: not every request was sent on, or not every answer came.
        """
        before = self._messages()
        requests = [connection.data_received for connection, _ in self._callers]
        answers = [connection.data_received for connection, _ in self._apis]
        request, answer_ = iter(self._prepared).__next__, self._answer
        for _ in itertools.repeat(None, count // AT_A_TIME):
            for received in requests:
                received(request())
            await asyncio.sleep(0)
            for received in answers:
                received(answer_)
            await asyncio.sleep(0)
        due = count // AT_A_TIME * AT_A_TIME
        if self._messages() != (before[0] + due, before[1] + due):
            raise RuntimeError(f"{due} exchanges were due; messages before {before}, after {self._messages()}")

    def _messages(self) -> tuple[int, int]:
        return sum(sink.messages for _, sink in self._callers), sum(sink.messages for _, sink in self._apis)


def _requests(work: str) -> Iterator[bytes]:
    """Give one request after the other; no two bodies are equal, as no two declarations are."""
    request = _REQUESTS[work]
    if work not in _WITH_BODY:
        return itertools.repeat(request)
    start = request[:-_NUMBER]
    return (b"%b%0*d" % (start, _NUMBER, number) for number in itertools.count())


async def timed(stand: Stand, count: int) -> float:
    """Do some exchanges and return the microseconds of CPU of one, all threads of the process included."""
    await stand.warm_up()
    stand.prepare(count)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the process sets it
    begin = time.process_time()
    os.getloadavg()  # a mark for `instructions`, as is the second; nothing else of the program calls it
    await stand.exchange(count)
    os.getloadavg()
    return (time.process_time() - begin) * 1e6 / count


def run(measure: Callable[[Path, str, int], Awaitable[float]]) -> None:
    """Measure what the arguments say; request lines go nowhere, the result to standard output.

    Args:
        measure: is given the configuration, GET or POST and the number of exchanges, and returns microseconds.
    """
    parser = argparse.ArgumentParser(description="CPU time of an exchange, in microseconds.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exchanges-") as folder, os.fdopen(os.dup(1), "w") as result:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        configuration = Work(Path(folder), "", 2, 3, {}).render(KINDS[arguments.kind], port=0)
        with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
            microseconds = runner.run(_awaited(measure(configuration, arguments.work, arguments.count)))
        print(f"{microseconds:.2f}", file=result)


async def _awaited(measurement: Awaitable[float]) -> float:
    return await measurement
