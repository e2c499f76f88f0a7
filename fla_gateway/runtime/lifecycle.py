"""Root: a gateway from its start to its end.

Owns the order of starting and stopping, and the signals. Refuses to know how anything works.

The order of the start is chosen for speed: keys are loaded in threads while aiohttp is imported, the first tokens are
fetched while the admin listener comes up.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from fla_gateway import __version__
from fla_gateway.clock import Clock, SystemClock
from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe import logs
from fla_gateway.runtime.announcing import announce
from fla_gateway.runtime.build import Gateway, Surroundings, build
from fla_gateway.runtime.cluster import cluster_accounts
from fla_gateway.runtime.configured import Configured, read
from fla_gateway.runtime.fingerprint import fingerprint
from fla_gateway.runtime.handshakes import MOST_HANDSHAKES
from fla_gateway.runtime.hardening import undumpable
from fla_gateway.runtime.keys import Keys, load_keys, signing_key, why_unusable
from fla_gateway.runtime.observation import Observation, observe
from fla_gateway.runtime.sources import Sources
from fla_gateway.runtime.surface import open_surface
from fla_gateway.runtime.trust import Trust

if TYPE_CHECKING:
    from fla_gateway.oauth.client import TokenClient

_LOG = structlog.get_logger()
_RESERVED_FILES: Final = 128
"""Descriptors left for everything but callers and pools: log, admin, token client, resolver."""


def serve(path: Path, *, strict: bool) -> int:
    """Run the gateway of a configuration until a signal ends it.

    Args:
        path: the configuration file.
        strict: refuse to start if any profile cannot be served.

    Returns:
        Exit code: 0, also if exchanges were cut at the end of `drain_seconds`; the log and their lines tell which.

    Raises:
        ConfigurationError: the configuration cannot be used, or with `strict` a key.
    """
    clock = SystemClock()
    configured = read(path)
    configuration = configured.settings.configuration
    logs.configure(configuration.log)
    undumpable()
    if configuration.security.landlock:
        from fla_gateway.runtime.landlock import confine  # noqa: PLC0415 - only where it is asked for
        from fla_gateway.runtime.needed_files import allowed_paths  # noqa: PLC0415 - as above

        confine(allowed_paths(configured))
    now = datetime.fromtimestamp(clock.wall(), UTC)
    with ThreadPoolExecutor(1) as background:
        loading: Future[Keys] = background.submit(load_keys, configured, now)
        from fla_gateway.oauth.client import TokenClient  # noqa: PLC0415 - aiohttp is read while keys are loaded
        from fla_gateway.runtime.tokens import egress_of  # noqa: PLC0415 - as above

        egress = egress_of(configuration.egress)
        trust = Trust(configuration.egress.ca_file)
        trust.prepare(configured.profiles)
        keys = loading.result()
    unavailable = _unavailable(configured, keys, strict=strict)
    usable = {name: signing_key(key) for name, key in keys.items() if not isinstance(key, UnusableKeyError)}
    client = TokenClient(usable, trust.context, clock, egress=egress)
    dialer = Dialer(clock.monotonic)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        process = _Process(configured, keys, clock, client)

        async def start_and_stop() -> int:
            async with AsyncExitStack() as stack:
                observation = observe(configured, process.fingerprint, clock)
                stack.callback(observation.close)
                around = Surroundings(
                    client, trust.context, clock, dialer, observation.observer, observation.key, egress,
                    observation.journal,
                    await cluster_accounts(configuration.kubernetes, clock, stack),
                )  # fmt: skip
                return await process.run(build(configured, unavailable, around), observation, stack)

        return runner.run(start_and_stop())


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.Loop


def _unavailable(configured: Configured, keys: Keys, *, strict: bool) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for profile in configured.profiles:
        key = keys[profile.token_request.key]
        reason = why_unusable(profile, key)
        if reason is not None:
            reasons[profile.name] = reason
            _LOG.error("profile-unavailable", profile=profile.name, reason=reason)
    for key in keys.values():
        if not isinstance(key, UnusableKeyError):
            for warning in key.warnings:
                _LOG.warning("key-warning", key=key.name, warning=warning)
    if strict and reasons:
        raise ConfigurationError(tuple(Fault(f"profiles.{name}.key", reason) for name, reason in reasons.items()))
    return reasons


def open_files() -> int:
    """Raise the limit of open files as far as allowed, and give it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_048_576 if hard == resource.RLIM_INFINITY else hard


