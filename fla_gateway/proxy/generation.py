"""Value: all that one configuration makes, as the data path uses it.

Owns the list of its parts, and queries about all its profiles together. Refuses to know connections of callers and
exchanges: they outlive a generation. A caller's connection reads at each head which generation its listener serves; an
exchange keeps the one that it began with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from fla_gateway.config.schema import Gateway
from fla_gateway.proxy.admission.admission_control import AdmissionControl
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.exchange.request_ids import RequestIds
from fla_gateway.proxy.exchange.served_profile import ServedProfile
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.records.exchange_record import Journal, Observer, PoolSnapshot


class Generation:
    """What one configuration serves, and with which settings. Nothing is changed once it is made.

    Attributes:
        settings: limits and time-outs.
        profiles: every profile of the configuration, by name.
        admission_control: admits or rejects requests.
        observer: takes the record of each finished exchange.
        journal: takes changing requests before they are sent; None without a journal.
        now: `Clock.monotonic`.
        wall: `Clock.wall`.
        dates: the Date of responses.
        ids: request ids.
        browser_headers: of the settings, as `replay_limit` is: each exchange reads them, and an attribute of the
            settings takes ten times as long to read.
        replay_limit: of the settings.
    """

    __slots__ = (
        "admission_control", "browser_headers", "dates", "ids", "journal", "now", "observer", "profiles",
        "replay_limit", "settings", "wall",
    )  # fmt: skip

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
        self.settings = settings
        self.profiles = profiles
        self.admission_control = admission_control
        self.observer = observer
        self.journal = journal
        self.now = now
        self.wall = wall
        self.dates = dates
        self.ids = RequestIds()
        self.browser_headers = settings.browser_headers
        self.replay_limit = settings.replay_limit

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
