"""The way to a server, hop by hop: every failure is produced with real sockets and TLS on addresses of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.diagnosis.inspecting_proxies import inspecting_product
from fla_gateway.diagnosis.network_checks import Hops, check_way
from fla_gateway.i18n.message import Text
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import CHECK_NETWORK, ROOTS, Destination, Egress, Route
from tests.support.addresses import BlackHole, address
from tests.support.keys import TlsAuthority

HOST = "token.example"
NOW = datetime.now(UTC)
DEAD = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.fixture(scope="module")
def authority():
    """Give the authority that is trusted."""
    return TlsAuthority("Trusted authority")


@pytest.fixture(scope="module")
def trusted(authority, tmp_path_factory):
    """Give the TLS of a server that is what it says."""
    return authority.server_context(tmp_path_factory.mktemp("tls"), HOST)


class Way:
    """A way to a server, and what comes of it."""

    def __init__(self, authority):
        self.addresses = ["127.0.0.1"]
        self.error = None
        self.host = HOST
        self.answers = threading.Event()
        self.answers.set()
        self.hops = self._hops(authority.client_context())

    def _hops(self, tls):
        def look_up(_host):
            self.answers.wait()
            if self.error is not None:
                raise self.error
            return [address(it) for it in self.addresses]

        resolver = Resolver(time.monotonic, lookup=look_up)
        return Hops(tls, Dialer(time.monotonic, resolver), resolver, own_roots=False, now=NOW.timestamp())

    async def check(self, port, proxy=None, **changes):
        """Go the way; give the checks by their codes."""
        there = Destination(self.host, port, Text("token server"), "token_url", ROOTS, CHECK_NETWORK)
        found = await check_way("token-server", Route(there, proxy), replace(self.hops, **changes))
        return {it.code: it for it in found}


@pytest.fixture
def way(authority):
    """Give a way to 127.0.0.1."""
    return Way(authority)


@contextlib.asynccontextmanager
async def listening(serve, host="127.0.0.1", port=0, tls=None):
    """Run a server; give its port. Its connections have ended when it has."""
    running, writers = set(), []

    async def one(reader, writer):
        handling = asyncio.current_task()
        assert handling is not None
        running.add(handling)
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await serve(reader, writer)
        writer.transport.abort()

    async with await asyncio.start_server(one, host, port, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*running)


@contextlib.asynccontextmanager
async def serving(tls, host="127.0.0.1", port=0, received=None):
    """Run a server that never says anything; give its port."""

    async def listen(reader, _writer):
        data = await reader.read()
        if received is not None:
            received.append(data)

    async with listening(listen, host, port, tls) as found:
        yield found


def verdicts(checks):
    """Give the verdicts by code."""
    return {code: it.verdict for code, it in checks.items()}


async def test_a_way_that_is_fine_names_addresses_authority_and_latency(way, trusted):
    """Each hop has its duration, and says what it rules out."""
    async with serving(trusted) as port:
        found = await way.check(port)
    assert verdicts(found) == {"name": "ok", "tcp": "ok", "tls": "ok"}
    assert found["name"].seen == f"{HOST}: IPv4 127.0.0.1; IPv6 none"
    assert found["tls"].seen == "issued by Trusted authority"
    assert all(it.seconds is not None and it.rules_out for it in found.values())
    assert "inspecting" in found["tls"].rules_out


async def test_with_roots_of_the_company_an_inspecting_proxy_is_not_ruled_out(way, trusted):
    """One whose authority is trusted looks like the server."""
    async with serving(trusted) as port:
        found = await way.check(port, own_roots=True)
    assert "inspecting" not in found["tls"].rules_out
    assert found["tls"].shared == ""


async def test_a_product_that_opens_tls_and_is_trusted_is_named(tmp_path):
    """The way is fine, since its authority was put into ca_file; what answers is the product."""
    inspecting = TlsAuthority("Zscaler Intermediate Root CA (company.example)")
    way = Way(inspecting)
    async with serving(inspecting.server_context(tmp_path, HOST)) as port:
        found = (await way.check(port, own_roots=True))["tls"]
    assert found.verdict == "ok"
    assert found.seen.endswith("Zscaler opens the connection, and is trusted here")


async def test_name_servers_that_do_not_answer(way):
    """The name servers are to be checked, not the firewall; later hops are not reached."""
    way.error = DEAD
    found = await way.check(443)
    assert verdicts(found) == {"name": "fatal", "tcp": "skipped", "tls": "skipped"}
    assert "Temporary failure" in found["name"].seen
    assert found["name"].cause == "no name server answers this machine"
    assert "name servers of this machine" in found["name"].cure


async def test_name_servers_that_say_nothing_at_all(way):
    """The doctor does not wait for them either; a corporate proxy is no cure where one is configured."""
    way.answers.clear()
    found = await way.check(443, Egress("proxy.example", 8080), seconds=0.2)
    way.answers.set()
    assert verdicts(found) == {"name": "fatal", "tcp": "skipped", "proxy": "skipped", "tls": "skipped"}
    assert "was not resolved within 0.2 s" in found["name"].seen
    assert found["name"].cure == "Check the name servers of this machine."


@pytest.mark.parametrize(
    ("host", "cause"), [(HOST, "the name is misspelt, or "), ("services.socialsecurity.be", "the name servers of this")]
)
async def test_a_name_that_only_the_internet_knows(way, host, cause):
    """Name servers of a company may know its own names alone; a preset's host is spelt rightly."""
    way.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    way.host = host
    found = await way.check(443)
    assert found["name"].cause.startswith(cause)
    assert "egress.proxy" in found["name"].cause


