"""Adapter: threads in which the system's resolver blocks.

Owns how many there are and which look-up goes first. Refuses to know names and results.

The threads are daemons: the process ends while one still waits for a name server. A look-up of a name that failed last
time may hold one of a few threads only, so that dead names wait for each other and every other name has a thread of
its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Final

MOST_THREADS: Final = 256
"""Look-ups under way at most; further ones wait. Names come from the configuration alone."""
MOST_DOUBTFUL: Final = 16
"""Of those, look-ups of names that failed last time."""
IDLE_SECONDS: Final = 10.0
"""How long a thread waits for its next look-up before it ends."""

Job = Callable[[], None]


class LookupThreads:
    """Runs blocking look-ups; none is ever joined."""

    def __init__(
        self, most: int = MOST_THREADS, most_doubtful: int = MOST_DOUBTFUL, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        """Start no thread before the first look-up.

        Args:
            most: threads at most, those of `begin_at_once` not counted.
            most_doubtful: threads that run doubtful look-ups.
            idle_seconds: how long a thread without work is kept.
        """
        self._most = most
        self._most_doubtful = most_doubtful
        self._idle_seconds = idle_seconds
        self._condition = Condition()
        self._sound: deque[Job] = deque()
        self._doubtful: deque[Job] = deque()
        self._doubtful_running = 0
        self._idle = 0
        self._threads = 0

    def begin(self, job: Job, *, doubtful: bool, never_waits: Callable[[], bool]) -> None:
        """Run a look-up as soon as there is a thread.

        Args:
            job: must not raise.
            doubtful: the name failed last time.
            never_waits: asked only where the look-up would have to wait: whether it gets a thread all the same.

        Raises:
            RuntimeError: the system gives no thread, and none runs.
        """
        with self._condition:
            full = self._threads >= self._most and not self._idle
            held = doubtful and self._doubtful_running + len(self._doubtful) >= self._most_doubtful
            if (full or held) and never_waits():
                self._start(job)
                return
            (self._doubtful if doubtful else self._sound).append(job)
            self._give_a_thread()

    @property
    def running(self) -> int:
        """Threads that there are, idle ones included."""
        return self._threads

    def _give_a_thread(self) -> None:
        ready = len(self._sound) + min(len(self._doubtful), self._most_doubtful - self._doubtful_running)
        if ready <= self._idle:
            self._condition.notify()
        elif self._threads < self._most:
            try:
                self._start(None)
            except RuntimeError:
                if not self._threads:
                    self._sound.clear()
                    self._doubtful.clear()
                    raise

    def _start(self, job: Job | None) -> None:
        Thread(target=self._work, args=(job,), name="resolve", daemon=True).start()
        self._threads += 1

    def _work(self, job: Job | None) -> None:
        if job is not None:
            job()
        while (found := self._next()) is not None:
            job, doubtful = found
            job()
            if doubtful:
                with self._condition:
                    self._doubtful_running -= 1

    def _next(self) -> tuple[Job, bool] | None:
        with self._condition:
            while True:
                if self._sound:
                    return self._sound.popleft(), False
                if self._doubtful and self._doubtful_running < self._most_doubtful:
                    self._doubtful_running += 1
                    return self._doubtful.popleft(), True
                self._idle += 1
                called = self._condition.wait(self._idle_seconds)
                self._idle -= 1
                if not called and not self._sound and not self._doubtful:
                    self._threads -= 1
                    return None
