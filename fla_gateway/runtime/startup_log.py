"""Adapter: what is logged at the start, before the first request.

Owns the words an operator reads to see whether this is the gateway that was meant to start. Refuses to decide anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.config.rules.listener_specs import encrypted
from fla_gateway.config.values.address import TcpAddress, is_loopback
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Text
from fla_gateway.runtime.composition.resolved_config import Configured

if TYPE_CHECKING:  # the first line is written before these are read
    from fla_gateway.listeners.bind import Bound
    from fla_gateway.runtime.data_path import DataPath

_LOG = structlog.get_logger()
_MOST_NAMED: Final = 5
_AT_ONCE: Final = 20
"""Lines written before calls get their turn."""


def announce_files(configured: Configured) -> None:
    """Log which files were read: the first event of all."""
    files = [str(path) for path in configured.settings.sources]
    _LOG.info("configuration", files=files, fingerprint=configured.fingerprint)


def report_warning(warning: Fault) -> None:
    """Log what a configuration has that deserves a look."""
    _LOG.warning(
        "configuration-warning",
        code=warning.code,
        place=warning.place,
        line=warning.line or None,
        warning=warning.message,
        cure=warning.cure,
    )


def in_a_sentence(gateway: DataPath, admin: Bound) -> Text:
    """Say what is served where, and where the status is, for a person at a terminal.

    Args:
        gateway: as published.
        admin: the admin listener.
    """
    first = next((it.bound for it in gateway.listener_set.listeners if it.spec.profile is None), gateway.bound[0])
    names = list(gateway.server.generation.profiles)
    return Text(
        "Serving {served}; status: {status}/ or `fla-gateway status`; Ctrl-C ends it.",
        served=_served(_shown(first), names),
        status=_shown(admin),
    )


def _served(origin: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{origin}/{names[0]}/REST/..."
    few, more = ", ".join(names[:_MOST_NAMED]), len(names) - _MOST_NAMED
    if more <= 0:
        return f"{origin}/PROFILE/REST/... ({few})"
    return Text("{origin}/PROFILE/REST/... ({names} and {count} more)", origin=origin, names=few, count=more)


def _shown(bound: Bound) -> str:
    if not isinstance(bound.address, TcpAddress):
        return str(bound.address)
    return f"{'http' if bound.tls is None else 'https'}://{bound.address}"


async def announce(gateway: DataPath, wall: float) -> None:
    """Log warnings, profiles, callers and listeners, a few at a time: calls are served meanwhile.

    Args:
        gateway: as published.
        wall: now, in seconds since 1970.
    """
    from fla_gateway.access.authentication.proofs import proofs  # noqa: PLC0415 - see TYPE_CHECKING above

    configured = gateway.current.configured
    configuration = configured.settings.configuration
    now = datetime.fromtimestamp(wall, UTC)
    log = _LOG.bind()  # once: structlog would do it anew for each of hundreds of profiles
    for warning in (*configured.warnings, *_certificate_warnings(configured, now)):
        report_warning(warning)
    for number, profile in enumerate(configured.profiles):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        state = gateway.server.generation.profiles[profile.name].state
        log.info(
            "profile",
            name=profile.name,
            environment=profile.environment_shown,
            api=profile.upstream.authority,
            token_server=profile.token_request.token_url,
            served=state == "served",
            state=state,
        )
    for bound in gateway.bound:
        _LOG.info("listening", address=str(bound.address), tls=bound.tls is not None)
    for number, (name, caller) in enumerate(configuration.callers.items()):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        _LOG.info("caller", name=name, proofs=list(proofs(caller)), profiles=list(caller.allow))
    if not configuration.callers:
        _warn_of_anonymous_calls(gateway)
    if configuration.audit is None:
        _LOG.warning("no-journal", warning="nothing shows afterwards what was sent; see [audit]")


def _certificate_warnings(configured: Configured, now: datetime) -> Iterator[Fault]:
    for place, tls in encrypted(configured.settings.configuration):
        from fla_gateway.listeners.tls_context import tls_warnings  # noqa: PLC0415 - read where TLS is spoken

        yield from tls_warnings(tls, place, now, configured.files)


def _warn_of_anonymous_calls(gateway: DataPath) -> None:
    local = all(is_loopback(it.address) for it in gateway.bound)
    client = "every program on this machine" if local else "every client"
    warning = f"{client} that reaches a listener acts as the employer; see [callers]"
    _LOG.warning("anonymous", warning=warning)
