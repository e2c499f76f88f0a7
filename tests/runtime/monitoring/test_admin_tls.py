"""TLS on the admin listener of a running gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from pathlib import Path

import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.runtime.monitoring.admin_listener import MOST_HANDSHAKES
from tests.support.forked_process import fork_gateway
from tests.support.keys import TlsAuthority, write_identity
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


BEYOND = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = {{ address = "0.0.0.0:0", tls = {{ certificate = "{certificate}", key = "{key}" }} }}
key = {{ sha256 = "{sha256}" }}
actions = {actions}
[log]
format = "json"
[profiles.employer]
environment = "simulation"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""


@pytest.fixture
def own_address():
    """Give an address of this machine beyond loopback; asking for the route to one sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.254", 9))
        except OSError:
            pytest.skip("this machine has no IPv4 address beyond loopback")
        return sock.getsockname()[0]


@pytest.mark.parametrize(("actions", "code"), [(True, 0), (False, 1)])
async def test_beyond_loopback_the_key_acts_over_tls_where_it_may(authority, tmp_path, own_address, actions, code):
    """Asked by an address that others reach too: no user id counts there, not even root's, and no key without TLS."""
    write_identity(tmp_path)
    certificate, key = authority.write_server(tmp_path, own_address)
    roots = authority.write_root(tmp_path, "admin-roots.pem")
    secret = new_key()
    switch = str(actions).lower()
    text = BEYOND.format(certificate=certificate, key=key, sha256=digest(secret), actions=switch)
    (tmp_path / "gateway.toml").write_text(text)
    async with run(tmp_path / "gateway.toml") as process:
        port = (await process.event("admin-listening"))["address"].rpartition(":")[2]
        tls = ("--admin", f"https://{own_address}:{port}", "--ca-file", str(roots))
        found, printed = await reload_by_command(*tls)
        assert (found, printed.partition(":")[0]) == (1, "credentials-missing" if actions else "actions-disabled")
        found, printed = await reload_by_command("--admin", f"http://{own_address}:{port}", key=secret)
        assert (found, "not sent in clear" in printed) == (1, True)
        found, printed = await reload_by_command(*tls, key=secret)
        assert (found, printed.startswith("applied")) == (code, actions), printed
        if actions:
            assert (await process.event("admin-action"))["by"] == "key"
        assert secret not in printed + process.output


async def test_access_and_certificate_of_the_admin_listener_follow_a_reload(authority, tmp_path, own_address):
    """Who may act, by which key, and over whose TLS; the socket stays, and what was open before as well."""
    write_identity(tmp_path)
    later = TlsAuthority("Later")
    former, secret = new_key(), new_key()
    path = tmp_path / "gateway.toml"

    def write(issuer, key, actions, level):
        certificate, private = issuer.write_server(tmp_path, own_address)
        text = BEYOND.format(certificate=certificate, key=private, sha256=digest(key), actions=actions)
        path.write_text(text.replace("[log]", f'[log]\nlevel = "{level}"'))

    write(authority, former, "false", "info")
    async with run(path) as process:
        port = (await process.event("admin-listening"))["address"].rpartition(":")[2]
        await process.event("ready")
        assert await act(authority, own_address, port, former) == 403
        write(later, secret, "true", "warning")
        process.signal(signal.SIGHUP)
        while await act(later, own_address, port, secret) is None:  # noqa: ASYNC110 - a handshake
            await asyncio.sleep(0.02)
        with pytest.raises(ssl.SSLCertVerificationError):
            await act(authority, own_address, port, secret, raises=True)
        assert await act(later, own_address, port, former) == 401
        assert await act(later, own_address, port, secret) == 200
        # By now events below warning are not written any more.
        assert process.events("reloaded") == []
        write(later, secret, "true", "info")
        process.signal(signal.SIGHUP)
        await process.event("reloaded")


async def act(authority, address, port, key, *, raises=False):
    """Ask for a dry run with a key; give the status, or None where the certificate is of another authority."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(address, port, ssl=authority.client_context())
            fields = f"Host: {address}:{port}\r\nX-Api-Key: {key}\r\nContent-Length: 0\r\nConnection: close"
            writer.write(f"POST /-/reload?dry_run=true HTTP/1.1\r\n{fields}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    except ssl.SSLCertVerificationError:
        if raises:
            raise
        return None
    return int(answer[9:12])


async def reload_by_command(*words, key=""):
    """Have a gateway reload by the command; give its exit code and what it printed."""
    process = await fork_gateway("reload", *words, environment={**os.environ, "FLA_GATEWAY_ADMIN_KEY": key})
    async with asyncio.timeout(8 * PATIENCE):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()
