"""Root: the listeners of the data path, bound for as long as the process lives.

Owns which addresses of a configuration are bound, and what a generation has to know of each. Refuses to know how an
address is bound (`listeners.bind`), how callers are accepted (`listeners.acceptor`) and what is served.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from fla_gateway.config.schema import Listener
from fla_gateway.listeners.bind import Bound, bind
from fla_gateway.runtime.composition.listener_address import ListenerAddress
from fla_gateway.runtime.composition.resolved_config import Configured


@dataclass(frozen=True, slots=True)
class BoundListener:
    """A listener of the configuration, bound.

    Attributes:
        bound: the socket that listens.
        only: the profile whose own listener it is, or None.
    """

    bound: Bound
    only: str | None

    @property
    def address(self) -> ListenerAddress:
        """What a generation has to know of it."""
        return ListenerAddress(self.bound.address, self.bound.tls is not None, self.only)


def bind_all(configured: Configured) -> tuple[BoundListener, ...]:
    """Bind every listener of a configuration, in its order; nothing is accepted yet.

    Raises:
        ConfigurationError: an address cannot be had, or its TLS files cannot be used; nothing is bound then.
    """
    found: list[BoundListener] = []
    with ExitStack() as undo:
        for place, listener, only in _listeners(configured):
            for bound in bind(listener, place):
                undo.callback(bound.release)
                found.append(BoundListener(bound, only))
        undo.pop_all()
    return tuple(found)


def _listeners(configured: Configured) -> Iterable[tuple[str, Listener, str | None]]:
    for index, listener in enumerate(configured.settings.configuration.gateway.listen):
        yield f"gateway.listen[{index}]", listener, None
    for profile in configured.profiles:
        if profile.listen is not None:
            yield f"profiles.{profile.name}.listen", profile.listen, profile.name
