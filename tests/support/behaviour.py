"""A gateway between a scripted API and raw callers, on the loop of the test.

The gateway is what `run` builds; the fakes stand at its ports: a source of tokens without network, a list of records,
a clock that can be moved forward. API and callers are real sockets, and the API speaks real TLS.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fla_gateway.clock import SystemClock
from fla_gateway.egress import Egress
from fla_gateway.errors import ProblemError
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.proxy.record import ExchangeRecord, Journal, PoolSnapshot
from fla_gateway.runtime.build import Gateway, Surroundings, Tls, build
from fla_gateway.runtime.configured import read
from fla_gateway.secret import Secret

PATIENCE = 8.0
"""Seconds after which a wait of a test has failed; no test that succeeds comes near."""
SWEEP_SECONDS = 0.02
HASH_KEY = bytes(32)
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that turns a close into a reset."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED_TOKEN = (
    b"HTTP/1.1 401 Unauthorized\r\n"
    b'WWW-Authenticate: Bearer realm="REST", error="invalid_token", error_description="expired"\r\n'
    b"Content-Length: 7\r\n\r\nexpired"
)

CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"{unix}]
{gateway}
[environments.stand-in]
api_base = "https://{name}:{port}"
token_url = "https://{name}:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stand-in"
client_id = "client-7"
key = {{ pem = "never-read.pem" }}
{profile}
"""


@dataclass(slots=True)
class Head:
    """The head of a message: first line and fields, in the sender's order and case."""

    line: bytes
    fields: list[tuple[bytes, bytes]]

    def values(self, name: str) -> list[bytes]:
        """Give the values of a field."""
        wanted = name.lower().encode()
        return [value for found, value in self.fields if found.lower() == wanted]

    def value(self, name: str) -> bytes | None:
        """Give the value of a field that stands once, or None."""
        values = self.values(name)
        assert len(values) <= 1, values
        return values[0] if values else None


@dataclass(slots=True)
class Request(Head):
    """A request as it came to the API."""

    body: bytes = b""

    @property
    def method(self) -> bytes:
        """Give the method."""
        return self.line.split(b" ")[0]

    @property
    def target(self) -> bytes:
        """Give the target."""
        return self.line.split(b" ")[1]


@dataclass(slots=True)
class Answer(Head):
    """An answer as it came to the caller."""

    body: bytes = b""

    @property
    def status(self) -> int:
        """Give the status code."""
        return int(self.line.split(b" ")[1])

    @property
    def problem(self) -> dict[str, Any]:
        """Give the document of a problem answer."""
        assert self.value("Content-Type") == b"application/problem+json", self
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        """Give the problem code, empty for an answer of the API's."""
        if self.value("Content-Type") != b"application/problem+json":
            return ""
        kind: str = self.problem["type"]
        return kind.removeprefix("urn:problem-type:fla-gateway:")