@dataclass(slots=True)
class _Readiness:
    """See `admin.probes.ReadinessState`."""

    state: str = "starting"

    def ready(self) -> tuple[bool, str]:
        return self.state == "serving", self.state


class _Process:
    """The gateway's process: what lives from its start to its end."""

    def __init__(self, configured: Configured, keys: Keys, clock: Clock, client: TokenClient) -> None:
        self._configured = configured
        self._configuration = configured.settings.configuration
        self._keys = keys
        self._clock = clock
        self._client = client
        self._readiness = _Readiness()
        self._started = clock.wall()
        self.fingerprint = fingerprint(configured.settings.sources)

    async def run(self, gateway: Gateway, observation: Observation, stack: AsyncExitStack) -> int:
        """Serve until told to stop; give the exit code.

        Args:
            gateway: as built.
            observation: what watches it.
            stack: ends what is begun here, in the reverse order.

        Raises:
            ConfigurationError: the admin address cannot be had.
        """
        stop = asyncio.Event()
        self._handle_signals(stop)
        asyncio.get_running_loop().set_exception_handler(_note_fault)
        stack.push_async_callback(self._client.close)
        stack.push_async_callback(gateway.tokens.close)
        gateway.service.start(self._most_callers(gateway))
        stack.push_async_callback(gateway.service.close)
        stack.callback(gateway.listeners.close)
        fault: ConfigurationError | None = None
        async with asyncio.TaskGroup() as tasks:
            refreshing = tasks.create_task(gateway.refresher.run())
            try:
                await self._open(gateway, observation, stack)
                await stop.wait()
            except ConfigurationError as error:
                # Out of the group it would come as one of a group of errors, which nobody expects.
                fault = error
            refreshing.cancel()
        if fault is not None:
            raise fault
        return await self._drain(gateway)

    async def _open(self, gateway: Gateway, observation: Observation, stack: AsyncExitStack) -> None:
        await gateway.listeners.start()
        sources = Sources(
            configured=self._configured,
            fingerprint=self.fingerprint,
            keys=self._keys,
            unavailable=gateway.service.unavailable,
            gateway=gateway,
            observation=observation,
            doubts=observation.doubts,
            state=lambda: self._readiness.state,
            clock=self._clock,
            started=self._started,
        )
        await open_surface(sources, self._readiness, self._client, stack)
        announce(self._configured, gateway, self.fingerprint, self._started)
        self._readiness.state = "serving"
        _LOG.info("ready", version=__version__)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

    def _most_callers(self, gateway: Gateway) -> int:
        settings = self._configuration.gateway
        pools = settings.pool.connections * len(gateway.profiles)
        handshakes = MOST_HANDSHAKES if any(bound.tls is not None for bound in gateway.bound) else 0
        room = open_files() - _RESERVED_FILES - pools - handshakes
        if room < settings.max_connections:
            _LOG.warning("fewer-callers", limit=max(room, 1), reason="the limit of open files (ulimit -n) is low")
        return max(1, min(settings.max_connections, room))

    async def _drain(self, gateway: Gateway) -> int:
        self._readiness.state = "stopping"
        seconds = self._configuration.gateway.drain_seconds
        _LOG.info("stopping", drain_seconds=seconds)
        gateway.listeners.close()
        whole = await gateway.service.drain(seconds)
        if not whole:
            _LOG.warning("drain-cut", reason="exchanges still ran at the end of drain_seconds")
        _LOG.info("stopped")
        return 0

    def _handle_signals(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()

        def ask_to_stop(name: str) -> None:
            if stop.is_set():
                _LOG.warning("stopped-at-once", signal=name)
                os._exit(1)
            _LOG.info("signal", signal=name)
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ask_to_stop, number.name)
        loop.add_signal_handler(signal.SIGHUP, _note_hangup)


def _note_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The loop's own handler writes the repr of whatever was at hand, past the log's format and redaction.
    error = context.get("exception")
    _LOG.error("loop-fault", message=context.get("message", ""), error=type(error).__name__, exc_info=error)


def _note_hangup() -> None:
    _LOG.warning("signal", signal="SIGHUP", warning="reload is not supported yet; restart to read the configuration")
