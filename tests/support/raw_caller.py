"""A caller on a raw socket, on the loop of the test."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from tests.support.raw_http import RESET, Answer, Stream, head_of
from tests.support.waiting import PATIENCE


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
        answer = Answer(*head_of(await self.stream.until(b"\r\n\r\n")))
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


async def send_quietly(caller: Caller, data: bytes) -> None:
    """Send to a gateway that may close the connection meanwhile."""
    with suppress(ConnectionError):
        await caller.send(data)
