"""A mail server that really speaks SMTP and TLS, and fails where a test says so."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

STALL = "stall"
HANG_UP = "hang up"
Answer = str | Callable[[str], str | None]


@dataclass
class Mail:
    """A mail that was taken."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """Read it."""
        return message_from_bytes(self.content, policy=default)

    @property
    def text(self) -> str:
        """Read its body."""
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """The mutable state is what it was told.

    Attributes:
        tls: its side of TLS.
        implicit: whether TLS begins with the connection.
        features: lines of its answer to EHLO.
        answers: what it answers instead of what is usual, by the command; a line, STALL or HANG_UP, or a function of
            the command's line that returns one of these or None for the usual.
        user: whom it lets in.
        password: with what.
    """

    tls: ssl.SSLContext
    implicit: bool = False
    features: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN LOGIN", "SIZE 10000000")
    answers: dict[str, Answer] = field(default_factory=dict)
    user: str = "gateway"
    password: str = "secret"
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    cleartext: bytes = b""
    connections: int = 0
    running: set[asyncio.Task[object]] = field(default_factory=set)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def commands(self) -> list[str]:
        """The first word of each line that came."""
        return [it.split()[0].upper() for it in self.lines]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one conversation."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        raw = writer.transport
        try:
            with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
                await _Conversation(self, reader, writer).hold()
        finally:
            writer.close()
            await asyncio.sleep(0)
            for transport in (writer.transport, raw):
                transport.abort()
            self.running.discard(task)
            self.left.set()

    async def close(self) -> None:
        """End what still runs."""
        for task in (running := [*self.running]):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)


class _Conversation:
    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._encrypted = server.implicit
        self._sender = ""
        self._recipients: list[str] = []

    async def hold(self) -> None:
        if not await self._answer("greeting", "", "220 mail.example ESMTP"):
            return
        while line := (await self._line()):
            word = line.split(maxsplit=1)[0].upper()
            if not await self._act(word, line):
                return

    async def _line(self) -> str:
        raw = await self._reader.readline()
        if not self._encrypted:
            self._server.cleartext += raw
        line = raw.decode().rstrip("\r\n")
        if line:
            self._server.lines.append(line)
        return line

    async def _act(self, word: str, line: str) -> bool:
        if word == "QUIT":
            await self._answer(word, line, "221 bye")
            return False
        usual = {
            "EHLO": "\r\n".join(["250-mail.example", *(f"250-{it}" for it in self._offered()), "250 HELP"]),
            "STARTTLS": "220 go ahead",
            "DATA": "354 go ahead",
        }.get(word, "250 2.1.0 OK")
        if word == "AUTH":
            return await self._authenticate(line)
        if not await self._answer(word, line, usual):
            return False
        if word == "STARTTLS" and usual == self._last:
            await self._writer.start_tls(self._server.tls)
            self._encrypted = True
        elif word == "MAIL":
            self._sender, self._recipients = _address(line), []
        elif word == "RCPT" and self._last.startswith("250"):
            self._recipients.append(_address(line))
        elif word == "DATA" and self._last.startswith("354"):
            return await self._take_mail()
        return True

    def _offered(self) -> tuple[str, ...]:
        return tuple(it for it in self._server.features if it != "STARTTLS" or not self._encrypted)

    async def _authenticate(self, line: str) -> bool:
        parts = line.split()
        if parts[1] == "PLAIN":
            _, user, password = base64.b64decode(parts[2]).decode().split("\0")
        else:
            user = base64.b64decode(parts[2]).decode()
            await self._say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self._line()).decode()
        good = (user, password) == (self._server.user, self._server.password)
        return await self._answer("AUTH", line, "235 2.7.0 in" if good else "535 5.7.8 not this one")

    async def _take_mail(self) -> bool:
        raw = await self._reader.readuntil(b"\r\n.\r\n")
        content = raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        if not await self._answer(".", "", "250 2.0.0 OK queued as 4711"):
            return False
        if self._last.startswith("250"):
            self._server.mails.append(Mail(self._sender, self._recipients, content, self._encrypted))
            self._server.arrived.set()
        return True

    async def _answer(self, command: str, line: str, usual: str) -> bool:
        """Answer as usual or as the test says; False where the conversation ends."""
        planned = self._server.answers.get(command)
        answer = planned(line) if callable(planned) else planned
        self._last = usual if answer is None else answer
        if self._last == HANG_UP:
            return False
        if self._last == STALL:
            self._server.began.set()
            await self._reader.read()
            return False
        await self._say(self._last)
        return True

    async def _say(self, text: str) -> None:
        self._writer.write(f"{text}\r\n".encode())
        await self._writer.drain()


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext, **options: object) -> AsyncIterator[MailServer]:
    """Run a mail server on localhost."""
    server = MailServer(tls, **options)  # type: ignore[arg-type]
    listening = await asyncio.start_server(server.serve, "localhost", 0, ssl=tls if server.implicit else None)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.close()
