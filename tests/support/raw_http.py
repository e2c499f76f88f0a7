"""HTTP messages as bytes: written by hand for the gateway, and read from it without the project's parser."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.waiting import PATIENCE

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that turns a close into a reset."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED_TOKEN = (
    b"HTTP/1.1 401 Unauthorized\r\n"
    b'WWW-Authenticate: Bearer realm="REST", error="invalid_token", error_description="expired"\r\n'
    b"Content-Length: 7\r\n\r\nexpired"
)


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


def head_of(raw: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Take a head apart: its first line, and names and values of its fields."""
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
