"""A caller on a raw socket, with a reader of answers of its own."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.support.waiting import PATIENCE

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e\x80-\xff]*").fullmatch
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*").fullmatch
_SIZE = re.compile(rb"[0-9a-f]{1,8}\r\n").fullmatch


class EndOfConnection(Exception):  # noqa: N818 - an end is no error until a test says so
    """The gateway closed or reset the connection before anything came."""


@dataclass(slots=True)
class Answer:
    """One final answer.

    Attributes:
        status: status code.
        fields: names and values in order, in the sender's case.
        body: with the framing removed.
        interim: the 1xx heads before it: status and fields.
        complete: whether its end came; a body until close ends with FIN.
        line: the status line.
    """

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    interim: list[tuple[int, list[tuple[bytes, bytes]]]] = field(default_factory=list)
    complete: bool = False
    line: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        """Give the values of a field."""
        return [value for found, value in self.fields if found.lower() == name]

    @property
    def code(self) -> str:
        """The problem code, empty for an answer of the upstream's."""
        found = re.search(rb'"urn:problem-type:fla-gateway:([a-z0-9-]+)"', self.body)
        return found[1].decode() if found else ""


class Caller:
    """One connection to the gateway."""

    def __init__(self, door: int | Path, timeout: float = PATIENCE) -> None:
        """Connect to a TCP port of 127.0.0.1, or to a Unix socket."""
        if isinstance(door, Path):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(str(door))
        else:
            self.sock = socket.create_connection(("127.0.0.1", door), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send bytes; a gateway that has answered and closed already is no failure here."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def fin(self) -> None:
        """Shut the sending side down."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def answer(self, method: bytes = b"GET") -> Answer:
        """Read one final answer and the interim ones before it.

        Raises:
            EndOfConnection: nothing more came.
        """
        interim = []
        while True:
            answer = self._head()
            if answer.status >= 200:
                break
            interim.append((answer.status, answer.fields))
        answer.interim = interim
        try:
            self._body(answer, method)
        except EndOfConnection:
            answer.complete = False
        return answer

    def ended(self) -> bool:
        """Wait until the gateway ends the connection; False if it sends something instead."""
        if self._buffer:
            return False
        try:
            return not self.sock.recv(1)
        except ConnectionResetError:
            return True

    def _head(self) -> Answer:
        first, *rest = self._until(b"\r\n\r\n")[:-4].split(b"\r\n")
        status = _STATUS(first)
        assert status is not None, first
        fields = [_FIELD(line) for line in rest]
        assert all(fields), rest
        return Answer(int(status[1]), [(found[1], found[2]) for found in fields if found], line=first)

    def _body(self, answer: Answer, method: bytes) -> None:
        codings, lengths = answer.values(b"transfer-encoding"), answer.values(b"content-length")
        assert len(codings) + len(lengths) <= 1, answer.fields
        if method == b"HEAD" or answer.status in {204, 304}:
            answer.complete = True
        elif codings:
            assert codings == [b"chunked"]
            self._chunks(answer)
        elif lengths:
            self._fixed(answer, int(lengths[0]))
        else:
            self._rest(answer)

    def _fixed(self, answer: Answer, length: int) -> None:
        while len(self._buffer) < length and self._more():
            pass
        answer.body, self._buffer = self._buffer[:length], self._buffer[length:]
        answer.complete = len(answer.body) == length

    def _chunks(self, answer: Answer) -> None:
        size = -1
        while size:
            line = self._until(b"\r\n")
            assert _SIZE(line), line
            size = int(line, 16)
            while len(self._buffer) < size + 2:
                if not self._more():
                    answer.body += self._buffer
                    return
            data, self._buffer = self._buffer[: size + 2], self._buffer[size + 2 :]
            assert data.endswith(b"\r\n"), data
            answer.body += data[:-2]
        answer.complete = True

    def _rest(self, answer: Answer) -> None:
        try:
            while data := self.sock.recv(65_536):
                self._buffer += data
            answer.complete = True
        except ConnectionResetError:
            pass
        answer.body, self._buffer = self._buffer, b""

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            if not self._more():
                raise EndOfConnection(self._buffer)
        found, self._buffer = self._buffer.split(end, 1)
        return found + end

    def _more(self) -> bool:
        try:
            data = self.sock.recv(65_536)
        except ConnectionResetError:
            return False
        self._buffer += data
        return bool(data)
