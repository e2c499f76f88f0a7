"""Root: the start of a gateway, until its keys are being loaded.

Owns the order: read, confine, load keys. Refuses to know what is made of them (`runtime.assembly`), and how anything
works.

The order is chosen for speed: many keys are loaded in processes while everything else is imported and callers are
served already, so that nothing is imported here which those processes can do without; roots are read in a thread.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.clock import SystemClock
from fla_gateway.listeners.socket_activation import INHERITED
from fla_gateway.observe.logs.output import open_output
from fla_gateway.runtime.composition.resolved_config import Configured, read
from fla_gateway.runtime.composition.signing_keys import KeyFiles
from fla_gateway.runtime.startup_log import announce_files
from fla_gateway.system.allocator import keep_few_arenas
from fla_gateway.system.process_hardening import log_failures, undumpable
from fla_gateway.system.systemd_notify import ServiceManager

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.clock import Clock
    from fla_gateway.observe.logs.line_writer import LineWriter
    from fla_gateway.runtime.composition.trust_store import Trust
    from fla_gateway.runtime.key_loading.loader import KeyLoading
    from fla_gateway.runtime.key_loading.worker_processes import KeyWorker

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
    announce_files(configured)
    # The command line has done so already, as the first thing of all; what failed can be said only now.
    undumpable()
    log_failures()
    may_read = _confine(configured) if configured.settings.configuration.security.landlock else _anything
    files = KeyFiles(configured, lambda: datetime.fromtimestamp(clock.wall(), UTC), validate=False)
    # Before there are threads, since those who hold a lock at this moment do not come along.
    workers, loading = _begin_loading(files, strict=strict)
    gc.freeze()
    trust = _begin_trust(configured)
    # What its modules leave behind is not looked for: a tenth of a megabyte.
    from fla_gateway.runtime.assembly import Begun, run  # noqa: PLC0415 - see the head

    # Not earlier: a thread that runs already would neither be confined nor come along.
    output.start()
    return run(Begun(configured, output, clock, manager, shown, may_read, files, workers, loading, trust, strict))


def _begin_loading(files: KeyFiles, *, strict: bool) -> tuple[Sequence[KeyWorker], KeyLoading | None]:
    """Fork workers where keys are many, and let them begin unless every key is loaded before anything listens."""
    if not files.many:
        return (), None
    from fla_gateway.runtime.key_loading.loader import KeyLoading  # noqa: PLC0415 - only where keys are many
    from fla_gateway.runtime.key_loading.worker_processes import fork_workers, processors  # noqa: PLC0415 - as above

    workers = fork_workers(files.load, processors())
    return workers, None if strict else KeyLoading(files.names, files.load, workers)


def _begin_trust(configured: Configured) -> Future[Trust]:
    """Read roots in a thread: OpenSSL takes a twelfth of a start for them, and leaves the interpreter to others."""
    from fla_gateway.runtime.composition.trust_store import Trust  # noqa: PLC0415 - see the head
    from fla_gateway.system.thread_pool import ThreadPool  # noqa: PLC0415 - as above

    trust = Trust(configured.settings.configuration.egress.ca_file, configured.files)

    def prepared() -> Trust:
        trust.prepare(configured.profiles)
        return trust

    background = ThreadPool(1, "roots")
    made = background.submit(prepared)
    background.shutdown(wait=False)
    return made


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


def _collect_rarely() -> None:
    """Take what was imported out of the garbage collector's sight, and have it look rarely at what follows.

    The start makes objects that stay. Looking at them again and again takes a third of the time of reading a large
    configuration, and a first full look at all of them would be a gap of the event loop. What is lost by not looking is
    some hundred objects.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
