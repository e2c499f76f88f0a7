"""A connection is made as long as one address of the name leads to the right server, within one time limit."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import socket
import threading
from pathlib import Path

import pytest

from fla_gateway.i18n.message import Text
from fla_gateway.network import dialer
from fla_gateway.network.connection_errors import NoConnectionError, Obstacle
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Destination, Egress, Route
from fla_gateway.secret import Secret
from tests.support.addresses import address
from tests.support.keys import TlsAuthority
from tests.support.waiting import PATIENCE, eventually

DOWN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
DEAD = ["swallows", "refuses", "hangs", "resets", "closes", "babbles"]
BOTH = [("127.0.0.2", "127.0.0.1"), ("::1", "127.0.0.1"), ("127.0.0.1", "::1")]


class Opened(asyncio.Protocol):
    """The protocol of a connection that was opened."""

    def connection_made(self, transport):
        self.transport = transport


async def failure(dialing):
    """Expect that there is no connection and give the error."""
    with pytest.raises(NoConnectionError) as caught:
        await dialing
    return caught.value


def descriptors():
    """Give the open sockets of this process."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        # The directory's own descriptor is closed by now.
        with contextlib.suppress(OSError):
            found.add(str(link.readlink()))
    return {it for it in found if it.startswith("socket:")}


