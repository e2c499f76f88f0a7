"""The demo's environment: a sandbox in this process, a gateway in a process of its own, and a directory for both.

Owns ports, the generated configuration, and the gateway's start and end. Refuses to know the scenario.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from fla_gateway.errors import GatewayError
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.sandbox import Sandbox, SandboxOptions

PROFILE: Final = "employer"
PORTS: Final = (8480, 8481)
TOKEN_LIFE: Final = 3
PROCESSING_SECONDS: Final = 1.0
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
LOG_LINES: Final = 20


class NotReadyError(GatewayError):
    """The gateway did not become ready.

    Attributes:
        last_words: end of the gateway's log.
    """

    def __init__(self, reason: Text, last_words: str) -> None:
        super().__init__(reason, last_words)
        self.last_words = last_words


@dataclass(frozen=True, slots=True)
class Environment:
    """What a caller of the demo needs to know.

    Attributes:
        sandbox: the government side.
        gateway: origin of the gateway.
        admin: origin of the gateway's probes and metrics.
        log: file with everything that the gateway said.
    """

    sandbox: Sandbox
    gateway: str
    admin: str
    log: Path

    @property
    def base(self) -> str:
        """What a caller writes instead of the official origin."""
        return f"{self.gateway}/{PROFILE}"

    def last_words(self) -> str:
        """Give the end of the gateway's log."""
        return last_words(self.log)


def last_words(log: Path) -> str:
    """Give the end of a gateway's log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-LOG_LINES:])


@asynccontextmanager
async def set_up(directory: Path, *, usual_ports: bool) -> AsyncIterator[Environment]:
    """Start sandbox and gateway, wait until the gateway is ready, and end both.

    Args:
        directory: an empty directory for keys, configuration and log.
        usual_ports: whether the gateway takes its usual ports, where they are free.

    Raises:
        NotReadyError: the gateway did not become ready.
    """
    options = SandboxOptions(
        directory=directory / "sandbox", token_life=TOKEN_LIFE, processing_seconds=PROCESSING_SECONDS
    )
    sandbox = Sandbox(options)
    await sandbox.start()
    try:
        gateway, admin = (free_address(port if usual_ports else 0) for port in PORTS)
        environment = Environment(sandbox, f"http://{gateway}", f"http://{admin}", directory / "gateway.log")
        configuration = directory / "gateway.toml"
        configuration.write_text(gateway_toml(sandbox, gateway, admin))
        async with running_gateway(configuration, environment.admin, environment.log):
            yield environment
    finally:
        await sandbox.close()


def gateway_toml(sandbox: Sandbox, gateway: str, admin: str) -> str:
    """Write the gateway's configuration; a basic string of TOML is written as one of JSON.

    Args:
        sandbox: whose URLs, files and client it uses.
        gateway: address for callers, ``host:port``.
        admin: address of the admin listener, likewise.
    """
    return f"""\
[gateway]
listen = [{json.dumps(gateway)}]

[admin]
listen = {json.dumps(admin)}

[environments.sandbox]
api_base = {json.dumps(sandbox.url)}
token_url = {json.dumps(sandbox.token_url)}
ca_file = {json.dumps(str(sandbox.ca_file))}

[profiles.{PROFILE}]
environment = "sandbox"
client_id = {json.dumps(sandbox.client_id)}
key.pem = {json.dumps(str(sandbox.client_key_file))}
key.certificate = {json.dumps(str(sandbox.client_certificate_file))}
"""


@asynccontextmanager
async def running_gateway(configuration: Path, admin: str, log: Path) -> AsyncIterator[None]:
    """Start a gateway, wait until it is ready, and end it as an operator would.

    Args:
        configuration: its file.
        admin: origin of its probes.
        log: file for everything that it says.

    Raises:
        NotReadyError: it did not become ready.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fla_gateway", "run", "--config", str(configuration)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        await _until_ready(process, admin, log)
        yield
    finally:
        await _end(process)


async def _until_ready(process: asyncio.subprocess.Process, admin: str, log: Path) -> None:
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while process.returncode is None:
                if await _answers(session, f"{admin}/readyz"):
                    return
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        late = Text("the gateway was not ready after {seconds} s", seconds=int(START_SECONDS))
        raise NotReadyError(late, last_words(log)) from None
    ended = Text("the gateway ended with exit code {code}", code=process.returncode)
    raise NotReadyError(ended, last_words(log))


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.ok
    except aiohttp.ClientError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the gateway as an operator would; Ctrl-C in a terminal has reached it already."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def free_address(port: int) -> str:
    """Give a loopback address with that port, or with a free one where it is taken."""
    try:
        with socket.create_server(("127.0.0.1", port)) as found:
            return f"127.0.0.1:{found.getsockname()[1]}"
    except OSError:
        return free_address(0)
