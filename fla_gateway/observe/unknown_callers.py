"""State: calls without a valid credential, for the status page, and an event a minute.

Owns what is remembered of them: how many in the last hour, and from where the last ones came. Refuses to keep anything
of the request: it may hold a key with a single wrong letter.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog

from fla_gateway.clock import Clock
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.system.peer_credentials import peer_ids

MOST_PEERS: Final = 16
QUIET_SECONDS: Final = 60.0
"""Between two events, and between two look-ups of a user id: each reads tables of the kernel."""
_MINUTES: Final = 60
_LOG = structlog.get_logger()

FindUser = Callable[[tuple[Any, ...], tuple[Any, ...]], int | None]
"""Finds the user of the client's end of a connection within this machine, by both its ends; called in a thread."""


class Transport(Protocol):
    """What `asyncio.BaseTransport` says of its connection."""

    def get_extra_info(self, name: str, /) -> Any:
        """Give its socket."""
        ...


@dataclass(frozen=True, slots=True)
class UnknownPeer:
    """Where such calls came from.

    Attributes:
        peer: IP address, or ``uid N`` of a Unix socket.
        count: how many came from there, since it was remembered.
        last: when the last one came, in seconds since 1970.
    """

    peer: str
    count: int
    last: float


@dataclass(frozen=True, slots=True)
class UnknownCalls:
    """Calls without a valid credential.

    Attributes:
        count: of the last hour.
        last: when the last one came, in seconds since 1970.
        code: problem code that it got.
        uid: user id of the process that the last look-up found, or None.
        peers: where the last ones came from, the latest first.
    """

    count: int
    last: float
    code: str
    uid: int | None
    peers: tuple[UnknownPeer, ...]


class UnknownCallers:
    """Remembers. Made and used on the event loop's thread.

    Args:
        clock: the host's clocks.
        find_user: see `FindUser`.
    """

    def __init__(self, clock: Clock, find_user: FindUser) -> None:
        self._clock = clock
        self._find_user = find_user
        self._minutes: deque[tuple[float, int]] = deque(maxlen=_MINUTES)
        self._peers: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._code = ""
        self._uid: int | None = None
        self._said_at = float("-inf")
        self._unsaid = 0
        self._looking: asyncio.Future[int | None] | None = None

    def note(self, code: str, transport: Transport) -> None:
        """Take note of a call that was refused for want of a valid credential.

        Args:
            code: problem code.
            transport: of its connection.
        """
        now = self._clock.monotonic()
        self._count(now)
        self._code = code
        sock = transport.get_extra_info("socket")
        peer, ends = _peer(sock)
        count, _ = self._peers.pop(peer, (0, 0.0))
        self._peers[peer] = (count + 1, now)
        if len(self._peers) > MOST_PEERS:
            self._peers.popitem(last=False)
        self._unsaid += 1
        if now < self._said_at + QUIET_SECONDS:
            return
        self._said_at = now
        if ends is None:
            self._say(peer, None)
        else:
            self._look(peer, ends)

    def read(self, now: float, wall: float) -> UnknownCalls | None:
        """Give what is remembered; None if there was no such call within the last hour.

        Args:
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same moment.
        """
        oldest = now // QUIET_SECONDS - _MINUTES
        count = sum(number for minute, number in self._minutes if minute > oldest)
        if not count:
            return None
        shift = wall - now
        peers = tuple(UnknownPeer(name, *_shifted(it, shift)) for name, it in reversed(self._peers.items()))
        return UnknownCalls(count, peers[0].last, self._code, self._uid, peers)

    def _count(self, now: float) -> None:
        minute, number = now // QUIET_SECONDS, 1
        if self._minutes and self._minutes[-1][0] == minute:
            number += self._minutes.pop()[1]
        self._minutes.append((minute, number))

    def _look(self, peer: str, ends: tuple[tuple[Any, ...], tuple[Any, ...]]) -> None:
        self._looking = asyncio.get_running_loop().run_in_executor(None, self._find_user, *ends)
        self._looking.add_done_callback(lambda done: self._found(peer, done))

    def _found(self, peer: str, done: asyncio.Future[int | None]) -> None:
        self._looking = None
        if not done.cancelled():
            self._uid = done.result() if done.exception() is None else None
            self._say(peer, self._uid)

    def _say(self, peer: str, uid: int | None) -> None:
        count, self._unsaid = self._unsaid, 0
        _LOG.warning("unknown-callers", count=count, code=self._code, peer=peer, uid=uid)


def _shifted(counted: tuple[int, float], shift: float) -> tuple[int, float]:
    return counted[0], counted[1] + shift


def _peer(sock: Any) -> tuple[str, tuple[tuple[Any, ...], tuple[Any, ...]] | None]:
    """Name the peer of a connection, and give both ends where the user behind it can be looked for."""
    try:
        if sock is None or sock.family == socket.AF_UNIX:
            ids = None if sock is None else peer_ids(sock)
            return ("(unknown)" if ids is None else f"uid {ids.uid}"), None
        peer, own = sock.getpeername(), sock.getsockname()
    except OSError:
        return "(gone)", None
    # With equal addresses at both ends, the other end belongs to a process of this machine.
    return peer[0], (peer, own) if peer[0] == own[0] else None
