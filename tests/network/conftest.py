"""Servers on addresses of loopback, and dialers whose resolver is a dictionary."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import struct

import pytest

from fla_gateway.i18n.message import Text
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Destination, Route
from tests.support.addresses import BlackHole, address
from tests.support.keys import TlsAuthority


def pytest_asyncio_loop_factories(config, item):
    """Run everything on both loops: their sockets, TLS and errors differ."""
    factories = {"asyncio": asyncio.new_event_loop}
    with contextlib.suppress(ImportError):
        factories["uvloop"] = importlib.import_module("uvloop").new_event_loop
    return factories


class Clock:
    """Monotonic time that a test moves."""

    def __init__(self):
        self.time = 1_000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    """Give a clock at rest."""
    return Clock()


@pytest.fixture(scope="session")
def authority():
    """Give one certificate authority for the session."""
    return TlsAuthority()


@pytest.fixture(scope="session")
def server_tls(authority, tmp_path_factory):
    """Make a server's context for localhost and for the addresses of loopback."""
    return authority.server_context(tmp_path_factory.mktemp("tls"), "localhost")


class Peer:
    """A server on one address; what it does with a connection is given by its kind."""

    def __init__(self, kind, host, port=0, tls=None):
        self.kind, self.host, self.port, self.tls = kind, host, port, tls
        self.connections = 0
        self.heads = []
        self._writers = []
        self._hole = None

    async def start(self):
        if self.kind == "swallows":
            self._hole = BlackHole(self.host, self.port)
            self.port = self._hole.port
            return self
        if self.kind == "refuses":
            return self
        tls = self.tls if self.kind == "serves" else None
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await getattr(self, f"_{self.kind}")(reader, writer)

    async def _serves(self, reader, writer):
        await reader.read()

    async def _hangs(self, reader, writer):
        while await reader.read(65_536):
            pass

    async def _resets(self, reader, writer):
        await reader.read(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _closes(self, reader, writer):
        await reader.read(1)
        writer.close()

    async def _babbles(self, reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()

    async def _refuses_the_tunnel(self, reader, writer):
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n")
        await reader.read()

    async def _fails_the_tunnel(self, reader, writer):
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 503 No\r\n\r\n")
        await reader.read()

    async def _tunnels(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        there_reader, there = await asyncio.open_connection("127.0.0.1", int(head.split()[1].rpartition(b":")[2]))
        self._writers.append(there)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def carry(source, sink):
            with contextlib.suppress(ConnectionError):
                while piece := await source.read(65_536):
                    sink.write(piece)
            sink.close()

        await asyncio.gather(carry(reader, there), carry(there_reader, writer))

    def close(self):
        if self._hole is not None:
            self._hole.close()
        elif self.kind != "refuses":
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()


@pytest.fixture
async def peer(server_tls):
    """Start peers by kind; all are closed at the end."""
    made = []

    async def start(kind, host="127.0.0.1", port=0, tls=None):
        made.append(await Peer(kind, host, port, tls or server_tls).start())
        return made[-1]

    yield start
    for one in made:
        one.close()
    for _ in range(4):
        await asyncio.sleep(0)


class Opened(asyncio.Protocol):
    """The protocol of a connection that was opened."""

    def connection_made(self, transport):
        self.transport = transport


class Caller:
    """Dials localhost, whose addresses a test gives."""

    def __init__(self, authority, clock):
        self.names = {}
        self.lookups = []
        self.clock = clock
        self.tls = authority.client_context()
        self.dialer = Dialer(clock, Resolver(clock, lookup=self._look_up))
        self._opened = []

    def _look_up(self, host):
        self.lookups.append(host)
        found = self.names[host]
        if isinstance(found, OSError):
            raise found
        return [address(it) for it in found]

    async def dial(self, port, *hosts, seconds=4.0, proxy=None, name="localhost"):
        """Open a connection; give the address that it leads to."""
        self.names[proxy.host if proxy else name] = hosts
        destination = Destination(name, port, Text("API"), "api_base", Text("'ca_file'"), Text("Check the firewall."))
        made = await self.dialer.open(Route(destination, proxy), self.tls, Opened, seconds)
        self._opened.append(made)
        return made.transport.get_extra_info("peername")[0]

    def first(self, port, *hosts):
        """Give the address that would be tried first now."""
        return self.dialer._troubled.order([address(it, port) for it in hosts], self.clock())[0].socket[0]

    def close(self):
        for made in self._opened:
            made.transport.abort()


@pytest.fixture
async def caller(authority, clock):
    """Make a caller; its connections are closed at the end."""
    made = Caller(authority, clock)
    yield made
    made.close()
    for _ in range(4):
        await asyncio.sleep(0)
