"""What is asked of a token server and what it gives: values, and the port through which a token is asked for.

Owns the words of the token engine. Refuses to know how an assertion is made or how a token travels.
"""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Protocol

from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret


@dataclass(frozen=True, slots=True)
class AssertionOptions:
    """How the client assertion is written, where a profile departs from the default.

    Attributes:
        alg: JWS algorithm (RFC 7518), or None for the key's own default.
        kid: ``kid`` header parameter, or None to leave it out.
        x5t: whether the SHA-1 thumbprint of the certificate is sent.
        x5t_s256: whether the SHA-256 thumbprint of the certificate is sent.
        iat: whether the ``iat`` claim is sent.
        lifetime: seconds from now to ``exp``; the manual allows at most 600.
        typ: ``typ`` header parameter, or None to leave it out.
    """

    alg: str | None = None
    kid: str | None = None
    x5t: bool = False
    x5t_s256: bool = False
    iat: bool = True
    lifetime: int = 120
    typ: str | None = "JWT"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Everything that distinguishes one token from another; hashable, without a secret.

    Two profiles share a token only if every attribute is equal. `environment` is one of them, so that simulation
    and production, which use the same token server, never share a cache entry, a back-off or a brake; `key_digest` is
    another, so that a key that replaces one of the same name inherits none of them.

    Attributes:
        key: name of the key, for people.
        key_digest: `keys.identity.key_identity` of it; empty where keys are known by their name alone.
    """

    environment: str
    token_url: str
    audience: str
    client_id: str
    scope: tuple[str, ...]
    key: str
    assertion: AssertionOptions = AssertionOptions()
    ca_file: Path | None = None
    key_digest: str = field(default="", repr=False)

    @property
    def key_id(self) -> str:
        """What the signing key is looked up by."""
        return self.key_digest or self.key


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token as the token server gave it.

    Attributes:
        value: the token, already checked to be a b64token (RFC 6750, section 2.1).
        lifetime: seconds from `obtained` to the end of its life.
        obtained: `Clock.monotonic` just before the request was sent, so that the token is never thought
            younger than it is.
        scope: granted scope as the server wrote it, or None.
        over: whether the server wrote that nothing is left of its life; `lifetime` is then assumed.
    """

    value: Secret
    lifetime: float
    obtained: float
    scope: str | None = None
    over: bool = False

    @property
    def expires(self) -> float:
        """`Clock.monotonic` at which the server stops honouring the token."""
        return self.obtained + self.lifetime


class TokenSource(Protocol):
    """Where tokens come from: the token client, or a fake in a test."""

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:
        """Ask for one token, with a new assertion.

        Args:
            request: what is asked for.
            seconds: limit for this attempt, where it is to be shorter than the source's own.

        Raises:
            ProblemError: with a code of origin ``token-server``.
        """
        ...
