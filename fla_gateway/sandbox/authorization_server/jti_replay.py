"""The memory of used assertion identifiers (RFC 7523, section 3: `jti`).

Owns which `jti` was used by which client until when, bounded. Refuses to forget one that could still be replayed:
when it is full of such, it refuses new ones.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.sandbox.errors import AssertionRefusedError

MAX_IDENTIFIERS: Final = 10_000


class JtiMemory:
    """Identifiers used until their assertion expires."""

    def __init__(self, limit: int = MAX_IDENTIFIERS) -> None:
        self._limit = limit
        self._until: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def use(self, client_id: str, jti: str, exp: float, now: float) -> None:
        """Note that the identifier is used.

        Args:
            client_id: whose assertion it is.
            jti: the identifier.
            exp: seconds since 1970 at which the assertion expires.
            now: seconds since 1970.

        Raises:
            AssertionRefusedError: it was used before, or the memory is full.
        """
        key = (client_id, jti)
        if self._until.get(key, 0) > now:
            raise AssertionRefusedError("jti-reused", "this jti was used before; every assertion needs a new one")
        if len(self._until) >= self._limit:
            self._until = {known: until for known, until in self._until.items() if until > now}
        if len(self._until) >= self._limit:
            raise AssertionRefusedError("jti-memory-full", "too many assertions in ten minutes for this sandbox")
        self._until[key] = exp
