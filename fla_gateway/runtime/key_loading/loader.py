"""Root: the keys of a configuration, loaded one after the other while calls are served already.

Owns which key is loaded next. Refuses to know how a key is loaded, and what becomes of a profile with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from fla_gateway.runtime.key_loading.worker_processes import KeyWorker, Outcome, WorkerLostError

_FIRST: Final = 120
"""Names that a worker is given at once: it works while the process still starts, and a socket pair holds its answers
meanwhile (1.7 KB each, up to twice that in the kernel, of some 416 KB)."""
_AHEAD: Final = 8
"""Names that a worker has to go on with later: it never waits, though its answers gather, and a key of a profile that
is called waits not for long."""

_GATHERING_SECONDS: Final = 0.01
"""How long the answers of a worker gather: each one that is waited for interrupts the worker on its processor."""

Known = Callable[[str, Outcome], None]
"""Takes the name of a key, and what was found."""


class KeyLoading:
    """The keys of a configuration that are not known yet."""

    def __init__(self, names: Iterable[str], load: Callable[[str], Outcome], workers: Sequence[KeyWorker]) -> None:
        """Take what is to be done. Workers begin at once, but for the last one, which leaves the start a processor.

        Args:
            names: of the keys.
            load: loads one; never raises.
            workers: processes that do the same; none where a thread has to do.
        """
        # A dict in the order of its keys: a name is taken out of its middle as fast as from its front.
        self._waiting = dict.fromkeys(names)
        self._wanted: dict[str, None] = {}
        self._load = load
        self._workers = workers
        # At most half of them, so that no worker is left with all that wait behind a key that takes long.
        self._first = min(_FIRST, len(self._waiting) // (2 * max(1, len(workers))) + 1)
        self._lost = [worker for worker in workers[:-1] if not self._begins(worker)]

    def want(self, name: str) -> None:
        """Load a key before the others, since a profile of it is called."""
        if name in self._waiting:
            self._wanted[name] = None

    async def run(self, known: Known) -> None:
        """Load every key.

        Args:
            known: called with each, on the event loop.
        """
        self._lost += [worker for worker in self._workers[-1:] if not self._begins(worker)]
        await asyncio.gather(*(self._drive(worker, known) for worker in self._workers if worker not in self._lost))
        # Without workers, or if they were lost.
        while (name := self._next()) is not None:
            known(name, await asyncio.to_thread(self._load, name))

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.close()

    async def _drive(self, worker: KeyWorker, known: Known) -> None:
        try:
            while worker.given:
                await _readable(worker.fileno())
                for name, outcome in worker.take():
                    known(name, outcome)
                self._give(worker, _AHEAD)
                await asyncio.sleep(_GATHERING_SECONDS)
        except WorkerLostError:
            self._waiting.update(dict.fromkeys(worker.given))
        finally:
            worker.close()

    def _begins(self, worker: KeyWorker) -> bool:
        try:
            self._give(worker, self._first)
        except WorkerLostError:
            self._waiting.update(dict.fromkeys(worker.given))
            return False
        return True

    def _give(self, worker: KeyWorker, number: int) -> None:
        """Give a worker names until it has so many, or none are left."""
        names: list[str] = []
        while len(worker.given) + len(names) < number and (name := self._next()) is not None:
            names.append(name)
        if names:
            worker.give(names)

    def _next(self) -> str | None:
        name = next(iter(self._wanted), None)
        if name is None:
            name = next(iter(self._waiting), None)
        else:
            del self._wanted[name]
        if name is not None:
            del self._waiting[name]
        return name


async def _readable(descriptor: int) -> None:
    """Wait until a descriptor is readable; nothing is asked about it afterwards."""
    loop = asyncio.get_running_loop()
    answered = asyncio.Event()
    loop.add_reader(descriptor, answered.set)
    try:
        await answered.wait()
    finally:
        loop.remove_reader(descriptor)


def load_all(names: Sequence[str], load: Callable[[str], Outcome], workers: Sequence[KeyWorker]) -> dict[str, Outcome]:
    """Load every key before anything else is done.

    Args:
        names: of the keys.
        load: loads one; never raises.
        workers: processes that do the same; they are closed. None where a thread has to do.

    Returns:
        What was found, in the order of the names.
    """
    found: dict[str, Outcome] = {}
    loading = KeyLoading(names, load, workers)
    try:
        asyncio.run(loading.run(found.__setitem__))
    finally:
        loading.close()
    return {name: found[name] for name in names}
