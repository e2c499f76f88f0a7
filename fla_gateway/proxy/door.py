"""A listener as the data path sees it: the names it answers to and the profiles it serves.

Owns two small memories of pure results, because callers send the same field block and poll the same address again and
again. Refuses to know sockets. What is remembered depends on nothing but the bytes it is remembered under.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fla_gateway.access.caller import Peer
from fla_gateway.access.memory import remember
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.request import read_request_line
from fla_gateway.proxy.request_fields import RequestFields, read_fields
from fla_gateway.proxy.routing import Route, RoutingTable, profile_of, route

# TRACE would show the caller the token that was sent upstream (RFC 9110, section 9.3.8). Methods are case-sensitive,
# but not every server knows: these are refused in any spelling.
_REFUSED_METHODS: Final = frozenset((b"CONNECT", b"TRACE", b"TRACK"))
_REMEMBERED: Final = 512
_LONGEST: Final = 2_048
"""Bytes of the longest block or line that is remembered: both memories together stay below some 4 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request line, judged. One that was remembered is known again by being the same object.

    Attributes:
        method: as written.
        minor: HTTP minor version.
        path: of the target, without query.
        route: where it leads, or None where `refusal` says why nowhere.
        refusal: why the request goes no further, or None.
        profile: name of the profile that it is for, wherever it leads; empty where it names none.
    """

    method: bytes
    minor: int
    path: bytes
    route: Route | None
    refusal: Refusal | None
    profile: str = ""


PeerOf = Callable[[Any], Peer | None]
"""Tells what a transport proves of the one at its other end."""


class Door:
    """One listener.

    Attributes:
        kind: index into `Account.addresses`: 1 for a profile's own door, and 2 more where TLS is spoken.
        peer_of: what is asked of each new connection, or None.
    """

    __slots__ = ("_asked", "_fields", "_guarded", "_names", "_secure", "_table", "_trusted", "kind", "peer_of")

    def __init__(
        self,
        table: RoutingTable,
        names: frozenset[bytes] | None,
        *,
        secure: bool = False,
        guarded: bool = False,
        trusted: frozenset[bytes] = frozenset(),
        peer_of: PeerOf | None = None,
    ) -> None:
        """Take what the listener serves.

        Args:
            table: profiles and their paths.
            names: host names, None for a Unix socket.
            secure: whether TLS is spoken.
            guarded: whether callers are configured, so that their credentials are read.
            trusted: origins whose pages may call.
            peer_of: what is asked of each new connection; None where transports prove nothing.
        """
        self._table = table
        self._names = names
        self._guarded = guarded
        self._trusted = trusted
        self._secure = secure
        self.kind = (table.only is not None) + 2 * secure
        self.peer_of = peer_of
        self._fields: dict[bytes, RequestFields] = {}
        self._asked: dict[bytes, Asked] = {}

    def fields(self, block: bytes, minor: int) -> RequestFields:
        """Read and judge a field block; see `request_fields.read_fields`."""
        if not minor:
            # HTTP/1.0 frames differently, and is too rare to remember.
            return self._read(block, minor)
        found = self._fields.get(block)
        if found is None:
            found = self._read(block, minor)
            if len(block) <= _LONGEST:
                remember(self._fields, block, found, _REMEMBERED)
        return found

    def _read(self, block: bytes, minor: int) -> RequestFields:
        return read_fields(block, minor, self._names, guarded=self._guarded, secure=self._secure, trusted=self._trusted)

    def asked(self, line: bytes) -> Asked:
        """Read and judge a request line with its CRLF; see `read_request_line` and `routing.route`."""
        found = self._asked.get(line)
        if found is None:
            found = self._judged(line)
            if len(line) <= _LONGEST:
                remember(self._asked, line, found, _REMEMBERED)
        return found

    def _judged(self, line: bytes) -> Asked:
        method, target, minor = read_request_line(line)
        led = route(target, self._table)
        refusal = _refused_method(method) or (led if isinstance(led, Refusal) else None)
        where = led if isinstance(led, Route) else None
        return Asked(method, minor, target.partition(b"?")[0], where, refusal, profile_of(target, self._table))


def _refused_method(method: bytes) -> Refusal | None:
    upper = method.upper()
    if upper not in _REFUSED_METHODS:
        return None
    if upper == b"CONNECT":
        return Refusal("method-refused", "This is a gateway with fixed upstreams and opens no tunnels.")
    return Refusal("method-refused", "TRACE would show the token that the gateway adds, so it is not forwarded.")
