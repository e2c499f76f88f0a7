"""Root: the start of a gateway, up to the event loop.

Owns the order of the start: read, confine, load keys, begin the loop, build. Refuses to know how anything works, and
what lives until the end (`runtime.process`).

The order is chosen for speed: few keys are loaded in a thread while aiohttp is imported, many of them in processes
while callers are served already; the first tokens are fetched while the admin listener comes up.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.clock import Clock, SystemClock
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.kubernetes.verifier import cluster_accounts
from fla_gateway.listeners.socket_activation import INHERITED
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.observe.logs.output import follow as follow_output
from fla_gateway.observe.logs.output import open_output
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import Configured, CurrentConfiguration, read
from fla_gateway.runtime.composition.signing_keys import KeyFiles
from fla_gateway.runtime.composition.trust_hints import TrustHints
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import open_data_path
from fla_gateway.runtime.default_executor import UnwaitedExecutor
from fla_gateway.runtime.monitoring.alerting import Alerting
from fla_gateway.runtime.monitoring.telemetry import observe
from fla_gateway.runtime.process import Process
from fla_gateway.runtime.profile_keys import Activation, ProfileKeys
from fla_gateway.runtime.signals import handle_signals
from fla_gateway.runtime.startup_log import announce_files
from fla_gateway.system.allocator import keep_few_arenas
from fla_gateway.system.process_hardening import log_failures, undumpable
from fla_gateway.system.systemd_notify import ServiceManager

if TYPE_CHECKING:  # read where it is used
    from fla_gateway.network.route import Egress
    from fla_gateway.runtime.key_loading.loader import KeyLoading
    from fla_gateway.runtime.key_loading.worker_processes import KeyWorker, Outcome

_LAST_LINES_SECONDS: Final = 2.0
"""How long the end of the process waits for lines that are not read."""


def serve(path: Path, *, strict: bool, shown: Callable[[str], str] = str) -> int:
    """Run the gateway of a configuration until a signal ends it.

    Args:
        path: the configuration file.
        strict: refuse to start if any profile cannot be served.
        shown: says a text in the language of who starts it on a terminal; the log is in English.

    Returns:
        How many exchanges were cut off at the end of `drain_seconds`; the log and their lines say which.

    Raises:
        ConfigurationError: the configuration cannot be used, or with `strict` a key.
    """
    keep_few_arenas()
    _collect_rarely()
    clock = SystemClock()
    INHERITED.take(os.environ)  # noqa: TID251 - as below
    # Before the process is confined.
    manager = ServiceManager.of(os.environ)  # noqa: TID251 - for this process, and no part of what is configured
    configured = read(path)
    output = open_output(configured.settings.configuration.log, clock)
    try:
        return _serve(configured, output, clock, manager, shown, strict=strict)
    finally:
        output.close(_LAST_LINES_SECONDS)


def _serve(
    configured: Configured,
    output: LineWriter,
    clock: Clock,
    manager: ServiceManager,
    shown: Callable[[str], str],
    *,
    strict: bool,
) -> int:
    configuration = configured.settings.configuration
    announce_files(configured)
    # The command line has done so already, as the first thing of all; what failed can be said only now.
    undumpable()
    log_failures()
    may_read = _confine(configured) if configuration.security.landlock else _anything
    files = KeyFiles(configured, lambda: datetime.fromtimestamp(clock.wall(), UTC), validate=False)
    # Before there are threads, since those who hold a lock at this moment do not come along.
    workers, loading = _begin_loading(files, strict=strict)
    # Not earlier: a thread that runs already would neither be confined nor come along.
    output.start()
    keys, trust, egress = _load_keys(configured, files, workers, first=loading is None, strict=strict)
    from fla_gateway.oauth.client import TokenClient  # noqa: PLC0415 - as above
    from fla_gateway.runtime.reload import Reloader  # noqa: PLC0415 - as above
    from fla_gateway.runtime.reload_preparation import RunningParts  # noqa: PLC0415 - as above

    dialer = Dialer(clock.monotonic)
    client = TokenClient(keys.signing, trust.context_for, clock, egress=egress, dialer=dialer)
    alerting = Alerting(configured, dialer)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())
        process = Process(clock, client, manager, alerting, shown)
        hints = TrustHints(client.offsets)
        current = CurrentConfiguration(configured)

        async def start_and_stop() -> int:
            handle_signals(process.request_stop, process.request_reload, output)
            async with AsyncExitStack() as stack:
                observation = observe(current, clock, output)
                stack.callback(observation.close)
                cluster = await stack.enter_async_context(AsyncExitStack())
                process_context = ProcessContext(
                    client, trust.context, clock, dialer, observation.observer, observation.key, egress,
                    observation.journal,
                    await cluster_accounts(configuration.kubernetes, clock, cluster, dialer, configured.files), hints,
                )  # fmt: skip
                process.bind(configured, stack)
                unknown = {it.name for it in configured.profiles if it.token_request.key not in keys.known}
                path = open_data_path(current, keys.unavailable, process_context, loading=unknown, keys=keys.known)
                activation = Activation(keys, path.current, files.load, clock, observation.note_accounts)
                parts = RunningParts(
                    configured, may_read, process_context, trust, client, activation, observation, clock, cluster
                )
                reloader = Reloader(configured.settings.sources[0], path, parts)
                hints.has_changed = lambda: bool(reloader.state.differs)
                reloader.followers.append(partial(_follow_log, output, clock))
                return await process.run(path, observation, partial(activation.run, loading), stack, reloader)

        return runner.run(start_and_stop())


def _load_keys(
    configured: Configured, files: KeyFiles, workers: Sequence[KeyWorker], *, first: bool, strict: bool
) -> tuple[ProfileKeys, Trust, Egress | None]:
    """Load the keys, and meanwhile the modules that come next and the roots.

    Args:
        configured: what is to run.
        files: the keys.
        workers: processes that load them, if there are many.
        first: load every key before anything listens.
        strict: as of `serve`.
    """
    with ThreadPoolExecutor(1) as background:
        loaded = background.submit(_load_first, files, workers) if first else None
        # Of what is imported here most is needed by the caller alone: it takes as long as the keys of a few profiles.
        import fla_gateway.oauth.client  # noqa: PLC0415 - as above
        import fla_gateway.runtime.reload  # noqa: F401, PLC0415 - as above
        from fla_gateway.runtime.composition.token_client import egress_of  # noqa: PLC0415 - as above

        egress = egress_of(configured.settings.configuration.egress, configured.files)
        trust = Trust(configured.settings.configuration.egress.ca_file, configured.files)
        trust.prepare(configured.profiles)
        keys = ProfileKeys(configured)
        for name, outcome in (loaded.result() if loaded is not None else {}).items():
            keys.learn(name, outcome)
    if strict and keys.unavailable:
        raise ConfigurationError(tuple(Fault(f"profiles.{it}.key", *why) for it, why in keys.unavailable.items()))
    return keys, trust, egress


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.Loop


def _begin_loading(files: KeyFiles, *, strict: bool) -> tuple[Sequence[KeyWorker], KeyLoading | None]:
    """Fork workers where keys are many, and let them begin unless every key is loaded before anything listens."""
    if not files.many:
        return (), None
    from fla_gateway.runtime.key_loading.loader import KeyLoading  # noqa: PLC0415 - only where keys are many
    from fla_gateway.runtime.key_loading.worker_processes import fork_workers, processors  # noqa: PLC0415 - as above

    workers = fork_workers(files.load, processors())
    return workers, None if strict else KeyLoading(files.names, files.load, workers)


def _confine(configured: Configured) -> Callable[[Path], bool]:
    """Confine the process to the files of its configuration; return what says whether it may read a path."""
    from fla_gateway.runtime.composition.landlock_paths import allowed_paths, includes  # noqa: PLC0415 - only where it is asked for
    from fla_gateway.system.landlock import confine  # noqa: PLC0415 - as above

    allowed = allowed_paths(configured)
    confine(allowed)
    return partial(includes, allowed.read)


def _anything(_: Path) -> bool:
    """Landlock does not confine this process."""
    return True


def _follow_log(output: LineWriter, clock: Clock, configured: Configured) -> Callable[[], None]:
    """Follow level and format of the log."""
    return partial(follow_output, output, configured.settings.configuration.log, clock)


def _load_first(files: KeyFiles, workers: Sequence[KeyWorker]) -> dict[str, Outcome]:
    """Load every key before anything listens."""
    if files.many:
        from fla_gateway.runtime.key_loading.loader import load_all  # noqa: PLC0415 - as above

        return load_all(files.names, files.load, workers)
    return {name: files.load(name) for name in files.names}


def _collect_rarely() -> None:
    """Take what was imported out of the garbage collector's sight, and have it look rarely at what follows.

    The start makes objects that stay. Looking at them again and again takes a third of the time of reading a large
    configuration, and a first full look at all of them would be a gap of the event loop. What is lost by not looking is
    some hundred objects.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
