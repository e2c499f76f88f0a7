"""Value: where a connection is to lead, and through which proxy.

Owns what dialer, tunnel and error messages have to know of both ends. Refuses to know addresses and sockets.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

ROOTS: Final = Text("'ca_file' under [egress] or [environments.NAME]")
"""Where the roots of token server and API are configured."""
CHECK_NETWORK: Final = Text("Check network, firewall and egress.proxy.")


@dataclass(frozen=True, slots=True)
class Egress:
    """A corporate proxy that opens tunnels (CONNECT, RFC 9110, section 9.3.6).

    Attributes:
        host: name or address, without brackets.
        port: TCP port.
        user: user name for Basic credentials, or None.
        password: password for Basic credentials, or None.
    """

    host: str
    port: int
    user: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """The server that a connection is to reach, and what messages about it call it.

    Attributes:
        host: name or address, without brackets; TLS verifies it.
        port: TCP port.
        role: what the server is, for example ``token server``.
        setting: where its address is configured.
        roots: where its roots are configured.
        cure: what to check where it cannot be reached, as a sentence; empty where the table of errors says it.
    """

    host: str
    port: int
    role: Text
    setting: str
    roots: Text
    cure: Text = NOTHING

    @property
    def authority(self) -> str:
        """Host and port as CONNECT wants them (RFC 9110, section 9.3.6)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """A destination, and the proxy that leads to it.

    Attributes:
        destination: the server that TLS is spoken with.
        proxy: corporate proxy, or None.
    """

    destination: Destination
    proxy: Egress | None = None

    @property
    def first_hop(self) -> Destination | Egress:
        """Where the TCP connection leads."""
        return self.proxy or self.destination
