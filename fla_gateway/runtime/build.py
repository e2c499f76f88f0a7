"""Root: the only place that knows everybody.

Owns the construction of a gateway out of a configuration. Refuses to decide anything: what is built here was judged
elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from fla_gateway.access.guard import listener_names
from fla_gateway.access.memory import MemoryLimit
from fla_gateway.clock import Clock
from fla_gateway.config.address import Address, TcpAddress, parse_ip
from fla_gateway.config.schema import Configuration, Limits, Listener
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Egress
from fla_gateway.oauth.model import TokenSource
from fla_gateway.peercred import overflow_ids
from fla_gateway.profiles import Profile
from fla_gateway.proxy.account import Account
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.connector import Connector
from fla_gateway.proxy.door import Door
from fla_gateway.proxy.gate import Gate
from fla_gateway.proxy.generation import Generation
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.pool import Pool
from fla_gateway.proxy.record import Journal, Observer
from fla_gateway.proxy.routing import RoutingTable
from fla_gateway.proxy.server import Server
from fla_gateway.runtime.binding import Bound, bind
from fla_gateway.runtime.configured import Configured
from fla_gateway.runtime.listeners import Listeners
from fla_gateway.runtime.peers import peer_of
from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.refresher import Refresher

if TYPE_CHECKING:  # read where callers or limits are configured
    from fla_gateway.access.admissions import Admissions
    from fla_gateway.access.authn import ServiceAccounts
    from fla_gateway.access.limits import Limiter

Tls = Callable[[Path | None], SSLContext]
"""Gives the verifying context for an environment's further roots."""
_NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of a gateway that serves.

    Attributes:
        server: the data path.
        tokens: the token cache.
        refresher: keeps tokens at hand.
        listeners: the callers' side.
        bound: addresses of the listeners, with the ports that they really have, in the configuration's order.
    """

    server: Server
    tokens: TokenCache
    refresher: Refresher
    listeners: Listeners
    bound: tuple[Bound, ...]

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Those that are served now."""
        return tuple(it.profile for it in self.server.generation.accounts.values() if it.state == "served")

    def serve(self, profile: str) -> None:
        """Serve a profile from now on, and keep a token for it at hand."""
        account = self.server.generation.accounts[profile]
        account.serve(self.tokens.entry(account.profile.token_request, warm=account.profile.warm))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a gateway is built into.

    Attributes:
        source: where tokens come from.
        tls: contexts for the way to the APIs.
        clock: the host's clocks.
        dialer: opens connections to the APIs.
        observer: told of every finished exchange.
        hash_key: under which tokens stand in records.
        egress: the corporate proxy, or None.
        journal: told of changing requests before they are sent, or None.
        service_accounts: verifies tokens of Kubernetes, or None.
    """

    source: TokenSource
    tls: Tls
    clock: Clock
    dialer: Dialer
    observer: Observer
    hash_key: bytes = field(repr=False)
    egress: Egress | None = None
    journal: Journal | None = None
    service_accounts: ServiceAccounts | None = None


def build(
    configured: Configured, unavailable: Mapping[str, str], around: Surroundings, *, loading: Container[str] = ()
) -> Gateway:
    """Build a gateway and bind its listeners; nothing is accepted before `Listeners.start`.

    Args:
        configured: a configuration without faults.
        unavailable: why profiles cannot be served, by name.
        loading: names of the profiles of which that is not known yet; all others are served.
        around: what it is built into.

    Raises:
        ConfigurationError: an address cannot be had.
    """
    configuration = configured.settings.configuration
    # The system's random numbers: jitter that two gateways share would be none.
    tokens = TokenCache(around.source, around.clock, random=random.SystemRandom().random)
    accounts = {profile.name: _account(profile, configuration, around) for profile in configured.profiles}
    memory = MemoryLimit()
    connections = Connections(around.clock.monotonic, configuration.gateway.max_connections)
    gate = Gate(accounts, connections, _admissions(configuration, around, memory), memory)
    generation = Generation(
        configuration.gateway, accounts, gate, around.observer, around.journal,
        around.clock.monotonic, around.clock.wall, Dates(around.clock.wall),
    )  # fmt: skip
    server = Server(connections, generation)
    doors = [
        (bound, server.protocol(_door(bound, configured, only, memory)))
        for place, listener, only in _addresses(configured)
        for bound in bind(listener, place)
    ]
    listeners = connections.acceptor = Listeners(doors)
    refresher = Refresher(tokens, around.clock)
    gateway = Gateway(server, tokens, refresher, listeners, tuple(bound for bound, _ in doors))
    for name, account in accounts.items():
        if name in unavailable:
            account.withhold(unavailable[name])
        elif name not in loading:
            gateway.serve(name)
    return gateway


def _account(profile: Profile, configuration: Configuration, around: Surroundings) -> Account:
    tls = around.tls(profile.upstream.ca_file)
    seconds = configuration.gateway.timeouts.connect
    connector = Connector(profile.upstream, tls, around.egress, seconds, around.dialer)
    pool = Pool(profile.name, configuration.gateway.pool, connector.open, around.clock.monotonic)
    limiter = _limiter(profile, configuration)
    return Account(profile, pool, around.hash_key, limiter)


def _limiter(profile: Profile, configuration: Configuration) -> Limiter | None:
    callers = (caller.limits for caller in configuration.callers.values())
    if all(limits == _NO_LIMITS for limits in (configuration.profiles[profile.name].limits, *callers)):
        return None
    from fla_gateway.access.limits import limiter_for  # noqa: PLC0415 - see TYPE_CHECKING above

    return limiter_for(configuration.profiles[profile.name], configuration.callers)


def _admissions(configuration: Configuration, around: Surroundings, memory: MemoryLimit) -> Admissions | None:
    """Take the callers; without any nobody is asked."""
    if not configuration.callers:
        return None
    from fla_gateway.access.admissions import Admissions  # noqa: PLC0415 - see TYPE_CHECKING above

    return Admissions(configuration.callers, around.service_accounts, around.clock, *overflow_ids(), memory)


def _door(bound: Bound, configured: Configured, only: str | None, memory: MemoryLimit) -> Door:
    configuration = configured.settings.configuration
    return Door(
        _table(configured.profiles, only),
        _names(bound.address, configuration),
        secure=bound.tls is not None,
        guarded=bool(configuration.callers),
        trusted=frozenset(origin.encode() for origin in configuration.gateway.trusted_origins),
        peer_of=peer_of if configuration.callers and _proves(bound) else None,
        memory=memory,
    )


def _proves(bound: Bound) -> bool:
    """Tell whether a transport itself may prove a caller: a unix socket, or TLS that asks for certificates."""
    return bound.tls is not None or not isinstance(bound.address, TcpAddress)


def _addresses(configured: Configured) -> list[tuple[str, Listener, str | None]]:
    common = configured.settings.configuration.gateway.listen
    return [
        *((f"gateway.listen[{index}]", it, None) for index, it in enumerate(common)),
        *((f"profiles.{it.name}.listen", it.listen, it.name) for it in configured.profiles if it.listen is not None),
    ]


def _table(profiles: tuple[Profile, ...], only: str | None) -> RoutingTable:
    # Profiles that cannot be served have their routes as well: they answer 503 and say why, not 404.
    prefixes = {
        it.name.encode(): tuple(prefix.encode() for prefix in it.prefixes)
        for it in profiles
        if only is None or it.name == only
    }
    return RoutingTable(prefixes, None if only is None else only.encode())


def _names(address: Address, configuration: Configuration) -> frozenset[bytes] | None:
    if not isinstance(address, TcpAddress):
        return None
    ip = parse_ip(address.host)
    own = [] if ip is not None and ip.is_unspecified else [address.name]
    return listener_names(address.port, own, configuration.gateway.hosts)
