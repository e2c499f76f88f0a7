"""The data path as one thing of the process's lifetime: who is connected, what runs, and when it ends.

Owns the registers that outlive a connection: callers' connections, exchanges whose caller is gone, tasks of the slow
ways, and the sweep that enforces every deadline. Refuses to know how listeners are bound (`runtime`) and what is
logged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, Protocol

from fla_gateway.access.memory import MemoryLimit
from fla_gateway.access.refusal import Refusal
from fla_gateway.clock import Clock
from fla_gateway.config.schema import Gateway
from fla_gateway.proxy.account import Account
from fla_gateway.proxy.door import Door
from fla_gateway.proxy.downstream import CallerConnection
from fla_gateway.proxy.exchange import Exchange
from fla_gateway.proxy.gate import Gate
from fla_gateway.proxy.record import DoorSnapshot, Journal, Observer, PoolSnapshot
from fla_gateway.proxy.request_ids import RequestIds
from fla_gateway.proxy.work_budget import WorkBudget

if TYPE_CHECKING:  # read where callers are configured
    from fla_gateway.access.admissions import Admissions

_SWEEP_SECONDS: Final = 1.0
_IDLE_WHEN_FULL: Final = 1.0
"""Seconds without a request after which a caller's connection is closed while the limit of connections is reached."""
_NOT_SERVED: Final = Refusal("profile-unavailable", "The profile is not served.")


class Acceptor(Protocol):
    """The listeners, as the data path sees them."""

    def pause(self) -> None:
        """Accept nobody until `resume`."""

    def resume(self) -> None:
        """Accept callers again."""


class Service:
    """Forwards what callers send, for every profile that can be served."""

    def __init__(
        self,
        settings: Gateway,
        accounts: Mapping[str, Account],
        observer: Observer,
        clock: Clock,
        admissions: Admissions | None = None,
        journal: Journal | None = None,
        memory: MemoryLimit | None = None,
    ) -> None:
        """Take what was built.

        Args:
            settings: limits and time-outs.
            accounts: every profile of the configuration, by name.
            observer: told of every finished exchange.
            clock: the host's clocks.
            admissions: who may call; None where nobody is asked.
            journal: told of changing requests before they are sent; None where none is kept.
            memory: limit of what is remembered of requests, shared with the doors; None: one of its own.
        """
        self.settings = settings
        self.accounts = accounts
        self.observer = observer
        self.journal = journal
        self.now = clock.monotonic
        self.wall = clock.wall
        self.gate = Gate(self, admissions, memory or MemoryLimit())
        self.ids: RequestIds = RequestIds()
        self.budget: WorkBudget
        self.connections: set[CallerConnection] = set()
        self.orphans: set[Exchange] = set()
        self.stopping: bool = False
        self.acceptor: Acceptor | None = None
        self.wanted: Callable[[str], None] | None = None
        self._dated_at = -1
        self._date_rest = b""
        self._full = False
        self._limit = settings.max_connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweep_seconds = _SWEEP_SECONDS
        self._quiet: asyncio.Event | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return self._loop

    def start(self, limit: int, *, sweep_seconds: float = _SWEEP_SECONDS) -> None:
        """Begin to enforce deadlines.

        Args:
            limit: callers' connections open at most, as the machine allows.
            sweep_seconds: how often the deadlines are looked at.
        """
        self._loop = asyncio.get_running_loop()
        self.budget = WorkBudget(self._loop.call_soon)
        self._limit = limit
        self._sweep_seconds = sweep_seconds
        self._sweeper = self._loop.call_later(sweep_seconds, self._sweep)

    def protocol(self, door: Door) -> Callable[[], CallerConnection]:
        """Give the factory of a listener's connections."""
        return lambda: CallerConnection(self, door)

    def date(self) -> str:
        """Write the Date of an answer of our own (RFC 9110, section 6.6.1)."""
        return formatdate(self.wall(), usegmt=True)

    def date_rest(self) -> bytes:
        """Write a Date field from its colon on; anew once a second."""
        second = int(self.wall())
        if second != self._dated_at:
            self._dated_at = second
            self._date_rest = f": {formatdate(second, usegmt=True)}\r\n".encode()
        return self._date_rest

    def why_not(self, profile: str) -> Refusal:
        """Say why a profile of the routing table is not served."""
        if self.stopping:
            return Refusal("stopping", "The gateway is being stopped; send the request again to its successor.")
        account = self.accounts[profile]
        if account.state == "loading" and self.wanted is not None:
            self.wanted(profile)
        return account.refusal or _NOT_SERVED

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run one of the slow ways; the service keeps the task until it is done."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def opened(self, connection: CallerConnection) -> None:
        """Register a caller's connection; at the limit the listeners are told to stop accepting."""
        self.connections.add(connection)
        if len(self.connections) >= self._limit and not self._full:
            self._full = True
            if self.acceptor is not None:
                self.acceptor.pause()

    def closed(self, connection: CallerConnection) -> None:
        """Forget a caller's connection."""
        self.connections.discard(connection)
        if self._full and len(self.connections) < self._limit:
            self._full = False
            if self.acceptor is not None:
                self.acceptor.resume()
        self._notice_quiet()

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(self._sweep_seconds, self._sweep)
        now = self.now()
        # While there is no room, connections that are only kept for later make way for callers that wait outside.
        idle = _IDLE_WHEN_FULL if self._full else self.settings.timeouts.idle
        for connection in tuple(self.connections):
            connection.sweep(now, idle)
        for exchange in tuple(self.orphans):
            exchange.sweep(now)
        for account in self.accounts.values():
            account.pool.sweep(now)
        self._notice_quiet()

    def _notice_quiet(self) -> None:
        if self._quiet is not None and not self.connections and not self.orphans:
            self._quiet.set()

    async def drain(self, seconds: float) -> bool:
        """Let what runs finish; tell whether all of it did.

        Args:
            seconds: how long to wait.
        """
        self.stopping = True
        self._quiet = asyncio.Event()
        for connection in tuple(self.connections):
            connection.stop()
        self._notice_quiet()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End everything at once; what still runs is recorded, and its caller told, as its state demands."""
        self.stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        running = [it.exchange for it in self.connections if it.exchange is not None]
        for exchange in (*running, *self.orphans):
            exchange.fail("stopping", "The gateway was stopped before the API had answered.")
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A turn of the loop for the answers that were written last.
        await asyncio.sleep(0)
        for connection in tuple(self.connections):
            connection.drop()
        for account in self.accounts.values():
            account.pool.close()

    def door_snapshot(self) -> DoorSnapshot:
        """Give the callers' side at this moment."""
        in_flight = sum(connection.exchange is not None for connection in self.connections)
        return DoorSnapshot(len(self.connections), in_flight + len(self.orphans), self._full)

    def in_flight(self) -> Counter[str]:
        """Count the exchanges that run, by profile."""
        running = [it.exchange for it in self.connections if it.exchange is not None]
        return Counter(exchange.profile for exchange in (*running, *self.orphans))

    def pool_snapshots(self) -> tuple[PoolSnapshot, ...]:
        """Give the connections to the APIs at this moment."""
        return tuple(it.pool.snapshot() for it in self.accounts.values() if it.state == "served")

    def profile_states(self) -> Mapping[str, int]:
        """Count the profiles by their state."""
        return Counter(account.state for account in self.accounts.values())
