"""A canary in the API's place: real TLS, a parser of its own, and a note of everything that should not have come.

Knows nothing of the gateway's code: a request is read by the strictest reading of RFC 9112, and what departs from it,
or carries what the gateway promised to drop, is a violation.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Ending = Literal["keep", "close", "cut", "reset"]
"""After an answer: keep the connection, close it in peace, end it without close_notify, or reset it."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") (/[\x21-\x7e]*) HTTP/1\.1").fullmatch
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*").fullmatch
_SIZE = re.compile(rb"[0-9a-f]{1,8}\r\n").fullmatch
_FORBIDDEN = re.compile(
    rb"connection|keep-alive|proxy-.*|te|trailer|upgrade|http2-settings|expect|x-api-key|forwarded|x-forwarded.*"
    rb"|x-http-method.*|x-method-override|x-original-url|x-rewrite-url|traceparent|tracestate|baggage|fla-gateway-.*"
    rb"|.*_.*"
).fullmatch


class _ViolationError(Exception):
    """The bytes are no request that a proxy may send."""


@dataclass(slots=True)
class Seen:
    """One request as it came.

    Attributes:
        connection: number of the connection, from 0.
        method: as sent.
        target: as sent.
        fields: names and values in order, in the sender's case.
        body: with the framing removed.
        complete: whether its end has come.
    """

    connection: int
    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    complete: bool = False

    def values(self, name: bytes) -> list[bytes]:
        """Give the values of a field."""
        return [value for found, value in self.fields if found.lower() == name]


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer, byte for byte, and what becomes of the connection behind it.

    Attributes:
        raw: the bytes.
        ending: what happens behind them.
        cuts: places at which they are cut; each piece is a TLS record of its own, sent when the one before was read.
    """

    raw: bytes
    ending: Ending = "keep"
    cuts: tuple[int, ...] = ()


@dataclass(slots=True)
class Connection:
    """One connection and the very bytes that came on it."""

    writer: asyncio.StreamWriter
    received: bytearray = field(default_factory=bytearray)


class Upstream:
    """An API that answers what it is told to, or else 200 with the number of the request."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = 0
        self.port = 0
        self.seen: list[Seen] = []
        self.violations: list[str] = []
        self.connections: list[Connection] = []
        self.script: deque[Scripted] = deque()
        self.bearers: set[bytes] = set()

    @property
    def authority(self) -> str:
        """What Host must say."""
        return f"localhost:{self.port}"

    async def start(self) -> None:
        """Listen on a port of the system's choice."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def write(self, number: int, raw: bytes) -> None:
        """Send bytes on a connection, asked for or not."""
        self.connections[number].writer.write(raw)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(writer)
        self.connections.append(connection)
        number = len(self.connections) - 1
        try:
            while await self._one(number, _Recorded(reader, connection.received), writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            pass  # the gateway's end of the connection, or the end of the test; nobody awaits this task's result
        except (_ViolationError, asyncio.LimitOverrunError) as error:
            self.violations.append(f"{error}: {bytes(connection.received[-400:])!r}")
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _one(self, number: int, reader: _Recorded, writer: asyncio.StreamWriter) -> bool:
        seen = self._head(number, await reader.until(b"\r\n\r\n"))
        self.seen.append(seen)
        index = len(self.seen) - 1
        if seen.values(b"transfer-encoding"):
            await _read_chunked(seen, reader)
        else:
            seen.body = await reader.exactly(int((seen.values(b"content-length") or [b"0"])[0]))
        seen.complete = True
        answer = self.script.popleft() if self.script else self._ordinary(seen, index)
        self._writing += 1
        try:
            start = 0
            for end in (*answer.cuts, len(answer.raw)):
                writer.write(answer.raw[start:end])
                await writer.drain()
                start = end
                if end < len(answer.raw):
                    await turns()
            await _end(writer, answer.ending)
        finally:
            self._writing -= 1
        return answer.ending == "keep"

    async def settled(self) -> None:
        """Wait until every answer is written to its last byte and was read: some have bytes behind their end."""
        while self._writing:
            await turns()
        await turns()

    def _ordinary(self, seen: Seen, index: int) -> Scripted:
        body = b"%d" % index
        length = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Seen: %d\r\n\r\n" % (len(body), index)
        return Scripted(length if seen.method == b"HEAD" else length + body)

    def _head(self, number: int, head: bytes) -> Seen:
        first, *rest = head[:-4].split(b"\r\n")
        line = _LINE(first)
        if line is None:
            raise _ViolationError("request line")
        seen = Seen(number, line[1], line[2], [])
        for raw in rest:
            found = _FIELD(raw)
            if found is None:
                raise _ViolationError("field line")
            if _FORBIDDEN(found[1].lower()):
                raise _ViolationError(f"forbidden field {found[1]!r}")
            seen.fields.append((found[1], found[2]))
        self._judge(seen)
        return seen

    def _judge(self, seen: Seen) -> None:
        if seen.values(b"host") != [self.authority.encode()]:
            raise _ViolationError("Host")
        bearer = seen.values(b"authorization")
        if len(bearer) != 1 or bearer[0] not in self.bearers:
            raise _ViolationError("Authorization")
        if len(seen.values(b"belgov-trace-id")) != 1 or not seen.values(b"via"):
            raise _ViolationError("trace id or Via")
        codings, lengths = seen.values(b"transfer-encoding"), seen.values(b"content-length")
        if codings and (lengths or codings != [b"chunked"]):
            raise _ViolationError("two framings")
        if lengths and (len(lengths) > 1 or not re.fullmatch(rb"0|[1-9][0-9]*", lengths[0])):
            raise _ViolationError("Content-Length")


class _Recorded:
    """A reader that keeps what it read."""

    def __init__(self, reader: asyncio.StreamReader, kept: bytearray) -> None:
        self._reader = reader
        self._kept = kept

    async def until(self, end: bytes) -> bytes:
        return self._keep(await self._reader.readuntil(end))

    async def exactly(self, size: int) -> bytes:
        return self._keep(await self._reader.readexactly(size))

    def _keep(self, data: bytes) -> bytes:
        self._kept += data
        return data


async def turns() -> None:
    """Let the loop look at its sockets: what was sent over loopback before is read when this returns."""
    for _ in range(3):
        await asyncio.sleep(0)


async def _read_chunked(seen: Seen, reader: _Recorded) -> None:
    size = -1
    while size:
        line = await reader.until(b"\r\n")
        if _SIZE(line) is None:
            raise _ViolationError("chunk size")
        size = int(line, 16)
        data = await reader.exactly(size + 2)
        if not data.endswith(b"\r\n"):
            raise _ViolationError("chunk end, or a trailer")
        seen.body += data[:-2]


async def _end(writer: asyncio.StreamWriter, ending: Ending) -> None:
    if ending == "close":
        writer.close()
        await writer.wait_closed()
    elif ending == "cut":
        writer.transport.abort()
    elif ending == "reset":
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
