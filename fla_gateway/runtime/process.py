"""Root: what lives from the start of a gateway to its end.

Owns readiness, reloads, the admin listener and the order of the end. Refuses to know what a configuration makes
(`composition`), and in which order a start makes it (`runtime.assembly`).
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from fla_gateway import __version__
from fla_gateway.background_task import run_beside
from fla_gateway.clock import Clock
from fla_gateway.errors import ConfigurationError, ProblemError, ReloadRefusedError
from fla_gateway.i18n.message import Text
from fla_gateway.listeners.bind import Bound
from fla_gateway.listeners.tls_handshakes import MOST_HANDSHAKES
from fla_gateway.observe.logs import event_log
from fla_gateway.observe.unknown_callers import UnknownCallers
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.monitoring.admin_listener import bind_admin, open_surface
from fla_gateway.runtime.monitoring.alerting import Alerting
from fla_gateway.runtime.monitoring.peer_user import user_of
from fla_gateway.runtime.monitoring.status_sources import StatusSources
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.runtime.readiness import Phase, judge
from fla_gateway.runtime.settling import Settling
from fla_gateway.runtime.shutdown import drain, longest_drain
from fla_gateway.runtime.startup_log import announce, in_a_sentence
from fla_gateway.system.allocator import return_freed_memory
from fla_gateway.system.early_signals import hung_up
from fla_gateway.system.systemd_notify import ServiceManager

if TYPE_CHECKING:  # read where it is used
    from fla_gateway.admin.gateway_actions import Reloaded
    from fla_gateway.journal.snapshot import Settlement
    from fla_gateway.oauth.client import TokenClient
    from fla_gateway.runtime.reload import Reloader
    from fla_gateway.runtime.running_parts import Cause

T = TypeVar("T")
_LOG = structlog.get_logger()
_RESERVED_FILES: Final = 128
"""Descriptors left for everything but callers and pools: log, admin, token client, resolver."""
_FIRST_FETCH_SECONDS: Final = 0.2
"""How long the admin listener waits for the first token; a probe does for its answer as well."""
_ENDS: Final = Text("The gateway ends, and reads no configuration any more.")
_ENDING: Final = Text("The gateway starts or ends, and records nothing for now.")
_MOST_SIGNALLED: Final = 2
"""Reloads by SIGHUP at the same time: one that runs, one that waits."""


def open_files() -> int:
    """Raise the limit of open files as far as allowed, and give it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_048_576 if hard == resource.RLIM_INFINITY else hard


