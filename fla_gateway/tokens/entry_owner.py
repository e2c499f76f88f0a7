"""Port: what a token entry needs of the cache that owns it.

Owns the list, so that `entry` does not know the cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from fla_gateway.oauth.model import AccessToken, TokenRequest


class EntryOwner(Protocol):
    """What an entry needs of the cache."""

    changed: asyncio.Event

    @property
    def wait_seconds(self) -> float:
        """How long `obtain` waits."""
        ...

    @property
    def fetch_seconds(self) -> float:
        """After how long a fetch is given up."""
        ...

    @property
    def first_seconds(self) -> float:
        """After how long the first attempt that calls wait for is given up."""
        ...

    @property
    def closed(self) -> bool:
        """Whether no further token is fetched."""
        ...

    def start(
        self, fetching: Coroutine[Any, Any, AccessToken | None], request: TokenRequest
    ) -> asyncio.Task[AccessToken | None]:
        """Run a fetch."""
        ...
