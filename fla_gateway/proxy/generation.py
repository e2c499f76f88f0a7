"""Value: all that one configuration makes, as the data path uses it.

Owns the list of its parts, and queries about all its profiles together. Refuses to know connections of callers and
exchanges: they outlive a generation. A caller's connection reads at each head which generation its listener serves; an
exchange keeps the one that it began with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from fla_gateway.config.gateway_tables import Gateway
from fla_gateway.proxy.admission.admission_control import AdmissionControl
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.exchange.ports import ExchangeContext
from fla_gateway.proxy.exchange.served_profile import ServedProfile
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.records.exchange_record import Journal, Observer, PoolSnapshot


class Generation(ExchangeContext):
    """What one configuration serves, and with which settings. Nothing is changed once it is made.

    Attributes:
        profiles: every profile of the configuration, by name.
        admission_control: admits or rejects requests.
    """

    __slots__ = ("admission_control", "profiles")

    def __init__(
        self,
        settings: Gateway,
        profiles: Mapping[str, ServedProfile],
        admission_control: AdmissionControl[ServedProfile],
        observer: Observer,
        journal: Journal | None,
        now: Callable[[], float],
        wall: Callable[[], float],
        dates: Dates,
    ) -> None:
        super().__init__(settings, observer, journal, now, wall, dates)
        self.profiles = profiles
        self.admission_control = admission_control

    def sweep(self, now: float) -> None:
        """Close connections to the APIs that have been idle or alive for too long; called once a second."""
        for served in self.profiles.values():
            served.pool.sweep(now)

    def close(self, *, but: Generation | None = None) -> None:
        """Close the connections to the APIs, those in use as soon as they are released, and forget what was admitted.

        Args:
            but: a generation that has taken some of the pools over.
        """
        kept = set() if but is None else {it.pool for it in but.profiles.values()}
        for served in self.profiles.values():
            if served.pool not in kept:
                served.pool.close()
        self.admission_control.forget()

    def pool_snapshots(self) -> tuple[PoolSnapshot, ...]:
        """Return the numbers of the connections to the APIs at this moment."""
        return tuple(it.pool.snapshot() for it in self.profiles.values() if it.state == "served")

    def profile_states(self) -> Mapping[str, int]:
        """Count the profiles by their state."""
        return Counter(served.state for served in self.profiles.values())


class ServedListener:
    """What one listener serves now: references that are replaced when another generation is published.

    Attributes:
        generation: the current one.
        reader: reads and judges heads, by that generation and for this listener; None once it serves no more.
    """

    __slots__ = ("generation", "reader")

    generation: Generation
    reader: RequestReader | None

    def publish(self, generation: Generation, reader: RequestReader) -> None:
        """Serve a generation from the next head on, on connections that are open already as well."""
        self.generation = generation
        self.reader = reader

    def retire(self) -> None:
        """Serve no further head."""
        self.reader = None
