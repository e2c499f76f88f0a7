"""`fla-gateway run` whose files change: what is applied by itself, and what waits for an explicit reload."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.keys import write_identity
from tests.support.process import run
from tests.support.raw_http import get
from tests.support.reloading import reloading
from tests.support.volumes import Volume
from tests.support.waiting import eventually

CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
watch = {watch}
[admin]
listen = "127.0.0.1:0"
[log]
format = "json"
level = "{level}"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "ca.pem"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""
CALLERS = """
[callers.payroll]
keys = [{ sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }]
[callers.payroll.allow]
employer = ["GET /REST/**"]
"""


@pytest.fixture
def files(tmp_path, ca_file, government):
    """Give the files of a volume, for what is written into its configuration."""
    (tmp_path / "identity").mkdir()
    write_identity(tmp_path / "identity")
    fixed = {path.name: path.read_bytes() for path in (tmp_path / "identity").iterdir()}
    fixed["ca.pem"] = ca_file.read_bytes()

    def make(more="", watch="true", level="info"):
        text = CONFIGURATION.format(watch=watch, level=level, port=government.port) + more
        return {**fixed, "gateway.toml": text.encode()}

    return make


@pytest.mark.asyncio(loop_factories=["asyncio"])  # of the test: the gateway takes its own
async def test_the_swap_of_a_volume_is_applied_by_itself(tmp_path, files):
    """And what would open more is not: it waits for an explicit reload, and the page says so."""
    volume = Volume(tmp_path / "volume", files())
    async with run(volume.path / "gateway.toml") as process:
        await process.event("ready")
        assert (await process.call(get())).status == 200
        volume.swap(files(CALLERS))
        changed = await process.event("configuration-changed-on-disk")
        assert (changed["file"], changed["files"]) == (str(volume.path / "gateway.toml"), 1)
        assert (await process.event("reloaded"))["cause"] == "watch"
        assert (await process.call(get())).status == 401
        volume.swap(files())
        assert (await process.event("reload-refused"))["cause"] == "watch"
        assert (await process.call(get())).status == 401
        (differing,) = json.loads((await process.admin("/status")).body)["configuration"]["differs"]
        assert differing["file"] == str(volume.path / "gateway.toml")
        page = (await process.admin("/")).body.decode()
        assert "gateway.toml" in page
        assert "reload to apply" in page
        assert b"fla_gateway_config_changed_files 1.0" in (await process.admin("/metrics")).body


async def test_the_bytes_of_files_are_not_kept(tmp_path, files):
    """Neither those of the start, once all keys are known, nor those of a reload; what they were known by is."""
    for name, content in files(watch="false", level="warning").items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "gateway.toml"
    path.write_text(path.read_text().replace("[log]", "[log]\nrequests = false"))
    async with reloading(path) as rig:
        first = rig.reloader.in_force.files
        watching = asyncio.get_running_loop().create_task(rig.reloader.watch())
        await eventually(lambda: not first._contents)
        await rig.change('"client-7"', '"client-8"')
        second = rig.reloader.in_force.files
        assert second is not first
        assert not second._contents
        assert second.sha256(tmp_path / "acme.pem")
        watching.cancel()
