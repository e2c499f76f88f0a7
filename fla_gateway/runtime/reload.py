"""Root: one configuration after the other, while the process runs.

Owns the order of a reload: read, judge, load keys, prepare listeners, build, publish, accept; and what became of the
last one. Refuses to know what a configuration makes (`composition.gateway`), what of it changes (`reload_changes`) and
what asked for it. A fault anywhere before publication leaves everything as it was; publication is one step of the event
loop. What takes long is done in a thread, or in pieces: callers are served meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.document.toml_file import read_document
from fla_gateway.errors import ConfigurationError, Fault, ProblemError, ReloadRefusedError, UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.model import LoadedKey
from fla_gateway.kubernetes.verifier import cluster_accounts
from fla_gateway.runtime.composition.gateway import Gateway, ProcessContext, assemble
from fla_gateway.runtime.composition.resolved_config import Configured, read
from fla_gateway.runtime.composition.signing_keys import KeyFiles
from fla_gateway.runtime.composition.token_client import egress_of
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.file_watch import FileWatch
from fla_gateway.runtime.listener_set import ListenerChange
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.runtime.profile_keys import Activation, ProfileKeys
from fla_gateway.runtime.reload_changes import (
    Change,
    Difference,
    Differs,
    ReloadState,
    WrittenNames,
    changes,
    confinement_faults,
    exposed_sources,
    named_paths,
    names_of,
    opens_more,
    restart_faults,
    still_in_force,
)
from fla_gateway.system.allocator import return_freed_memory

if TYPE_CHECKING:
    from fla_gateway.network.route import Egress
    from fla_gateway.oauth.assertion import SigningKey
    from fla_gateway.oauth.client import TokenClient

_LOG = structlog.get_logger()
Cause = Literal["signal", "admin", "watch"]
Follower = Callable[[Configured], Callable[[], None]]
"""Prepares to follow a configuration, and returns what does; raises ConfigurationError where that is not possible."""
_OPENS: Final = Message(
    "opens-more", "would open more, or keep less, than now, which a change of files alone does not do"
)
_RELOAD: Final = Text("reload by `fla-gateway reload` or SIGHUP")
_AT_ONCE: Final = 16
"""Keys that are looked at in one piece: a thread is asked once for those of them that are new."""
_REST_SECONDS: Final = 0.25
"""How long ago the last change of each file must be: one that is being written is not applied by halves."""
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


@dataclass(frozen=True, slots=True)
class RunningParts:
    """The parts of the process that a reload changes or uses.

    Attributes:
        started: the configuration that the process was started with.
        may_read: whether the process may read a path; Landlock confines it to what it knew at its start.
        context: what the first generation was built into.
        trust: of the first generation.
        client: asks for tokens.
        activation: serves profiles as their keys allow it.
        observation: what watches.
        clock: the host's clocks.
        cluster: ends what verifies the service accounts of the first generation.
    """

    started: Configured
    may_read: Callable[[Path], bool]
    context: ProcessContext
    trust: Trust
    client: TokenClient
    activation: Activation
    observation: Observation
    clock: Clock
    cluster: AsyncExitStack = field(default_factory=AsyncExitStack)


@dataclass(slots=True)
class _Prepared:
    """A configuration that was judged and can be published."""

    configured: Configured
    changes: tuple[Change, ...]
    trust: Trust
    egress: Egress | None
    keys: ProfileKeys
    files: KeyFiles
    cluster: AsyncExitStack | None = None
    context: ProcessContext | None = None
    listeners: ListenerChange | None = None
    gateway: Gateway | None = None
    followers: Sequence[Callable[[], None]] = ()

    async def undo(self) -> None:
        """Let go of what was made for it."""
        if self.listeners is not None:
            self.listeners.undo()
        if self.cluster is not None:
            await self.cluster.aclose()


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
        try:
            prepared = await self._prepare(cause, bind=not dry_run)
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

    async def watch(self) -> None:
        """Compare the files in force with the disk, and reload where that is asked for, until cancelled."""
        await self._parts.activation.loaded.wait()
        # What the start made of them is there; a reload forgets its own.
        self.in_force.files.forget()
        await FileWatch(lambda: self.in_force, self._note_difference, self._reload_by_watch, self._parts.clock).run()

    async def _reload_by_watch(self) -> None:
        try:
            await self.reload(cause="watch")
        except (ReloadRefusedError, ProblemError):
            # Its faults are in the log, or the end has begun.
            return

    def _note_difference(self, files: tuple[Difference, ...]) -> None:
        self.state = replace(self.state, differs=files)

    # Before publication

    async def _prepare(self, cause: Cause, *, bind: bool) -> _Prepared:
        configured = await asyncio.to_thread(read, self._path, self._parts.clock, rest=_REST_SECONDS, pipes=False)
        old, new = (it.settings.configuration for it in (self.in_force, configured))
        found = await asyncio.to_thread(changes, old, new, _differs(self.in_force, configured))
        await asyncio.to_thread(self._judge, cause, configured)
        trust, egress = await asyncio.to_thread(self._ways, configured)
        files = KeyFiles(configured, self._now, validate=False)
        prepared = _Prepared(
            configured, found, trust, egress, await self._keys(configured, files, quiet=not bind), files
        )
        try:
            followers = (self._parts.observation.prepare, *self.followers)
            prepared.followers = [await asyncio.to_thread(it, configured) for it in followers]
            prepared.listeners = await asyncio.to_thread(self._gateway.listener_set.prepare, configured)
            if bind:
                await self._build(prepared)
            else:
                prepared.listeners.undo()
        except BaseException:
            await prepared.undo()
            raise
        return prepared

    def _judge(self, cause: Cause, configured: Configured) -> None:
        old, new = (it.settings.configuration for it in (self.in_force, configured))
        faults = [
            *restart_faults(self._parts.started.settings.configuration, new),
            *confinement_faults(named_paths(new), self._parts.may_read),
            *exposed_sources(configured.settings.sources, configured.files.custody),
        ]
        if cause == "watch":
            faults += [Fault(it, _OPENS, _RELOAD) for it in opens_more(old, new)]
        if faults:
            raise ConfigurationError(tuple(faults))

    def _ways(self, configured: Configured) -> tuple[Trust, Egress | None]:
        """Make the way to the servers; blocks."""
        table = configured.settings.configuration.egress
        trust = Trust(table.ca_file, configured.files, self._trust)
        trust.prepare(configured.profiles)
        return trust, egress_of(table, configured.files)

    async def _keys(self, configured: Configured, files: KeyFiles, *, quiet: bool) -> ProfileKeys:
        """Load the keys that are new, one after the other in a thread; the others are taken over."""
        before = self._parts.activation.keys
        known = before.by_digest()
        keys = ProfileKeys(configured, quiet=quiet)
        names = files.names
        for at in range(0, len(names), _AT_ONCE):
            piece = {name: known.get(configured.key_digests.get(name, "")) for name in names[at : at + _AT_ONCE]}
            new = [name for name, outcome in piece.items() if outcome is None]
            loaded = await asyncio.to_thread(_load_all, files, new) if new else {}
            for name, outcome in piece.items():
                keys.learn(name, outcome or loaded[name], new=name in loaded)
            await asyncio.sleep(0)
        profiles = self._gateway.current.generation.profiles
        keys.take_over(before, lambda profile: profile in profiles and profiles[profile].state == "served")
        return keys

    async def _build(self, prepared: _Prepared) -> None:
        configured = prepared.configured = prepared.keys.configured
        configuration = configured.settings.configuration
        observer, journal = self._parts.observation.for_configuration(configuration)
        accounts = self._context.service_accounts
        if _cluster_differs(self.in_force, configured):
            prepared.cluster = AsyncExitStack()
            accounts = await cluster_accounts(
                configuration.kubernetes, self._parts.clock, prepared.cluster, self._context.dialer, configured.files
            )
        prepared.context = replace(
            self._context, tls=prepared.trust.context, egress=prepared.egress, observer=observer, journal=journal,
            service_accounts=accounts,
        )  # fmt: skip
        if prepared.listeners is None:
            return
        prepared.gateway = await asyncio.to_thread(
            assemble, configured, prepared.context, self._gateway.lasting_with(prepared.listeners.addresses),
            keys=prepared.keys.known, before=self._gateway.current, former_keys=prepared.keys.former,
        )  # fmt: skip

    # Publication

    async def _publish(self, cause: Cause, prepared: _Prepared, began: float) -> Reloaded:
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
            _LOG.warning("configuration-warning", place=warning.place, warning=warning.message, cure=warning.cure)
        return Reloaded(applied=True, generation=generation, changes=prepared.changes)

    def _follow(self, prepared: _Prepared, context: ProcessContext) -> None:
        """Let everything that outlives a generation follow; in the step of its publication."""
        parts, configured = self._parts, prepared.configured
        # Of former keys those are kept that an exchange still waits for, by however many generations it is older.
        waiting = {it.key_id for it in self._gateway.tokens.requests()} - prepared.keys.signing.keys()
        kept = {it: self._signing[it] for it in waiting if it in self._signing}
        self._signing = ChainMap(prepared.keys.signing, kept)
        parts.client.follow(prepared.trust.context_for, prepared.egress, self._signing)
        parts.activation.follow(prepared.keys, self._gateway.current, prepared.files.load)
        self._context, self._trust = context, prepared.trust
        for follow in prepared.followers:
            follow()
        configured.files.forget()

    # What is said of it

    async def _refuse(self, cause: Cause, faults: tuple[Fault, ...], *, dry_run: bool) -> ReloadRefusedError:
        if not dry_run:
            written = await asyncio.to_thread(_written_names, self._path)
            kept = still_in_force(self.in_force.settings.configuration, written)
            self.state = replace(self.state, successful=False, faults=faults, still_in_force=kept)
            _LOG.error("reload-refused", cause=cause, faults=len(faults), still_in_force=list(kept[:_MOST_LOGGED]))
            for fault in faults[:_MOST_LOGGED]:
                _LOG.error("reload-fault", place=fault.place, fault=fault.message, cure=fault.cure)
        return ReloadRefusedError(faults)

    def _log_applied(self, cause: Cause, prepared: _Prepared, began: float) -> None:
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

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._parts.clock.wall(), UTC)


def _load_all(files: KeyFiles, names: Sequence[str]) -> dict[str, LoadedKey | UnusableKeyError]:
    return {name: files.load(name) for name in names}


def _written_names(path: Path) -> WrittenNames | None:
    """Read what a refused configuration names, as far as its files are TOML; None where they are not."""
    files = FileSnapshot(pipes=False)
    try:
        first = read_document(path, path.name, files)
        patterns = first.get("include")
        found = [it for it in patterns if isinstance(it, str)] if isinstance(patterns, list) else []
        included = dict.fromkeys(it for pattern in found for it in files.listing(pattern, path.parent))
        return names_of([first, *(read_document(it, it.name, files) for it in included)])
    except (ConfigurationError, ValueError):
        return None


def _differs(old: Configured, new: Configured) -> Differs:
    def passwords(name: str) -> bool:
        return old.settings.passwords.get(name) != new.settings.passwords.get(name)

    return Differs(lambda path: old.files.sha256(path) != new.files.sha256(path), passwords)


def _cluster_differs(old: Configured, new: Configured) -> bool:
    before, after = (it.settings.configuration.kubernetes for it in (old, new))
    if before != after or after is None:
        return before != after
    return after.ca_file is not None and old.files.sha256(after.ca_file) != new.files.sha256(after.ca_file)
