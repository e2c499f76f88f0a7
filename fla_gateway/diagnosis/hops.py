"""Root of a diagnosis: which check follows which.

Owns the order of the branches and what keeps one from being checked. Refuses to know how a check is carried out, and
how the result is shown.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from fla_gateway.catalog.model import Catalogue
from fla_gateway.config.values.urls import parse_url
from fla_gateway.diagnosis.findings import BRANCHES, Branch, Check, is_fatal, skip
from fla_gateway.diagnosis.network_checks import Hops, check_way
from fla_gateway.diagnosis.token_checks import (
    CLOCK,
    SCOPES,
    TOKEN,
    UNMEASURED,
    check_clock,
    check_scopes,
    check_token,
)
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import CHECK_NETWORK, ROOTS, Destination, Egress, Route
from fla_gateway.oauth.client import TokenClient
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.oauth.token_http_request import token_destination
from fla_gateway.profiles import Profile

_EARLIER: Final = Text("not checked: an earlier branch has a fatal finding")
_LATEST: Final = Text("The running gateway's latest attempt brought a token")
_HARMLESS: Final = Text("A call to the API is answered")
_WAYS: Final[tuple[Branch, ...]] = ("token-server", "token", "api")


@dataclass(frozen=True, slots=True)
class Target:
    """What is diagnosed, and what with.

    Attributes:
        profile: the profile.
        catalogue: the known APIs.
        client: asks for tokens with the profile's key.
        tls: verifies servers, as for calls; by the profile's further roots.
        egress: corporate proxy, or None.
        dialer: opens connections.
        resolver: finds addresses.
        own_roots: whether authorities of the company are trusted beside the public ones.
        now: seconds since 1970, by this host's clock.
        wait_seconds: how long the running gateway asks nothing after failures; 0 where it may be asked.
        earlier: negotiations of the running gateway, the latest first; none where none runs.
    """

    profile: Profile
    catalogue: Catalogue
    client: TokenClient
    tls: ssl.SSLContext
    egress: Egress | None
    dialer: Dialer
    resolver: Resolver
    own_roots: bool
    now: float
    wait_seconds: float = 0.0
    earlier: tuple[Negotiation, ...] = ()

    @property
    def hops(self) -> Hops:
        """What ways are gone with."""
        return Hops(self.tls, self.dialer, self.resolver, self.own_roots, self.now)


def skip_connections() -> tuple[Check, ...]:
    """Say of every branch that needs a connection that it was not checked."""
    return tuple(skip("token" if it == "token" else "way", it, BRANCHES[it], _EARLIER) for it in _WAYS)


async def check_connections(target: Target) -> AsyncIterator[Check]:
    """Carry out every check that needs a connection, one after the other."""
    way = await _way_to_token_server(target)
    for check in way:
        yield check
    if is_fatal(way):
        yield skip("clock", "token", CLOCK, UNMEASURED)
        yield skip("token", "token", TOKEN, _EARLIER)
        yield skip("scopes", "token", SCOPES, _EARLIER)
    else:
        async for check in _token(target):
            yield check
    for check in await _way_to_api(target):
        yield check
    # No call is known that surely changes nothing: of each API that is public, only its documents are known.
    yield skip(
        "call", "api", _HARMLESS, Text("no call is known to be harmless; make one of your own through the gateway")
    )


async def _way_to_token_server(target: Target) -> tuple[Check, ...]:
    url = parse_url(target.profile.token_request.token_url, "https")
    return await check_way("token-server", Route(token_destination(url), target.egress), target.hops)


async def _way_to_api(target: Target) -> tuple[Check, ...]:
    upstream = target.profile.upstream
    url = parse_url(target.profile.token_request.token_url, "https")
    if (url.host, url.port) == (upstream.host, upstream.port):
        seen = Text("the same host as the token server's, see there")
        return (skip("way", "api", BRANCHES["api"], seen),)
    destination = Destination(upstream.host, upstream.port, Text("API"), "api_base", ROOTS, CHECK_NETWORK)
    return await check_way("api", Route(destination, target.egress), target.hops)


async def _token(target: Target) -> AsyncIterator[Check]:
    profile, catalogue, request = target.profile, target.catalogue, target.profile.token_request
    if target.wait_seconds > 0:
        for check in _not_asked(target):
            yield check
        return
    negotiation = await negotiate(target.client, request)
    yield check_clock(negotiation.clock_sample)
    negotiations = (negotiation, *target.earlier)
    yield check_token(profile, catalogue, negotiations, not_inspected=not target.own_roots)
    if negotiation.error == "invalid_scope" and request.scope:
        # Without a scope the server grants the account's own: that says which of those asked for is missing.
        own = await negotiate(target.client, replace(request, scope=()))
        yield check_scopes(profile, catalogue, own.scope, request.scope)
    elif negotiation.lifetime:
        yield check_scopes(profile, catalogue, negotiation.scope)
    else:
        yield skip("scopes", "token", SCOPES, Text("no token was granted"))


def _not_asked(target: Target) -> Iterator[Check]:
    """Say what the running gateway knows, while it waits."""
    reason = Text(
        "not asked: the running gateway waits for another {seconds} s after failures, and attempts are counted",
        seconds=f"{target.wait_seconds:.0f}",
    )
    yield check_clock(target.earlier[0].clock_sample if target.earlier else None)
    yield skip("token", "token", TOKEN, reason)
    if target.earlier:
        latest = check_token(target.profile, target.catalogue, target.earlier)
        moment = f"{datetime.fromtimestamp(target.earlier[0].time, UTC):%Y-%m-%d %H:%M:%S} UTC"
        seen = Text("{time}: {seen}", time=moment, seen=latest.seen)
        yield replace(latest, code="token-latest", description=_LATEST, seen=seen)
    yield skip("scopes", "token", SCOPES, Text("no token was granted"))


async def negotiate(client: TokenClient, request: TokenRequest) -> Negotiation:
    """Ask for one token, keep none, and give the record of the attempt."""
    with contextlib.suppress(ProblemError):
        await client.fetch(request)
    return client.negotiations.of(request)[0]
