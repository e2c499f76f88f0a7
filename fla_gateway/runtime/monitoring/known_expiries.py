"""Root: which ends of certificates and keys there are.

Owns the list: signing keys' certificates, listeners' certificates, callers' keys, the admin key. Refuses to judge how
near they are; `observe.expiries` does.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from fla_gateway.access.authentication.api_key import key_id
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import UnusableKeyError
from fla_gateway.observe.expiries import Expiry, ExpiryReports
from fla_gateway.profiles import Profile
from fla_gateway.runtime.composition.signing_keys import Keys
from fla_gateway.runtime.monitoring.status_sources import StatusSources

_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_LOOK_SECONDS: Final = 60.0
"""Between two looks: the host's clock may be set, and does not advance while a machine sleeps."""


async def watch_expiries(sources: StatusSources, every: float = _LOOK_SECONDS) -> None:
    """Log ends as they come near, until cancelled.

    Args:
        sources: where they come from.
        every: seconds between two looks.
    """
    reports = ExpiryReports()
    while True:
        reports.report(known_expiries(sources), datetime.fromtimestamp(sources.clock.wall(), UTC))
        await asyncio.sleep(every)


def known_expiries(sources: StatusSources) -> Iterator[Expiry]:
    """Give every end of what is in force."""
    current = sources.gateway.current
    yield from certificate_expiries(current.keys, current.configured.profiles)
    yield from listener_expiries(listener_contexts(sources))
    yield from key_expiries(current.configured.settings.configuration)


def listener_contexts(sources: StatusSources) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Give the TLS context of each listener that has one, by its address; the admin listener's too."""
    for listener in sources.gateway.listener_set.listeners:
        if listener.bound.tls is not None:
            yield str(listener.bound.address), listener.bound.tls
    for context in sources.admin_tls:
        yield "admin", context


def certificate_expiries(keys: Keys, profiles: Iterable[Profile]) -> Iterator[Expiry]:
    """Give the ends of the certificates of signing keys.

    Args:
        keys: by name.
        profiles: those that use them.
    """
    users: dict[str, list[str]] = {}
    for profile in profiles:
        users.setdefault(profile.token_request.key, []).append(profile.name)
    for name, key in keys.items():
        if not isinstance(key, UnusableKeyError) and key.certificate is not None:
            yield Expiry("certificate", name, key.certificate.not_after, tuple(users.get(name, ())))


def listener_expiries(contexts: Iterable[tuple[str, ssl.SSLContext]]) -> Iterator[Expiry]:
    """Give the ends of the certificates that listeners show.

    Args:
        contexts: by address or place.
    """
    for name, context in contexts:
        end = certificate_end(context)
        if end is not None:
            yield Expiry("listener-certificate", name, end)


def certificate_end(context: ssl.SSLContext | None) -> datetime | None:
    """Return the end of the certificate that a listener shows; None where there is none."""
    # `listeners.tls_context` is read where TLS is spoken, and makes all of these.
    end: datetime | None = getattr(context, "certificate_end", None)
    return end


def key_expiries(configuration: Configuration) -> Iterator[Expiry]:
    """Give the ends of callers' keys and of the admin key, those that have one."""
    for name, caller in configuration.callers.items():
        for key in caller.keys:
            if key.expires is not None:
                yield Expiry("caller-key", f"{name} {key_id(key.sha256)}", _moment(key.expires))
    admin = configuration.admin.key
    if admin is not None and admin.expires is not None:
        yield Expiry("admin-key", key_id(admin.sha256), _moment(admin.expires))


def _moment(seconds: float) -> datetime:
    # The end of the last day that a configuration can name is beyond what a datetime holds.
    return datetime.fromtimestamp(min(seconds, _LAST), UTC)