def _head(raw: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    first, *lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
    pairs = [line.partition(b":") for line in lines]
    return first, [(name, value.strip(b" \t")) for name, _, value in pairs]


class TruncatedError(Exception):
    """The connection ended before the message did."""


class Stream:
    """Bytes that arrive, and messages taken from them."""

    def __init__(self, receive: Callable[[], Any]) -> None:
        self._receive = receive
        self.buffer = b""
        self.ended = False

    async def more(self) -> bytes:
        """Take what comes next; nothing at the end."""
        if not self.ended:
            async with asyncio.timeout(PATIENCE):
                data: bytes = await self._receive()
            self.ended = not data
            self.buffer += data
            return data
        return b""

    async def until(self, end: bytes) -> bytes:
        """Take everything up to and with some bytes."""
        while end not in self.buffer:
            if not await self.more():
                raise TruncatedError(self.buffer)
        found, _, self.buffer = self.buffer.partition(end)
        return found + end

    async def exactly(self, size: int) -> bytes:
        """Take so many bytes."""
        chunks = [self.buffer]
        have = len(self.buffer)
        self.buffer = b""
        while have < size:
            if not await self.more():
                raise TruncatedError(b"".join(chunks))
            chunks.append(self.buffer)
            have += len(self.buffer)
            self.buffer = b""
        whole = b"".join(chunks)
        self.buffer = whole[size:]
        return whole[:size]

    async def chunked(self) -> bytes:
        """Take a chunked body; one with a trailer section is no body that the gateway may send."""
        body = []
        while size := int(await self.until(b"\r\n"), 16):
            data = await self.exactly(size + 2)
            assert data.endswith(b"\r\n")
            body.append(data[:-2])
        assert await self.until(b"\r\n") == b"\r\n"
        return b"".join(body)

    async def rest(self) -> bytes:
        """Take everything up to the end of the connection."""
        while await self.more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest


class Connection:
    """One connection that the gateway has opened to the API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.stream = Stream(lambda: reader.read(65_536))
        self.requests: list[Request] = []

    async def head(self) -> Request:
        """Read the head of a request."""
        return Request(*_head(await self.stream.until(b"\r\n\r\n")))

    async def request(self) -> Request:
        """Read a whole request."""
        request = await self.head()
        if request.value("Transfer-Encoding") is not None:
            request.body = await self.stream.chunked()
        else:
            request.body = await self.stream.exactly(int(request.value("Content-Length") or 0))
        self.requests.append(request)
        return request

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def ended(self) -> bool:
        """Wait until the gateway has ended the connection; False if it sends something instead."""
        try:
            return not self.stream.buffer and not await self.stream.more()
        except (ConnectionError, ssl.SSLError):
            return True

    def close(self) -> None:
        """End the connection in peace, with close_notify."""
        self.writer.close()

    def cut(self) -> None:
        """End the connection without close_notify."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """Reset the connection."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()


class Api:
    """A TLS server that either answers by itself or hands its connections to the test.

    Attributes:
        answer: makes the answer to a request; None leaves connections to `connection`.
        gate: answers wait for it, those of a token server do not.
        requests: whole requests that were answered by themselves.
        opened: connections accepted so far.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._handed: asyncio.Queue[Connection] = asyncio.Queue()
        self._connections: list[Connection] = []
        self.answer: Callable[[Request], bytes] | None = lambda request: OK
        self.gate = asyncio.Event()
        self.gate.set()
        self.requests: list[Request] = []
        self.opened = 0
        self.port = 0

    async def start(self, host: str = "127.0.0.1") -> None:
        """Listen on a port of the system's choice."""
        self._server = await asyncio.start_server(self._serve, host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def by_hand(self) -> None:
        """Leave every further connection to the test."""
        self.answer = None

    async def connection(self) -> Connection:
        """Wait for the next connection that is left to the test."""
        async with asyncio.timeout(PATIENCE):
            return await self._handed.get()

    def unasked(self) -> int:
        """Count connections that were left to the test and not taken."""
        return self._handed.qsize()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        connection = Connection(reader, writer)
        self._connections.append(connection)
        if self.answer is None:
            self._handed.put_nowait(connection)
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while self.answer is not None:
                request = await connection.request()
                self.requests.append(request)
                answer = self.answer(request)
                if not request.target.startswith(b"/REST/oauth/"):
                    await self.gate.wait()
                await connection.send(answer)
            self._handed.put_nowait(connection)
        except (TruncatedError, TimeoutError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            connection.cut()
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        """End everything."""
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            connection.cut()


class Caller:
    """One connection to the gateway, on a raw socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        loop = asyncio.get_running_loop()
        self._send = loop.sock_sendall
        self.stream = Stream(lambda: loop.sock_recv(sock, 65_536))

    def narrow(self) -> None:
        """Let the kernel keep little of what is not read (less would make it wait for its own timers)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        async with asyncio.timeout(PATIENCE):
            await self._send(self.sock, data)

    async def answer(self, method: str = "GET") -> Answer:
        """Read the next answer, an interim one as well."""
        answer = Answer(*_head(await self.stream.until(b"\r\n\r\n")))
        length, coding = answer.value("Content-Length"), answer.value("Transfer-Encoding")
        assert length is None or coding is None
        if method == "HEAD" or answer.status < 200 or answer.status in {204, 304}:
            return answer
        if coding is not None:
            assert coding == b"chunked"
            answer.body = await self.stream.chunked()
        elif length is not None:
            answer.body = await self.stream.exactly(int(length))
        else:
            answer.body = await self.stream.rest()
        return answer

    async def ended(self) -> bool:
        """Wait until the gateway has ended the connection; False if it sends something instead."""
        try:
            return not self.stream.buffer and not await self.stream.more()
        except ConnectionError:
            return True

    async def fill(self, block: bytes, limit: int = 64_000_000) -> int:
        """Send until nothing is taken for a tenth of a second; give the number of bytes taken."""
        sent = 0
        room = asyncio.Event()
        loop = asyncio.get_running_loop()
        while sent < limit:
            try:
                sent += self.sock.send(block)
            except BlockingIOError:
                room.clear()
                loop.add_writer(self.sock.fileno(), room.set)
                try:
                    await asyncio.wait_for(room.wait(), 0.1)
                except TimeoutError:
                    return sent
                finally:
                    loop.remove_writer(self.sock.fileno())
            await asyncio.sleep(0)
        return sent

    def fin(self) -> None:
        """Say that nothing more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection; with bytes unread this resets it."""
        self.sock.close()

    def reset(self) -> None:
        """Reset the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


async def connect(port: int) -> Caller:
    """Connect to a port of this machine."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return Caller(sock)


class MovableClock:
    """The system's clocks, and what a test adds to them."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = 0.0

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self._system.wall() + self._ahead

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._system.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += seconds


class Tokens:
    """A token source without network: token-1, token-2, ... or what is queued."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self.fetches = 0
        self.failures: deque[ProblemError] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def fetch(self, request: TokenRequest) -> AccessToken:
        """See `oauth.model.TokenSource`."""
        self.fetches += 1
        number = self.fetches
        started = self._clock.monotonic()
        self.asked.set()
        await self.gate.wait()
        if self.failures:
            raise self.failures.popleft()
        return AccessToken(Secret(f"token-{number}"), 3600, started)


class Records:
    """Finished exchanges, in the order of their ends."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ExchangeRecord] = asyncio.Queue()

    def exchange(self, record: ExchangeRecord) -> None:
        """See `proxy.record.Observer`."""
        self._queue.put_nowait(record)

    async def next(self) -> ExchangeRecord:
        """Wait for the next one."""
        async with asyncio.timeout(PATIENCE):
            return await self._queue.get()

    def empty(self) -> bool:
        """Tell whether none is left."""
        return self._queue.empty()


@dataclass(repr=False)
class Rig:
    """A gateway that runs, its API, and what the fakes know."""

    gateway: Gateway
    api: Api
    tokens: Tokens
    records: Records
    clock: MovableClock
    port: int
    callers: list[Caller] = field(default_factory=list)

    def __repr__(self) -> str:
        # Hypothesis writes it into a failure; the parts would show every byte that was ever sent.
        return f"Rig(port={self.port})"

    async def caller(self, port: int | None = None) -> Caller:
        """Connect to the gateway."""
        caller = await connect(port or self.port)
        self.callers.append(caller)
        return caller

    async def call(self, raw: bytes, method: str = "GET") -> Answer:
        """Send one request on a connection of its own and read the answer."""
        caller = await self.caller()
        await caller.send(raw)
        answer = await caller.answer(method)
        caller.close()
        return answer

    @property
    def pool(self) -> PoolSnapshot:
        """The connections to the API at this moment."""
        return self.gateway.service.pool_snapshots()[0]

    @property
    def running(self) -> int:
        """Exchanges that run."""
        return self.gateway.service.door_snapshot().in_flight

    @property
    def held_back(self) -> bool:
        """Whether some connection to the API is not read, because a caller takes nothing."""
        exchanges = [it.exchange for it in self.gateway.service.connections if it.exchange is not None]
        return any(it._upstream is not None and not it._upstream.reading for it in exchanges)

    async def swept(self) -> None:
        """Wait for a sweep, by the clock as it is now, that finds no exchange further on than the one before it."""
        seen = None
        while seen != (found := self._progress()):
            seen = found
            await self._sweep()

    async def _sweep(self) -> None:
        service = self.gateway.service
        timer = service._sweeper
        await eventually(lambda: service._sweeper is not timer)

    def _progress(self) -> list[int]:
        return [it.exchange._progress for it in self.gateway.service.connections if it.exchange is not None]


async def eventually(condition: Callable[[], object]) -> None:
    """Give the loop turns until something is true; for what no event tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.002)


async def send_quietly(caller: Caller, data: bytes) -> None:
    """Send to a gateway that may close the connection meanwhile."""
    with suppress(ConnectionError):
        await caller.send(data)


def get(path: str = "/employer/REST/dimona/v2/x", *fields: str, minor: int = 1, method: str = "GET") -> bytes:
    """Write a request without a body."""
    lines = [f"{method} {path} HTTP/1.{minor}", *(["Host: localhost"] if minor else []), *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(body: bytes, *fields: str, method: str = "POST", path: str = "/employer/REST/dimona/v2/x") -> bytes:
    """Write a request with a body of known length."""
    return get(path, f"Content-Length: {len(body)}", *fields, method=method) + body


def post_chunked(*chunks: bytes, trailer: bytes = b"", fields: tuple[str, ...] = ()) -> bytes:
    """Write a request with a chunked body."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return (
        get("/employer/REST/x", "Transfer-Encoding: chunked", *fields, method="POST")
        + body
        + b"0\r\n"
        + trailer
        + b"\r\n"
    )


def ok(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """Write an answer of known length."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@asynccontextmanager
async def running(  # noqa: PLR0913 - each is what some test turns; all but the first four are given by name
    folder: Path,
    tls: Tls,
    ca_file: Path,
    api_tls: ssl.SSLContext | None,
    *,
    gateway: str = "",
    profile: str = "",
    more: str = "",
    journal: Journal | None = None,
    host: str = "127.0.0.1",
    name: str = "localhost",
    api_port: int | None = None,
    egress: Egress | None = None,
    unix: Path | None = None,
    limit: int = 1024,
    unavailable: Mapping[str, str] | None = None,
) -> AsyncIterator[Rig]:
    """Run an API and a gateway on the loop of the test.

    Args:
        folder: for the configuration.
        tls: contexts for the way to the API.
        ca_file: root of the API's certificate.
        api_tls: the API's side of TLS; None for an API that speaks none.
        gateway: further TOML of `[gateway]` and its tables.
        profile: further TOML of the profile.
        more: further tables of TOML.
        journal: told of changing requests before they are sent.
        host: address that the API listens on.
        name: host name of the API in the configuration.
        api_port: where the gateway looks for the API, if not where it is.
        egress: the corporate proxy.
        unix: path of a second listener.
        limit: callers' connections open at most.
        unavailable: why profiles cannot be served.
    """
    (folder / "never-read.pem").touch()
    path = folder / "gateway.toml"
    second = "" if unix is None else f', "unix:{unix}"'
    words = {"gateway": gateway, "profile": profile, "name": name, "unix": second}
    clock, records = MovableClock(), Records()
    tokens = Tokens(clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_turns)
        api = Api(api_tls)
        await api.start(host)
        # From here on whatever fails has to end it: uvloop waits for ever for a server that nobody closes.
        stack.push_async_callback(api.close)
        port = api.port if api_port is None else api_port
        path.write_text(CONFIGURATION.format(**words, port=port, ca_file=ca_file) + more)
        around = Surroundings(tokens, tls, clock, records, HASH_KEY, egress, journal)
        built = build(read(path), unavailable or {}, around)
        stack.push_async_callback(built.tokens.close)
        built.service.start(limit, sweep_seconds=SWEEP_SECONDS)
        stack.push_async_callback(built.service.close)
        await built.listeners.start()
        stack.callback(built.listeners.close)
        rig = Rig(built, api, tokens, records, clock, built.bound[0].sock.getsockname()[1])
        try:
            yield rig
        finally:
            for caller in rig.callers:
                caller.close()


async def _turns() -> None:
    """Give turns to transports that were aborted, so that none is left to the garbage collector."""
    for _ in range(4):
        await asyncio.sleep(0)
