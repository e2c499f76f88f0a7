"""What a connection proves of its other end: by the kernel on unix sockets, by certificates over TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from contextlib import AsyncExitStack, suppress

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import Peer
from fla_gateway.config.gateway_tables import Listener, ListenerTls
from fla_gateway.listeners.acceptor import Listeners
from fla_gateway.listeners.bind import bind
from fla_gateway.listeners.peer_identity import peer_of
from fla_gateway.system.peer_credentials import overflow_ids
from tests.support.keys import NOW, YEAR, TlsAuthority, certificate_pem, key_pem, make_certificate, make_ec
from tests.support.waiting import PATIENCE

NO_NAMESPACE = 77
CONNECT = """
import ctypes, os, socket, sys
family, address = int(sys.argv[1]), sys.argv[2].replace("@", chr(0), 1)
for change, number in ((os.setgid, int(sys.argv[4])), (os.setuid, int(sys.argv[3]))):
    if number >= 0:
        change(number)
if len(sys.argv) > 5 and ctypes.CDLL(None).unshare(0x10000000):  # CLONE_NEWUSER
    sys.exit(77)
with socket.socket(family) as sock:
    sock.connect(address)
    sock.recv(1)
"""


ELSEWHERE = """
import asyncio, ctypes, sys
if ctypes.CDLL(None).unshare(0x10000000):
    sys.exit(77)
from fla_gateway.system.peer_credentials import overflow_ids
from fla_gateway.listeners.peer_identity import peer_of
for name, line in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(line)

async def main():
    def visited(reader, writer):
        peer = peer_of(writer.transport)
        print(peer.uid, peer.gid, *overflow_ids(), flush=True)
        writer.close()
    async with await asyncio.start_unix_server(visited, sys.argv[1]):
        print("open", flush=True)
        await asyncio.sleep(20)

asyncio.run(main())
"""


class Door:
    """A listener that notes what each connection proves, and ends it."""

    def __init__(self) -> None:
        self.peers: asyncio.Queue[Peer | None] = asyncio.Queue()

    def protocol(self) -> asyncio.Protocol:
        """Make the protocol of a connection."""
        noted = self.peers.put_nowait

        class Noting(asyncio.Protocol):
            def connection_made(self, transport):
                noted(peer_of(transport))
                transport.close()

        return Noting()

    async def next(self) -> Peer | None:
        """Wait for the next connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.peers.get()


@pytest.fixture
async def opened():
    """Open listeners; they end with the test."""
    async with AsyncExitStack() as stack:

        async def begin(listener):
            door = Door()
            bound = bind(listener, "gateway.listen[0]")
            listeners = Listeners([(it, door.protocol) for it in bound])
            await listeners.start()
            stack.callback(listeners.close)
            return door, bound[0]

        yield begin
        await asyncio.sleep(0)


async def visit(address, uid=-1, gid=-1, *further):
    """Connect from a process of its own; give its exit code."""
    words = (sys.executable, "-c", CONNECT, str(int(socket.AF_UNIX)), str(address), str(uid), str(gid), *further)
    process = await asyncio.create_subprocess_exec(*words)
    async with asyncio.timeout(PATIENCE):
        return await process.wait()


