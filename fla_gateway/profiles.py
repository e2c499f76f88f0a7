"""Rule: configuration and catalogue become profiles.

Owns the resolved profile: token request, upstream, permitted paths. Refuses to know keys, sockets and tokens; it
names the key and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fla_gateway.oauth.model import TokenRequest


@dataclass(frozen=True, slots=True)
class Upstream:
    """The origin that a profile forwards to, always over TLS.

    Attributes:
        host: name or address, without brackets, lower case.
        port: TCP port.
        ca_file: further roots of the environment, or None.
    """

    host: str
    port: int
    ca_file: Path | None = None

    @property
    def authority(self) -> str:
        """Value of the Host field (RFC 9110, section 7.2): the port is left out where it is 443."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"  # noqa: PLR2004 - the default port of https


@dataclass(frozen=True, slots=True)
class Profile:
    """One account of the channel, resolved: nothing is guessed after this.

    Attributes:
        name: name in the configuration and in the address.
        environment: name of the environment.
        production: whether its tokens act on real data: the production environment's API.
        token_request: what is asked of the token server.
        upstream: where requests go.
        prefixes: permitted path prefixes, each beginning with ``/REST/`` and without a slash at the end;
            empty: all of /REST/.
        listen: address of the profile's own door, or None.
    """

    name: str
    environment: str
    production: bool
    token_request: TokenRequest
    upstream: Upstream
    prefixes: tuple[str, ...] = ()
    listen: str | None = None
