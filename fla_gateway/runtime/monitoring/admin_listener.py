"""Root: the admin listener, with the sources of its answers.

Owns the joining of probes, metrics and status with the parts that know the answers. Refuses to decide who may see them;
`admin.access_rules` does.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.background_task import run_beside
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message
from fla_gateway.listeners.bind import Bound, bind
from fla_gateway.listeners.tls_handshakes import Handshakes, TlsServer
from fla_gateway.runtime.background_import import imported
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.monitoring.status_sources import StatusSources

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.admin.access_rules import AdminAccess
    from fla_gateway.admin.gateway_actions import GatewayActions
    from fla_gateway.admin.probes import ReadinessState
    from fla_gateway.admin.server import AcceptTls, AdminServer
    from fla_gateway.admin.status.gateway_status import Status
    from fla_gateway.oauth.client import TokenClient
    from fla_gateway.observe.metrics.registry import Exposition

Follower = Callable[[Configured], Callable[[], None]]
"""Prepares to follow a configuration, and returns what does."""
_LOG = structlog.get_logger()
_SOCKET_SECONDS: Final = 1.0
_NOT_HERE: Final = Message("address-not-here", "this machine does not have the address")
MOST_HANDSHAKES: Final = 32
"""TLS handshakes that run on the admin listener at the same time, as many as it has connections; above that, the
oldest is closed."""


def bind_admin(configured: Configured, stack: AsyncExitStack) -> list[Bound]:
    """Bind the admin listener; connections wait there until `open_surface`.

    Args:
        configured: the first configuration.
        stack: releases it.

    Raises:
        ConfigurationError: the admin address cannot be had.
    """
    bound = bind(configured.settings.configuration.admin.listen, "admin.listen", configured.files)
    if not bound:
        raise ConfigurationError((Fault("admin.listen", _NOT_HERE),))
    for one in bound:
        stack.callback(one.release)
    return bound


async def open_surface(
    bound: Sequence[Bound],
    sources: StatusSources,
    readiness: ReadinessState,
    client: TokenClient,
    actions: GatewayActions,
    stack: AsyncExitStack,
    followers: list[Follower],
) -> None:
    """Answer on the admin listener until the stack is closed.

    Args:
        bound: the admin listener.
        sources: what status and metrics are made of.
        readiness: what probes are answered.
        client: knows the clocks of token servers.
        actions: reloads, drains and ends the gateway.
        stack: ends what is begun here.
        followers: called with each configuration that is to take over.
    """
    # Read while the first tokens are fetched and the first calls answered, since it takes a tenth of a second.
    server = await imported("fla_gateway.admin.server")
    await imported("fla_gateway.runtime.monitoring.metric_sources")
    configuration = sources.gateway.current.configured.settings.configuration
    counts: Counter[tuple[str, str]] = Counter()
    admin: AdminServer = server.AdminServer(
        readiness,
        _metrics(sources, client, counts),
        lambda profile: _status(sources, profile),
        _access(configuration),
        sources.clock,
        actions,
        counts=counts,
    )
    admin.follow(_access(configuration), configuration.gateway.language)
    contexts = sources.admin_tls
    contexts[:] = [] if bound[0].tls is None else [bound[0].tls]
    followers.append(partial(_follow, admin, contexts))
    await admin.start(bound[0].address, [one.sock for one in bound], _accept_tls(contexts, stack))
    stack.push_async_callback(admin.close)
    if bound[0].file is not None:
        run_beside(_keep_file(bound[0], configuration.admin.listen, admin, stack), "admin-socket", stack)
    _LOG.info("admin-listening", address=str(bound[0].address), tls=bound[0].tls is not None)
    if sources.observation.journal is not None:
        # Files of earlier runs may be many: they are read beside the first requests, not before them.
        run_beside(_recall(sources), "doubts", stack)


def _metrics(
    sources: StatusSources, client: TokenClient, counts: Counter[tuple[str, str]]
) -> Callable[[], Awaitable[bytes]]:
    """Give what writes the metrics; it is made when they are asked for."""
    # As in `open_surface`, which has imported them.
    from fla_gateway.runtime.monitoring.known_expiries import listener_contexts  # noqa: PLC0415 - as above
    from fla_gateway.runtime.monitoring.metric_sources import exposition  # noqa: PLC0415 - as above

    measures: list[Exposition] = []

    async def metrics_text() -> bytes:
        if not measures:
            await imported("fla_gateway.observe.metrics.registry")
            measures.append(
                exposition(
                    sources.gateway, sources.observation, client, sources.clock, counts, sources.reload,
                    lambda: listener_contexts(sources), sources.alerts,
                )
            )  # fmt: skip
        return await asyncio.to_thread(measures[0].read())

    return metrics_text


async def _keep_file(bound: Bound, listener: Listener, admin: AdminServer, stack: AsyncExitStack) -> None:
    """Look for the file of the Unix socket once a second, and make it again where something has removed it."""
    while True:
        await asyncio.sleep(_SOCKET_SECONDS)
        if bound.file_in_place is not None:
            continue
        # What is amiss is tried again; a directory that is gone, for example, may come back.
        with suppress(ConfigurationError, OSError):
            (bound,) = bind(listener, "admin.listen")
            stack.callback(bound.release)
            await admin.accept_on(bound.sock)
            _LOG.warning("socket-made-again", address=str(bound.address))


def _accept_tls(contexts: list[ssl.SSLContext], stack: AsyncExitStack) -> AcceptTls | None:
    """Accept over TLS with the context that is in force then; None for plain HTTP."""
    if not contexts:
        return None
    handshakes = Handshakes(most=MOST_HANDSHAKES)
    stack.callback(handshakes.close)
    return lambda sock, protocols: TlsServer(sock, lambda: contexts[0], protocols, handshakes)


def _follow(admin: AdminServer, contexts: list[ssl.SSLContext], configured: Configured) -> Callable[[], None]:
    """Prepare to follow a configuration: who may see what, and the certificate; raises ConfigurationError."""
    configuration = configured.settings.configuration
    tls, access = configuration.admin.listen.tls, _access(configuration)
    renewed: list[ssl.SSLContext] = []
    if tls is not None:
        from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - read where TLS is spoken

        renewed = [server_context(tls, "admin.listen.tls", configured.files)]

    def follow() -> None:
        contexts[:] = renewed
        admin.follow(access, configuration.gateway.language)

    return follow


async def _status(sources: StatusSources, profile: str) -> Status:
    assembling = await imported("fla_gateway.runtime.monitoring.status_report")
    status: Status = await assembling.assemble(sources, profile)
    return status


async def _recall(sources: StatusSources) -> None:
    from fla_gateway.runtime.monitoring.earlier_doubts import recall_doubts  # noqa: PLC0415 - as above

    await recall_doubts(sources)


def _access(configuration: Configuration) -> AdminAccess:
    from fla_gateway.admin.access_rules import AdminAccess  # noqa: PLC0415 - as above

    key = configuration.admin.key
    return AdminAccess(
        key_sha256=None if key is None else key.sha256,
        key_expires=None if key is None else key.expires,
        actions=configuration.admin.actions,
        hosts=tuple(configuration.gateway.hosts),
        uid=os.geteuid(),
    )
