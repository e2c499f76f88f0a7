"""Root: the end of the process in peace.

Owns its order: no further callers, then the exchanges that run. Refuses to know what asked for it.
"""

from __future__ import annotations

import structlog

from fla_gateway.runtime.data_path import DataPath

_LOG = structlog.get_logger()


async def drain(path: DataPath) -> None:
    """Accept no further callers, and let what runs finish within `drain_seconds` of the configuration in force."""
    seconds = path.current.configured.settings.configuration.gateway.drain_seconds
    _LOG.info("stopping", drain_seconds=seconds)
    path.listeners.close()
    whole = await path.server.connections.drain(seconds)
    if not whole:
        _LOG.warning("drain-cut", reason="exchanges still ran at the end of drain_seconds")
    _LOG.info("stopped")
