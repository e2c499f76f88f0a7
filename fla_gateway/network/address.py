"""Value: the address of a socket.

Owns family and socket address. Refuses to know names and sockets.
"""

from __future__ import annotations

from fla_gateway.lean_dataclass import dataclass

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""Address and port; for IPv6 also flow information and scope id."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a host.

    Attributes:
        family: AF_INET or AF_INET6.
        socket: as the system's connect takes it.
    """

    family: int
    socket: SocketAddress

    def at(self, port: int) -> Address:
        """Give the same address with another port."""
        host, _, *rest = self.socket
        return Address(self.family, (host, port, *rest))  # type: ignore[arg-type]  # as many parts as before
