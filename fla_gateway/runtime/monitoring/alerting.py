"""Owner of the alerts of a process, from the configuration that has them first.

Owns that nothing of alerts is read where none are configured, which takes time of the start and memory. Refuses to know
anything else of them (`runtime.monitoring.alert_watch`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fla_gateway.network.dialer import Dialer
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.monitoring.status_sources import StatusSources

if TYPE_CHECKING:  # read where alerts are configured
    from fla_gateway.observe.alerts.alert import AlertNumbers
    from fla_gateway.runtime.monitoring.alert_watch import AlertWatch


class Alerting:
    """Made before anything is served, so that a file that cannot be used is a fault of the start.

    Attributes:
        watch: what looks and sends; None before the first configuration that has alerts.
    """

    def __init__(self, configured: Configured, dialer: Dialer) -> None:
        """Take the first configuration; nothing is opened.

        Args:
            configured: the configuration.
            dialer: that of the process.

        Raises:
            ConfigurationError: a file that `[alerts]` names cannot be used.
        """
        self._dialer = dialer
        self._there = asyncio.Event()
        self.watch: AlertWatch | None = None
        self._take(self._watch_of(configured))

    def prepare(self, configured: Configured) -> Callable[[], None]:
        """Prepare to follow a configuration, in any thread; what is returned follows, on the event loop's.

        Raises:
            ConfigurationError: as when it is made.
        """
        if self.watch is not None:
            return self.watch.prepare(configured)
        watch = self._watch_of(configured)
        return lambda: self._take(watch)

    def numbers(self) -> Mapping[str, AlertNumbers]:
        """Give what became of alerts, by the way out; of those alone that are configured."""
        return {} if self.watch is None else self.watch.numbers()

    async def run(self, sources: StatusSources) -> None:
        """Look and send until cancelled, from the first configuration on that has alerts.

        Args:
            sources: what is looked at.
        """
        await self._there.wait()
        if self.watch is not None:
            await self.watch.run(sources)

    def _watch_of(self, configured: Configured) -> AlertWatch | None:
        if configured.settings.configuration.alerts is None:
            return None
        from fla_gateway.runtime.monitoring.alert_watch import AlertWatch  # noqa: PLC0415 - see TYPE_CHECKING above

        return AlertWatch(configured, self._dialer)

    def _take(self, watch: AlertWatch | None) -> None:
        if watch is not None:
            self.watch = watch
            self._there.set()
