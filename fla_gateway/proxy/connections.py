"""State: the open connections and running exchanges, and their end; for the lifetime of the process.

Owns the registers that outlive a generation: callers' connections, exchanges whose caller is gone, tasks of the slow
paths, the sweep that enforces every deadline, and the steps of the end. Refuses to know more of a connection and an
exchange than how to end them, how listeners are bound and how long each step may last (`runtime`), and what is logged.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from fla_gateway.i18n.message import Text
from fla_gateway.proxy.records.exchange_record import DoorSnapshot
from fla_gateway.proxy.work_budget import WorkBudget

if TYPE_CHECKING:  # read where limits are configured
    from fla_gateway.access.limits.limiter import Limiter

SWEEP_SECONDS: Final = 1.0
_IDLE_LOOK_SECONDS: Final = 0.05
"""How often the end looks whether a connection is idle still."""


class RunningExchange(Protocol):
    """An exchange, as the register sees it."""

    @property
    def profile(self) -> str:
        """Name of its profile."""
        ...

    def sweep(self, now: float) -> None:
        """Look for a phase that has lasted too long; called once a second."""

    def fail(self, code: str, detail: Text) -> None:
        """End with a problem."""

    def count_in(self, limiter: Limiter, now: float) -> None:
        """Have a limiter count it that was made after it began."""

    def switch_limiter(self, limiter: Limiter) -> None:
        """Leave this limiter at the end, which has counted it."""


class Connection(Protocol):
    """A caller's connection, as the register sees it."""

    @property
    def exchange(self) -> RunningExchange | None:
        """The exchange that it carries, if any."""
        ...

    def sweep(self, now: float, *, full: bool) -> None:
        """Look for a phase that has lasted too long; called once a second.

        Args:
            now: `Clock.monotonic`.
            full: no further connection is accepted for now.
        """

    def idle_since(self) -> float | None:
        """Return since when it waits for a request, by `Clock.monotonic`; None while a request is read or runs."""

    def stop(self) -> None:
        """Close if idle; the gateway is stopping."""

    def leave(self, listener: object) -> None:
        """Close, at once or after the running exchange, if it came in by this listener."""

    def drop(self) -> None:
        """Close at once."""


class Acceptor(Protocol):
    """The listeners, as the register sees them."""

    def pause(self) -> None:
        """Accept no connection until `resume`."""

    def resume(self) -> None:
        """Accept connections again."""


