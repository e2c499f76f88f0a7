"""Thousands of exchanges over 64 connections, many cut, cancelled or reset: no answer ever reaches the wrong caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from fla_gateway.clock import SystemClock
from fla_gateway.network.dialer import Dialer
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import DataPath, open_data_path
from tests.soak.api import Api
from tests.soak.callers import Caller, Findings
from tests.support.gateway import CONFIGURATION, OWN, CanaryTokens, Records
from tests.support.keys import TlsAuthority

CALLERS = 64
# Fewer connections than callers: each carries exchanges of many callers in turn, and some have to wait for one.
SETTINGS = "[gateway.pool]\nconnections = 24\nqueue_seconds = 60"
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


@asynccontextmanager
async def gateway_before(api: Api, authority: TlsAuthority, folder: Path, records: Records) -> AsyncIterator[DataPath]:
    """Run the gateway in front of the load test's API."""
    authority.write_root(folder)
    (folder / "acme.pem").write_text("never read: the source of tokens is a fake")
    path = folder / "gateway.toml"
    path.write_text(CONFIGURATION.format(gateway=SETTINGS, own=OWN, authority=f"localhost:{api.port}"))
    around = ProcessContext(
        CanaryTokens(set()), Trust().context, SystemClock(), Dialer(SystemClock().monotonic), records, bytes(32)
    )
    gateway = open_data_path(read(path), {}, around)
    gateway.server.start(1024)
    await gateway.listeners.start()
    try:
        yield gateway
    finally:
        gateway.listeners.close()
        await gateway.server.close()
        await gateway.tokens.close()


async def load(folder: Path, exchanges: int, seed: int) -> None:
    """Send a load and judge it."""
    authority, records, findings = TlsAuthority(), Records(), Findings()
    api = Api(authority.server_context(folder))
    await api.start()
    try:
        async with gateway_before(api, authority, folder, records) as gateway:
            port = gateway.bound[0].sock.getsockname()[1]
            callers = [Caller(name, port, seed, findings) for name in range(CALLERS)]
            shares = [exchanges // CALLERS + (name < exchanges % CALLERS) for name in range(CALLERS)]
            await asyncio.gather(*(caller.work(share) for caller, share in zip(callers, shares, strict=True)))
            async with asyncio.timeout(20):
                await gateway.server.connections.drain(15)
            pool = gateway.server.generation.pool_snapshots()[0]
    finally:
        await api.close()
    judge(findings, api, exchanges)
    assert (pool.busy, pool.opening, pool.waiting) == (0, 0, 0), "the pool has lost something"
    assert pool.reused > exchanges // 4, "the connections were hardly shared"


def judge(findings: Findings, api: Api, exchanges: int) -> None:
    """Hold what both ends saw against what must hold."""
    assert findings.violations[:5] == []
    assert api.violations[:5] == []
    assert sum(findings.outcomes.values()) == exchanges
    assert findings.outcomes["whole"] > exchanges * 0.5, findings.outcomes
    for outcome in ("502", "cut within", "resets-in-body", "leaves-at-once", "closes-within", "resets-within"):
        assert findings.outcomes[outcome] > 0, findings.outcomes


@LOOPS
def test_no_answer_reaches_the_wrong_caller(loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    """Each of 384 answers over 64 connections is its request's own, to the last byte, or an honest failure."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(load(tmp_path, 384, seed=1))


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", [2, 3])
@LOOPS
def test_no_answer_reaches_the_wrong_caller_in_a_long_run(
    loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path, seed: int
) -> None:
    """As the short run, with 20,000 exchanges: the gateway is as whole at the end as it was before."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(load(tmp_path, 20_000, seed))
