"""Root: the data path as a whole: the register of what runs, and the generation that is current.

Owns the joining of both, and the making of callers' connections. Refuses to know how listeners are bound and what a
configuration makes (`runtime`).
"""

from __future__ import annotations

from collections.abc import Callable

from fla_gateway.proxy.connections import SWEEP_SECONDS, Connections
from fla_gateway.proxy.door import Door
from fla_gateway.proxy.downstream import CallerConnection
from fla_gateway.proxy.generation import Generation, ServedListener


class Server:
    """Forwards what callers send, for every profile that is served.

    Attributes:
        connections: the register of what runs.
        generation: the current one.
    """

    def __init__(self, connections: Connections, generation: Generation) -> None:
        """Join both."""
        self.connections = connections
        self.generation = generation

    def start(self, limit: int, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Begin to enforce deadlines; the arguments are those of `Connections.start`."""
        self.connections.start(limit, self._sweep, sweep_seconds=sweep_seconds)

    def _sweep(self, now: float) -> None:
        self.generation.sweep(now)

    def protocol(self, reader: Door) -> Callable[[], CallerConnection]:
        """Return the factory of a listener's connections."""
        listener = ServedListener(self.generation, reader)
        return lambda: CallerConnection(listener, self.connections)

    async def close(self) -> None:
        """End everything at once, connections to the APIs last."""
        await self.connections.close()
        self.generation.close()
