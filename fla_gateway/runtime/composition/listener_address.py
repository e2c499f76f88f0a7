"""Value: a listener that is bound, as far as a generation has to know it.

Owns the list of these facts. Refuses to know sockets.
"""

from __future__ import annotations

from typing import NamedTuple

from fla_gateway.config.values.address import Address, TcpAddress


class ListenerAddress(NamedTuple):
    """Where callers come in.

    Attributes:
        address: as configured, with the port that the system chose where it was 0.
        tls: whether TLS is spoken.
        only: the profile whose own listener it is, or None.
        client_roots: what its roots of client certificates are recognised by; empty without such roots.
    """

    address: Address
    tls: bool
    only: str | None
    client_roots: frozenset[bytes] = frozenset()

    @property
    def proves_peers(self) -> bool:
        """Whether a transport itself may prove a caller: a Unix socket, or TLS that asks for certificates."""
        return self.tls or not isinstance(self.address, TcpAddress)
