"""Root: the end of the process in peace.

Owns its order: callers learn of it with their next response while they are still accepted, then none is accepted, then
what runs is finished. Refuses to know what asked for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.runtime.data_path import DataPath

_LOG = structlog.get_logger()
_LAST_SECONDS: Final = 10.0
"""For what follows the drain: the journal's last records, lines that are not read yet."""
_IDLE_SECONDS: Final = 1.0
"""How long a connection that waits for a request is left open: its caller may be about to send one."""


def longest_drain(path: DataPath) -> float:
    """Return how many seconds `drain` and what follows it may take."""
    settings = path.current.configured.settings.configuration.gateway
    return settings.drain_delay + 2 * _IDLE_SECONDS + settings.drain_seconds + _LAST_SECONDS


async def drain(path: DataPath, clock: Clock, refusing: Callable[[], object]) -> int:
    """End in peace, as the configuration in force says; return the number of exchanges that are cut off.

    Args:
        path: what serves callers.
        clock: the host's clocks.
        refusing: called when no connection is accepted any more.
    """
    settings = path.current.configured.settings.configuration.gateway
    connections = path.server.connections
    _LOG.info("stopping", drain_delay=settings.drain_delay, drain_seconds=settings.drain_seconds)
    begun = clock.monotonic()
    connections.close_after_responses()
    # Accepted meanwhile: a load balancer may need some seconds to learn that callers should go elsewhere.
    await asyncio.sleep(settings.drain_delay)
    await connections.idle_ended(begun + _IDLE_SECONDS)
    path.listeners.stop_accepting()
    refusing()
    last = begun + settings.drain_delay + settings.drain_seconds
    await path.listeners.handshakes_ended(max(0.0, last - clock.monotonic()))
    accepted = clock.monotonic()
    # A connection that was accepted, or became idle, a moment ago has had no time to be used.
    await connections.idle_ended(accepted + _IDLE_SECONDS, since=max(begun, accepted - _IDLE_SECONDS))
    cut = await connections.drain(max(0.0, last - clock.monotonic()))
    if cut:
        reason = "exchanges still ran at the end of drain_seconds"
        _LOG.warning("drain-cut", reason=reason, exchanges=cut.total(), profiles=dict(cut))
    _LOG.info("stopped")
    return cut.total()
