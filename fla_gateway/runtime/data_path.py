"""Root: the data path of a process, for as long as the process lives.

Owns what outlives a configuration: the listeners, the register of what runs, the token cache with its refresher, and
which generation is current. Refuses to know what a generation is made of; `composition.gateway` does.
"""

from __future__ import annotations

import random
from collections.abc import Container, Mapping

from fla_gateway.listeners.acceptor import Listeners
from fla_gateway.listeners.bind import Bound
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.server import Server
from fla_gateway.runtime.composition.gateway import NO_KEYS, Gateway, Lasting, ProcessContext, build
from fla_gateway.runtime.composition.resolved_config import Configured, CurrentConfiguration
from fla_gateway.runtime.composition.signing_keys import Keys
from fla_gateway.runtime.listener_set import BoundListener, bind_all
from fla_gateway.tokens.cache import TokenCache
from fla_gateway.tokens.refresher import Refresher


class DataPath:
    """What serves callers.

    Attributes:
        server: the register of what runs, joined with what the listeners serve.
        tokens: the token cache.
        refresher: renews tokens before they expire.
        listeners: accept callers.
        bound: addresses of the listeners, with the ports that they really have, in the configuration's order.
        current: what the configuration in force has made; from the first `publish` on.
    """

    def __init__(
        self, listeners: tuple[BoundListener, ...], around: ProcessContext, configuration: CurrentConfiguration
    ) -> None:
        """Join what lasts; nothing is accepted before `Listeners.start`.

        Args:
            listeners: as bound.
            around: what generations are built into.
            configuration: gets each one that is published.
        """
        self.bound: tuple[Bound, ...] = tuple(it.bound for it in listeners)
        # The system's random numbers: jitter that two gateways share would be none.
        self.tokens = TokenCache(around.source, around.clock, random=random.SystemRandom().random)
        self.refresher = Refresher(self.tokens, around.clock)
        self.server = Server(Connections(around.clock.monotonic), len(listeners))
        self.listeners = Listeners([(it, self.server.protocol(at)) for at, it in enumerate(self.bound)])
        self.server.connections.acceptor = self.listeners
        self.current: Gateway
        self._addresses = tuple(it.address for it in listeners)
        self._configuration = configuration

    @property
    def lasting(self) -> Lasting:
        """What a generation is built with."""
        return Lasting(self.server.connections, self.tokens, self._addresses)

    def publish(self, gateway: Gateway) -> None:
        """Serve a generation from now on: each connection from its next head on, what runs under the one before."""
        self.current = gateway
        self._configuration.replace(gateway.configured)
        self.server.publish(gateway.generation, gateway.readers)


def open_data_path(
    configuration: CurrentConfiguration | Configured,
    unavailable: Mapping[str, str],
    around: ProcessContext,
    *,
    loading: Container[str] = (),
    keys: Keys = NO_KEYS,
) -> DataPath:
    """Bind the listeners of the first configuration, build its generation and publish it.

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
    path = DataPath(bind_all(current.configured), around, current)
    try:
        path.publish(build(current.configured, unavailable, around, path.lasting, loading=loading, keys=keys))
    except BaseException:
        # Nothing else would let go of the sockets and of the files of unix sockets.
        path.listeners.close()
        raise
    return path
