"""Port: callers. Sends requests to a proxy, and says how many were answered well and how long that took.

Owns two kinds of load: wrk as a closed loop of small requests, and a caller of its own for single exchanges and large
bodies. Refuses to know which proxy it talks to, and what the proxy uses for it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from benchmarks.work import CALLER_KEY

TIMEOUT: Final = 30.0
_HEAD_LIMIT: Final = 65_536
_CHUNK: Final = 256 * 1024


class LoadError(Exception):
    """A load could not be made or its outcome not be read; no figure may be taken from it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes.

    Attributes:
        port: on 127.0.0.1.
        prefix: what stands before the API's path.
        trust: the root of a TLS peer, or None for plain HTTP.
        bearer: a token to send, or empty for the caller's own key, which a proxy must drop.
    """

    port: int
    prefix: str = ""
    trust: Path | None = None
    bearer: str = ""

    def url(self, path: str) -> str:
        """Write the address of a path."""
        return f"http://127.0.0.1:{self.port}{self.prefix}{path}"

    def head(self, method: str, path: str, length: int = 0) -> bytes:
        """Write a request's head; a POST says its length and type."""
        host = f"localhost:{self.port}" if self.trust else f"127.0.0.1:{self.port}"
        body = f"Content-Type: application/json\r\nContent-Length: {length}\r\n" if method == "POST" else ""
        return (
            f"{method} {self.prefix}{path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
            f"Authorization: Bearer {self.bearer or CALLER_KEY}\r\n{body}\r\n"
        ).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, the bytes of its body that were kept, and the body's whole length."""

    status: int
    body: bytes
    length: int


class Caller:
    """One keep-alive connection with one exchange at a time."""

    def __init__(self, address: Address) -> None:
        plain = socket.create_connection(("127.0.0.1", address.port), timeout=TIMEOUT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.trust is None:
            self.socket: socket.socket = plain
        else:
            context = ssl.create_default_context(cafile=str(address.trust))
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self._buffer = memoryview(bytearray(_CHUNK))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def exchange(self, head: bytes, body: bytes = b"") -> Answer:
        """Send a request and read its answer; of a body at most the first `_CHUNK` bytes are kept.

        Raises:
            OSError: the connection broke or was silent for too long.
            LoadError: the answer has no length.
        """
        self.socket.sendall(head)
        if body:
            self.socket.sendall(body)
        return self.receive()

    def send(self, content: bytes) -> None:
        """Send bytes of a request."""
        self.socket.sendall(content)

    def receive(self) -> Answer:
        """Read one answer; see `exchange`."""
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            more = self.socket.recv(_HEAD_LIMIT)
            if not more:
                raise ConnectionError("the connection was closed before an answer")
            received += more
        length = _content_length(received[:end])
        kept = received[end + 4 :]
        missing = length - len(kept)
        while missing > 0:
            count = self.socket.recv_into(self._buffer, min(missing, _CHUNK))
            if not count:
                raise ConnectionError("the connection was closed within an answer")
            missing -= count
            if len(kept) < _CHUNK:
                kept += self._buffer[:count]
        return Answer(int(received[9:12]), kept, length)


def _content_length(head: bytes) -> int:
    match = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if match is None:
        raise LoadError("an answer without Content-Length, although the API sends one")
    return int(match[1])


@dataclass(frozen=True, slots=True)
class Wrk:
    """The outcome of a closed loop.

    Attributes:
        requests: exchanges that were completed.
        errors: of these, how many were not 2xx or 3xx, and all errors of sockets.
        per_second: exchanges per second.
        curve: microseconds of latency, by percentile.
    """

    requests: int
    errors: int
    per_second: float
    curve: dict[str, float] = field(default_factory=dict)


def closed_loop(program: Path, script: Path, url: str, connections: int, seconds: int) -> Wrk:
    """Let wrk send one request after the other on each of some connections.

    A proxy that is gone counts as one error.

    Raises:
        LoadError: wrk said something unforeseen.
    """
    command: list[str | Path] = [program, "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + TIMEOUT, check=False)
    if "unable to connect" in done.stdout + done.stderr:
        return Wrk(0, 1, 0.0)
    total = re.search(r"(\d+) requests in ", done.stdout)
    speed = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if total is None or speed is None:
        raise LoadError(f"wrk: {done.stdout}{done.stderr}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    errors = int(refused[1]) if refused else 0
    errors += sum(int(number) for number in broken.groups()) if broken else 0
    return Wrk(int(total[1]), errors, float(speed[1]), _curve(done.stdout))


def _curve(said: str) -> dict[str, float]:
    """Read wrk's table of percentiles, as `50%  316.00us`."""
    units = {"us": 1.0, "ms": 1e3, "s": 1e6}
    found = re.findall(r"^ +(\d+)% +([\d.]+)(us|ms|s)$", said, re.MULTILINE)
    return {f"p{percent}": float(number) * units[unit] for percent, number, unit in found}


def open_connections(address: Address, head: bytes, body: bytes, count: int) -> int:
    """Have a proxy open its connections to the API before it is measured: one exchange on each of some connections.

    Returns:
        How many were not answered with 2xx.
    """
    answered = 0
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError, LoadError):
        callers = [stack.enter_context(Caller(address)) for _ in range(count)]
        for caller in callers:
            caller.send(head + body)
        for caller in callers:
            answered += caller.receive().status // 100 == 2
    return count - answered


def large_bodies(address: Address, path: str, body: bytes, connections: int, count: int) -> int:
    """Exchange large bodies on some connections at once: down if `body` is empty, else up.

    Returns:
        How many of the `count` exchanges failed.
    """
    head = address.head("POST", path, len(body)) if body else address.head("GET", path)
    shares: Sequence[int] = [count // connections + (number < count % connections) for number in range(connections)]
    errors: list[int] = []

    def call(share: int) -> None:
        done = 0
        try:
            with Caller(address) as caller:
                for _ in range(share):
                    done += caller.exchange(head, body).status == 200
        except (OSError, LoadError):
            pass
        errors.append(share - done)

    threads = [threading.Thread(target=call, args=(share,), daemon=True) for share in shares if share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(errors)
