"""The API of the load test: does what each request's plan says, and notices whatever is not that request's own."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ssl

from tests.soak.plan import Plan, chunk, pieces_of
from tests.soak.wire import BrokenError, Head, read_body, read_head

PATH = "/REST/load/v1/"
REPEATABLE = {"GET", "HEAD"}
"""May be sent a second time when a reused connection dies before any byte of an answer."""
REFUSAL = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error="invalid_token"\r\n'
    b"X-Nonce: %b\r\nContent-Length: 0\r\n\r\n"
)


class Api:
    """A TLS server that echoes nonces.

    Attributes:
        violations: what must never happen, in words.
        arrivals: how often a request with each nonce has come whole.
        port: where it listens.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.violations: list[str] = []
        self.arrivals: collections.Counter[str] = collections.Counter()
        self.port = 0

    async def start(self) -> None:
        """Listen on a port of the system's choice."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, limit=2**16)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything."""
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
            writer.close()
        except (BrokenError, OSError, asyncio.CancelledError):
            # A gateway whose caller has gone within a body ends the connection, as it must.
            writer.transport.abort()
        except Exception as error:  # noqa: BLE001 - a task's own exception would be lost: it is the test's to report
            self.violations.append(repr(error))
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False when the connection is to be closed."""
        head = await read_head(reader)
        if head is None:
            return False
        plan = Plan.parse(head.fields["x-plan"])
        body = await read_body(reader, head, answer=False)
        self._judge(plan, head, body)
        await asyncio.sleep(plan.delay / 1000)
        if plan.ending == "cut-before":
            writer.transport.abort()
            return False
        if plan.ending == "refuse-token" and self.arrivals[plan.nonce] == 1:
            writer.write(REFUSAL % plan.nonce.encode())
            return True
        return await self._answer(plan, writer)

    def _judge(self, plan: Plan, head: Head, body: bytes) -> None:
        self.arrivals[plan.nonce] += 1
        if self.arrivals[plan.nonce] > (2 if plan.method in REPEATABLE or plan.ending == "refuse-token" else 1):
            self.violations.append(f"{plan.method} {plan.nonce} came {self.arrivals[plan.nonce]} times")
        expected = f"{plan.method} {PATH}{plan.nonce} HTTP/1.1"
        if head.line != expected:
            self.violations.append(f"{head.line!r} came with the plan of {plan.nonce}")
        if body != plan.request_body:
            self.violations.append(f"the body of {plan.nonce} is not its own: {body[:80]!r}, {len(body)} bytes")
        if not head.fields.get("authorization", "").startswith("Bearer canary-token-"):
            self.violations.append(f"{plan.nonce} came without the gateway's token")

    async def _answer(self, plan: Plan, writer: asyncio.StreamWriter) -> bool:
        if plan.interim:
            writer.write(f"HTTP/1.1 103 Early Hints\r\nX-Nonce: {plan.nonce}\r\n\r\n".encode())
        until_close = plan.framing == "close" and plan.method != "HEAD"
        close = until_close or plan.ending == "whole-and-close"
        framing = {
            "length": f"Content-Length: {plan.answered}\r\n",
            "chunked": "Transfer-Encoding: chunked\r\n",
            "close": "",
        }[plan.framing]
        connection = "Connection: close\r\n" if close else ""
        writer.write(f"HTTP/1.1 200 OK\r\nX-Nonce: {plan.nonce}\r\n{framing}{connection}\r\n".encode())
        body = plan.answer_body
        if plan.ending == "cut-within":
            body = body[: len(body) // 2]
        for piece in pieces_of(body, plan.pieces):
            writer.write(chunk(piece) if plan.framing == "chunked" else piece)
            await writer.drain()
        if plan.ending == "cut-within":
            with contextlib.suppress(OSError):
                writer.transport.abort()
            return False
        if plan.framing == "chunked" and plan.method != "HEAD":
            writer.write(chunk(b""))
        await writer.drain()
        return not close
