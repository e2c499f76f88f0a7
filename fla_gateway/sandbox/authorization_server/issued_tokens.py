"""The tokens that were minted, and the verdict on a bearer (RFC 6750).

Owns minting, expiry and the reasons why a bearer is refused. Refuses to know how a refusal is written; the words are
those of the Belgif problem types.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_TOKENS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token represents.

    Attributes:
        client_id: the client that it was given to.
        scopes: what it permits.
        expires: `Clock.monotonic` at which it ends.
    """

    client_id: str
    scopes: frozenset[str]
    expires: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bearer is refused; `problem` is a Belgif problem type."""

    problem: str
    detail: str


class TokenMemory:
    """Minted tokens, the oldest forgotten first; an expired one is remembered, so that it is refused as expired."""

    def __init__(self, limit: int = MAX_TOKENS) -> None:
        self._limit = limit
        self._grants: OrderedDict[str, Grant] = OrderedDict()

    def __len__(self) -> int:
        return len(self._grants)

    def mint(self, client_id: str, scope: str, expires: float) -> str:
        """Make a token.

        Args:
            client_id: of the client that asked.
            scope: what was granted, divided by spaces (RFC 6749, section 3.3).
            expires: `Clock.monotonic`.
        """
        token = secrets.token_urlsafe(48)
        self._grants[token] = Grant(client_id, frozenset(scope.split()), expires)
        while len(self._grants) > self._limit:
            self._grants.popitem(last=False)
        return token

    def expire(self, authorization: str | None) -> None:
        """End the life of the token in an Authorization field, if it is one of ours."""
        token = (authorization or "").partition(" ")[2]
        grant = self._grants.get(token)
        if grant is not None:
            self._grants[token] = Grant(grant.client_id, grant.scopes, float("-inf"))

    def expire_all(self) -> None:
        """End the life of every token."""
        for token in self._grants:
            self.expire(f"Bearer {token}")

    def judge(self, authorization: str | None, now: float) -> Grant | Refusal:
        """Judge the Authorization field of a request at `now` (`Clock.monotonic`)."""
        if authorization is None:
            return Refusal("noAccessToken", "No access token was sent in the Authorization field")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return Refusal("noAccessToken", "The Authorization field holds no bearer token")
        grant = self._grants.get(token)
        if grant is None:
            return Refusal("invalidAccessToken", "The access token was not issued by this server")
        if grant.expires <= now:
            return Refusal("expiredAccessToken", "Renew the access token and resubmit the request")
        return grant
