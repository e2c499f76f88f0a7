"""Processes of `fla-gateway` that are forked from an interpreter which has imported it, instead of started anew.

Half a second cheaper each. For what a test can see of a process that was not looked at while it started: not for early
signals, hardening, Landlock (what is imported is not read again), memory, closed streams and terminals; those tests
start a program.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC_", "OPENSSL_")
"""What an interpreter reads of its environment when it starts, and never again."""


class ForkedProcess:
    """A process, with what `asyncio.subprocess.Process` has.

    Attributes:
        pid: process id.
        returncode: exit code, or the negative number of a signal; None while it runs.
    """

    def __init__(self, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.stdout, self.stderr = stdout, stderr
        self.pid = 0
        self.returncode: int | None = None
        self._ended: asyncio.Task[int]

    async def follow(self, report: socket.socket) -> None:
        """Learn the process id, and the exit code when there is one."""
        reader, writer = await asyncio.open_unix_connection(sock=report)
        self.pid = int(await reader.readline())

        async def end() -> int:
            self.returncode = int(await reader.readline())
            writer.close()
            return self.returncode

        self._ended = asyncio.get_running_loop().create_task(end())

    async def wait(self) -> int:
        """Wait for the exit code."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Read both streams to their ends, and wait for the exit code."""
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def can_fork(environment: Mapping[str, str]) -> bool:
    """Return whether a fork sees all of an environment that a new interpreter would."""
    names = {name for name in {**os.environ, **environment} if name.startswith(_READ_AT_START)}
    return all(environment.get(name) == os.environ.get(name) for name in names)


async def fork_gateway(
    *words: str,
    environment: Mapping[str, str] | None = None,
    sockets: Sequence[tuple[str, socket.socket]] = (),
    stdout: int | None = None,
    stderr: int | None = None,
) -> ForkedProcess:
    """Start `fla-gateway` with words; its input is empty.

    Args:
        words: the arguments.
        environment: the whole of it; by default this process's.
        sockets: passed to it as systemd does, each with its name.
        stdout: a descriptor for its output; by default that comes through a pipe.
        stderr: the same for its errors.
    """
    given = dict(os.environ if environment is None else environment)
    assert can_fork(given), "start a program instead"
    if sockets:
        given["LISTEN_FDNAMES"] = ":".join(name for name, _ in sockets)
    ours, report = socket.socketpair()
    (out, out_end), (err, err_end) = _stream(stdout), _stream(stderr)
    null = os.open(os.devnull, os.O_RDONLY)
    message = json.dumps({"words": words, "folder": str(Path.cwd()), "environment": given}).encode()
    with report:
        passed = [it.fileno() for _, it in sockets]
        socket.send_fds(_server(), [message], [report.fileno(), null, out_end, err_end, *passed])
    for one in (null, out_end, err_end):
        os.close(one)
    process = ForkedProcess(await _reader(out), await _reader(err))
    await process.follow(ours)
    return process


class _Protocol(asyncio.StreamReaderProtocol):
    def eof_received(self) -> bool:
        """Have the transport closed, as those of `asyncio.subprocess` are."""
        super().eof_received()
        return False


def _stream(given: int | None) -> tuple[int | None, int]:
    """Give both ends of a stream; of one that was given there is none to read from."""
    return os.pipe() if given is None else (None, os.dup(given))


async def _reader(descriptor: int | None) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    if descriptor is None:
        reader.feed_eof()
        return reader
    await loop.connect_read_pipe(lambda: _Protocol(reader), os.fdopen(descriptor, "rb", 0))
    return reader


@cache
def _server() -> socket.socket:
    """Start the interpreter that forks; once for the process, whose end ends it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL
        )

    def end() -> None:
        ours.close()
        server.wait()

    atexit.register(end)
    return ours
