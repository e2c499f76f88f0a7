"""Root: one configuration after the other, while the process runs.

Owns the second half of a reload: one at a time, publication in one step of the event loop, who accepts from then on;
and what became of the last one. Refuses to know how a configuration is read, judged and built (`reload_preparation`),
what of it changes (`changes`) and what asked for it. A fault before publication leaves everything as it was.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.document.unjudged import read_unjudged
from fla_gateway.errors import ConfigurationError, Fault, ProblemError, ReloadRefusedError
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.runtime.background_import import imported
from fla_gateway.runtime.changes.revocations import WrittenNames, names_of, still_in_force
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.file_watch import FileWatch
from fla_gateway.runtime.reload_state import Difference, ReloadState
from fla_gateway.runtime.running_parts import Cause, Follower, Former, RunningParts
from fla_gateway.runtime.startup_log import report_warning
from fla_gateway.system.allocator import return_freed_memory

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.oauth.assertion import SigningKey
    from fla_gateway.runtime.changes.comparison import Change
    from fla_gateway.runtime.reload_preparation import Preparation, Prepared

_LOG = structlog.get_logger()
_PREPARATION: Final = "fla_gateway.runtime.reload_preparation"
_SOCKETS_SECONDS: Final = 1.0
_MOST_LOGGED: Final = 50
"""Changes and faults that are logged of one reload; the answer on the admin listener has all."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a reload.

    Attributes:
        applied: whether the generation serves; not of a dry run.
        generation: number of the one that serves now, counted from 1 at the start.
        changes: how what was read differs from what was in force.
    """

    applied: bool
    generation: int
    changes: tuple[Change, ...]


class Reloader:
    """Reads again what the process was started with, and lets it take over.

    Attributes:
        state: what became of the last reload.
        followers: called with each configuration before it is published, in a thread, and may refuse it; what they
            return is called in the step of its publication.
        reported: entered for as long as a reload takes, whatever asks for it; not by a dry run.
    """

    def __init__(self, path: Path, gateway: DataPath, parts: RunningParts) -> None:
        """Take the running gateway; nothing is read before `reload`.

        Args:
            path: of the configuration's first file.
            gateway: the data path.
            parts: the others.
        """
        self.state = ReloadState(1, successful=True, last_success=parts.clock.wall())
        self.followers: list[Follower] = []
        self.reported: Callable[[], AbstractContextManager[None]] = nullcontext
        self._path = path
        self._gateway = gateway
        self._parts = parts
        self._context = parts.context
        self._trust = parts.trust
        self._cluster = parts.cluster
        self._signing: Mapping[str, SigningKey] = parts.activation.keys.signing
        self._lock = asyncio.Lock()

    @property
    def in_force(self) -> Configured:
        """The configuration in force."""
        return self._gateway.current.configured

    @property
    def _former(self) -> Former:
        return Former(self.in_force, self._context, self._trust)

    async def reload(self, *, cause: Cause, dry_run: bool = False) -> Reloaded:
        """Read the configuration and let it take over; a second reload waits for the first.

        Args:
            cause: what asks for it; a watch of files never applies what opens more.
            dry_run: only judge it.

        Raises:
            ReloadRefusedError: with every fault; nothing has changed.
        """
        async with self._lock:
            with nullcontext() if dry_run else self.reported():
                return await self._reload(cause, dry_run=dry_run)

    async def _reload(self, cause: Cause, *, dry_run: bool) -> Reloaded:
        # Until the first keys are known, there is nothing to take over.
        await self._parts.activation.loaded.wait()
        began = self._parts.clock.monotonic()
        followers = (self._parts.observation.prepare, *self.followers)
        try:
            preparation: Preparation = (await imported(_PREPARATION)).Preparation(
                self._path, self._gateway, self._parts
            )
            prepared = await preparation.prepare(self._former, cause, followers, bind=not dry_run)
        except ConfigurationError as error:
            refused = await self._refuse(cause, error.faults, dry_run=dry_run)
        else:
            if dry_run:
                return Reloaded(applied=False, generation=self.state.generation, changes=prepared.changes)
            return await self._publish(cause, prepared, began)
        try:
            raise refused
        finally:
            # Otherwise this frame and its exception would keep each other, and what they have seen.
            del refused

    async def get_ready(self) -> None:
        """Import what a reload needs, beside the first calls: when it is needed, the package may have been updated."""
        await imported(_PREPARATION)

    async def watch(self) -> None:
        """Compare the files in force with the disk, and reload where that is asked for, until cancelled."""
        await self._parts.activation.loaded.wait()
        # What the start made of them is there; a reload forgets its own.
        self.in_force.files.forget()
        await FileWatch(lambda: self.in_force, self._note_difference, self._reload_by_watch, self._parts.clock).run()

    async def keep_listening(self) -> None:
        """Look after the listeners once a second, until cancelled.

        Files of Unix sockets that were removed are made again, and nothing is accepted while descriptors are short.
        """
        while True:
            await asyncio.sleep(_SOCKETS_SECONDS)
            self._gateway.listeners.look_for_room()
            async with self._lock:
                with suppress(OSError):
                    await self._gateway.listener_set.restore_files()

    async def _reload_by_watch(self) -> None:
        try:
            await self.reload(cause="watch")
        except (ReloadRefusedError, ProblemError):
            # Its faults are in the log, or the end has begun.
            return

    def _note_difference(self, files: tuple[Difference, ...]) -> None:
        self.state = replace(self.state, differs=files)

    async def _publish(self, cause: Cause, prepared: Prepared, began: float) -> Reloaded:
        gateway, context, listeners = prepared.gateway, prepared.context, prepared.listeners
        if gateway is None or context is None or listeners is None:
            raise RuntimeError("only what was built can be published")
        if self._gateway.server.connections.stopping:
            await prepared.undo()
            raise ProblemError("stopping", Text("The gateway ends, and no configuration takes over any more."))
        warnings = [it for it in prepared.configured.warnings if it not in self.in_force.warnings]
        gateway.settle(prepared.keys.unavailable)
        try:
            self._gateway.publish(gateway, listeners)
        except ConfigurationError as error:
            self._gateway.tokens.retain(self._gateway.current.token_requests())
            await prepared.undo()
            raise await self._refuse(cause, error.faults, dry_run=False) from None
        self._follow(prepared, context)
        ended, self._cluster = self._cluster, prepared.cluster or self._cluster
        generation = self.state.generation + 1
        self.state = ReloadState(generation, successful=True, last_success=self._parts.clock.wall())
        await self._gateway.listeners.open()
        if ended is not self._cluster:
            await ended.aclose()
        # What was read for it, and what the generation before had.
        await asyncio.to_thread(return_freed_memory)
        self._log_applied(cause, prepared, began)
        for warning in warnings[:_MOST_LOGGED]:
            report_warning(warning)
        return Reloaded(applied=True, generation=generation, changes=prepared.changes)

    def _follow(self, prepared: Prepared, context: ProcessContext) -> None:
        """Let everything that outlives a generation follow; in the step of its publication."""
        parts, configured = self._parts, prepared.configured
        # Of former keys those are kept that an exchange still waits for, by however many generations it is older.
        waiting = {it.key_id for it in self._gateway.tokens.requests()} - prepared.keys.signing.keys()
        kept = {it: self._signing[it] for it in waiting if it in self._signing}
        self._signing = ChainMap(prepared.keys.signing, kept)
        parts.client.negotiations.retain(self._gateway.current.token_requests())
        parts.client.follow(prepared.trust.context_for, prepared.egress, self._signing)
        parts.activation.follow(prepared.keys, self._gateway.current, prepared.files.load)
        self._context, self._trust = context, prepared.trust
        for follow in prepared.followers:
            follow()
        configured.files.forget()

    async def _refuse(self, cause: Cause, faults: tuple[Fault, ...], *, dry_run: bool) -> ReloadRefusedError:
        if not dry_run:
            written = await asyncio.to_thread(_written_names, self._path)
            kept = still_in_force(self.in_force.settings.configuration, written)
            self.state = replace(self.state, successful=False, faults=faults, still_in_force=kept)
            _LOG.error("reload-refused", cause=cause, faults=len(faults), still_in_force=list(kept[:_MOST_LOGGED]))
            for fault in faults[:_MOST_LOGGED]:
                _report_fault(fault)
        return ReloadRefusedError(faults)

    def _log_applied(self, cause: Cause, prepared: Prepared, began: float) -> None:
        states = self._gateway.current.generation.profile_states()
        _LOG.info(
            "reloaded",
            cause=cause,
            generation=self.state.generation,
            fingerprint=prepared.configured.fingerprint,
            changes=[f"{it.path} {it.change}" for it in prepared.changes[:_MOST_LOGGED]],
            served=states.get("served", 0),
            unavailable=states.get("unavailable", 0),
            seconds=round(self._parts.clock.monotonic() - began, 3),
        )
        if not prepared.configured.settings.configuration.callers:
            _LOG.warning("anonymous", warning="no caller has to identify itself; see [callers]")


def _report_fault(fault: Fault) -> None:
    _LOG.error(
        "reload-fault",
        code=fault.code,
        place=fault.place,
        line=fault.line or None,
        fault=fault.message,
        cure=fault.cure,
    )


def _written_names(path: Path) -> WrittenNames | None:
    """Read what a refused configuration names, as far as its files are TOML; None where they are not."""
    files = FileSnapshot(pipes=False)
    try:
        documents, faults = read_unjudged(path, files)
    except (ConfigurationError, ValueError):
        return None
    return None if faults else names_of(document for _, document in documents)
