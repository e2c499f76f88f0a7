"""Addresses of loopback: some that answer, some that refuse, some that swallow every packet."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

from fla_gateway.network.address import Address


def address(host: str, port: int = 0) -> Address:
    """Make an address as the resolver gives it."""
    if ":" in host:
        return Address(socket.AF_INET6, (host, port, 0, 0))
    return Address(socket.AF_INET, (host, port))


def free_port() -> int:
    """Find a port of 127.0.0.1 that is free, and that the kernel gives to no connection until a test listens on it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(max(1024, first - 20_000), first)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


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
