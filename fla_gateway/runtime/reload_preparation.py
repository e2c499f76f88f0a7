"""Root: what follows the configuration in force, up to the moment in which it could be published.

Owns the first half of a reload: read, judge, load keys, prepare listeners, build. Refuses to know when it is published,
and what is said of it (`runtime.reload`). A fault here leaves everything as it was. What takes long is done in a
thread, or in pieces: callers are served meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.model import LoadedKey
from fla_gateway.kubernetes.verifier import cluster_accounts
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.runtime.changes.comparison import Change, Differs, changes
from fla_gateway.runtime.changes.exposed_sources import exposed_sources
from fla_gateway.runtime.changes.restart_faults import confinement_faults, named_paths, restart_faults
from fla_gateway.runtime.changes.widening import opens_more
from fla_gateway.runtime.composition.gateway import Gateway, ProcessContext, assemble
from fla_gateway.runtime.composition.resolved_config import Configured, read
from fla_gateway.runtime.composition.signing_keys import KeyFiles
from fla_gateway.runtime.composition.token_client import egress_of
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.listener_set import ListenerChange
from fla_gateway.runtime.profile_keys import ProfileKeys
from fla_gateway.runtime.running_parts import Cause, Follower, Former, RunningParts

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.network.route import Egress

_OPENS: Final = Message(
    "opens-more", "would open more, or keep less, than now, which a change of files alone does not do"
)
_RELOAD: Final = Text("reload by `fla-gateway reload` or SIGHUP")
_AT_ONCE: Final = 16
"""Keys that are looked at in one piece: a thread is asked once for those of them that are new."""
_REST_SECONDS: Final = 0.25
"""How long ago the last change of each file must be: one that is being written is not applied by halves."""


@dataclass(slots=True)
class Prepared:
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


class Preparation:
    """Prepares what follows the configuration in force."""

    def __init__(self, path: Path, gateway: DataPath, parts: RunningParts) -> None:
        """Take the running gateway; nothing is read before `prepare`.

        Args:
            path: of the configuration's first file.
            gateway: the data path.
            parts: the others.
        """
        self._path = path
        self._gateway = gateway
        self._parts = parts

    async def prepare(self, former: Former, cause: Cause, followers: Sequence[Follower], *, bind: bool) -> Prepared:
        """Read the configuration again, judge it, and build what it makes; nothing takes over.

        Args:
            former: what is in force.
            cause: what asks for it; a watch of files never prepares what opens more.
            followers: what else has to follow.
            bind: keep what was made, to be published; otherwise the configuration is only judged.

        Raises:
            ConfigurationError: with every fault that was found; everything is as it was.
        """
        configured = await asyncio.to_thread(read, self._path, self._parts.clock, rest=_REST_SECONDS, pipes=False)
        old, new = (it.settings.configuration for it in (former.configured, configured))
        found = await asyncio.to_thread(changes, old, new, _differs(former.configured, configured))
        await asyncio.to_thread(self._judge, former.configured, configured, cause)
        trust, egress = await asyncio.to_thread(_ways, configured, former.trust)
        files = KeyFiles(configured, self._now, validate=False)
        prepared = Prepared(
            configured, found, trust, egress, await self._keys(configured, files, quiet=not bind), files
        )
        try:
            prepared.followers = [await asyncio.to_thread(it, configured) for it in followers]
            prepared.listeners = await asyncio.to_thread(self._gateway.listener_set.prepare, configured)
            if bind:
                await self._build(former, prepared)
            else:
                prepared.listeners.undo()
        except BaseException:
            await prepared.undo()
            raise
        return prepared

    def _judge(self, former: Configured, configured: Configured, cause: Cause) -> None:
        old, new = (it.settings.configuration for it in (former, configured))
        faults = [
            *restart_faults(self._parts.started.settings.configuration, new),
            *confinement_faults(named_paths(new), self._parts.may_read),
            *exposed_sources(configured.settings.sources, configured.files.custody),
        ]
        if cause == "watch":
            faults += [Fault(it, _OPENS, _RELOAD) for it in opens_more(old, new)]
        if faults:
            raise ConfigurationError(tuple(faults))

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

    async def _build(self, former: Former, prepared: Prepared) -> None:
        configured = prepared.configured = prepared.keys.configured
        configuration = configured.settings.configuration
        observer, journal = self._parts.observation.for_configuration(configuration)
        accounts = former.context.service_accounts
        if _cluster_differs(former.configured, configured):
            prepared.cluster = AsyncExitStack()
            accounts = await cluster_accounts(
                configuration.kubernetes, self._parts.clock, prepared.cluster, former.context.dialer, configured.files
            )
        prepared.context = replace(
            former.context, tls=prepared.trust.context, egress=prepared.egress, observer=observer, journal=journal,
            service_accounts=accounts,
        )  # fmt: skip
        if prepared.listeners is None:
            return
        prepared.gateway = await asyncio.to_thread(
            assemble, configured, prepared.context, self._gateway.lasting_with(prepared.listeners.addresses),
            keys=prepared.keys.known, before=self._gateway.current, former_keys=prepared.keys.former,
        )  # fmt: skip

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._parts.clock.wall(), UTC)


def _ways(configured: Configured, former: Trust) -> tuple[Trust, Egress | None]:
    """Make the way to the servers; blocks."""
    table = configured.settings.configuration.egress
    trust = Trust(table.ca_file, configured.files, former)
    trust.prepare(configured.profiles)
    return trust, egress_of(table, configured.files)


def _load_all(files: KeyFiles, names: Sequence[str]) -> dict[str, LoadedKey | UnusableKeyError]:
    return {name: files.load(name) for name in names}


def _differs(old: Configured, new: Configured) -> Differs:
    def passwords(name: str) -> bool:
        return old.settings.passwords.get(name) != new.settings.passwords.get(name)

    return Differs(lambda path: old.files.sha256(path) != new.files.sha256(path), passwords)


def _cluster_differs(old: Configured, new: Configured) -> bool:
    before, after = (it.settings.configuration.kubernetes for it in (old, new))
    if before != after or after is None:
        return before != after
    return after.ca_file is not None and old.files.sha256(after.ca_file) != new.files.sha256(after.ca_file)
