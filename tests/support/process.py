"""`fla-gateway run` as a process of its own, between a token server with an API behind one TLS port and raw callers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.forked_process import ForkedProcess, can_fork, fork_gateway
from tests.support.raw_api import Api
from tests.support.raw_caller import Caller, connect
from tests.support.raw_http import OK, Answer, Request, get, ok
from tests.support.waiting import PATIENCE

TOKEN_PATH = b"/REST/oauth/v5/token"


def token_answer(token: str, *, status: str = "200 OK", seconds: int = 600) -> bytes:
    """Write the usual answer of a token server."""
    body = json.dumps({"access_token": token, "token_type": "bearer", "expires_in": seconds}).encode()
    return ok(body, "Content-Type: application/json", status=status)


class Government(Api):
    """Token server and API behind one port.

    Attributes:
        token: makes the answer to a token request.
        api: makes the answer to any other request.
        gate: answers of the API wait for it.
    """

    def __init__(self, tls: Any) -> None:
        super().__init__(tls)
        self.token = lambda request: token_answer("token-of-the-stub")
        self.api = lambda request: OK
        self.answer = self._either

    def _either(self, request: Request) -> bytes:
        return self.token(request) if request.target == TOKEN_PATH else self.api(request)

    @property
    def calls(self) -> list[Request]:
        """Requests to the API."""
        return [request for request in self.requests if request.target != TOKEN_PATH]


class Process:
    """A gateway's process, its events and its request lines."""

    def __init__(self, process: asyncio.subprocess.Process | ForkedProcess) -> None:
        self._process = process
        self._changed = asyncio.Event()
        self.lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        loop = asyncio.get_running_loop()
        self._readers = [
            loop.create_task(self._read("stdout", process.stdout)),
            loop.create_task(self._read("stderr", process.stderr)),
        ]

    async def _read(self, name: str, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        while line := await stream.readline():
            self.lines[name].append(line.decode())
            self._changed.set()
        self._changed.set()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the events of a name on standard error."""
        parsed = [json.loads(line) for line in self.lines["stderr"] if line.startswith("{")]
        return [event for event in parsed if event["event"] == name]

    async def event(self, name: str, number: int = 1) -> dict[str, Any]:
        """Wait for an event and give it."""
        async with asyncio.timeout(PATIENCE):
            while len(self.events(name)) < number:
                assert not all(reader.done() for reader in self._readers), self.output
                self._changed.clear()
                await self._changed.wait()
        return self.events(name)[number - 1]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The request lines."""
        return [json.loads(line) for line in self.lines["stdout"]]

    @property
    def output(self) -> str:
        """Everything that was printed."""
        return "".join(self.lines["stdout"] + self.lines["stderr"])

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end and give the exit code."""
        async with asyncio.timeout(PATIENCE):
            code = await self._process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def kill(self) -> None:
        """End it whatever it does."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._readers)

    def port(self, number: int = 0) -> int:
        """Give the port of a TCP listener, in the configuration's order."""
        return int(self.events("listening")[number]["address"].rpartition(":")[2])

    async def caller(self, number: int = 0) -> Caller:
        """Connect to a listener."""
        return await connect(self.port(number))

    async def call(self, raw: bytes, number: int = 0) -> Answer:
        """Send one request on a connection of its own and read the answer."""
        caller = await self.caller(number)
        await caller.send(raw)
        answer = await caller.answer()
        caller.close()
        return answer

    async def admin(self, path: str) -> Answer:
        """Ask the admin listener."""
        return await ask(int(self.events("admin-listening")[0]["address"].rpartition(":")[2]), path)


async def ask(port: int, path: str) -> Answer:
    """Send one GET to a port of this machine and read the answer."""
    caller = await connect(port)
    await caller.send(get(path))
    answer = await caller.answer()
    caller.close()
    return answer


@asynccontextmanager
async def run(
    path: Path,
    *words: str,
    environment: Mapping[str, str] | None = None,
    files: int | None = None,
    interpreter: str = sys.executable,
    sockets: Sequence[tuple[str, socket.socket]] = (),
    before: Sequence[str] = (),
    program: bool = False,
) -> AsyncIterator[Process]:
    """Start `fla-gateway run` with a configuration; what still runs at the end is killed.

    It is forked where nothing asked for can tell the difference.

    Args:
        path: the configuration.
        words: further arguments.
        environment: further environment variables.
        files: limit of open files.
        interpreter: the Python that runs it.
        sockets: passed to it as systemd does, each with its name.
        before: words of a program that starts it in its own place.
        program: started as a program, because the test looks at its start; see `forked_process`.
    """
    given = {**os.environ, **(environment or {})}
    arguments = ("run", "--config", str(path), *words)
    if program or files or before or interpreter != sys.executable or not can_fork(given):
        started: Any = await _start(arguments, given, files, interpreter, before)
    else:
        started = await fork_gateway(*arguments, environment=given, sockets=sockets)
    process = Process(started)
    try:
        yield process
    finally:
        await process.kill()


async def _start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    files: int | None,
    interpreter: str,
    before: Sequence[str],
) -> asyncio.subprocess.Process:
    prefix = [] if files is None else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
    return await asyncio.create_subprocess_exec(
        *(*before, *prefix, interpreter, "-m", "fla_gateway", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
