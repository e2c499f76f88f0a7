"""State: the tokens in memory, one entry per distinct request, and the tasks that fetch them.

Owns single flight, back-off and the answer to a refused token. Refuses to know how a token is made: it asks a
`TokenSource`. Every entry is independent, so that a failure of one environment or client never affects another.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final
from weakref import WeakValueDictionary

from fla_gateway.clock import Clock
from fla_gateway.oauth.model import AccessToken, TokenRequest, TokenSource
from fla_gateway.tokens.entry import TokenEntry
from fla_gateway.tokens.server_load import ServerLoad
from fla_gateway.tokens.snapshot import TokenSnapshot

WAIT_SECONDS: Final = 8.0
"""How long a request waits for a token; callers commonly give up at 10."""
FIRST_SECONDS: Final = 3.5
"""After how long the first attempt that calls wait for is given up, so that a second one fits into their wait."""
FETCH_SECONDS: Final = 30.0
"""After how long a fetch is given up, whatever its source thinks: a hung one would wedge its entry for ever."""


class TokenCache:
    """All token entries of one gateway."""

    def __init__(
        self,
        source: TokenSource,
        clock: Clock,
        *,
        random: Callable[[], float],
        wait_seconds: float = WAIT_SECONDS,
        fetch_seconds: float = FETCH_SECONDS,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        """Take what is needed; nothing is fetched before a call or the refresher asks for it.

        Args:
            source: where tokens come from.
            clock: the host's clocks.
            random: gives numbers in [0, 1), for jitter.
            wait_seconds: how long `TokenEntry.obtain` waits.
            fetch_seconds: after how long a fetch is given up.
            first_seconds: after how long the first one that calls wait for is given up.
        """
        self._source = source
        self._clock = clock
        self._random = random
        self._wait_seconds = wait_seconds
        self._fetch_seconds = fetch_seconds
        self._first_seconds = first_seconds
        self._entries: dict[TokenRequest, TokenEntry] = {}
        # Those that are in use no more, as long as an exchange of an older generation holds them.
        self._dropped: WeakValueDictionary[TokenRequest, TokenEntry] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[AccessToken | None]] = set()
        self._loads: dict[str, ServerLoad] = {}
        self._closed = False
        self.changed = asyncio.Event()
        """Set whenever an entry is new or its next deadline may be another one; the refresher clears it."""
        self._asked = asyncio.Event()

    def entry(self, request: TokenRequest, *, warm: bool = False) -> TokenEntry:
        """Return the entry for a request: the same one for every equal request.

        Args:
            request: what a token is asked for with.
            warm: keep a token fresh although no call uses it; one profile of several that share the entry is enough.
        """
        entry = self._entries.get(request)
        if entry is None:
            entry = self._dropped.pop(request, None) or TokenEntry(
                request, self._source, self._clock, self, self._random
            )
            self._entries[request] = entry
            self.changed.set()
        if warm and not entry.warm:
            entry.warm = True
            self.changed.set()
        return entry

    def retain(self, wanted: Mapping[TokenRequest, bool]) -> None:
        """Drop the entries that are in use no more: they are neither renewed nor shown.

        An exchange that waits on one goes on waiting, and gets its token.

        Args:
            wanted: what is in use, each with `warm`, as for `entry`.
        """
        for request in self._entries.keys() - wanted.keys():
            self._dropped[request] = self._entries.pop(request)
        for request, entry in self._entries.items():
            entry.warm = wanted[request]
        urls = {request.token_url for request in self.requests()}
        self._loads = {url: load for url, load in self._loads.items() if url in urls}
        self.changed.set()

    def requests(self) -> tuple[TokenRequest, ...]:
        """Return what all entries are for, those included that were dropped while an exchange holds them."""
        return (*self._entries, *self._dropped.keys())

    def entries(self) -> tuple[TokenEntry, ...]:
        """Return all entries."""
        return tuple(self._entries.values())

    def snapshots(self) -> tuple[TokenSnapshot, ...]:
        """Describe all entries as they are now."""
        return tuple(entry.snapshot() for entry in self._entries.values())

    def failing(self) -> tuple[TokenSnapshot, ...]:
        """Describe those entries alone whose last attempt failed: of many, hardly any."""
        return tuple(entry.snapshot() for entry in self._entries.values() if entry.is_failing)

    @property
    def wait_seconds(self) -> float:
        """How long a request waits for a token."""
        return self._wait_seconds

    @property
    def fetch_seconds(self) -> float:
        """After how long a fetch is given up."""
        return self._fetch_seconds

    @property
    def first_seconds(self) -> float:
        """After how long the first fetch that calls wait for is given up."""
        return self._first_seconds

    @property
    def closed(self) -> bool:
        """Whether no further token is fetched."""
        return self._closed

    def load(self, request: TokenRequest) -> ServerLoad:
        """Return what is under way at the token server of a request."""
        load = self._loads.get(request.token_url)
        if load is None:
            load = self._loads[request.token_url] = ServerLoad()
        return load

    def start(
        self, fetching: Coroutine[Any, Any, AccessToken | None], request: TokenRequest
    ) -> asyncio.Task[AccessToken | None]:
        """Run a fetch of an entry in a task that this cache owns until it is over."""
        # An empty context: what a caller's request bound to its log lines is not true of a fetch that many share.
        name = f"token {request.environment} {request.client_id}"
        task = asyncio.get_running_loop().create_task(fetching, name=name, context=contextvars.Context())
        self._tasks.add(task)
        load = self.load(request)
        load.begin()

        def end(task: asyncio.Task[AccessToken | None]) -> None:
            self._tasks.discard(task)
            load.end(self._clock.monotonic())
            self.changed.set()
            self._asked.set()

        task.add_done_callback(end)
        return task

    async def first_fetch(self, seconds: float) -> None:
        """Wait until a fetch has ended, well or not, for at most some seconds; not at all where there is no entry."""
        if self._entries:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._asked.wait()

    async def close(self) -> None:
        """Stop fetching: running fetches are cancelled and waited for. Tokens in memory can still be used."""
        self._closed = True
        for entry in (*self._entries.values(), *self._dropped.values()):
            entry.wake()
        running = tuple(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