class Process:
    """The gateway's process: what lives from its start to its end."""

    def __init__(
        self,
        clock: Clock,
        client: TokenClient,
        manager: ServiceManager,
        alerting: Alerting,
        shown: Callable[[str], str] = str,
    ) -> None:
        self._clock = clock
        self._alerting = alerting
        self._client = client
        self._manager = manager
        self._shown = shown
        self._stop = asyncio.Event()
        self._opened = asyncio.Event()
        self._listening = self._draining = False
        self._gateway: DataPath | None = None
        self._admin: list[Bound] = []
        self._reloader: Reloader | None = None
        self._settling: Settling | None = None
        self._reloads: set[asyncio.Task[Any]] = set()
        self._signalled = 0
        self._started = clock.wall()

    @property
    def phase(self) -> Phase:
        """Where it is between start and end."""
        if self._stop.is_set():
            return "stopping"
        if not self._listening:
            return "starting"
        return "draining" if self._draining else "listening"

    def request_drain(self) -> None:
        """Be unready from now on, and go on serving."""
        self._draining = True
        self._manager.status(self._status())

    def request_stop(self) -> None:
        """End in peace; unready from now on."""
        self._stop.set()

    def request_reload(self) -> None:
        """Read the configuration again, unless the end has begun; during the start, as soon as that is done."""
        if self._stop.is_set():
            _LOG.warning("signal", signal="SIGHUP", warning="nothing is read again: the gateway ends")
            return
        _LOG.info("signal", signal="SIGHUP")
        # Of two, the second has not begun to read, and will see whatever a third one is about.
        if self._signalled < _MOST_SIGNALLED:
            self._signalled += 1
            self._begin(self._reload_by_signal())

    def _begin(self, reload: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a reload beside everything else; the end of the process cancels it."""
        task = asyncio.get_running_loop().create_task(reload)
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
        return task

    async def _reload(self, cause: Cause, *, dry_run: bool = False) -> Reloaded:
        # What follows a configuration registers itself while the start goes on, and would miss a reload before that.
        await self._opened.wait()
        if self._reloader is None:
            raise ProblemError("stopping", _ENDS)
        return await self._reloader.reload(cause=cause, dry_run=dry_run)

    async def _reload_by_signal(self) -> None:
        try:
            await self._reload("signal")
        except (ReloadRefusedError, ProblemError):
            # Its faults are in the log, or the end has begun.
            return
        finally:
            self._signalled -= 1

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Let the service manager learn of the beginning of a reload and of its end."""
        self._manager.reloading()
        try:
            yield
        finally:
            if not self._stop.is_set():
                self._manager.ready(self._status())

    def ready(self) -> tuple[bool, str]:
        """See `admin.probes.ReadinessState`."""
        if self._gateway is None:
            return False, self.phase
        current = self._gateway.current
        ready = current.configured.settings.configuration.admin.ready
        reason = judge(self.phase, current.generation.profile_states(), ready)
        return reason == "serving", reason

    def identity(self) -> dict[str, object]:
        """See `admin.probes.ReadinessState`: a start that finds an address in use asks for it."""
        profiles = () if self._gateway is None else self._gateway.current.configured.profiles
        return {"pid": os.getpid(), "environments": sorted({it.environment for it in profiles})}

    async def reload(self, *, dry_run: bool) -> Reloaded:
        """See `admin.gateway_actions.GatewayActions`."""
        if self._stop.is_set():
            raise ProblemError("stopping", _ENDS)
        task = self._begin(self._reload("admin", dry_run=dry_run))
        try:
            return await task
        except asyncio.CancelledError:
            if self._stop.is_set():
                raise ProblemError("stopping", _ENDS) from None
            task.cancel()
            raise

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `admin.gateway_actions.GatewayActions`."""
        if self._settling is None or self._stop.is_set():
            raise ProblemError("stopping", _ENDING)
        await self._settling.settle(settlements)

    def drain(self) -> None:
        """See `admin.gateway_actions.GatewayActions`."""
        self.request_drain()

    def quit(self) -> None:
        """See `admin.gateway_actions.GatewayActions`."""
        self.request_stop()

    def bind(self, configured: Configured, stack: AsyncExitStack) -> None:
        """Bind the admin listener.

        To be called before the callers' sockets are bound, since the kernel accepts for them from that moment on: a
        probe waits for its answer then, and is refused no connection.

        Raises:
            ConfigurationError: the admin address cannot be had.
        """
        self._admin = bind_admin(configured, stack)

    async def run(
        self,
        gateway: DataPath,
        observation: Observation,
        activate: Callable[[], Coroutine[Any, Any, None]],
        stack: AsyncExitStack,
        make_reloader: Callable[[], Awaitable[Reloader]],
    ) -> int:
        """Serve until the end is asked for; return the number of exchanges that were cut off.

        Args:
            gateway: as published.
            observation: what watches it.
            activate: serves profiles as their keys become known.
            stack: ends what is begun here, in the reverse order.
            make_reloader: makes what lets other configurations take over; called once, when callers are served.

        Raises:
            ConfigurationError: the admin listener cannot be opened.
        """
        self._gateway, self._settling = gateway, Settling(observation)
        asyncio.get_running_loop().set_exception_handler(_note_fault)
        stack.push_async_callback(self._client.close)
        stack.push_async_callback(gateway.tokens.close)
        gateway.server.start(self._most_callers(gateway))
        stack.push_async_callback(gateway.server.close)
        stack.callback(gateway.listeners.close)
        fault: ConfigurationError | None = None
        cut = 0
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(gateway.refresher.run()), tasks.create_task(activate())]
            try:
                if not self._stop.is_set():
                    reloader = await self._open(gateway, observation, stack, make_reloader)
                    self._reloads.add(tasks.create_task(reloader.watch()))
                    self._reloads.add(tasks.create_task(reloader.keep_listening()))
                await self._stop.wait()
                _cancel(self._reloads)
                self._manager.stopping(longest_drain(gateway), self._status())
                # While callers are accepted they are served as ever: tokens are renewed, keys are loaded.
                cut = await drain(gateway, self._clock, refusing=partial(_cancel, beside))
            except ConfigurationError as error:
                # The task group would raise it as an exception group, which no caller handles.
                fault = error
            _cancel((*beside, *self._reloads))
        if fault is not None:
            raise fault
        return cut

    async def _open(
        self,
        gateway: DataPath,
        observation: Observation,
        stack: AsyncExitStack,
        make_reloader: Callable[[], Awaitable[Reloader]],
    ) -> Reloader:
        gc.freeze()
        configured = gateway.current.configured
        await gateway.listeners.start()
        self._listening = True
        self._manager.keep_watchdog_quiet(asyncio.get_running_loop())
        connections = gateway.server.connections
        unknown = UnknownCallers(self._clock, user_of)
        connections.on_unknown_caller = unknown.note
        # What is imported from here on takes a tenth of a second: callers wait for the first token meanwhile.
        await gateway.tokens.first_fetch(_FIRST_FETCH_SECONDS)
        reloader = self._reloader = await make_reloader()
        reloader.followers.append(lambda _: lambda: connections.allow(self._most_callers(gateway)))
        reloader.reported = self._reported
        sources = StatusSources(
            gateway=gateway,
            observation=observation,
            doubts=observation.doubts,
            state=lambda: self.ready()[1],
            clock=self._clock,
            started=self._started,
            reload=lambda: reloader.state,
            offsets=self._client.offsets,
            negotiations=self._client.negotiations.of,
            last_token=self._client.last_token,
            unknown_callers=unknown.read,
            alerts=self._alerting.numbers,
        )
        await open_surface(self._admin, sources, self, self._client, self, stack, reloader.followers)
        from fla_gateway.runtime.monitoring.known_expiries import watch_expiries  # noqa: PLC0415 - read by then

        await announce(gateway, self._started)
        run_beside(watch_expiries(sources), "ends", stack)
        reloader.followers.append(self._alerting.prepare)
        run_beside(self._alerting.run(sources), "alerts", stack)
        await reloader.get_ready()
        # The bytes of keys and passwords are not kept for longer than they are used.
        configured.files.forget()
        return_freed_memory()
        _LOG.info("ready", version=__version__)
        if event_log.is_read_by_a_person(configured.settings.configuration.log):
            observation.output.offer_event(f"{self._shown(in_a_sentence(gateway, self._admin[0]))}\n".encode())
        self._manager.ready(self._status())
        self._opened.set()
        if hung_up():
            self.request_reload()
        return reloader

    def _status(self) -> str:
        """Say the state in a line, as `systemctl status` shows it."""
        if self._gateway is None:
            return self.phase
        states = self._gateway.current.generation.profile_states()
        refused = self._reloader is not None and not self._reloader.state.successful
        served = f"{states.get('served', 0)} of {sum(states.values())} profiles served"
        return f"{self.ready()[1]}: {served}{'; the last reload was refused' if refused else ''}"

    def _most_callers(self, gateway: DataPath) -> int:
        configured = gateway.current.configured
        settings = configured.settings.configuration.gateway
        files = open_files()
        # Of hundreds of profiles only some are busy at the same time; callers keep half of the files in any case.
        pools = min(settings.pool.connections * len(configured.profiles), files // 2)
        handshakes = MOST_HANDSHAKES if any(bound.tls is not None for bound in gateway.bound) else 0
        room = files - _RESERVED_FILES - pools - handshakes
        if room < settings.max_connections:
            _LOG.warning("fewer-callers", limit=max(room, 1), reason="the limit of open files (ulimit -n) is low")
        return max(1, min(settings.max_connections, room))


def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _note_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The loop's own handler writes the repr of the objects in its context, past the log's format and redaction.
    error = context.get("exception")
    _LOG.error("loop-fault", message=context.get("message", ""), error=type(error).__name__, exc_info=error)