@pytest.mark.parametrize("address", ["{folder}/s", "@fla-gateway-test-{pid}"])
async def test_a_unix_socket_tells_user_and_group(opened, tmp_path, address):
    """Of the process that connected, whether the socket has a file or an abstract name."""
    address = address.format(folder=tmp_path, pid=os.getpid())
    door, _ = await opened(Listener(address=f"unix:{address}"))
    assert await visit(address) == 0
    assert await door.next() == Peer(os.geteuid(), os.getegid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_is_told_apart(opened, open_folder):
    """His ids are the kernel's word, not his own."""
    door, _ = await opened(Listener(address=f"unix:{open_folder}/s", mode="0666"))
    assert await visit(open_folder / "s", 12_345, 23_456) == 0
    assert await door.next() == Peer(12_345, 23_456)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_user_of_another_namespace_is_who_he_is_here(opened, open_folder):
    """In a user namespace of his own everybody is free to be anybody; outside of it he stays who he was."""
    door, _ = await opened(Listener(address=f"unix:{open_folder}/s", mode="0666"))
    if await visit(open_folder / "s", 12_345, 12_345, "namespace") == NO_NAMESPACE:
        pytest.skip("this machine gives nobody a user namespace")
    assert await door.next() == Peer(12_345, 12_345)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_user_who_is_unknown_in_the_gateways_namespace_is_nobody(open_folder):
    """The kernel shows the overflow ids for him, as it does for all of his kind: no caller can be told by them."""
    words = (sys.executable, "-c", ELSEWHERE, str(open_folder / "s"))
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            if await process.stdout.readline() != b"open\n":
                pytest.skip("this machine gives nobody a user namespace")
            (open_folder / "s").chmod(0o666)
            assert await visit(open_folder / "s", 12_345, 12_345) == 0
            uid, gid, *overflow = (await process.stdout.readline()).split()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert [uid, gid] == overflow


async def test_the_ids_of_nobody_are_the_kernels():
    """As the kernel shows ids that have no counterpart here."""
    assert overflow_ids() == (65_534, 65_534)


async def test_tcp_proves_nothing(opened):
    """There is no peer to compare with anything."""
    door, bound = await opened(Listener(address="127.0.0.1:0"))
    _, writer = await asyncio.open_connection("127.0.0.1", bound.address.port)
    assert await door.next() is None
    writer.close()


class Visitor:
    """Callers of a TLS listener that knows one authority of client certificates."""

    def __init__(self, opened, folder) -> None:
        self.servers, self.clients, self.foreign = TlsAuthority(), TlsAuthority("Clients"), TlsAuthority("Foreign")
        self._opened = opened
        self._folder = folder

    async def open(self, *, client_ca=True):
        """Open the listener."""
        certificate, key = self.servers.write_server(self._folder)
        roots = self.clients.write_root(self._folder, "clients.pem") if client_ca else None
        tls = ListenerTls(certificate=certificate, key=key, client_ca=roots)
        self.door, bound = await self._opened(Listener(address="127.0.0.1:0", tls=tls))
        self.port = bound.address.port

    def certificate(self, authority, *names, usage=ExtendedKeyUsageOID.CLIENT_AUTH, ends=YEAR):
        """Issue a client certificate and give the context of a caller who shows it."""
        key = make_ec()
        extensions: list[tuple[x509.ExtensionType, bool]] = [(x509.ExtendedKeyUsage([usage]), False)]
        if names:
            extensions.append((x509.SubjectAlternativeName(names), False))
        certificate = make_certificate(
            key, subject="payroll.example", issuer=authority.issuer, not_before=NOW - 2 * YEAR, not_after=NOW + ends,
            extensions=tuple(extensions),
        )  # fmt: skip
        path = self._folder / "client.pem"
        path.write_bytes(key_pem(key) + certificate_pem(certificate))
        context = self.servers.client_context()
        context.load_cert_chain(path)
        return context

    async def visit(self, context):
        """Connect, and wait for the gateway's end of the connection."""
        reader, writer = await asyncio.open_connection("localhost", self.port, ssl=context)
        try:
            await reader.read()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
def visitor(opened, tmp_path):
    """Make the callers."""
    return Visitor(opened, tmp_path)


async def test_a_client_certificate_tells_its_names(visitor):
    """DNS (in lower case), URI and e-mail; never the common name."""
    await visitor.open()
    names = (
        x509.DNSName("Payroll.example"),
        x509.UniformResourceIdentifier("spiffe://acme/payroll"),
        x509.RFC822Name("it@acme.example"),
    )
    await visitor.visit(visitor.certificate(visitor.clients, *names))
    expected = frozenset({"payroll.example", "spiffe://acme/payroll", "it@acme.example"})
    peer = await visitor.door.next()
    assert peer is not None
    assert (peer.uid, peer.gid, peer.certificate_names) == (None, None, expected)
    ends = (NOW - 2 * YEAR, NOW + YEAR)
    assert (peer.not_before, peer.not_after) == tuple(moment.replace(microsecond=0).timestamp() for moment in ends)


async def test_a_common_name_proves_nobody(visitor):
    """A certificate without alternative names is valid, and names nobody."""
    await visitor.open()
    await visitor.visit(visitor.certificate(visitor.clients))
    assert await visitor.door.next() is None


async def test_a_name_of_the_wrong_kind_is_left_out(visitor):
    """A URI that reads like a host name is not one, since other rules may hold for who gets it."""
    await visitor.open()
    await visitor.visit(visitor.certificate(visitor.clients, x509.UniformResourceIdentifier("payroll.example")))
    assert await visitor.door.next() is None


async def test_no_certificate_is_needed(visitor):
    """Whoever shows none may still prove who he is by other means."""
    await visitor.open()
    await visitor.visit(visitor.servers.client_context())
    assert await visitor.door.next() is None


async def test_without_roots_no_certificate_counts(visitor):
    """A listener without client_ca asks for none, so that none is shown."""
    await visitor.open(client_ca=False)
    await visitor.visit(visitor.certificate(visitor.clients, x509.DNSName("payroll.example")))
    assert await visitor.door.next() is None


@pytest.mark.parametrize("kind", ["foreign", "servers", "expired", "for servers"])
async def test_a_certificate_that_is_not_good_is_refused(visitor, kind):
    """Of another authority, even one that the system or the listener itself knows, expired, or made for a server."""
    await visitor.open()
    authority = {"foreign": visitor.foreign, "servers": visitor.servers}.get(kind, visitor.clients)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if kind == "for servers" else ExtendedKeyUsageOID.CLIENT_AUTH
    ends = -YEAR if kind == "expired" else YEAR
    context = visitor.certificate(authority, x509.DNSName("payroll.example"), usage=usage, ends=ends)
    with capture_logs() as lines, suppress(OSError):
        # With TLS 1.3 a caller learns of it only at his first read, and some loops take the alert for an end.
        await visitor.visit(context)
    why = {"expired": "certificate has expired", "for servers": "unsuitable certificate purpose"}
    (line,) = lines
    assert line["last_reason"].startswith(f"certificate verify failed: {why.get(kind, '')}")
    assert visitor.door.peers.empty()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_resumed_session_shows_the_validity_of_its_certificate(visitor, version):
    """OpenSSL keeps sessions of TLS 1.2 whatever is asked of it, and verifies nothing when one is taken up again."""
    await visitor.open()
    context = visitor.certificate(visitor.clients, x509.DNSName("payroll.example"))
    context.maximum_version = version

    def visit(session):
        with (
            socket.create_connection(("127.0.0.1", visitor.port)) as raw,
            context.wrap_socket(raw, server_hostname="localhost", session=session) as sock,
        ):
            sock.recv(1)
            return sock.session, sock.session_reused

    session, _ = await asyncio.to_thread(visit, None)
    first = await visitor.door.next()
    _, reused = await asyncio.to_thread(visit, session)
    assert reused is (version is ssl.TLSVersion.TLSv1_2)
    assert await visitor.door.next() == first
    assert first is not None
    assert first.not_after == (NOW + YEAR).replace(microsecond=0).timestamp()


async def test_a_session_is_not_taken_up_again(visitor):
    """Where certificates count each connection shows its own: no ticket outlives one that has expired."""
    await visitor.open()
    context = visitor.certificate(visitor.clients, x509.DNSName("payroll.example"))

    def session():
        with (
            socket.create_connection(("127.0.0.1", visitor.port)) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as sock,
        ):
            sock.recv(1)
            return sock.session

    found = await asyncio.to_thread(session)
    assert found is None or not found.has_ticket
    assert isinstance(context, ssl.SSLContext)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_caller_whose_certificate_is_refused_is_sent_the_reason(visitor, version):
    """The alert of TLS: without it the caller saw the end of the connection, and looked for it in the network."""
    await visitor.open()
    context = visitor.certificate(visitor.clients, x509.DNSName("payroll.example"), ends=-YEAR)
    context.minimum_version = context.maximum_version = version

    def call() -> str:
        # On a thread of its own: the loops' own clients may take an alert for an end.
        sock = socket.create_connection(("127.0.0.1", visitor.port))
        try:
            with context.wrap_socket(sock, server_hostname="localhost") as tls:
                return f"{tls.recv(1)!r}"
        except ssl.SSLError as error:
            return str(error.reason)

    assert "EXPIRED" in await asyncio.to_thread(call)
