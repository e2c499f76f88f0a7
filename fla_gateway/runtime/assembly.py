"""Root: the parts of a gateway, joined on its event loop.

Owns the order in which they are made: keys and roots, what watches, the generation with its listeners, and what lives
until the end (`runtime.process`). Refuses to know how anything works, and what comes before (`runtime.startup`).

The order is chosen for speed: few keys are loaded in a thread while modules are imported; the first tokens are fetched
while the admin listener comes up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fla_gateway.clock import Clock
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.kubernetes.verifier import cluster_accounts
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.observe.logs.output import follow as follow_output
from fla_gateway.runtime.background_import import imported
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import Configured, CurrentConfiguration
from fla_gateway.runtime.composition.signing_keys import KeyFiles
from fla_gateway.runtime.composition.trust_hints import TrustHints
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import open_data_path
from fla_gateway.runtime.default_executor import UnwaitedExecutor
from fla_gateway.runtime.monitoring.alerting import Alerting
from fla_gateway.runtime.monitoring.telemetry import observe
from fla_gateway.runtime.process import Process
from fla_gateway.runtime.profile_keys import Activation, ProfileKeys
from fla_gateway.runtime.signals import handle_signals, ignore_signals
from fla_gateway.system.systemd_notify import ServiceManager
from fla_gateway.system.thread_pool import ThreadPool

if TYPE_CHECKING:  # read where it is used
    from fla_gateway.network.route import Egress
    from fla_gateway.runtime.key_loading.loader import KeyLoading
    from fla_gateway.runtime.key_loading.worker_processes import KeyWorker, Outcome
    from fla_gateway.runtime.reload import Reloader


@dataclass(frozen=True, slots=True)
class Begun:
    """What the start has made, for all that follows.

    Attributes:
        configured: the configuration.
        output: takes the lines of the log; its thread runs.
        clock: the host's clocks.
        manager: the service manager.
        shown: see `startup.serve`.
        may_read: whether the process may read a path.
        files: the keys.
        workers: processes that load them, if there are many.
        loading: what loads them while callers are served; None: every key is loaded before anything listens.
        trust: what the servers of this generation are verified with, which is being read.
        strict: see `startup.serve`.
    """

    configured: Configured
    output: LineWriter
    clock: Clock
    manager: ServiceManager
    shown: Callable[[str], str]
    may_read: Callable[[Path], bool]
    files: KeyFiles
    workers: Sequence[KeyWorker]
    loading: KeyLoading | None
    trust: Future[Trust]
    strict: bool


def run(begun: Begun) -> int:
    """Serve until a signal ends it; see `startup.serve`."""
    configured, clock, output, files = begun.configured, begun.clock, begun.output, begun.files
    loading = begun.loading
    keys, trust, egress = _load_keys(begun)
    from fla_gateway.oauth.client import TokenClient  # noqa: PLC0415 - read while the keys are loaded

    kubernetes = configured.settings.configuration.kubernetes
    dialer = Dialer(clock.monotonic)
    client = TokenClient(keys.signing, trust.context_for, clock, egress=egress, dialer=dialer)
    alerting = Alerting(configured, dialer)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())
        process = Process(clock, client, begun.manager, alerting, begun.shown)
        hints = TrustHints(client.offsets)
        current = CurrentConfiguration(configured)

        async def start_and_stop() -> int:
            handle_signals(process.request_stop, process.request_reload, output)
            async with AsyncExitStack() as stack:
                stack.callback(ignore_signals)
                observation = observe(current, clock, output)
                stack.callback(observation.close)
                cluster = await stack.enter_async_context(AsyncExitStack())
                process_context = ProcessContext(
                    client, trust.context, clock, dialer, observation.observer, observation.key, egress,
                    observation.journal,
                    await cluster_accounts(kubernetes, clock, cluster, dialer, configured.files), hints,
                )  # fmt: skip
                process.bind(configured, stack)
                unknown = {it.name for it in configured.profiles if it.token_request.key not in keys.known}
                path = open_data_path(current, keys.unavailable, process_context, loading=unknown, keys=keys.known)
                activation = Activation(keys, path.current, files.load, clock, observation.note_accounts)

                async def make_reloader() -> Reloader:
                    await imported("fla_gateway.runtime.reload")
                    from fla_gateway.runtime.reload import Reloader  # noqa: PLC0415 - the first calls do not need it
                    from fla_gateway.runtime.running_parts import RunningParts  # noqa: PLC0415 - as above

                    parts = RunningParts(
                        configured, begun.may_read, process_context, trust, client, activation, observation, clock,
                        cluster,
                    )  # fmt: skip
                    reloader = Reloader(configured.settings.sources[0], path, parts)
                    hints.has_changed = lambda: bool(reloader.state.differs)
                    reloader.followers.append(partial(_follow_log, output, clock))
                    return reloader

                return await process.run(path, observation, partial(activation.run, loading), stack, make_reloader)

        return runner.run(start_and_stop())


def _load_keys(begun: Begun) -> tuple[ProfileKeys, Trust, Egress | None]:
    """Load the keys if that is to be done first, and meanwhile the modules that come next; wait for the roots."""
    configured = begun.configured
    with ThreadPool(1) as background:
        loaded = background.submit(_load_first, begun.files, begun.workers) if begun.loading is None else None
        # It is needed by the caller alone, and takes as long as the keys of a few profiles.
        import fla_gateway.oauth.client  # noqa: F401, PLC0415 - read while the keys are loaded
        from fla_gateway.runtime.composition.token_client import egress_of  # noqa: PLC0415 - read while the keys are loaded

        egress = egress_of(configured.settings.configuration.egress, configured.files)
        trust = begun.trust.result()
        keys = ProfileKeys(configured)
        for name, outcome in (loaded.result() if loaded is not None else {}).items():
            keys.learn(name, outcome)
    if begun.strict and keys.unavailable:
        raise ConfigurationError(tuple(Fault(f"profiles.{it}.key", *why) for it, why in keys.unavailable.items()))
    return keys, trust, egress


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.Loop


def _follow_log(output: LineWriter, clock: Clock, configured: Configured) -> Callable[[], None]:
    """Follow level and format of the log."""
    return partial(follow_output, output, configured.settings.configuration.log, clock)


def _load_first(files: KeyFiles, workers: Sequence[KeyWorker]) -> dict[str, Outcome]:
    """Load every key before anything listens."""
    if files.many:
        from fla_gateway.runtime.key_loading.loader import load_all  # noqa: PLC0415 - only where keys are many

        return load_all(files.names, files.load, workers)
    return {name: files.load(name) for name in files.names}
