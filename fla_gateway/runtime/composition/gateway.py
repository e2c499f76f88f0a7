"""Root: a generation, out of one configuration.

Owns the construction of all that a configuration makes. Refuses to decide anything, to bind an address and to hold what
outlives a configuration: what is built here was judged elsewhere, and is published by `data_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from fla_gateway.access.bounded_cache import MemoryLimit
from fla_gateway.access.browser.origin_guard import listener_names
from fla_gateway.clock import Clock
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.address import Address, TcpAddress, parse_ip
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.listeners.peer_identity import peer_of
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Egress
from fla_gateway.oauth.model import TokenRequest, TokenSource
from fla_gateway.profiles import Profile
from fla_gateway.proxy.admission.admission_control import AdmissionControl
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.admission.routing import RoutingTable
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.generation import Generation
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.records.exchange_record import Journal, Observer
from fla_gateway.runtime.composition.listener_address import ListenerAddress
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.served_profiles import Before, Tls, Way, served_profile
from fla_gateway.system.peer_credentials import overflow_ids
from fla_gateway.tokens.cache import TokenCache

if TYPE_CHECKING:  # read where callers are configured
    from fla_gateway.access.authentication.authenticator import Authenticator
    from fla_gateway.access.authentication.proofs import ServiceAccounts
    from fla_gateway.runtime.composition.signing_keys import Keys

NO_KEYS: Final[Keys] = {}
NO_FORMER_KEYS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class ProcessContext:
    """What a generation is built into.

    Attributes:
        source: where tokens come from.
        tls: contexts for the way to the APIs.
        clock: the host's clocks.
        dialer: opens connections to the APIs.
        observer: takes the record of every finished exchange.
        hash_key: for the hashes of tokens in records.
        egress: the corporate proxy, or None.
        journal: takes changing requests before they are sent, or None.
        service_accounts: verifies tokens of Kubernetes, or None.
        hints: gives sentences that may explain why an API is not trusted.
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
    hints: Callable[[], Text] = lambda: NOTHING

    @property
    def way(self) -> Way:
        """The way to the APIs."""
        return Way(self.tls, self.dialer, self.egress, self.clock, self.hints)


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a generation uses of the process, and leaves there for the next one.

    Attributes:
        connections: the register of what runs.
        tokens: the token cache.
        listeners: those that are bound, in their order.
    """

    connections: Connections
    tokens: TokenCache
    listeners: tuple[ListenerAddress, ...]


@dataclass(frozen=True, slots=True)
class Gateway:
    """All that one configuration makes.

    Attributes:
        configured: the configuration.
        keys: those that are known; more may come.
        generation: as the data path uses it.
        readers: of requests, one for each listener, in their order.
        way: to the APIs.
        tokens: the token cache, of the process.
        memory: what callers may take of it, for readers and admission together.
        former_keys: profiles that are served with their former key, by name, each with why its new one is not used.
    """

    configured: Configured
    keys: Keys = field(repr=False)
    generation: Generation
    readers: tuple[RequestReader, ...]
    way: Way
    tokens: TokenCache
    memory: MemoryLimit
    former_keys: Mapping[str, str] = field(default_factory=dict)

    def with_listeners(self, listeners: tuple[ListenerAddress, ...]) -> Gateway:
        """Return the same with readers for these listeners."""
        return replace(self, readers=tuple(_door(it, self.configured, self.memory) for it in listeners))

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Those that are served now."""
        return tuple(it.profile for it in self.generation.profiles.values() if it.state == "served")

    def settle(self, unavailable: Mapping[str, Objection], loading: Container[str] = ()) -> None:
        """Serve its profiles, but for those that cannot be served or of which that is not known; see `build`."""
        for name, served in self.generation.profiles.items():
            if name in unavailable:
                served.withhold(unavailable[name].sentence)
            elif name not in loading:
                self.serve(name)

    def token_requests(self) -> dict[TokenRequest, bool]:
        """Return what tokens are asked for with, and whether one is kept ready without calls."""
        found: dict[TokenRequest, bool] = {}
        for served in self.generation.profiles.values():
            profile = served.profile
            found[profile.token_request] = found.get(profile.token_request, False) or profile.warm
        return found

    def serve(self, profile: str) -> None:
        """Serve a profile from now on, and keep a token for it in the cache."""
        served = self.generation.profiles[profile]
        served.serve(self.tokens.entry(served.profile.token_request, warm=served.profile.warm))


def build(
    configured: Configured,
    unavailable: Mapping[str, Objection],
    process_context: ProcessContext,
    lasting: Lasting,
    *,
    loading: Container[str] = (),
    keys: Keys = NO_KEYS,
    before: Gateway | None = None,
) -> Gateway:
    """Build a generation and decide which of its profiles are served; no call meets it before it is published.

    Args:
        configured: a configuration without faults.
        unavailable: why profiles cannot be served, by name.
        process_context: what it is built into.
        lasting: what it uses of the process.
        loading: names of the profiles of which that is not known yet; all others are served.
        keys: those that are known, for status and metrics.
        before: the generation that it is to replace; None at the start.
    """
    gateway = assemble(configured, process_context, lasting, keys=keys, before=before)
    gateway.settle(unavailable, loading)
    return gateway


def assemble(
    configured: Configured,
    process_context: ProcessContext,
    lasting: Lasting,
    *,
    keys: Keys = NO_KEYS,
    before: Gateway | None = None,
    former_keys: Mapping[str, str] = NO_FORMER_KEYS,
) -> Gateway:
    """Make the parts of a generation, all of its profiles still being loaded; changes nothing, so that a thread may.

    Args:
        configured: as for `build`.
        process_context: as for `build`.
        lasting: as for `build`.
        keys: as for `build`.
        before: as for `build`.
        former_keys: as for `Gateway`.
    """
    configuration = configured.settings.configuration
    old = None if before is None else _before(before)
    profiles = {
        it.name: served_profile(it, configuration, process_context.way, process_context.hash_key, old)
        for it in configured.profiles
    }
    memory = MemoryLimit()
    admission_control = AdmissionControl(
        profiles, lasting.connections, _authenticator(configuration, process_context, memory), memory
    )
    generation = Generation(
        configuration.gateway, profiles, admission_control, process_context.observer, process_context.journal,
        process_context.clock.monotonic, process_context.clock.wall, Dates(process_context.clock.wall),
    )  # fmt: skip
    gateway = Gateway(configured, keys, generation, (), process_context.way, lasting.tokens, memory, former_keys)
    return gateway.with_listeners(lasting.listeners)


def _before(gateway: Gateway) -> Before:
    return Before(gateway.configured.settings.configuration, gateway.way, gateway.generation.profiles)


def _authenticator(
    configuration: Configuration, process_context: ProcessContext, memory: MemoryLimit
) -> Authenticator | None:
    """Take the callers; without any, no proof is required."""
    if not configuration.callers:
        return None
    from fla_gateway.access.authentication.authenticator import Authenticator  # noqa: PLC0415 - see TYPE_CHECKING above

    return Authenticator(
        configuration.callers, process_context.service_accounts, process_context.clock, *overflow_ids(), memory
    )


def _door(listener: ListenerAddress, configured: Configured, memory: MemoryLimit) -> RequestReader:
    configuration = configured.settings.configuration
    return RequestReader(
        _table(configured.profiles, listener.only),
        _names(listener.address, configuration),
        secure=listener.tls,
        trusted=frozenset(origin.encode() for origin in configuration.gateway.trusted_origins),
        peer_of=partial(peer_of, roots=listener.client_roots)
        if configuration.callers and listener.proves_peers
        else None,
        memory=memory,
    )


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
