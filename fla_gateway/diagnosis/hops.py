"""Root of a diagnosis: which check follows which.

Owns the order of the branches and what keeps one from being checked. Refuses to know how a check is carried out, and
how the result is shown.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

from fla_gateway.catalog.model import Catalogue
from fla_gateway.config.values.urls import parse_url
from fla_gateway.diagnosis.findings import BRANCHES, Branch, Check, is_fatal, skip
from fla_gateway.diagnosis.network_checks import check_way
from fla_gateway.diagnosis.token_checks import SCOPES, TOKEN, check_clock, check_scopes, check_token
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Destination, Egress, Route
from fla_gateway.oauth.client import TokenClient
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.profiles import Profile

_ROOTS: Final = Text("'ca_file' under [egress] or [environments.NAME]")
_CURE: Final = Text("Check network, firewall and egress.proxy.")
_EARLIER: Final = Text("not checked: an earlier branch has a fatal finding")
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
        wait_seconds: how long the running gateway asks nothing after failures; 0 where it may be asked.
        latest: the latest negotiation of the running gateway, or None where none runs.
    """

    profile: Profile
    catalogue: Catalogue
    client: TokenClient
    tls: ssl.SSLContext
    egress: Egress | None
    dialer: Dialer
    resolver: Resolver
    wait_seconds: float = 0.0
    latest: Negotiation | None = None


def skip_connections() -> tuple[Check, ...]:
    """Say of every branch that needs a connection that it was not checked."""
    return tuple(skip(branch, branch, BRANCHES[branch], _EARLIER) for branch in _WAYS)


async def check_connections(target: Target) -> AsyncIterator[Check]:
    """Carry out every check that needs a connection, one after the other."""
    way = await _way_to_token_server(target)
    for check in way:
        yield check
    if is_fatal(way):
        yield skip("token", "token", TOKEN, _EARLIER)
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
    destination = Destination(url.host, url.port, Text("token server"), "token_url", _ROOTS, _CURE)
    route = Route(destination, target.egress)
    return (await check_way("token-server", route, target.tls, target.dialer, target.resolver)).checks


async def _way_to_api(target: Target) -> tuple[Check, ...]:
    upstream = target.profile.upstream
    url = parse_url(target.profile.token_request.token_url, "https")
    if (url.host, url.port) == (upstream.host, upstream.port):
        seen = Text("the same host as the token server's, see there")
        return (skip("way", "api", BRANCHES["api"], seen),)
    destination = Destination(upstream.host, upstream.port, Text("API"), "api_base", _ROOTS, _CURE)
    route = Route(destination, target.egress)
    return (await check_way("api", route, target.tls, target.dialer, target.resolver)).checks


async def _token(target: Target) -> AsyncIterator[Check]:
    request = target.profile.token_request
    if target.wait_seconds > 0:
        reason = Text(
            "not asked: the running gateway waits for another {seconds} s after failures, and attempts are counted",
            seconds=f"{target.wait_seconds:.0f}",
        )
        yield skip("token", "token", TOKEN, reason)
        if target.latest is not None:
            yield check_clock(target.latest.clock_sample)
            yield replace(check_token(target.latest), code="token-latest")
        return
    negotiation = await negotiate(target.client, request)
    yield check_clock(negotiation.clock_sample)
    yield check_token(negotiation)
    if negotiation.error == "invalid_scope" and request.scope:
        # Without a scope the server grants the account's own: that says which of those asked for is missing.
        own = await negotiate(target.client, replace(request, scope=()))
        yield check_scopes(target.profile, target.catalogue, own.scope)
    elif negotiation.lifetime:
        yield check_scopes(target.profile, target.catalogue, negotiation.scope)
    else:
        yield skip("scopes", "token", SCOPES, Text("no token was granted"))


async def negotiate(client: TokenClient, request: TokenRequest) -> Negotiation:
    """Ask for one token, keep none, and give the record of the attempt."""
    with contextlib.suppress(ProblemError):
        await client.fetch(request)
    return client.negotiations.of(request)[0]
