"""TLS on the admin listener of a running gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fla_gateway.runtime.monitoring.admin_listener import MOST_HANDSHAKES
from tests.support.keys import write_identity
from tests.support.process import run
from tests.support.raw_caller import connect
from tests.support.raw_http import get
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = {{ address = "127.0.0.1:0", tls = {{ certificate = "{certificate}", key = "{key}" }} }}
[log]
format = "json"
[profiles.employer]
environment = "simulation"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""


async def test_the_admin_listener_speaks_tls_alone(authority, tmp_path):
    """With `tls` a probe over TLS is answered, and one in clear text is not."""
    write_identity(tmp_path)
    certificate, key = authority.write_server(tmp_path)
    (tmp_path / "gateway.toml").write_text(CONFIGURATION.format(certificate=certificate, key=key))
    async with run(tmp_path / "gateway.toml") as process:
        found = await process.event("admin-listening")
        port = int(found["address"].rpartition(":")[2])
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("localhost", port, ssl=authority.client_context())
            writer.write(get("/livez", "Connection: close"))
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        plain = await connect(port)
        await plain.send(get("/livez"))
        assert await plain.ended() or not plain.stream.buffer.startswith(b"HTTP/")
        plain.close()


def descriptors(pid: int) -> int:
    """Count the open files of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_handshakes_that_never_end_use_up_nothing(authority, tmp_path):
    """Whoever reaches the port can hold a bounded number of descriptors, and keeps neither probes nor callers out."""
    write_identity(tmp_path)
    certificate, key = authority.write_server(tmp_path)
    (tmp_path / "gateway.toml").write_text(CONFIGURATION.format(certificate=certificate, key=key))
    async with run(tmp_path / "gateway.toml") as process:
        found = await process.event("admin-listening")
        port = int(found["address"].rpartition(":")[2])
        before = descriptors(process.pid)
        silent = [await connect(port) for _ in range(4 * MOST_HANDSHAKES)]
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("localhost", port, ssl=authority.client_context())
            writer.write(get("/livez", "Connection: close"))
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        assert descriptors(process.pid) <= before + 2 * MOST_HANDSHAKES
        for one in silent:
            one.close()
