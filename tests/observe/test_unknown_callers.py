"""What is remembered and logged of calls without a valid key, over real connections."""

from __future__ import annotations

import asyncio
import socket

import pytest
from structlog.testing import capture_logs

from fla_gateway.observe.unknown_callers import MOST_PEERS, QUIET_SECONDS, UnknownCallers
from tests.support.waiting import eventually

MISSING = "credentials-missing"


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 6000.0

    def monotonic(self):
        """Give the time."""
        return self.now

    def wall(self):
        """Give the time since 1970."""
        return self.now + 1_000_000


class Transport:
    """What asyncio says of a connection."""

    def __init__(self, sock):
        self._sock = sock

    def get_extra_info(self, name):
        """Give its socket."""
        return self._sock if name == "socket" else None


class Elsewhere:
    """A connection from another machine; no test can make one."""

    family = socket.AF_INET

    def __init__(self, host):
        self._host = host

    def getpeername(self):
        """Give the other end."""
        return self._host, 1234

    def getsockname(self):
        """Give this end."""
        return "192.0.2.1", 8443


@pytest.fixture
def connection():
    """Connect to a port of this machine; give the accepted end."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            yield accepted


async def test_one_event_a_minute_with_the_user_of_the_machine(connection):
    """The first call is logged at once, with who made it; those after it are counted, and said a minute later."""
    clock, asked = Clock(), []

    def find_user(*ends):
        asked.append(ends)
        return 1001

    unknown = UnknownCallers(clock, find_user)
    with capture_logs() as events:
        for _ in range(5):
            unknown.note(MISSING, Transport(connection))
        await eventually(lambda: events)
        clock.now += QUIET_SECONDS
        unknown.note("credentials-refused", Transport(connection))
        await eventually(lambda: len(events) > 1)
    first = {"event": "unknown-callers", "log_level": "warning", "peer": "127.0.0.1", "uid": 1001}
    # The look-up takes a moment, in which four more came.
    assert events[0] == {**first, "code": "credentials-missing", "count": 5}
    assert events[1] == {**first, "code": "credentials-refused", "count": 1}
    assert asked == [(connection.getpeername(), connection.getsockname())] * 2


async def test_the_status_has_count_last_and_peers(connection):
    """How many in the last hour, and from where; nothing after an hour without any."""
    clock = Clock()
    unknown = UnknownCallers(clock, lambda *_: 1001)
    assert unknown.read(clock.now, clock.wall()) is None
    unknown.note(MISSING, Transport(connection))
    clock.now += 30 * 60
    unknown.note(MISSING, Transport(Elsewhere("192.0.2.77")))
    found = unknown.read(clock.now, clock.wall())
    assert found is not None
    assert (found.count, found.last, found.code) == (2, clock.wall(), MISSING)
    assert [(it.peer, it.count) for it in found.peers] == [("192.0.2.77", 1), ("127.0.0.1", 1)]
    later = unknown.read(clock.now + 40 * 60, 0)
    assert later is not None
    assert later.count == 1
    assert unknown.read(clock.now + 70 * 60, 0) is None


async def test_peers_are_bounded_and_strangers_afar_are_not_looked_up():
    """However many addresses try, sixteen are kept; a user is looked for on this machine alone."""
    clock = Clock()
    unknown = UnknownCallers(clock, lambda *_: pytest.fail("no user of this machine is looked up"))
    for number in range(40):
        unknown.note(MISSING, Transport(Elsewhere(f"192.0.2.{number + 10}")))
        clock.now += QUIET_SECONDS
    await asyncio.sleep(0)
    found = unknown.read(clock.now, clock.wall())
    assert found is not None
    assert len(found.peers) == MOST_PEERS
    assert found.peers[0].peer == "192.0.2.49"


async def test_the_user_of_a_unix_socket_is_known_at_once():
    """The kernel says who connected; no table is read."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other, capture_logs() as events:
        UnknownCallers(Clock(), lambda *_: None).note(MISSING, Transport(one))
    assert events[0]["peer"].startswith("uid ")
