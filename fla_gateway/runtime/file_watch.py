"""Adapter: compares the files of the configuration in force with the disk, again and again.

Owns how often that is done, when a change has come to rest, and the event of a change. Refuses to read the
configuration, and to decide what is applied: a reload does.

The disk is polled, since nothing else works everywhere: a network file system sends no events, and a watch of a
directory would have to follow the links of a Kubernetes volume from one directory to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Hashable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.reload_state import Difference

_LOG = structlog.get_logger()
_POLL_SECONDS: Final = 1.0
_SETTLED_SECONDS: Final = 1.0
"""How long a change must have been the same: a copy of several files is not over with the first."""
_COMPARED_SECONDS: Final = 60.0
"""How often all is compared where nothing is watched."""
_MOST_LOGGED: Final = 20


class Debounce:
    """State: whether what changes has come to rest."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._seen: Mapping[Path, Hashable] = {}
        self._since = 0.0
        self._handled: Mapping[Path, Hashable] = {}

    def see(self, changes: Mapping[Path, Hashable], now: float) -> bool:
        """Take what was seen; return True once for each state that has lasted.

        Args:
            changes: what the disk has instead of what was read.
            now: monotonic time.
        """
        if changes != self._seen:
            self._seen, self._since = changes, now
        if not changes:
            self._handled = {}
        if changes == self._handled or now - self._since < _SETTLED_SECONDS:
            return False
        self._handled = changes
        return True

    def keep(self, paths: Container[Path]) -> None:
        """Forget of the state what is not among these files: it had the same bytes, and is no change from now on."""
        self._seen = self._handled = {path: state for path, state in self._handled.items() if path in paths}


class FileWatch:
    """The files of the configuration in force, and what the disk has instead."""

    def __init__(
        self,
        in_force: Callable[[], Configured],
        on_difference: Callable[[tuple[Difference, ...]], object],
        on_change: Callable[[], Awaitable[object]],
        clock: Clock,
    ) -> None:
        """Take what is to be called.

        Args:
            in_force: gives the configuration in force.
            on_difference: takes the files that differ, whenever these are others than before.
            on_change: called where `[gateway] watch` is set and other bytes have come to rest; must not raise.
            clock: the host's clocks.
        """
        self._in_force = in_force
        self._on_difference = on_difference
        self._on_change = on_change
        self._clock = clock
        self._files: FileSnapshot | None = None
        self._settling = Debounce()
        self._compared = clock.monotonic()
        self._refused = False
        self._differences: tuple[Difference, ...] = ()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, calls are served on
                _LOG.exception("configuration-watch-failed", error=type(error).__name__)
                await asyncio.sleep(_COMPARED_SECONDS)

    async def look(self) -> None:
        """Look at the disk, if it is time for that; a look happens in a thread, since a disk may take long."""
        configured = self._in_force()
        if configured.files is not self._files:
            # A later generation: what was handled for the former one says nothing.
            self._files, self._settling, self._refused = configured.files, Debounce(), False
            self._take(())
        if configured.settings.configuration.gateway.watch:
            changes = await asyncio.to_thread(configured.files.changes)
            if not self._settling.see(changes, self._clock.monotonic()):
                if not changes:
                    self._take(())
                    await self._restored()
                return
            await self._compare(configured.files)
            self._settling.keep({it.path for it in self._differences})
            if not self._differences:
                await self._restored()
            elif self._in_force() is configured:
                await self._on_change()
                self._refused = self._in_force() is configured
        elif self._clock.monotonic() - self._compared >= _COMPARED_SECONDS:
            await self._compare(configured.files)

    async def _restored(self) -> None:
        """Apply what is in force once more where a change was refused and is undone: nothing is left to complain of."""
        if self._refused:
            self._refused = False
            await self._on_change()

    async def _compare(self, files: FileSnapshot) -> None:
        self._compared = self._clock.monotonic()
        paths = await asyncio.to_thread(files.differing)
        if files is not self._in_force().files:
            return
        known = dict(self._differences)
        now = self._clock.wall()
        times = {path: files.changed_at(path) or known.get(path, now) for path in paths}
        self._take(tuple(Difference(path, min(time, now)) for path, time in times.items()))

    def _take(self, differences: tuple[Difference, ...]) -> None:
        if differences == self._differences:
            return
        new = [it for it in differences if it not in self._differences]
        self._differences = differences
        for one in new[:_MOST_LOGGED]:
            changed = datetime.fromtimestamp(one.changed, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            _LOG.warning("configuration-changed-on-disk", file=str(one.path), changed=changed, files=len(differences))
        self._on_difference(differences)
