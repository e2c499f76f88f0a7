"""Root: the data path as a whole: the register of what runs, and what each listener serves.

Owns the joining of both, the creation of callers' connections, and the replacement of one generation by another.
Refuses to know how listeners are bound and what a configuration makes (`runtime`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.connections import SWEEP_SECONDS, Connections
from fla_gateway.proxy.downstream.connection import CallerConnection
from fla_gateway.proxy.generation import Generation, ServedListener


class Server:
    """Forwards what callers send, for every profile that is served.

    Attributes:
        connections: the register of what runs.
    """

    def __init__(self, connections: Connections) -> None:
        """Serve nothing yet.

        Args:
            connections: the register.
        """
        self.connections = connections

    @property
    def generation(self) -> Generation:
        """The current one; from the first `publish` on."""
        # The register keeps it as an object: it knows no generation.
        return cast("Generation", self.connections.generation)

    def publish(self, generation: Generation, listeners: Iterable[tuple[ServedListener, RequestReader]]) -> None:
        """Serve a generation from the next head on; what runs keeps the one that it began with.

        Args:
            generation: the new one.
            listeners: each with its reader of heads.
        """
        before = cast("Generation | None", self.connections.generation)  # as above
        self.connections.generation = generation
        for listener, reader in listeners:
            listener.publish(generation, reader)
        if before is not None:
            before.close(but=generation)

    def retire(self, listener: ServedListener) -> None:
        """Serve no further head of a listener; its connections close, those in use after the running exchange."""
        listener.retire()
        for connection in tuple(self.connections.members):
            connection.leave(listener)

    def start(self, limit: int, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        """Begin to enforce deadlines; the arguments are those of `Connections.start`."""
        self.connections.start(limit, self._sweep, sweep_seconds=sweep_seconds)

    def _sweep(self, now: float) -> None:
        self.generation.sweep(now)

    def protocol(self, listener: ServedListener) -> Callable[[], asyncio.Protocol]:
        """Return the factory of a listener's connections; nothing may come in before `publish`."""
        # It has all methods of one without being one by inheritance, which would keep it from being a native class.
        return lambda: cast("asyncio.Protocol", CallerConnection(listener, self.connections))

    async def close(self) -> None:
        """End everything at once, connections to the APIs last."""
        await self.connections.close()
        self.generation.close()
