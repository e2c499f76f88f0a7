"""Root: the data path as a whole: the register of what runs, and what each listener serves.

Owns the joining of both, the creation of callers' connections, and the replacement of one generation by another.
Refuses to know how listeners are bound and what a configuration makes (`runtime`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.connections import SWEEP_SECONDS, Connections
from fla_gateway.proxy.downstream.connection import CallerConnection
from fla_gateway.proxy.generation import Generation, ServedListener


class Server:
    """Forwards what callers send, for every profile that is served.

    Attributes:
        connections: the register of what runs.
        generation: the current one; from the first `publish` on.
    """

    def __init__(self, connections: Connections, listeners: int) -> None:
        """Serve nothing yet.

        Args:
            connections: the register.
            listeners: how many there are.
        """
        self.connections = connections
        self.generation: Generation
        self._listeners = tuple(ServedListener() for _ in range(listeners))
        self._published = False

    def publish(self, generation: Generation, readers: Sequence[RequestReader]) -> None:
        """Serve a generation from the next head on; what runs keeps the one that it began with.

        Args:
            generation: the new one.
            readers: one for each listener, in their order.
        """
        before = self.generation if self._published else None
        self.generation, self._published = generation, True
        for listener, reader in zip(self._listeners, readers, strict=True):
            listener.publish(generation, reader)
        if before is not None:
            before.close(but=generation)

    def start(self, limit: int, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Begin to enforce deadlines; the arguments are those of `Connections.start`."""
        self.connections.start(limit, self._sweep, sweep_seconds=sweep_seconds)

    def _sweep(self, now: float) -> None:
        self.generation.sweep(now)

    def protocol(self, listener: int) -> Callable[[], CallerConnection]:
        """Return the factory of a listener's connections; nothing may come in before `publish`."""
        served = self._listeners[listener]
        return lambda: CallerConnection(served, self.connections)

    async def close(self) -> None:
        """End everything at once, connections to the APIs last."""
        await self.connections.close()
        self.generation.close()
