"""Port: what an exchange needs of others: of its caller's connection, and of the generation that it began with.

Owns both lists, so that `exchange` knows neither a caller's connection nor what a configuration makes. What it needs of
a connection to the API is in `upstream.consumer.UpstreamConsumer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fla_gateway.access.refusal import Refusal
from fla_gateway.config.schema import Gateway
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
        """Return why the generation in force refuses a request that an older one admitted; None if it does not."""
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


class ExchangeContext(Protocol):
    """The generation that an exchange began with, and keeps to its end."""

    @property
    def settings(self) -> Gateway:
        """Limits and time-outs."""
        ...

    @property
    def browser_headers(self) -> bool:
        """Of `settings`."""
        ...

    @property
    def replay_limit(self) -> int:
        """Of `settings`."""
        ...

    @property
    def observer(self) -> Observer:
        """Takes the record."""
        ...

    @property
    def journal(self) -> Journal | None:
        """Takes changing requests before they are sent; None without a journal."""
        ...

    @property
    def ids(self) -> RequestIds:
        """Request ids."""
        ...

    @property
    def now(self) -> Callable[[], float]:
        """`Clock.monotonic`."""
        ...

    @property
    def wall(self) -> Callable[[], float]:
        """`Clock.wall`."""
        ...

    @property
    def dates(self) -> Dates:
        """The Date of responses."""
        ...
