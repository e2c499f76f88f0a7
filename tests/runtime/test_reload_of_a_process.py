"""`fla-gateway run` and SIGHUP: what is in force, and what is said of a reload that was refused."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from fla_gateway.system.syscalls import syscall
from tests.support.cluster import AUDIENCE, ISSUER
from tests.support.keys import write_identity
from tests.support.raw_http import get
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])


def has_landlock():
    """Return whether this kernel has Landlock."""
    try:
        return syscall(444, None, 0, 1) > 0
    except OSError:
        return False


async def test_a_refused_reload_is_said_everywhere_until_it_is_cured(begin, government, tmp_path):
    """Log, metric, status and page; the gateway serves on as before, and then as the cured configuration says."""
    process = await begin()
    await process.event("ready")
    path = tmp_path / "gateway.toml"
    text = path.read_text()
    faulty = text.replace("[admin]", "[admin]\nredy = 'all'")
    line = faulty.splitlines().index("redy = 'all'") + 1
    path.write_text(faulty)
    process.signal(signal.SIGHUP)
    fault = await process.event("reload-fault")
    assert (fault["place"], fault["line"]) == ("gateway.toml: admin.redy", line)
    assert (await process.call(get())).status == 200
    status = json.loads((await process.admin("/status")).body)["configuration"]
    assert [(it["place"], it["line"]) for it in status["faults"]] == [("gateway.toml: admin.redy", line)]
    assert status["generation"] == 1
    assert b"fla_gateway_config_last_reload_successful 0.0" in (await process.admin("/metrics")).body
    assert f"gateway.toml:{line}: admin.redy".encode() in (await process.admin("/")).body
    path.write_text(text.replace("[admin]", "[admin]\nready = 'all'"))
    process.signal(signal.SIGHUP)
    applied = await process.event("reloaded")
    assert (applied["generation"], applied["changes"]) == (2, ["admin.ready changed"])
    assert (await process.call(get())).status == 200


async def test_a_change_made_during_the_start_is_read_once_it_is_done(begin, government, ca_file, tmp_path):
    """SIGHUP comes when the configuration has been read and nothing serves yet: what it is about takes over at last."""
    came, gate = asyncio.Event(), asyncio.Event()

    async def silent(_reader, writer):
        came.set()
        await gate.wait()
        writer.close()

    async with await asyncio.start_server(silent, "localhost", 0) as cluster:
        port = cluster.sockets[0].getsockname()[1]
        where = f'jwks_url = "https://localhost:{port}/keys"\nca_file = "{ca_file}"'
        process = await begin(more=f'[kubernetes]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\n{where}\n')
        async with asyncio.timeout(8 * PATIENCE):
            await came.wait()
        path = tmp_path / "gateway.toml"
        path.write_text(path.read_text().replace("[admin]", "[admin]\nready = 'all'"))
        process.signal(signal.SIGHUP)
        await process.event("signal")
        gate.set()
        assert (await process.event("reloaded"))["changes"] == ["admin.ready changed"]
    assert (await process.call(get())).status == 200


async def test_a_signal_that_ends_the_process_ends_a_reload_as_well(begin, government):
    """SIGTERM comes while the configuration is read: nothing waits for it."""
    process = await begin()
    await process.event("ready")
    process.signal(signal.SIGHUP)
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


@pytest.mark.skipif(not has_landlock(), reason="this kernel has no Landlock")
async def test_a_directory_that_landlock_does_not_allow_refuses_the_reload(
    begin, government, tmp_path, tmp_path_factory
):
    """It is named with its key; a new file in a directory that is allowed is read."""
    process = await begin(more="[security]\nlandlock = true", program=True)
    await process.event("ready")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = tmp_path / "gateway.toml"
    text = path.read_text()
    for folder in (elsewhere, tmp_path):
        write_identity(folder, "second")
    path.write_text(text.replace("acme.pem", f"{elsewhere}/second.pem").replace("acme.cer", f"{elsewhere}/second.cer"))
    process.signal(signal.SIGHUP)
    found = {(await process.event("reload-fault", number))["place"] for number in (1, 2)}
    assert found == {"profiles.employer.key.pem", "profiles.employer.key.certificate"}
    assert (await process.call(get())).status == 200
    path.write_text(text.replace("acme.", "second."))
    process.signal(signal.SIGHUP)
    assert (await process.event("reloaded"))["served"] == 1
    assert (await process.call(get())).status == 200
