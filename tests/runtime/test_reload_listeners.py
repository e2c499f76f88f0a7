"""What a reload makes of TLS, of client certificates, and of what the process kept of its first configuration."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from fla_gateway.errors import ReloadRefusedError
from tests.runtime.test_reload import CONFIGURATION, government, write_key  # noqa: F401 - a fixture
from tests.support.cluster import AUDIENCE, ISSUER, claims, jwk, jwks, sign
from tests.support.keys import (
    TlsAuthority,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    write_private,
)
from tests.support.raw_http import get
from tests.support.reloading import reloading

CERTIFIED = """
[callers.payroll]
certificate_names = ["payroll.example"]
[callers.payroll.allow]
employer = ["GET /REST/**"]
"""
PLAIN = 'listen = ["127.0.0.1:0"]'
TLS = (
    'listen = [{ address = "127.0.0.1:0", tls = '
    '{ certificate = "server.crt", key = "server.key", client_ca = "clients.pem" } }]'
)


@pytest.fixture
def servers():
    """Make the authority of the listener's certificate."""
    return TlsAuthority("Servers")


@pytest.fixture
def clients():
    """Make the authority of the callers' certificates."""
    return TlsAuthority("Clients")


@pytest.fixture
async def start(tmp_path, ca_file, government, servers, clients):  # noqa: F811 - the fixture
    """Start gateways that speak TLS."""
    async with AsyncExitStack() as stack:

        async def begin(listen=TLS, more=CERTIFIED):
            write_pair(tmp_path, servers)
            clients.write_root(tmp_path, "clients.pem")
            for name in ("acme", "other"):
                write_key(tmp_path, name)
            path = tmp_path / "gateway.toml"
            text = CONFIGURATION.format(port=government.port, ca_file=ca_file, more=more)
            path.write_text(text.replace(PLAIN, listen))
            return await stack.enter_async_context(reloading(path))

        yield begin


def write_pair(folder, servers):
    """Write certificate and key of the listener."""
    for path, name in zip(servers.write_server(folder, "localhost"), ("server.crt", "server.key"), strict=True):
        path.rename(folder / name)


class TlsCaller:
    """A caller over TLS, with a certificate or without."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @property
    def certificate(self):
        """The listener's certificate."""
        return self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)

    def close(self):
        """Close the connection."""
        self.writer.transport.abort()

    async def status(self):
        """Send a request and give the status of its answer."""
        self.writer.write(get())
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(it[15:]) for it in head.split(b"\r\n") if it.lower().startswith(b"content-length:"))
        await self.reader.readexactly(length)
        return int(head[9:12])


async def connected(running, servers, clients=None, folder=None):
    """Connect over TLS."""
    context = servers.client_context()
    if clients is not None:
        key = make_ec()
        certificate = make_certificate(
            key,
            issuer=clients.issuer,
            extensions=(
                (x509.SubjectAlternativeName([x509.DNSName("payroll.example")]), False),
                (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            ),
        )
        write_private(folder / "client.pem", certificate_pem(certificate) + key_pem(key))
        context.load_cert_chain(folder / "client.pem")
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=context, server_hostname="localhost")
    caller = TlsCaller(reader, writer)
    running.callers.append(caller)
    return caller


async def test_a_renewed_certificate_is_shown_to_new_connections(start, tmp_path, servers, clients):
    """The socket and the open connections stay."""
    running = await start()
    before = await connected(running, servers, clients, tmp_path)
    assert await before.status() == 200
    sock = running.gateway.bound[0].sock
    write_pair(tmp_path, servers)
    reloaded = await running.reload()
    assert {it.path for it in reloaded.changes} == {
        "gateway.listen[0].tls.certificate", "gateway.listen[0].tls.key"
    }  # fmt: skip
    assert running.gateway.bound[0].sock is sock
    after = await connected(running, servers, clients, tmp_path)
    assert after.certificate != before.certificate
    assert await after.status() == await before.status() == 200


async def test_a_connection_that_other_roots_have_proven_proves_nothing(start, tmp_path, servers, clients):
    """From its next head on, and it is closed: what would prove its caller now is shown on another one only."""
    running = await start()
    caller = await connected(running, servers, clients, tmp_path)
    assert await caller.status() == 200
    await running.reload()
    assert await caller.status() == 200
    TlsAuthority("Others").write_root(tmp_path, "clients.pem")
    await running.reload()
    assert await caller.status() == 401
    assert await caller.reader.read() == b""


