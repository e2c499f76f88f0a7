"""The callers of the load test: each keeps a connection to the gateway, and follows its plans to the end."""

from __future__ import annotations

import asyncio
import collections
import random
import socket
import struct
from dataclasses import dataclass, field

from tests.soak.api import PATH
from tests.soak.plan import Plan, chunk, draw, pieces_of
from tests.soak.wire import BrokenError, Head, read_body, read_head

PATIENCE = 30.0
"""Seconds after which an exchange hangs; nothing here takes a tenth of it."""
PIPELINED = 0.1
"""Share of the turns in which more than one request is sent before the first answer is read."""
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Findings:
    """What the callers saw.

    Attributes:
        violations: what must never happen, in words.
        outcomes: how the exchanges ended.
    """

    violations: list[str] = field(default_factory=list)
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)

    def add(self, plan: Plan, outcome: str, *, allowed: bool) -> None:
        """Note how an exchange ended."""
        self.outcomes[outcome] += 1
        if not allowed:
            self.violations.append(f"{outcome}: {plan}")


class Caller:
    """One caller with one connection at a time."""

    def __init__(self, name: int, port: int, seed: int, findings: Findings) -> None:
        self._name = name
        self._port = port
        self._random = random.Random(seed * 1_000 + name)  # noqa: S311 - a load must be the same again for its seed
        self._findings = findings
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._drawn = 0

    async def work(self, exchanges: int) -> None:
        """Go through so many exchanges, one after the other, sometimes a few at once."""
        while self._drawn < exchanges:
            plans = [self._draw()]
            while self._drawn < exchanges and self._may_follow(plans[-1]):
                plans.append(self._draw())
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._turn(plans)
            except TimeoutError:
                self._findings.add(plans[0], "hangs", allowed=False)
                self._leave(reset=True)
        self._leave()

    def _may_follow(self, plan: Plan) -> bool:
        return plan.harmless and plan.caller == "reads" and self._random.random() < PIPELINED

    def _draw(self) -> Plan:
        self._drawn += 1
        return draw(self._random, f"nonce-{self._name}-{self._drawn}")

    async def _turn(self, plans: list[Plan]) -> None:
        """Send some requests and read their answers; only the last may come to harm on the caller's side."""
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._connection
        sending = asyncio.get_running_loop().create_task(self._send(plans, writer))
        try:
            for number, plan in enumerate(plans):
                if not await self._receive(plan, reader, sending):
                    for lost in plans[number + 1 :]:
                        self._findings.add(lost, "behind one that ended the connection", allowed=not plan.harmless)
                    self._leave()
                    return
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, plans: list[Plan], writer: asyncio.StreamWriter) -> None:
        for plan in plans:
            framing = ""
            if plan.sent:
                framing = "Transfer-Encoding: chunked\r\n" if plan.chunked else f"Content-Length: {plan.sent}\r\n"
            writer.write(
                f"{plan.method} /employer{PATH}{plan.nonce} HTTP/1.1\r\nHost: localhost\r\n"
                f"X-Plan: {plan.text()}\r\n{framing}\r\n".encode()
            )
            body = plan.request_body
            if plan.caller == "resets-in-body":
                body = body[: len(body) // 2]
            for piece in pieces_of(body, plan.pieces):
                writer.write(chunk(piece) if plan.chunked else piece)
                await writer.drain()
            if plan.caller == "resets-in-body":
                return
            if plan.chunked:
                writer.write(chunk(b""))
        await writer.drain()
        if plans[-1].caller == "half-closes":
            writer.write_eof()

    async def _receive(self, plan: Plan, reader: asyncio.StreamReader, sending: asyncio.Task[None]) -> bool:
        """Take an answer as the plan wants it; False if the connection is of no more use."""
        if plan.caller in {"resets-in-body", "leaves-at-once"}:
            await asyncio.gather(sending, return_exceptions=True)
            self._findings.add(plan, plan.caller, allowed=True)
            self._leave(reset=plan.caller == "resets-in-body")
            return False
        head = await self._final_head(plan, reader)
        if head is None:
            self._findings.add(plan, "no answer", allowed=False)
            return False
        if plan.caller in {"closes-within", "resets-within"}:
            self._check_nonce(plan, head)
            self._findings.add(plan, plan.caller, allowed=True)
            self._leave(reset=plan.caller == "resets-within")
            return False
        return await self._whole(plan, head, reader)

    async def _final_head(self, plan: Plan, reader: asyncio.StreamReader) -> Head | None:
        try:
            while (head := await read_head(reader)) is not None and " 103 " in head.line:
                self._check_nonce(plan, head)
        except BrokenError:
            return None
        return head

    async def _whole(self, plan: Plan, head: Head, reader: asyncio.StreamReader) -> bool:
        if head.fields.get("fla-gateway-origin") != "upstream":
            body = b"" if plan.method == "HEAD" else await read_body(reader, head, answer=True)
            allowed = plan.ending == "cut-before" and " 502 " in head.line
            self._findings.add(plan, f"{head.line} {body[:60]!r}" if not allowed else "502", allowed=allowed)
            return self._goes_on(plan, head)
        self._check_nonce(plan, head)
        try:
            body = b"" if plan.method == "HEAD" else await read_body(reader, head, answer=True)
        except BrokenError as error:
            own = plan.answer_body.startswith(error.arrived)
            self._findings.add(plan, "cut within", allowed=own and plan.ending == "cut-within")
            return False
        if " 401 " in head.line:
            # Not every refused token is worth another: one body was too large to be kept, one token was just fetched.
            self._findings.add(plan, "401", allowed=plan.ending == "refuse-token" and not body)
            return self._goes_on(plan, head)
        whole = body == plan.answer_body and plan.ending in {"whole", "whole-and-close", "refuse-token"}
        self._findings.add(plan, "whole", allowed=whole)
        return self._goes_on(plan, head)

    @staticmethod
    def _goes_on(plan: Plan, head: Head) -> bool:
        return head.fields.get("connection") != "close" and plan.caller == "reads"

    def _check_nonce(self, plan: Plan, head: Head) -> None:
        """See that an answer of the API's is this request's own; the gateway's own answers bear no nonce."""
        nonce = head.fields.get("x-nonce")
        if nonce != plan.nonce and not (nonce is None and head.fields.get("fla-gateway-origin") != "upstream"):
            self._findings.violations.append(f"{plan.nonce} was given the answer to {nonce}")

    def _leave(self, *, reset: bool = False) -> None:
        if self._connection is None:
            return
        writer = self._connection[1]
        self._connection = None
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        else:
            writer.close()
