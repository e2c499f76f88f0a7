"""Values: how a sandbox is set up, what may be changed while it runs, and under which addresses it is known.

Owns names and defaults. Refuses to know sockets and files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fla_gateway.sandbox.errors import SandboxError

CLIENT_ID: Final = "self_service_chaman_000000_sandbox"
"""The client that the sandbox registers by itself; shaped like a real one, with a sender number that is none."""

SCOPE_DECLARE: Final = "scope:dimona:declaration:declarant"
SCOPE_CONSULT: Final = "scope:dimona:declaration:consult"
SCOPE_LEARNING: Final = "scope:sigedis:gestion:careerpro-federal-learning-account:employer"
DEFAULT_SCOPES: Final = (SCOPE_DECLARE, SCOPE_CONSULT, SCOPE_LEARNING)

STATEMENT: Final = "fla-gateway sandbox, not the social security"
"""What every answer says, as the field `Sandbox` and as the member `sandbox` of JSON bodies."""

TOKEN_PATH: Final = "/REST/oauth/v5/token"  # noqa: S105 - a path, not a password
NAMES: Final = ("localhost", "sandbox")
MAX_TOKEN_LIFE: Final = 86_400
MAX_PROCESSING_SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox is set up.

    Attributes:
        directory: where CA, client key, certificate and control secret are written; None: a temporary directory
            that goes away with the sandbox.
        listen: ``host:port`` of the TLS listener; port 0 takes a free one.
        control: ``host:port`` of the control listener, on loopback.
        names: further host names by which the sandbox is known, in its certificate and as audience.
        token_life: seconds that a token lives (``expires_in``).
        processing_seconds: seconds from a declaration to its result.
        client: whether a client (key, certificate, registration) is made.
        report: called with one line for each exchange, or None.
    """

    directory: Path | None = None
    listen: str = "127.0.0.1:0"
    control: str = "127.0.0.1:0"
    names: tuple[str, ...] = ()
    token_life: int = 300
    processing_seconds: float = 2.0
    client: bool = True
    report: Callable[[str], None] | None = None


@dataclass(slots=True)
class Settings:
    """What may be changed while the sandbox runs; see `SandboxOptions` for the meaning."""

    token_life: int
    processing_seconds: float

    def change(self, *, token_life: int | None = None, processing_seconds: float | None = None) -> None:
        """Take new values; a value of None leaves the old one.

        Raises:
            SandboxError: a value is out of bounds; nothing is changed then.
        """
        life = self.token_life if token_life is None else token_life
        processing = self.processing_seconds if processing_seconds is None else processing_seconds
        if not 1 <= life <= MAX_TOKEN_LIFE:
            raise SandboxError(f"token_life must be 1 to {MAX_TOKEN_LIFE} seconds")
        if not 0 <= processing <= MAX_PROCESSING_SECONDS:
            raise SandboxError(f"processing_seconds must be 0 to {MAX_PROCESSING_SECONDS} seconds")
        self.token_life, self.processing_seconds = life, processing


@dataclass(frozen=True, slots=True)
class Addresses:
    """Under which origins the sandbox is known; the first is the one that it recommends."""

    names: tuple[str, ...]
    port: int

    def origin_for(self, host_field: str | None) -> str:
        """Give the origin for absolute links: the one that the caller used, if it is one of ours."""
        wanted = f"https://{host_field}".lower()
        return wanted if wanted in self.origins else self.origins[0]

    @property
    def origins(self) -> tuple[str, ...]:
        """Every origin, for example ``https://localhost:9443``."""
        return tuple(f"https://{name}:{self.port}" if self.port != 443 else f"https://{name}" for name in self.names)  # noqa: PLR2004 - the default port of https

    @property
    def audiences(self) -> frozenset[str]:
        """What `aud` may be: the token endpoint's URL under any of the names, exactly."""
        return frozenset(origin + TOKEN_PATH for origin in self.origins)


def host_and_port(text: str) -> tuple[str, int]:
    """Read ``host:port`` or ``[v6]:port``.

    Raises:
        SandboxError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    max_port = 65_535
    if not colon or not bare or not (port.isascii() and port.isdigit()) or int(port) > max_port:
        raise SandboxError(f"{text!r} is not an address; write it like 127.0.0.1:9443")
    return bare, int(port)
