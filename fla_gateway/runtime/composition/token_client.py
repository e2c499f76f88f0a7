"""Root: one token, outside of a running gateway.

Owns the wiring of the token client for `fla-gateway token`. Refuses to keep the token; the caller decides what
becomes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from fla_gateway.clock import Clock, SystemClock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import Egress as EgressTable
from fla_gateway.config.values.urls import parse_url
from fla_gateway.keys.load import load_key
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.route import Egress
from fla_gateway.oauth.client import TokenClient
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Profile, key_sources
from fla_gateway.runtime.composition.password_file import read_password
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.signing_keys import signing_key
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.default_executor import UnwaitedExecutor


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one request to a token server brought.

    Attributes:
        token: the token.
        offset: learned clock offset in seconds; positive: the server is ahead. 0 where one answer was not enough.
        seconds: how long it took.
    """

    token: AccessToken
    offset: float
    seconds: float


def fetch_once(configured: Configured, profile: Profile, clock: Clock | None = None) -> Fetched:
    """Get one token for a profile; loads its key alone.

    Args:
        configured: what was read.
        profile: the one that asks.
        clock: the host's clocks; by default those of the system.

    Raises:
        ConfigurationError: a file that the configuration names cannot be used.
        UnusableKeyError: the profile's key cannot be used.
        ProblemError: the token server could not be reached or refused.
    """
    now = clock or SystemClock()
    settings, files = configured.settings, configured.files
    configuration = settings.configuration
    name = profile.token_request.key
    moment = datetime.fromtimestamp(now.wall(), UTC)
    key = load_key(name, key_sources(configuration)[name], settings.passwords, moment, files)
    trust = Trust(configuration.egress.ca_file, files)
    trust.prepare((profile,))
    keys = {profile.token_request.key_id: signing_key(key)}
    client = TokenClient(keys, trust.context, now, egress=egress_of(configuration.egress, files))
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())
        return runner.run(_fetch(client, profile, now))


async def _fetch(client: TokenClient, profile: Profile, clock: Clock) -> Fetched:
    began = clock.monotonic()
    try:
        token = await client.fetch(profile.token_request)
        return Fetched(token, _offset(client.offsets()), clock.monotonic() - began)
    finally:
        await client.close()


def _offset(offsets: Mapping[str, float]) -> float:
    """Give the one server's offset: this client has spoken with no other."""
    return next(iter(offsets.values()), 0.0)


def egress_of(table: EgressTable, files: FileSnapshot) -> Egress | None:
    """Give the corporate proxy of a checked configuration, or None.

    Args:
        table: `[egress]`.
        files: those that were read with the configuration.

    Raises:
        ConfigurationError: if the password file cannot be read.
    """
    if table.proxy is None:
        return None
    url = parse_url(table.proxy, "http")
    file = table.proxy_password_file
    password = None if file is None else read_password(file, "egress.proxy_password_file", files)
    return Egress(url.host, url.port, table.proxy_user, password)
