"""`fla-gateway run` and SIGHUP: what is in force, and what is said of a reload that was refused."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.raw_http import get

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])


async def test_a_refused_reload_is_said_everywhere_until_it_is_cured(begin, government, tmp_path):
    """Log, metric, status and page; the gateway serves on as before, and then as the cured configuration says."""
    process = await begin()
    await process.event("ready")
    path = tmp_path / "gateway.toml"
    text = path.read_text()
    path.write_text(text.replace("[admin]", "[admin]\nredy = 'all'"))
    process.signal(signal.SIGHUP)
    fault = await process.event("reload-fault")
    assert fault["place"] == "gateway.toml: admin.redy"
    assert (await process.call(get())).status == 200
    status = json.loads((await process.admin("/status")).body)["configuration"]
    assert [it["place"] for it in status["faults"]] == ["gateway.toml: admin.redy"]
    assert status["generation"] == 1
    assert b"fla_gateway_config_last_reload_successful 0.0" in (await process.admin("/metrics")).body
    assert b"admin.redy" in (await process.admin("/")).body
    path.write_text(text.replace("[admin]", "[admin]\nready = 'all'"))
    process.signal(signal.SIGHUP)
    applied = await process.event("reloaded")
    assert (applied["generation"], applied["changes"]) == (2, ["admin.ready changed"])
    assert (await process.call(get())).status == 200


async def test_a_signal_that_ends_the_process_ends_a_reload_as_well(begin, government):
    """SIGTERM comes while the configuration is read: nothing waits for it."""
    process = await begin()
    await process.event("ready")
    process.signal(signal.SIGHUP)
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
