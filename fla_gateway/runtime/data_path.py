"""Root: the data path of a process, for as long as the process lives.

Owns what outlives a configuration: the listeners, the register of what runs, the token cache with its refresher, and
which generation is current. Refuses to know what a generation is made of; `composition.gateway` does.
"""

from __future__ import annotations

import random
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from fla_gateway.keys.model import Objection
from fla_gateway.listeners.acceptor import Listeners
from fla_gateway.listeners.bind import Bound
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.server import Server
from fla_gateway.runtime.composition.gateway import NO_KEYS, Gateway, Lasting, ProcessContext, build
from fla_gateway.runtime.composition.listener_address import ListenerAddress
from fla_gateway.runtime.composition.resolved_config import Configured, CurrentConfiguration
from fla_gateway.runtime.composition.served_profiles import limits_changed
from fla_gateway.runtime.composition.signing_keys import Keys
from fla_gateway.runtime.listener_set import ListenerChange, ListenerSet
from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.refresher import Refresher

if TYPE_CHECKING:  # read where limits are configured
    from fla_gateway.access.limits.limiter import Limiter


class DataPath:
    """What serves callers.

    Attributes:
        server: the register of what runs, joined with what the listeners serve.
        tokens: the token cache.
        refresher: renews tokens before they expire.
        listener_set: the listeners.
        current: what the configuration in force has made; from the first `publish` on.
    """

    def __init__(self, around: ProcessContext, configuration: CurrentConfiguration) -> None:
        """Join what lasts; nothing is accepted before `Listeners.start`.

        Args:
            around: what generations are built into.
            configuration: gets each one that is published.
        """
        # The system's random numbers: jitter that two gateways share would be none.
        self.tokens = TokenCache(around.source, around.clock, random=random.SystemRandom().random)
        self.refresher = Refresher(self.tokens, around.clock)
        self.server = Server(Connections(around.clock.monotonic))
        self.listener_set = ListenerSet(self.server)
        self.server.connections.acceptor = self.listeners
        self.current: Gateway
        self._configuration = configuration

    @property
    def listeners(self) -> Listeners:
        """What accepts callers."""
        return self.listener_set.acceptor

    @property
    def bound(self) -> tuple[Bound, ...]:
        """The sockets of the listeners, with the ports that they really have, in the order of the configuration."""
        return tuple(it.bound for it in self.listener_set.listeners)

    @property
    def lasting(self) -> Lasting:
        """What a generation is built with that keeps the listeners as they are."""
        return self.lasting_with(self.listener_set.addresses)

    def lasting_with(self, listeners: tuple[ListenerAddress, ...]) -> Lasting:
        """Return what a generation is built with that has these listeners."""
        return Lasting(self.server.connections, self.tokens, listeners)

    def publish(self, gateway: Gateway, change: ListenerChange | None = None) -> None:
        """Serve a generation from now on: each connection from its next head on, what runs under the one before.

        Args:
            gateway: the generation.
            change: of the listeners; what is new accepts callers from `Listeners.open` on. None: they stay as they are.

        Raises:
            ConfigurationError: the file of a socket cannot get its mode; nothing has changed then.
        """
        if change is not None:
            self.listener_set.stop(change)
        first = not hasattr(self, "current")
        self._follow_limits(gateway)
        self.current = gateway
        self._configuration.replace(gateway.configured)
        after = self.listener_set.listeners if change is None else change.after
        served = [it.served for it in after]
        self.server.publish(gateway.generation, zip(served, gateway.readers, strict=True))
        if not first:  # all tokens are of this generation then
            self.tokens.retain(gateway.token_requests())
        if change is not None:
            self.listener_set.begin(change)

    def _follow_limits(self, gateway: Gateway) -> None:
        """Give limiters that go on their new limits, and let new ones count what runs already."""
        before: Gateway | None = getattr(self, "current", None)
        if before is None:
            return
        now = gateway.generation.now()
        old, new = (it.configured.settings.configuration for it in (before, gateway))
        fresh: dict[str, Limiter] = {}
        for name, served in gateway.generation.profiles.items():
            former = before.generation.profiles.get(name)
            if served.limiter is None or former is None:
                continue
            if former.limiter is not served.limiter:
                fresh[name] = served.limiter
            elif limits_changed(name, old, new):
                callers = {caller: table.limits for caller, table in new.callers.items()}
                served.limiter.limit(new.profiles[name].limits, callers, now)
        if fresh:
            self.server.connections.count_in(fresh, now)


def open_data_path(
    configuration: CurrentConfiguration | Configured,
    unavailable: Mapping[str, Objection],
    around: ProcessContext,
    *,
    loading: Container[str] = (),
    keys: Keys = NO_KEYS,
) -> DataPath:
    """Build the first generation, bind its listeners and publish it.

    In this order: the kernel accepts callers from the moment that a socket listens, and they wait until the event loop
    does so as well, which a thousand profiles would put off by 30 ms.

    Args:
        configuration: the one in force.
        unavailable: as for `composition.gateway`, like all others.
        around: what is built into.
        loading: names of profiles.
        keys: those that are known.

    Raises:
        ConfigurationError: an address cannot be had.
    """
    current = CurrentConfiguration(configuration) if isinstance(configuration, Configured) else configuration
    path = DataPath(around, current)
    gateway = build(current.configured, unavailable, around, path.lasting, loading=loading, keys=keys)
    change = path.listener_set.prepare(current.configured)
    try:
        path.publish(gateway.with_listeners(change.addresses), change)
    except BaseException:
        # Nothing else would let go of the sockets and of the files of unix sockets.
        change.undo()
        raise
    return path
