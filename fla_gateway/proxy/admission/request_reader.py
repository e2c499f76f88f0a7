"""A listener as the data path sees it: the host names it answers to and the profiles it serves.

Owns caches of pure results, because callers send the same field block and poll the same address again and again;
they share their limit with all other caches (`access.bounded_cache`). Refuses to know sockets. A cached result depends
on nothing but the bytes that are its key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fla_gateway.access.authentication.caller import Peer
from fla_gateway.access.bounded_cache import LONGEST, MemoryLimit
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.request import read_request_line
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.admission.routing import Route, RoutingTable, not_served, profile_of, route
from fla_gateway.proxy.messages.request_fields import RequestFields, read_fields

# TRACE would show the caller the token that was sent upstream (RFC 9110, section 9.3.8). Methods are case-sensitive,
# but not every server knows: these are refused in any spelling.
_REFUSED_METHODS: Final = frozenset((b"CONNECT", b"TRACE", b"TRACK"))
_NO_TUNNEL: Final = Refusal("method-refused", Text("This is a gateway with fixed upstreams and opens no tunnels."))
_NO_TRACE: Final = Refusal(
    "method-refused", Text("TRACE would show the token that the gateway adds, so it is not forwarded.")
)
# Bytes of a cache entry: its fixed part, and how many times it holds its key or parts of it (measured).
_LINE_ENTRY: Final = 700
_LINE_COPIES: Final = 4
_BLOCK_ENTRY: Final = 800
_BLOCK_COPIES: Final = 2
_HEAD_ENTRY: Final = 300


class RoutedRequestLine:
    """A request line, judged. One that was remembered is recognised by being the same object.

    Attributes:
        method: as written.
        minor: HTTP minor version.
        path: of the target, without query.
        route: its route, or None where `refusal` says why it has none.
        refusal: why the request is rejected, or None.
        profile: name of the profile that it is for, with or without a route; empty where it names none.
        size: bytes that it takes up where it is remembered, else 0.
    """

    __slots__ = ("method", "minor", "path", "profile", "refusal", "route", "size")  # fmt: skip

    def __init__(
        self,
        method: bytes,
        minor: int,
        path: bytes,
        route: Route | None,
        refusal: Refusal | None,
        profile: str = "",
        size: int = 0,
    ) -> None:
        self.method = method
        self.minor = minor
        self.path = path
        self.route = route
        self.refusal = refusal
        self.profile = profile
        self.size = size


class RequestHead:
    """A request head, judged.

    Attributes:
        request_line: its request line.
        fields: its field block.
    """

    __slots__ = ("fields", "request_line")

    def __init__(self, request_line: RoutedRequestLine, fields: RequestFields) -> None:
        self.request_line = request_line
        self.fields = fields


PeerOf = Callable[[Any], Peer | None]
"""Returns what a transport proves about its peer."""


class RequestReader:
    """One listener.

    Attributes:
        kind: index into `ServedProfile.addresses`: 1 for a profile's own listener, and 2 more where TLS is spoken.
        peer_of: what is asked of each new connection, or None.
    """

    __slots__ = (
        "_asked", "_fields", "_heads", "_memory", "_names", "_secure", "_table", "_trusted", "kind", "peer_of",
    )  # fmt: skip

    def __init__(
        self,
        table: RoutingTable,
        names: frozenset[bytes] | None,
        *,
        secure: bool = False,
        trusted: frozenset[bytes] = frozenset(),
        peer_of: PeerOf | None = None,
        memory: MemoryLimit | None = None,
    ) -> None:
        """Take what the listener serves.

        Args:
            table: profiles and their paths.
            names: host names, None for a Unix socket.
            secure: whether TLS is spoken.
            trusted: origins whose pages may call.
            peer_of: what is asked of each new connection; None where transports prove nothing.
            memory: limit of what is remembered, shared with the other listeners; None: one of its own.
        """
        self._memory = memory or MemoryLimit()
        self._table = table
        self._names = names
        self._trusted = trusted
        self._secure = secure
        self.kind = (table.only is not None) + 2 * secure
        self.peer_of = peer_of
        self._fields: dict[bytes, RequestFields] = {}
        self._asked: dict[bytes, RoutedRequestLine] = {}
        self._heads: dict[bytes, RequestHead] = {}

    def head(self, head: bytes) -> RequestHead:
        """Read and judge a whole head, of which the end, two line breaks, has been cut off.

        Raises:
            ProtocolError: the line or the block is malformed, or too large.
        """
        found = self._heads.get(head)
        return self._read_head(head) if found is None else found

    def _read_head(self, head: bytes) -> RequestHead:
        line, has_fields, block = head.partition(b"\r\n")
        line += b"\r\n"
        block += b"\r\n\r\n" if has_fields else b"\r\n"
        is_known = line in self._asked and block in self._fields
        request_line = self.request_line(line)
        found = RequestHead(request_line, self.field_block(block, request_line.minor))
        if is_known and request_line.size and found.fields.size:
            # Both parts came before. A head that is another each time, by an id for example, is not worth the room.
            size = _HEAD_ENTRY + len(head) + request_line.size + found.fields.size
            self._memory.remember(self._heads, head, found, size)
        return found

    def field_block(self, block: bytes, minor: int) -> RequestFields:
        """Read and judge a field block; see `messages.request_fields.read_fields`."""
        if not minor:
            # HTTP/1.0 frames differently, and is too rare to remember.
            return self._read(block, minor, 0)
        found = self._fields.get(block)
        if found is None:
            size = _BLOCK_ENTRY + _BLOCK_COPIES * len(block) if len(block) <= LONGEST else 0
            found = self._read(block, minor, size)
            if size:
                self._memory.remember(self._fields, block, found, size)
        return found

    def _read(self, block: bytes, minor: int, size: int) -> RequestFields:
        return read_fields(block, minor, self._names, secure=self._secure, trusted=self._trusted, size=size)

    def request_line(self, line: bytes) -> RoutedRequestLine:
        """Read and judge a request line with its CRLF; see `read_request_line` and `routing.route`."""
        found = self._asked.get(line)
        if found is None:
            size = _LINE_ENTRY + _LINE_COPIES * len(line) if len(line) <= LONGEST else 0
            found = self._judged(line, size)
            if size:
                self._memory.remember(self._asked, line, found, size)
        return found

    def still_serves(self, found: Route) -> Refusal | None:
        """Return why a route that an older generation found is not served any more; None if it is."""
        return not_served(found, self._table)

    def _judged(self, line: bytes, size: int) -> RoutedRequestLine:
        method, target, minor = read_request_line(line)
        led = route(target, self._table)
        refusal = _refused_method(method) or (led if isinstance(led, Refusal) else None)
        where = led if isinstance(led, Route) else None
        return RoutedRequestLine(
            method, minor, target.partition(b"?")[0], where, refusal, profile_of(target, self._table), size
        )


def _refused_method(method: bytes) -> Refusal | None:
    upper = method.upper()
    if upper not in _REFUSED_METHODS:
        return None
    if upper == b"CONNECT":
        return _NO_TUNNEL
    return _NO_TRACE
