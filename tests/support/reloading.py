"""A gateway on the loop of the test that can be reloaded: real keys, real TLS, a real token client."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from fla_gateway.clock import SystemClock
from fla_gateway.kubernetes.verifier import cluster_accounts
from fla_gateway.network.dialer import Dialer
from fla_gateway.oauth.client import TokenClient
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import CurrentConfiguration, read
from fla_gateway.runtime.composition.signing_keys import KeyFiles
from fla_gateway.runtime.composition.token_client import egress_of
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import DataPath, open_data_path
from fla_gateway.runtime.monitoring.telemetry import Observation, observe
from fla_gateway.runtime.profile_keys import Activation, ProfileKeys
from fla_gateway.runtime.reload import Reloaded, Reloader
from fla_gateway.runtime.running_parts import Cause, RunningParts
from tests.support.raw_caller import Caller, connect
from tests.support.raw_http import Answer

SWEEP_SECONDS = 0.02


@dataclass(repr=False)
class Reloading:
    """A gateway that runs."""

    path: Path
    gateway: DataPath
    reloader: Reloader
    client: TokenClient
    observation: Observation
    callers: list[Caller] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Port of the first listener."""
        port: int = self.gateway.bound[0].sock.getsockname()[1]
        return port

    @property
    def profiles(self) -> Any:
        """The profiles of the generation in force."""
        return self.gateway.current.generation.profiles

    def rewrite(self, before: str, after: str) -> None:
        """Replace a text of the configuration."""
        text = self.path.read_text(encoding="utf-8")
        assert before in text
        self.path.write_text(text.replace(before, after), encoding="utf-8")

    async def reload(self, *, cause: Cause = "admin", dry_run: bool = False) -> Reloaded:
        """Reload, the files being at rest: a quarter of a second would be waited for what has just been written."""
        for file in self.path.parent.iterdir():
            _settle_new(file)
        return await self.reloader.reload(cause=cause, dry_run=dry_run)

    async def change(self, before: str, after: str) -> Reloaded:
        """Replace a text of the configuration and reload."""
        self.rewrite(before, after)
        return await self.reload()

    async def caller(self, port: int | None = None) -> Caller:
        """Connect."""
        caller = await connect(port or self.port)
        self.callers.append(caller)
        return caller

    def hang_up(self) -> None:
        """Close what callers have left open."""
        for caller in self.callers:
            caller.close()

    async def call(self, raw: bytes, port: int | None = None) -> Answer:
        """Send one request on a connection of its own and read the answer."""
        caller = await self.caller(port)
        await caller.send(raw)
        answer = await caller.answer()
        caller.close()
        return answer


@asynccontextmanager
async def reloading(
    path: Path, clock: Any = None, output: LineWriter | None = None, pause: float = 60.0
) -> AsyncIterator[Reloading]:
    """Run a gateway.

    Args:
        path: of the configuration.
        clock: by default the host's.
        output: takes request lines; without it `log.requests` of the configuration has to be false.
        pause: see `Activation`.
    """
    clock = clock or SystemClock()
    configured = read(path, clock)
    configuration = configured.settings.configuration
    files = KeyFiles(configured, lambda: datetime.fromtimestamp(clock.wall(), UTC), validate=False)
    keys = ProfileKeys(configured)
    for name in files.names:
        keys.learn(name, files.load(name))
    trust, egress = (
        Trust(configuration.egress.ca_file, configured.files),
        egress_of(configuration.egress, configured.files),
    )
    trust.prepare(configured.profiles)
    dialer = Dialer(clock.monotonic)
    client = TokenClient(keys.signing, trust.context_for, clock, egress=egress, dialer=dialer)
    current = CurrentConfiguration(configured)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.sleep, 0)
        observation = observe(current, clock, cast("LineWriter", output))
        stack.callback(observation.close)
        cluster = await stack.enter_async_context(AsyncExitStack())
        context = ProcessContext(
            client, trust.context, clock, dialer, observation.observer, observation.key, egress, observation.journal,
            await cluster_accounts(configuration.kubernetes, clock, cluster, dialer, configured.files),
        )  # fmt: skip
        gateway = open_data_path(current, keys.unavailable, context, keys=keys.known)
        activation = Activation(keys, gateway.current, files.load, clock, observation.note_accounts, pause)
        parts = RunningParts(
            configured, lambda _: True, context, trust, client, activation, observation, clock, cluster
        )
        reloader = Reloader(path, gateway, parts)
        stack.push_async_callback(client.close)
        stack.push_async_callback(gateway.tokens.close)
        gateway.server.start(1024, sweep_seconds=SWEEP_SECONDS)
        stack.push_async_callback(gateway.server.close)
        await gateway.listeners.start()
        stack.callback(gateway.listeners.close)
        for work in (gateway.refresher.run(), activation.run(None)):
            task = asyncio.get_running_loop().create_task(work)
            stack.push_async_callback(_ended, task)
        found = Reloading(path, gateway, reloader, client, observation)
        stack.callback(found.hang_up)
        yield found


def settle(path: Path) -> None:
    """Have a file changed so long ago that nothing could still be writing it."""
    old = time.time() - 60
    os.utime(path, (old, old))


def _settle_new(path: Path) -> None:
    """Settle a file that was not settled before: two reloads at once do not change it for each other."""
    status = path.lstat()
    if stat.S_ISREG(status.st_mode) and status.st_mtime > time.time() - 2:
        settle(path)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
