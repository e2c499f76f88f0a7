"""Adapter: callers that send at a fixed rate, whatever the answers do.

Owns the times at which requests are due, and what a late answer counts. Refuses to know which proxy it talks to.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from benchmarks.load import TIMEOUT, Address, Caller, LoadError

PERCENTILES: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(slots=True)
class Latencies:
    """Microseconds from the moment at which a request was due until its answer was read, and the errors met."""

    microseconds: list[float] = field(default_factory=list)
    errors: int = 0

    def curve(self) -> dict[str, float]:
        """Return the percentiles; none that fewer answers than one would decide."""
        ordered = sorted(self.microseconds)
        return {
            f"p{one:g}": ordered[min(len(ordered) - 1, int(len(ordered) * one / 100))]
            for one in PERCENTILES
            if len(ordered) * (100 - one) >= 100
        }


def fixed_rate(address: Address, path: str, per_second: float, count: int, connections: int) -> Latencies:
    """Send GET requests at a fixed rate, each on the connection that has been free for longest.

    A request that finds no free connection waits for one and is counted from the moment at which it was due, so that
    a slow answer is not hidden by the pause that it causes.

    Raises:
        LoadError: no answer came for `load.TIMEOUT`.
        OSError: a connection broke.
    """
    return _Rate(address, path, connections).run(per_second, count)


class _Rate:
    """Connections, those of them that are free, and what is under way on the others."""

    def __init__(self, address: Address, path: str, connections: int) -> None:
        self._head = address.head("GET", path)
        self._free = deque(Caller(address) for _ in range(connections))
        self._busy: dict[socket.socket, tuple[Caller, float]] = {}
        self._outcome = Latencies()

    def run(self, per_second: float, count: int) -> Latencies:
        """Send them all, and close the connections."""
        try:
            for caller in self._free:  # opens the proxy's connections as well
                self._outcome.errors += caller.exchange(self._head).status != 200
            begin = time.perf_counter() + 1 / per_second
            for number in range(count):
                self._send(begin + number / per_second)
            while self._busy:
                self._answers(TIMEOUT)
        finally:
            for caller in (*self._free, *(caller for caller, _ in self._busy.values())):
                caller.close()
        return self._outcome

    def _send(self, due: float) -> None:
        """Read answers until a request is due, and then until a connection is free for it."""
        late = True
        while (pause := due - time.perf_counter()) > 0:
            late = self._answers(pause)
        while not self._free:
            late = self._answers(TIMEOUT)
        caller = self._free.popleft()
        # What the timer of this process is late by is no latency of a proxy.
        self._busy[caller.socket] = caller, due if late else time.perf_counter()
        caller.send(self._head)

    def _answers(self, seconds: float) -> bool:
        """Read what has been answered; return whether anything had."""
        ready, _, _ = select.select(self._busy, (), (), seconds)  # epoll would wait for whole milliseconds
        for one in ready:
            caller, begin = self._busy.pop(one)
            self._outcome.errors += caller.receive().status != 200
            self._outcome.microseconds.append((time.perf_counter() - begin) * 1e6)
            self._free.append(caller)
        if not ready and seconds == TIMEOUT:
            raise LoadError(f"no answer within {TIMEOUT:g} s")
        return bool(ready)
