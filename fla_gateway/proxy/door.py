"""A listener as the data path sees it: the names it answers to and the profiles it serves.

Owns two small memories of pure results, because callers send the same field block and poll the same address again and
again. Refuses to know sockets. What is remembered depends on nothing but the bytes it is remembered under.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.access.guard import Refusal
from fla_gateway.proxy.headers import RequestFields, read_fields
from fla_gateway.proxy.routing import Route, RoutingTable, route

_REMEMBERED: Final = 512
_LONGEST: Final = 2_048
"""Bytes of the longest block or target that is remembered: both memories together stay below some 4 MB."""


class Door:
    """One listener."""

    __slots__ = ("_fields", "_names", "_routes", "_table", "direct")

    def __init__(self, table: RoutingTable, names: frozenset[bytes] | None) -> None:
        """Take what the listener serves.

        Args:
            table: profiles and their paths.
            names: host names, None for a Unix socket.
        """
        self._table = table
        self._names = names
        self.direct = table.only is not None
        self._fields: dict[bytes, RequestFields] = {}
        self._routes: dict[bytes, Route | Refusal] = {}

    def fields(self, block: bytes, minor: int) -> RequestFields:
        """Read and judge a field block; see `headers.read_fields`."""
        if not minor:
            # HTTP/1.0 frames differently, and is too rare to remember.
            return read_fields(block, minor, self._names)
        found = self._fields.get(block)
        if found is None:
            found = read_fields(block, minor, self._names)
            if len(block) <= _LONGEST:
                if len(self._fields) >= _REMEMBERED:
                    del self._fields[next(iter(self._fields))]
                self._fields[block] = found
        return found

    def route(self, target: bytes) -> Route | Refusal:
        """Find the way of a target; see `routing.route`."""
        found = self._routes.get(target)
        if found is None:
            found = route(target, self._table)
            if len(target) <= _LONGEST:
                if len(self._routes) >= _REMEMBERED:
                    del self._routes[next(iter(self._routes))]
                self._routes[target] = found
        return found