@pytest.mark.parametrize(("dead", "cause"), [("::1", "does not carry IPv6"), ("127.0.0.2", "a firewall drops")])
async def test_an_address_that_swallows_everything_is_named(way, trusted, dead, cause):
    """Another one accepts, so that nothing fails; but each connection may wait for the first."""
    if ":" in dead and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    way.addresses = [dead, "127.0.0.1"]
    async with serving(trusted) as port:
        hole = BlackHole(dead, port)
        found = await way.check(port, probe_seconds=1.0)
        hole.close()
    assert verdicts(found) == {"name": "ok", "tcp": "warning", "tls": "ok"}
    assert f"no answer from {dead}" in found["tcp"].seen
    assert cause in found["tcp"].cause
    assert not found["tcp"].rules_out


async def test_an_address_that_refuses_at_once_costs_nothing_and_is_no_finding(way, trusted):
    """Where a machine has no way for a family, the next address follows at once."""
    way.addresses = ["127.0.0.3", "127.0.0.1"]
    async with serving(trusted) as port:
        assert verdicts(await way.check(port)) == {"name": "ok", "tcp": "ok", "tls": "ok"}


async def test_a_hop_that_is_slow_is_a_finding_of_its_own(way, trusted):
    """It does not fail, and rules nothing out."""
    async with serving(trusted) as port:
        found = await way.check(port, slow_seconds=0.0)
    assert set(verdicts(found).values()) == {"warning"}
    assert "it is slow" in found["tls"].cause


async def test_what_each_address_presents_is_looked_at(way, authority, tmp_path):
    """Two addresses, two wrong servers: both certificates are named, each with its address."""
    inspecting = TlsAuthority("Zscaler Intermediate Root CA (company.example)").server_context(tmp_path, HOST)
    ended = authority.server_context(tmp_path, HOST, not_before=NOW - timedelta(9), not_after=NOW - timedelta(2))
    way.addresses = ["127.0.0.2", "127.0.0.1"]
    received: list[bytes] = []
    async with (
        serving(inspecting, "127.0.0.2", received=received) as port,
        serving(ended, port=port, received=received),
    ):
        found = await way.check(port)
    tls = found["tls"]
    assert tls.verdict == "fatal"
    assert "at 127.0.0.2 presents" in tls.cause
    assert "at 127.0.0.1 presents" in tls.cause
    assert "Zscaler issues such certificates where it opens TLS" in tls.cause
    assert f"until {NOW - timedelta(2):%Y-%m-%d}" in tls.cause
    assert f"this host's clock says {NOW:%Y-%m-%d %H:%M} UTC" in tls.cause
    assert b"".join(received) == b""


