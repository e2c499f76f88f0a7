"""Adapter: would `run` start with this configuration, on this machine?

Owns what is asked of files, directories and addresses, by the same code that a start opens them with. Refuses to print.
Nothing is made or changed, except that with `here` each address is bound for a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fla_gateway.cli.checking.fault_lines import locator
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # `--help` must not wait for the configuration
    from fla_gateway.config.schema import Configuration
    from fla_gateway.runtime.composition.resolved_config import Configured


def read_further_files(configured: Configured) -> None:
    """Read what `run` would read besides keys: roots, passwords of proxy and mail server, TLS of listeners.

    Raises:
        ConfigurationError: with every fault.
    """
    from fla_gateway.config.rules.listener_specs import encrypted  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.token_client import egress_of  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.trust_store import Trust  # noqa: PLC0415 - as above

    egress = configured.settings.configuration.egress
    reads: list[Callable[[], object]] = [
        partial(Trust(egress.ca_file, configured.files).prepare, configured.profiles),
        partial(egress_of, egress, configured.files),
        *(
            partial(server_context, tls, place, configured.files)
            for place, tls in encrypted(configured.settings.configuration)
        ),
    ]
    if configured.settings.configuration.alerts is not None:
        from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
        from fla_gateway.network.dialer import Dialer  # noqa: PLC0415 - as above
        from fla_gateway.runtime.composition.alert_channels import alert_channels  # noqa: PLC0415 - as above

        reads.append(partial(alert_channels, configured, Dialer(SystemClock().monotonic)))
    if (kubernetes := configured.settings.configuration.kubernetes) is not None:
        from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
        from fla_gateway.kubernetes.jwks_cache import ClusterKeys  # noqa: PLC0415 - as above

        reads.append(partial(ClusterKeys, kubernetes, SystemClock(), files=configured.files))
    faults: list[Fault] = []
    for read in reads:
        try:
            read()
        except ConfigurationError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigurationError(tuple(map(locator(configured), faults)))


def obstacles(configuration: Configuration) -> Iterator[Fault]:
    """Name what `run` would miss on this machine. No faults: a service manager or an installer may see to it yet."""
    from fla_gateway.config.rules.listener_specs import admin_listener_spec, listener_specs  # noqa: PLC0415 - as above
    from fla_gateway.config.values.address import UnixAddress  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.journal.writer import directory  # noqa: PLC0415 - as above
    from fla_gateway.listeners import unix_socket  # noqa: PLC0415 - as above
    from fla_gateway.observe.tracing.span_queue import missing_extra  # noqa: PLC0415 - as above

    for spec in (*listener_specs(configuration), admin_listener_spec(configuration)):
        if isinstance(spec.address, UnixAddress):
            seen = unix_socket.foreseen(spec.address.path, spec.listener.group, spec.place)
            if seen is not None:
                yield seen
    if configuration.audit is not None and (missed := directory.foreseen(configuration.audit.path)) is not None:
        yield missed
    if configuration.tracing is not None and (missing := missing_extra()) is not None:
        yield missing


def in_use(configuration: Configuration) -> Iterator[Fault]:
    """Name what another process has now: with a gateway that runs already, that is as it should be."""
    from fla_gateway.journal.writer import directory  # noqa: PLC0415 - as above

    if configuration.audit is not None and (held := directory.held(configuration.audit.path)) is not None:
        yield held


def foreign(configuration: Configuration) -> Iterator[Fault]:
    """Name what root cannot judge on behalf of the user that runs the gateway."""
    from fla_gateway.journal.writer import directory  # noqa: PLC0415 - as above

    if configuration.audit is not None and (owned := directory.foreign(configuration.audit.path)) is not None:
        yield owned


def unavailable_here(configured: Configured) -> tuple[Fault, ...]:
    """Bind every address as a start does, and release it; return why one cannot be had, and which gateway has it."""
    from fla_gateway.listeners.bind import bind  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs import event_log  # noqa: PLC0415 - as above
    from fla_gateway.runtime.listener_set import unavailable  # noqa: PLC0415 - as above

    event_log.configure(configured.settings.configuration.log)
    found = [*unavailable(configured)]
    try:
        for bound in bind(configured.settings.configuration.admin.listen, "admin.listen", configured.files):
            bound.release()
    except ConfigurationError as error:
        found += error.faults
    return (*found, *occupant(configured.settings.sources[0])) if found else ()


def occupant(path: Path) -> tuple[Fault, ...]:
    """Ask the admin listener of a configuration which gateway runs there; nothing if none answers.

    Args:
        path: of the configuration that cannot be started.
    """
    from fla_gateway.cli.options.admin_client import admin_of  # noqa: PLC0415 - as above
    from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError  # noqa: PLC0415 - as above
    from fla_gateway.cli.remote.admin_request import probe  # noqa: PLC0415 - as above

    try:
        document = probe(admin_of(path), "/readyz", 1.0).document
    except (ConfigurationError, NoGatewayError, NotSentError):
        return ()
    if not isinstance(document.get("reason"), str):
        return ()
    environments = document.get("environments")
    shown = ", ".join(map(str, environments)) if isinstance(environments, list) else "unknown"
    message = Message(
        "gateway-runs-already",
        "a gateway runs there already: process {pid}, environment {environments}",
        pid=str(document.get("pid", "unknown")),
        environments=shown,
    )
    cure = Text("end it first: Ctrl-C in the terminal of a demo, or `fla-gateway quit`; or give this one other ports")
    return (Fault("admin.listen", message, cure),)
