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
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from fla_gateway import __version__
from fla_gateway.clock import Clock, SystemClock
from fla_gateway.config.address import is_loopback
from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError
from fla_gateway.observe import logs
from fla_gateway.observe.counters import Counters
from fla_gateway.observe.observers import join
from fla_gateway.observe.requests import RequestLog
from fla_gateway.observe.writer import LineWriter
from fla_gateway.runtime.binding import bind
from fla_gateway.runtime.build import Gateway, Surroundings, build, masking_key
from fla_gateway.runtime.configured import Configured, read
from fla_gateway.runtime.keys import Keys, load_keys, signing_key, why_unusable
from fla_gateway.runtime.trust import Trust

if TYPE_CHECKING:
    from fla_gateway.oauth.client import TokenClient
    from fla_gateway.observe.metrics import Exposition

_LOG = structlog.get_logger()
_STDOUT: Final = 1
_RESERVED_FILES: Final = 64
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
    counters = Counters()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        process = _Process(configured, keys, clock, client, counters)

        async def start_and_stop() -> int:
            log = process.request_log()
            gateway = build(
                configured, unavailable, Surroundings(client, trust.context, clock, join(counters, log), egress)
            )
            return await process.run(gateway, log)

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
    """See `admin.server.ReadinessState`."""

    state: str = "starting"

    def ready(self) -> tuple[bool, str]:
        return self.state == "serving", self.state


class _Process:
    """The gateway's process: what lives from its start to its end."""

    def __init__(
        self, configured: Configured, keys: Keys, clock: Clock, client: TokenClient, counters: Counters
    ) -> None:
        self._configured = configured
        self._configuration = configured.settings.configuration
        self._keys = keys
        self._clock = clock
        self._client = client
        self._counters = counters
        self._readiness = _Readiness()
        self._metrics: Exposition | None = None

    def request_log(self) -> RequestLog | None:
        """Make the log of requests if the configuration wants it; on the running loop."""
        log = self._configuration.log
        if not log.requests:
            return None
        form = logs.chosen_format(log, sys.stdout)
        loop = asyncio.get_running_loop()
        return RequestLog(LineWriter(_STDOUT), form, masking_key(), self._clock.wall, loop.call_later)

    async def run(self, gateway: Gateway, log: RequestLog | None) -> int:
        """Serve until told to stop; give the exit code.

        Raises:
            ConfigurationError: the admin address cannot be had.
        """
        stop = asyncio.Event()
        self._handle_signals(stop)
        asyncio.get_running_loop().set_exception_handler(_note_fault)
        async with AsyncExitStack() as stack:
            if log is not None:
                stack.callback(log.close)
            stack.push_async_callback(self._client.close)
            stack.push_async_callback(gateway.tokens.close)
            gateway.service.start(self._most_callers(gateway))
            stack.push_async_callback(gateway.service.close)
            stack.callback(gateway.listeners.close)
            fault: ConfigurationError | None = None
            async with asyncio.TaskGroup() as tasks:
                refreshing = tasks.create_task(gateway.refresher.run())
                try:
                    await self._open(gateway, log, stack)
                    await stop.wait()
                except ConfigurationError as error:
                    # Out of the group it would come as one of a group of errors, which nobody expects.
                    fault = error
                refreshing.cancel()
            if fault is not None:
                raise fault
            return await self._drain(gateway)

    async def _open(self, gateway: Gateway, log: RequestLog | None, stack: AsyncExitStack) -> None:
        await gateway.listeners.start()
        await self._open_admin(gateway, log, stack)
        self._announce(gateway)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

    def _most_callers(self, gateway: Gateway) -> int:
        settings = self._configuration.gateway
        pools = settings.pool.connections * len(gateway.profiles)
        room = open_files() - _RESERVED_FILES - pools
        if room < settings.max_connections:
            _LOG.warning("fewer-callers", limit=max(room, 1), reason="the limit of open files (ulimit -n) is low")
        return max(1, min(settings.max_connections, room))

    async def _open_admin(self, gateway: Gateway, log: RequestLog | None, stack: AsyncExitStack) -> None:
        from fla_gateway.admin.server import AdminServer  # noqa: PLC0415 - read while the first tokens are fetched

        def metrics_text() -> bytes:
            return self._exposition(gateway, log).text()

        admin = AdminServer(self._readiness, metrics_text)
        bound = bind(self._configuration.admin.listen, "admin.listen")
        if not bound:
            raise ConfigurationError((Fault("admin.listen", "this machine does not have the address"),))
        for one in bound:
            stack.callback(one.release)
        await admin.start(bound[0].address, [one.sock for one in bound])
        stack.push_async_callback(admin.close)
        _LOG.info("admin-listening", address=str(bound[0].address))

    def _exposition(self, gateway: Gateway, log: RequestLog | None) -> Exposition:
        if self._metrics is None:
            from fla_gateway.observe.metrics import Exposition, Suppliers  # noqa: PLC0415 - read at the first scrape

            suppliers = Suppliers(
                tokens=gateway.tokens.snapshots,
                pools=gateway.service.pool_snapshots,
                doors=gateway.service.door_snapshot,
                offsets=self._client.offsets,
                certificates=self._certificates,
                dropped=lambda: log.dropped if log is not None else 0,
            )
            self._metrics = Exposition(self._counters, gateway.profiles, suppliers)
        return self._metrics

    def _certificates(self) -> dict[str, float]:
        loaded = [key for key in self._keys.values() if not isinstance(key, UnusableKeyError)]
        return {key.name: key.certificate.not_after.timestamp() for key in loaded if key.certificate is not None}

    def _announce(self, gateway: Gateway) -> None:
        for warning in self._configured.warnings:
            _LOG.warning("configuration-warning", place=warning.place, warning=warning.message, cure=warning.cure)
        for profile in self._configured.profiles:
            _LOG.info(
                "profile",
                name=profile.name,
                environment=profile.environment_shown,
                api=profile.upstream.authority,
                token_server=profile.token_request.token_url,
                served=profile in gateway.profiles,
            )
        for bound in gateway.bound:
            _LOG.info("listening", address=str(bound.address))
        anybody = (
            "every program on this machine" if all(is_loopback(it.address) for it in gateway.bound) else "everybody"
        )
        _LOG.warning("anonymous", warning=f"{anybody} that reaches a listener acts as the employer")
        self._readiness.state = "serving"
        _LOG.info("ready", version=__version__)

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