@pytest.mark.parametrize(
    ("names", "dates", "seen", "cure"),
    [
        (("other.example",), (None, None), "is for another name", "which server answers"),
        ((HOST,), (NOW - timedelta(9), NOW - timedelta(2)), "certificate has expired", "clock of this machine"),
        ((HOST,), (NOW + timedelta(2), NOW + timedelta(9)), "not yet valid", "clock of this machine"),
    ],
)
async def test_a_certificate_of_the_right_authority_that_does_not_fit(
    way, authority, tmp_path, names, dates, seen, cure
):
    """Another name, an end that has passed, a begin to come: names, dates and this host's clock are side by side."""
    tls = authority.server_context(tmp_path, *names, not_before=dates[0], not_after=dates[1])
    async with serving(tls) as port:
        found = (await way.check(port))["tls"]
    assert seen in found.seen
    assert cure in found.cure
    assert names[0] in found.cause
    assert "issued by CN=Trusted authority" in found.cause


async def test_a_port_that_speaks_no_tls(way):
    """The handshake fails, and there is no certificate to name."""

    async def greet(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()

    async with listening(greet) as port:
        found = (await way.check(port))["tls"]
    assert (found.verdict, found.cause) == ("fatal", "")
    assert "leads to a port that speaks TLS" in found.seen


class Proxy:
    """A corporate proxy: opens tunnels to 127.0.0.1, or answers what it is given."""

    def __init__(self, answer=None):
        self.answer = answer
        self.heads = []

    async def serve(self, reader, writer):
        """See `asyncio.start_server`."""
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        if self.answer is not None:
            writer.write(self.answer)
            await reader.read()
            return
        port = int(self.heads[-1].split()[1].rpartition(b":")[2])
        there_reader, there = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def carry(source, sink):
            with contextlib.suppress(ConnectionError):
                while piece := await source.read(65_536):
                    sink.write(piece)
            sink.transport.abort()

        await asyncio.gather(carry(reader, there), carry(there_reader, writer))

    @contextlib.asynccontextmanager
    async def running(self):
        """Run it; give what leads to it."""
        async with listening(self.serve) as port:
            yield Egress("proxy.example", port)


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n",
            "it offers NTLM, Nego",
        ),
        (b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", "it offers Basic"),
        (b"HTTP/1.1 403 No\r\n\r\n", "its administrators have to allow token.example:4433"),
        (b"HTTP/1.1 503 No\r\n\r\n", "it cannot reach the token server"),
        (b"SSH-2.0-x\r\n\r\n", "is not HTTP/1.1"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_the_finding(way, answer, seen):
    """Name and TCP of the proxy are fine; with NTLM alone it says what people run instead."""
    async with Proxy(answer).running() as proxy:
        found = await way.check(4433, proxy)
    assert verdicts(found) == {"name": "ok", "tcp": "ok", "proxy": "fatal", "tls": "skipped"}
    assert seen in found["proxy"].seen
    if b"NTLM" in answer:
        assert "cntlm or px" in found["proxy"].seen


async def test_a_proxy_that_is_not_there(way, unused_tcp_port):
    """The proxy is named as the setting is called; the firewall before the token server is not ruled out."""
    found = await way.check(443, Egress("proxy.example", unused_tcp_port))
    assert verdicts(found) == {"name": "ok", "tcp": "fatal", "proxy": "skipped", "tls": "skipped"}
    assert found["tcp"].seen.startswith("The corporate proxy cannot be reached")
    assert found["tcp"].cure == "Check egress.proxy."


async def test_behind_a_proxy_the_certificate_is_looked_at_once(way, tmp_path):
    """The tunnel leads wherever the proxy chooses; each further address would cost one more CONNECT."""
    other = TlsAuthority("Another company").server_context(tmp_path, HOST)
    way.addresses = ["127.0.0.1", "127.0.0.1"]
    proxy = Proxy()
    async with serving(other) as port, proxy.running() as egress:
        found = await way.check(port, egress)
    assert verdicts(found) == {"name": "ok", "tcp": "ok", "proxy": "ok", "tls": "fatal"}
    assert "issued by CN=Another company" in found["tls"].cause
    assert len(proxy.heads) == 2


@pytest.mark.parametrize(
    ("issuer", "product"),
    [
        ("CN=Zscaler Intermediate Root CA (zscaler.net),O=Zscaler Inc.,C=US", "Zscaler"),
        ("CN=FG100,O=Fortinet,C=US", "Fortinet"),
        ("CN=GEANT TLS RSA 1,O=Hellenic Academic and Research Institutions CA,C=GR", ""),
        ("CN=Acme Internal Root", ""),
    ],
)
def test_a_product_is_known_by_the_name_of_its_authority(issuer, product):
    """The authority of the social security's servers is none, and of a name that says nothing nothing is concluded."""
    assert inspecting_product(issuer) == product
