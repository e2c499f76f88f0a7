"""Port: what an exchange needs of others: of its caller's connection, and of the generation that it began with.

Owns both lists, so that `exchange` knows neither a caller's connection nor what a configuration makes. What it needs of
a connection to the API is in `upstream.consumer.UpstreamConsumer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fla_gateway.access.refusal import Refusal
from fla_gateway.config.gateway_tables import Gateway
from fla_gateway.proxy.admission.routing import Route
from fla_gateway.proxy.exchange.request_ids import RequestIds
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.messages.request_fields import RequestFields
from fla_gateway.proxy.records.exchange_record import Journal, Observer


class Caller(Protocol):
    """The connection of the caller that waits for the answer."""

    @property
    def write(self) -> Callable[[bytes], object]:
        """Writes bytes of the answer."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether the caller takes no bytes for now."""
        ...

    @property
    def throttled(self) -> bool:
        """Whether reading is paused by `throttle`."""
        ...

    def hold(self, *, on: bool) -> None:
        """Stop reading while there is no connection to pass the body on to."""

    def throttle(self, *, on: bool) -> None:
        """Stop reading while the API takes no more."""

    def is_gone(self) -> bool:
        """Return whether the peer reset the connection while reading was paused."""
        ...

    def refusal_now(self, method: bytes, route: Route, fields: RequestFields) -> Refusal | None:
        """Return why the generation in force refuses a request that an older one admitted; None if it does not.

        Args:
            method: as in the request line.
            route: as it was decided when the request came.
            fields: of the request, with the proof that it showed.
        """
        ...

    def drop(self) -> None:
        """Close at once; the exchange is notified by `Exchange.caller_gone`."""

    def truncate(self, *, reset: bool) -> None:
        """Close at once after an answer that cannot be finished; the exchange is over and is not notified.

        Args:
            reset: the answer is one that ends with the connection, so that a FIN would look like its regular end.
        """

    def exchange_finished(self, now: float, *, keep_alive: bool) -> None:
        """Continue after an answer that is completely written.

        Args:
            now: `Clock.monotonic`.
            keep_alive: whether the connection may be used again.
        """


class ExchangeContext:
    """The generation that an exchange began with, and keeps to its end. Nothing is changed once it is made.

    A class and no protocol: compiled code reads the attributes of a class without a look-up, ten for each exchange.

    Attributes:
        settings: limits and time-outs.
        browser_headers: of `settings`, as `replay_limit` is: each exchange reads them, and an attribute of the settings
            takes ten times as long to read.
        replay_limit: of `settings`.
        observer: takes the record of each finished exchange.
        journal: takes changing requests before they are sent; None without a journal.
        now: `Clock.monotonic`.
        wall: `Clock.wall`.
        dates: the Date of responses.
        ids: request ids.
    """

    __slots__ = (
        "browser_headers", "dates", "ids", "journal", "now", "observer", "replay_limit", "settings", "wall",
    )  # fmt: skip

    def __init__(
        self,
        settings: Gateway,
        observer: Observer,
        journal: Journal | None,
        now: Callable[[], float],
        wall: Callable[[], float],
        dates: Dates,
    ) -> None:
        self.settings = settings
        self.observer = observer
        self.journal = journal
        self.now = now
        self.wall = wall
        self.dates = dates
        self.ids = RequestIds()
        self.browser_headers = settings.browser_headers
        self.replay_limit = settings.replay_limit
