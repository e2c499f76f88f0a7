"""Root: exchanges through the gateway's own objects, between transports without sockets.

``python -m benchmarks.exchanges gateway GET 2000`` does the given number of exchanges, in turns of eight at a time, and
prints the CPU time of one. Everything between the two connections is what `fla-gateway run` has; sockets, TLS, key and
token server are left out. Owns the construction and the turns. Refuses to count instructions; `instructions` does.

The gateway is imported here and in no other part of the benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, Final

import uvloop

from benchmarks.work import BEARER_LENGTH, CALLER_KEY, DECLARATIONS, ITEMS, POST_BYTES, Work, answer
from fla_gateway.clock import Clock
from fla_gateway.network.dialer import Dialer
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.observe.logs.output import open_output
from fla_gateway.proxy.upstream.connection import ApiConnection
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import CurrentConfiguration, read
from fla_gateway.runtime.data_path import DataPath, open_data_path
from fla_gateway.runtime.monitoring.telemetry import observe
from fla_gateway.secret import Secret

KINDS: Final = {"gateway": "gateway.toml", "guarded": "guarded.toml"}
"""The configurations, by their templates: with defaults only, and with callers, limits and journal."""
WORKS: Final = ("GET", "POST")
AT_A_TIME: Final = 8
WARM_UP: Final = 400
"""Exchanges before the count begins: connections are open, heads remembered, caches filled."""
_MOST_TURNS: Final = 1000
_PROFILE: Final = "bench"
_NEVER: Final = 86_400.0
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


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token source without network (`oauth.model.TokenSource`)."""

    clock: Clock
    token: Secret

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:  # noqa: ARG002 - the port's
        """Give the one token; it outlives the run."""
        return AccessToken(self.token, _NEVER, self.clock.monotonic())


class Stand:
    """A gateway, and the two sides of it that are played here."""

    def __init__(self, gateway: DataPath, work: str) -> None:
        """Open callers' connections; those to the API come with the first exchanges."""
        self._method = work
        self._requests = _requests(work)
        self._prepared: list[bytes] = []
        self._answer = _ANSWERS[work]
        self._apis: list[tuple[ApiConnection, Sink]] = []
        _pool(gateway)._open = self._open  # noqa: SLF001 - connects without a socket
        self._callers = [(_protocols(gateway)(), Sink(_OK)) for _ in range(AT_A_TIME)]
        for connection, transport in self._callers:
            connection.connection_made(transport)

    async def _open(self, make: Callable[[], ApiConnection]) -> ApiConnection:
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


def _pool(gateway: DataPath) -> Any:
    """Give the pool, whose opener is to be replaced."""
    return gateway.current.generation.profiles[_PROFILE].pool


def _protocols(gateway: DataPath) -> Callable[[], Any]:
    """Give the factory of the first listener's connections, which a listener calls for each that it accepts."""
    return gateway.server.protocol(gateway.listener_set.listeners[0].served)


async def measure(configuration: Path, work: str, count: int) -> float:
    """Build a gateway, do the exchanges, and give the microseconds of CPU of one."""
    clock = SteppingClock()
    configured = read(configuration)
    current = CurrentConfiguration(configured)
    output = open_output(configured.settings.configuration.log, clock)
    output.start()
    observation = observe(current, clock, output)
    source = FixedToken(clock, Secret(secrets.token_urlsafe(BEARER_LENGTH * 3 // 4)))
    surroundings = ProcessContext(
        source, lambda _: SSLContext(PROTOCOL_TLS_CLIENT), clock, Dialer(clock.monotonic),
        observation.observer, observation.key, journal=observation.journal,
    )  # fmt: skip
    gateway = open_data_path(current, {}, surroundings)
    gateway.server.start(1000, sweep_seconds=_NEVER)  # a sweep within the count would be one of chance
    try:
        stand = Stand(gateway, work)
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
    finally:
        gateway.listeners.close()
        await gateway.server.close()
        await gateway.tokens.close()
        observation.close()
        output.close(1)


def main() -> None:
    """Measure what the arguments say; request lines go nowhere, the result to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exchanges", description="CPU time of an exchange.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exchanges-") as run, os.fdopen(os.dup(1), "w") as result:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        place = Work(Path(run), "", 2, 3, {})
        configuration = place.render(KINDS[arguments.kind], port=0)
        with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
            microseconds = runner.run(measure(configuration, arguments.work, arguments.count))
        print(f"{microseconds:.2f}", file=result)


if __name__ == "__main__":
    main()
