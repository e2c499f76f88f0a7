"""An API on real sockets and real TLS, which answers by itself or hands its connections to the test."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

from tests.support.raw_http import OK, RESET, Request, Stream, TruncatedError, head_of
from tests.support.waiting import PATIENCE


class Connection:
    """One connection that the gateway has opened to the API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.stream = Stream(lambda: reader.read(65_536))
        self.requests: list[Request] = []

    async def head(self) -> Request:
        """Read the head of a request."""
        return Request(*head_of(await self.stream.until(b"\r\n\r\n")))

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

    def take_nothing(self) -> None:
        """Stop reading, and let the kernel keep little of what comes; otherwise it may keep 32 MB of it."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)

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
