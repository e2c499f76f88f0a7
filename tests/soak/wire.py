"""The few lines of HTTP/1.1 that both ends of the load test read; written for it alone, so that no fault is shared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


class BrokenError(Exception):
    """The connection ended within a message; what had arrived of the body is kept."""

    def __init__(self, arrived: bytes = b"") -> None:
        super().__init__(f"{len(arrived)} bytes of a body")
        self.arrived = arrived


@dataclass(slots=True)
class Head:
    """First line and fields; names in lower case, each at most once."""

    line: str
    fields: dict[str, str]


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read a head; None at the end of the connection.

    Raises:
        BrokenError: the connection ended within it.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BrokenError from error
        return None
    except OSError:
        return None
    line, *rest = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = [one.partition(":") for one in rest]
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    assert len(fields) == len(pairs), raw
    return Head(line, fields)


async def read_body(reader: asyncio.StreamReader, head: Head, *, answer: bool) -> bytes:
    """Read a body by its framing; an answer without any lasts until the end of the connection.

    Raises:
        BrokenError: the connection ended within it.
    """
    body = bytearray()
    try:
        if head.fields.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await _append(body, reader, size)
                assert await reader.readexactly(2) == b"\r\n"
            assert await reader.readexactly(2) == b"\r\n"
        elif "content-length" in head.fields:
            await _append(body, reader, int(head.fields["content-length"]))
        elif answer:
            body += await reader.read()
    except (asyncio.IncompleteReadError, OSError) as error:
        raise BrokenError(bytes(body)) from error
    return bytes(body)


async def _append(body: bytearray, reader: asyncio.StreamReader, size: int) -> None:
    while size:
        data = await reader.read(min(size, 65_536))
        if not data:
            raise asyncio.IncompleteReadError(b"", size)
        body += data
        size -= len(data)