class Connections:
    """The register of what runs.

    Attributes:
        members: callers' connections that are open.
        orphans: exchanges whose caller is gone and whose outcome is not known yet.
        closing: whether each connection is closed after its next response.
        stopping: whether no new exchange is begun any more.
        generation: the one in force, known here by its identity alone; None before the first.
        acceptor: paused when the limit of connections is reached, and resumed when there is room again.
        budget: what bytes of all peers may cost in one turn of the loop; from `start` on.
        on_unknown_caller: called with the code of each refusal for want of a valid credential, and the connection's
            transport.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin with none.

        Args:
            now: `Clock.monotonic`.
        """
        self.members: set[Connection] = set()
        self.orphans: set[RunningExchange] = set()
        self.closing: bool = False
        self.stopping: bool = False
        self.generation: object = None
        self.acceptor: Acceptor | None = None
        self.on_unknown_caller: Callable[[str, asyncio.BaseTransport], None] = lambda *_: None
        self.budget: WorkBudget
        self._now = now
        self._limit = sys.maxsize
        self._full = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweep_seconds = SWEEP_SECONDS
        self._sweep_beside: Callable[[float], None] | None = None
        self._quiet: asyncio.Event | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return self._loop

    def start(self, limit: int, sweep_beside: Callable[[float], None], *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Begin to enforce deadlines.

        Args:
            limit: callers' connections open at most, as the machine allows.
            sweep_beside: called in each sweep, with `Clock.monotonic`.
            sweep_seconds: how often the deadlines are looked at.
        """
        self._loop = asyncio.get_running_loop()
        self.budget = WorkBudget(self._loop.call_soon)
        self._limit = limit
        self._sweep_beside = sweep_beside
        self._sweep_seconds = sweep_seconds
        self._sweeper = self._loop.call_later(sweep_seconds, self._sweep)

    def allow(self, limit: int) -> None:
        """Set another limit of callers' connections; those beyond it stay, and no further one is accepted."""
        self._limit = limit
        if self._full != (len(self.members) >= limit):
            self._full = not self._full
            if self.acceptor is not None:
                (self.acceptor.pause if self._full else self.acceptor.resume)()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run one of the slow paths; the task is kept until it is done."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def opened(self, connection: Connection) -> None:
        """Register a caller's connection; at the limit the listeners stop accepting."""
        self.members.add(connection)
        if len(self.members) >= self._limit and not self._full:
            self._full = True
            if self.acceptor is not None:
                self.acceptor.pause()

    def closed(self, connection: Connection) -> None:
        """Forget a caller's connection."""
        self.members.discard(connection)
        if self._full and len(self.members) < self._limit:
            self._full = False
            if self.acceptor is not None:
                self.acceptor.resume()
        self._check_drained()

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(self._sweep_seconds, self._sweep)
        now = self._now()
        for connection in tuple(self.members):
            connection.sweep(now, full=self._full)
        for exchange in tuple(self.orphans):
            exchange.sweep(now)
        if self._sweep_beside is not None:
            self._sweep_beside(now)
        self._check_drained()

    def _check_drained(self) -> None:
        if self._quiet is not None and not self.members and not self.orphans:
            self._quiet.set()

    def close_after_responses(self) -> None:
        """From now on close each connection after its next response, which says so; new ones are served as well."""
        self.closing = True

    async def idle_ended(self, until: float, *, since: float = -math.inf) -> None:
        """Wait while connections are idle: a caller may be about to send a request on each of them.

        Args:
            until: at the latest, by `Clock.monotonic`.
            since: those that have been idle for longer are not waited for.
        """
        while (now := self._now()) < until and self._idle(since):  # noqa: ASYNC110 - an event would cost every request
            await asyncio.sleep(min(_IDLE_LOOK_SECONDS, until - now))

    def _idle(self, since: float) -> bool:
        return any(at is not None and at > since for at in (it.idle_since() for it in self.members))

    async def drain(self, seconds: float) -> Counter[str]:
        """Begin no new exchange, and let what runs finish; return what still runs then, by profile.

        Args:
            seconds: how long to wait.
        """
        self.closing = self.stopping = True
        self._quiet = asyncio.Event()
        for connection in tuple(self.members):
            connection.stop()
        self._check_drained()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            return self.in_flight()
        return Counter()

    async def close(self) -> None:
        """End everything at once; what still runs is recorded and answered as its state requires."""
        self.closing = self.stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for exchange in self._running():
            exchange.fail("stopping", Text("The gateway was stopped before the API had answered."))
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A turn of the loop for the answers that were written last.
        await asyncio.sleep(0)
        for connection in tuple(self.members):
            connection.drop()

    def _running(self) -> tuple[RunningExchange, ...]:
        return (*(it.exchange for it in self.members if it.exchange is not None), *self.orphans)

    def count_in(self, limiters: Mapping[str, Limiter], now: float) -> None:
        """Have limiters count what runs already.

        Args:
            limiters: those that are new, by name of the profile.
            now: `Clock.monotonic`.
        """
        running = [(it, limiters[it.profile]) for it in self._running() if it.profile in limiters]
        for exchange, limiter in running:
            exchange.count_in(limiter, now)
        # Afterwards: exchanges of one profile share what is switched.
        for exchange, limiter in running:
            exchange.switch_limiter(limiter)

    def door_snapshot(self) -> DoorSnapshot:
        """Return the callers' side at this moment."""
        return DoorSnapshot(len(self.members), len(self._running()), self._full)

    def in_flight(self) -> Counter[str]:
        """Count the exchanges that run, by profile."""
        return Counter(exchange.profile for exchange in self._running())