async def test_a_root_beside_the_former_ones_costs_no_connection(start, tmp_path, servers, clients):
    """While an authority is replaced its successor is trusted as well: what the former one has proven stays proven."""
    running = await start()
    caller = await connected(running, servers, clients, tmp_path)
    assert await caller.status() == 200
    others = TlsAuthority("Others")
    (tmp_path / "clients.pem").write_bytes(others.pem + clients.pem)
    assert (await running.reload()).changes
    assert await caller.status() == 200
    assert await (await connected(running, servers, others, tmp_path)).status() == 200


async def test_a_caller_without_a_certificate_keeps_its_connection(start, tmp_path, servers, clients):
    """It may show another proof with its next request."""
    caller = await connected(await start(), servers)
    assert [await caller.status(), await caller.status()] == [401, 401]


async def test_tls_that_comes_or_goes_ends_the_connections_of_before(start, tmp_path, servers, clients):
    """On the same port; whoever connects next speaks as the configuration says."""
    running = await start()
    port = running.port
    running.rewrite("127.0.0.1:0", f"127.0.0.1:{port}")
    await running.reload()
    caller = await connected(running, servers, clients, tmp_path)
    assert await caller.status() == 200
    running.rewrite(TLS.replace("127.0.0.1:0", f"127.0.0.1:{port}"), f'listen = ["127.0.0.1:{port}"]')
    running.rewrite(CERTIFIED, "")
    await running.reload()
    assert await caller.reader.read() == b""
    assert (await running.call(get())).status == 200


async def test_a_certificate_that_cannot_be_used_refuses_the_reload(start, tmp_path, servers, clients):
    """Half of a renewal: the key is another one."""
    running = await start()
    write_private(tmp_path / "server.key", (tmp_path / "acme.pem").read_bytes())
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload()
    assert caught.value.faults[0].place.startswith("gateway.listen[0].tls")
    assert await (await connected(running, servers, clients, tmp_path)).status() == 200


async def test_limits_of_connections_follow(start):
    """A lower one stops accepting at once; a higher one goes on."""
    running = await start(PLAIN, "")
    connections = running.gateway.server.connections
    running.reloader.followers.append(
        lambda configured: lambda: connections.allow(configured.settings.configuration.gateway.max_connections)
    )
    first, second = await running.caller(), await running.caller()
    for caller in (first, second):
        await caller.send(get())
        assert (await caller.answer()).status == 200
    await running.change(PLAIN, PLAIN + "\nmax_connections = 2")
    third = await running.caller()
    await third.send(get())
    await first.send(get())
    assert (await first.answer()).status == 200
    assert len(connections.members) == 2
    await running.change("max_connections = 2", "max_connections = 3")
    assert (await third.answer()).status == 200


async def test_the_journal_records_each_configuration_and_can_be_left_out(start, tmp_path):
    """The chain goes on; what begins without a journal is not in it."""
    running = await start(PLAIN, '[audit]\npath = "journal"\n')
    assert (await running.call(get())).status == 200
    reloaded = await running.change(PLAIN, PLAIN + "\ndrain_seconds = 3")
    assert reloaded.applied
    fingerprint = running.gateway.current.configured.fingerprint
    (segment,) = (tmp_path / "journal").glob("*.jsonl")
    lines = [json.loads(it) for it in segment.read_text().splitlines()]
    (found,) = [it for it in lines if it["record"] == "configuration"]
    assert found["configuration"] == fingerprint
    await running.change('[audit]\npath = "journal"\n', "")
    assert running.gateway.current.generation.journal is None
    assert (await running.call(get())).status == 200
    await running.change("[log]", '[audit]\npath = "journal"\n[log]')
    assert running.gateway.current.generation.journal is running.observation.journal


async def test_another_audience_of_service_accounts_holds_from_the_next_head_on(start, tmp_path):
    """What the former verifier has accepted is asked again of the new one; back again, it is accepted."""
    now = int(time.time())
    (tmp_path / "jwks.json").write_bytes(jwks(jwk(make_rsa())))
    more = (
        f'[kubernetes]\nissuer = "{ISSUER}"\naudience = "{AUDIENCE}"\njwks_file = "jwks.json"\n'
        '[callers.erp]\nservice_account = "payroll/erp"\nallow.employer = ["GET /REST/**"]\n'
    )
    running = await start(PLAIN, more)
    shown = f"Authorization: Bearer {sign(claims(iat=now - 10, nbf=now - 10, exp=now + 3600))}"
    call = get("/employer/REST/dimona/v2/x", shown)
    caller = await running.caller()
    before = AUDIENCE
    for audience, status in ((AUDIENCE, 200), ("another", 401), (AUDIENCE, 200)):
        await running.change(f'audience = "{before}"', f'audience = "{audience}"')
        before = audience
        await caller.send(call)
        assert (await caller.answer()).status == status
