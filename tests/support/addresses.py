"""Addresses of loopback: some that answer, some that refuse, some that swallow every packet."""

from __future__ import annotations

import contextlib
import socket

from fla_gateway.network.address import Address


def address(host: str, port: int = 0) -> Address:
    """Make an address as the resolver gives it."""
    if ":" in host:
        return Address(socket.AF_INET6, (host, port, 0, 0))
    return Address(socket.AF_INET, (host, port))


class BlackHole:
    """An address that swallows every SYN: a listener whose queue is full."""

    def __init__(self, host: str, port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._fillers = [socket.socket(family) for _ in range(8)]
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex((host, self.port))

    def close(self) -> None:
        """Close what fills it."""
        for sock in (self._listener, *self._fillers):
            with contextlib.suppress(OSError):
                sock.close()