def highest_descriptor():
    """Give the highest number of an open file."""
    return max(int(link.name) for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("hosts", BOTH)
@pytest.mark.parametrize("kind", DEAD)
async def test_one_dead_address_costs_no_call(peer, caller, kind, hosts):
    """Whatever is wrong with the first address, the second one serves, and from then on is tried first."""
    dead, alive = hosts
    good = await peer("serves", alive)
    await peer(kind, dead, good.port)
    assert await caller.dial(good.port, dead, alive, seconds=2) == alive
    assert caller.first(good.port, dead, alive) == alive


async def test_an_address_with_another_s_certificate_is_passed_over(peer, caller, tmp_path):
    """A wrong machine at one address is no reason to stand still; it never gets a byte of a request."""
    good = await peer("serves")
    await peer("serves", "127.0.0.2", good.port, TlsAuthority("another").server_context(tmp_path))
    assert await caller.dial(good.port, "127.0.0.2", "127.0.0.1") == "127.0.0.1"


async def test_an_address_is_tried_first_again_after_ten_minutes(peer, caller, clock):
    """What failed may have been repaired."""
    good = await peer("serves")
    await caller.dial(good.port, "127.0.0.2", "127.0.0.1")
    clock.time += 599
    assert caller.first(good.port, "127.0.0.2", "127.0.0.1") == "127.0.0.1"
    clock.time += 2
    assert caller.first(good.port, "127.0.0.2", "127.0.0.1") == "127.0.0.2"


async def test_an_address_that_serves_again_is_trusted_again(peer, caller):
    """A connection that was made forgets the failure."""
    good = await peer("serves", "127.0.0.2")
    caller.dialer._troubled.add(address("127.0.0.2", good.port), caller.clock())
    assert await caller.dial(good.port, "127.0.0.1", "127.0.0.2") == "127.0.0.2"
    assert caller.first(good.port, "127.0.0.2", "127.0.0.1") == "127.0.0.2"


@pytest.mark.parametrize(("count", "seconds"), [(2, 4), (3, 8)])
async def test_several_dead_addresses_share_the_time(peer, caller, count, seconds):
    """Each address that hangs in TLS gets half of what is left, so that the last one still has some."""
    good = await peer("serves")
    hosts = [f"127.0.0.{number}" for number in range(2, 2 + count)]
    for host in hosts:
        await peer("hangs", host, good.port)
    assert await caller.dial(good.port, *hosts, "127.0.0.1", seconds=seconds) == "127.0.0.1"


@pytest.mark.parametrize("kind", ["swallows", "hangs"])
async def test_all_addresses_together_have_one_time_limit(peer, caller, kind):
    """Of the kind late, after the time limit, with it in the message."""
    first = await peer(kind, "127.0.0.2")
    await peer(kind, "127.0.0.3", first.port)
    began = asyncio.get_running_loop().time()
    error = await failure(caller.dial(first.port, "127.0.0.2", "127.0.0.3", seconds=0.6))
    assert error.obstacle is Obstacle.LATE
    assert "0.6 s" in error.message
    assert "Check the firewall." in error.message
    assert asyncio.get_running_loop().time() - began >= 0.59


async def test_dozens_of_addresses(peer, caller):
    """One attempt tries twenty of them; what failed comes last, so that the next attempt gets to the others."""
    good = await peer("serves")
    hosts = [f"127.0.1.{number}" for number in range(1, 31)]
    error = await failure(caller.dial(good.port, *hosts, "127.0.0.1"))
    assert "connection refused" in error.message
    assert len(hosts) > dialer.MOST_ADDRESSES
    assert await caller.dial(good.port, *hosts, "127.0.0.1") == "127.0.0.1"


async def test_failures_of_different_kinds(peer, caller, tmp_path):
    """What says most is told: a certificate that is not trusted, before a closed port."""
    wrong = await peer("serves", "127.0.0.2", 0, TlsAuthority("another").server_context(tmp_path))
    error = await failure(caller.dial(wrong.port, "127.0.0.3", "127.0.0.2", "127.0.0.4"))
    assert error.obstacle is Obstacle.UNTRUSTED
    assert "not trusted" in error.message


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_literal_addresses_need_no_resolver(peer, caller, host):
    """An address of the configuration is used as it is; its certificate has to name it."""
    good = await peer("serves", host)
    error = await failure(caller.dial(good.port, name=host))
    assert error.obstacle is Obstacle.UNTRUSTED
    assert "for another name" in error.message
    assert caller.lookups == []
    assert caller.dialer._resolver._threads.running == 0


@pytest.mark.parametrize("host", ["fe80::1%lo", "fe80::1%1"])
async def test_an_address_with_a_zone_is_not_resolved_again(caller, host):
    """The scope id is enough for the system; there is no such server, and the message says so."""
    error = await failure(caller.dial(9, name=host, seconds=0.3))
    assert caller.lookups == []
    assert "No connection to fe80::1" in error.message


async def test_no_descriptor_left(peer, caller):
    """At the limit of open files the message names it, and no address is blamed."""
    good = await peer("serves", "127.0.0.2")
    await caller.dial(good.port, "127.0.0.2")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = highest_descriptor()
    spare = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        while True:
            try:
                spare.append(os.dup(0))
            except OSError:
                break
        error = await failure(caller.dial(good.port, "127.0.0.2", "127.0.0.1"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in spare:
            os.close(number)
    assert "too many open files" in error.message
    assert caller.first(good.port, "127.0.0.2", "127.0.0.1") == "127.0.0.2"


@pytest.mark.parametrize("kind", ["swallows", "hangs"])
@pytest.mark.parametrize("through_proxy", [False, True])
async def test_a_cancelled_attempt_leaves_no_socket(peer, caller, kind, through_proxy):
    """Nothing stays open, and nobody is blamed, when the caller goes."""
    one = await peer(kind)
    before = descriptors()
    proxy = Egress("proxy.example", one.port) if through_proxy else None
    dialing = asyncio.ensure_future(caller.dial(one.port, "127.0.0.1", "127.0.0.1", seconds=30, proxy=proxy))
    await eventually(lambda: one.connections if kind == "hangs" else len(descriptors()) > len(before))
    dialing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialing
    one.close()
    await eventually(lambda: descriptors() <= before)
    assert caller.dialer._troubled._failed == {}


class GivesUp(asyncio.Protocol):
    """The protocol of a connection that nothing waits for any more at the very moment at which it is made."""

    dialing: asyncio.Future[asyncio.Protocol]
    made = lost = False

    def connection_made(self, transport):
        self.made = True
        self.dialing.cancel()

    def connection_lost(self, exc):
        self.lost = True


def shake_hands(listening, tls):
    """Serve one connection, whatever the event loop does meanwhile."""
    with contextlib.suppress(OSError), tls.wrap_socket(listening.accept()[0], server_side=True) as connection:
        connection.recv(1)


async def test_a_handshake_that_is_given_up_in_its_last_step_is_no_fault(caller, authority, tmp_path):
    """The loop has nothing to report, and the protocol learns of its end."""
    protocol, faults, asked = GivesUp(), [], []
    tls = authority.server_context(tmp_path, "127.0.0.1")
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=shake_hands, args=(listening, tls))
        thread.start()
        port = listening.getsockname()[1]
        there = Destination("127.0.0.1", port, Text("API"), "api_base", Text("'ca_file'"), Text("Check the firewall."))

        def begin():
            asked.append(True)
            return protocol

        protocol.dialing = asyncio.ensure_future(caller.dialer.open(Route(there), caller.tls, begin, PATIENCE))
        while not protocol.dialing.done():
            await asyncio.sleep(0)
            if asked and not protocol.made:
                # So that the loop finds the whole answer of the server in the first turn in which it looks.
                thread.join(0.05)
        assert protocol.dialing.cancelled()
        await eventually(lambda: protocol.lost)
        await asyncio.to_thread(thread.join)
    assert faults == []


async def test_a_handshake_that_is_given_up_in_its_first_turn_closes_no_descriptor_twice(caller):
    """Its number is another connection's by then."""
    dialing: list[asyncio.Future[asyncio.Protocol]] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        there = Destination("127.0.0.1", port, Text("API"), "api_base", Text("'ca_file'"), Text("Check the firewall."))

        def begin():
            dialing[0].cancel()
            return asyncio.Protocol()

        before = asyncio.all_tasks()
        dialing.append(asyncio.ensure_future(caller.dialer.open(Route(there), caller.tls, begin, PATIENCE)))
        await asyncio.wait(dialing)
        await asyncio.wait((asyncio.all_tasks() - before) or dialing)
        await asyncio.sleep(0)
        assert dialing[0].cancelled()
        others = [socket.socket() for _ in range(8)]
        dialing.clear()
        gc.collect()
        for other in others:
            os.fstat(other.fileno())
            other.close()


@pytest.mark.parametrize("kind", ["hangs", "resets", "closes", "babbles", "fails_the_tunnel", "refuses"])
async def test_one_dead_address_of_the_proxy_costs_no_call(peer, caller, kind):
    """A proxy's name with several addresses is treated like any other name, CONNECT included."""
    api = await peer("serves")
    good = await peer("tunnels")
    await peer(kind, "127.0.0.2", good.port)
    proxy = Egress("proxy.example", good.port)
    assert await caller.dial(api.port, "127.0.0.2", "127.0.0.1", seconds=2, proxy=proxy) == "127.0.0.1"
    assert caller.lookups == ["proxy.example"]
    assert caller.first(good.port, "127.0.0.2", "127.0.0.1") == "127.0.0.1"


async def test_refused_credentials_are_not_sent_to_the_next_address(peer, caller):
    """A 407 is final: each further attempt would bring the account nearer to being locked."""
    first = await peer("refuses_the_tunnel", "127.0.0.2")
    second = await peer("tunnels", "127.0.0.1", first.port)
    proxy = Egress("proxy.example", first.port, "user", Secret("wrong"))
    error = await failure(caller.dial(443, "127.0.0.2", "127.0.0.1", proxy=proxy))
    assert error.obstacle is Obstacle.REFUSED
    assert (len(first.heads), second.connections) == (1, 0)
    assert caller.first(first.port, "127.0.0.2", "127.0.0.1") == "127.0.0.2"


async def test_a_name_without_an_address(caller):
    """The resolver's own word, and what to check."""
    caller.names["localhost"] = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    route = Route(Destination("localhost", 1, Text("API"), "api_base", Text("'ca_file'")))
    error = await failure(caller.dialer.open(route, caller.tls, asyncio.Protocol, 2.0))
    assert error.obstacle is Obstacle.UNREACHABLE
    assert error.message == "The name localhost cannot be resolved: Name or service not known. Check the name."


@pytest.mark.parametrize("through_proxy", [False, True])
async def test_old_addresses_serve_while_the_resolver_is_down(peer, caller, clock, through_proxy):
    """The API's name, or that of a proxy without credentials, leads where it led last."""
    api = await peer("serves")
    hop = await peer("tunnels") if through_proxy else api
    proxy = Egress("proxy.example", hop.port) if through_proxy else None
    await caller.dial(api.port, "127.0.0.1", proxy=proxy)
    caller.names[proxy.host if proxy else "localhost"] = DOWN
    clock.time += 60
    route = Route(Destination("localhost", api.port, Text("API"), "api_base", Text("'ca_file'")), proxy)
    made = await caller.dialer.open(route, caller.tls, Opened, 4.0)
    made.transport.abort()


async def test_credentials_go_to_no_old_address(peer, caller):
    """It may be another machine's by now, and CONNECT is not encrypted."""
    api, hop = await peer("serves"), await peer("tunnels")
    proxy = Egress("proxy.example", hop.port, "user", Secret("secret"))
    await caller.dial(api.port, "127.0.0.1", proxy=proxy)
    caller.names[proxy.host] = DOWN
    route = Route(Destination("localhost", api.port, Text("API"), "api_base", Text("'ca_file'")), proxy)
    error = await failure(caller.dialer.open(route, caller.tls, Opened, 4.0))
    assert "The name of the corporate proxy (egress.proxy) cannot be resolved" in error.message
    assert hop.connections == 1


async def test_a_short_time_limit_leaves_time_for_old_addresses(peer, authority, clock):
    """A look-up that hangs gets half of it."""
    api, hold = await peer("serves"), threading.Event()
    answers = iter([lambda: None, lambda: hold.wait(60)])

    def look_up(_):
        next(answers)()
        return [address("127.0.0.1")]

    dialer_of_it = dialer.Dialer(clock, Resolver(clock, lookup=look_up))
    route = Route(Destination("localhost", api.port, Text("API"), "api_base", Text("'ca_file'")))
    for _ in range(2):
        made = await dialer_of_it.open(route, authority.client_context(), Opened, 0.9)
        made.transport.abort()
    hold.set()
