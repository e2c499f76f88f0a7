"""Adapter: finished exchanges handed to a thread that makes spans of them and delivers these.

Owns the thread, the bound on what waits for it, and the count of what was lost. Refuses to make anything on the event
loop's thread: an exchange costs it a tenth of a microsecond.
"""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final, Protocol

import structlog

from fla_gateway.clock import Clock
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message
from fla_gateway.observe.tracing.spans import Span, SpanWriter
from fla_gateway.profiles import Profile
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

MOST_WAITING: Final = 4096
BATCH: Final = 64
"""Exchanges sent together: small, since making and writing their spans takes the interpreter from the event loop."""
PAUSE_SECONDS: Final = 1.0
DELIVERY_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
_LAST_SECONDS: Final = 0.25
"""Of these, what is left to the thread to notice that a delivery was given up."""
_QUIET_SECONDS: Final = 60.0
_NEEDED: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")

_LOG = structlog.get_logger()


class Collector(Protocol):
    """Who takes spans."""

    def send(self, spans: Sequence[Span]) -> bool:
        """Deliver spans; return whether they were taken."""
        ...

    def close(self) -> None:
        """Give up on what is being delivered."""
        ...


class Tracing:
    """Observer that has exchanges traced. Used on the event loop's thread.

    Args:
        collector: where spans go.
        writer: makes them.
        clock: the host's clocks; records know the monotonic one alone.
    """

    def __init__(
        self, collector: Collector, writer: SpanWriter, clock: Clock, close_seconds: float = CLOSE_SECONDS
    ) -> None:
        self._collector = collector
        self._writer = writer
        self._clock = clock
        self._close_seconds = close_seconds
        self._waiting: deque[ExchangeRecord] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        # Of former endpoints; closed by the thread, which may be using one.
        self._former: list[Collector] = []
        # Each number has one writing side, so that neither needs a lock.
        self._refused = 0
        self._failed = 0
        self._reported_at = -_QUIET_SECONDS

    @property
    def dropped(self) -> int:
        """Exchanges whose spans were lost since the start: no room, or the collector refused them."""
        return self._refused + self._failed

    def exchange(self, record: ExchangeRecord) -> None:
        """Hand one finished exchange over."""
        waiting = self._waiting
        if len(waiting) >= MOST_WAITING:
            self._refused += 1
            return
        # The thread is not woken up for it: it looks once a second.
        waiting.append(record)
        if self._thread is None and len(waiting) % BATCH == 1:
            self._begin()

    def _begin(self) -> None:
        thread = threading.Thread(target=self._work, name="tracing", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system gives none. What waits does so until one of the next exchanges finds that it does.
            return
        self._thread = thread

    def follow(self, collector: Collector | None, writer: SpanWriter) -> None:
        """Go on with other parts; what waits already goes there as well.

        Args:
            collector: where spans go from now on; None where that stays.
            writer: makes them.
        """
        self._writer = writer
        if collector is not None:
            self._former.append(self._collector)
            self._collector = collector

    def close(self) -> None:
        """Deliver what waits, for at most `close_seconds`; blocks, so call it when nothing else runs any more."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(self._close_seconds - _LAST_SECONDS)
        for collector in (self._collector, *self._former):
            collector.close()
        if self._thread is not None:
            self._thread.join(_LAST_SECONDS)

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(PAUSE_SECONDS)
            self._deliver_all()

    def _deliver_all(self) -> None:
        while self._former:
            self._former.pop().close()
        waiting = self._waiting
        while waiting:
            records = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
            try:
                delivered = self._deliver(records)
            except Exception as error:  # noqa: BLE001 - a thread that ends would trace nothing any more, silently
                _LOG.error("tracing-failed", error=type(error).__name__, exc_info=error)
                delivered = False
            if not delivered:
                self._fail(len(records))

    def _deliver(self, records: Sequence[ExchangeRecord]) -> bool:
        shift = self._clock.wall() - self._clock.monotonic()
        spans: list[Span] = []
        for record in records:
            spans.extend(self._writer.spans(record, shift))
            # Lets the event loop have the interpreter; it would wait for 5 ms to be given it.
            time.sleep(0)
        return not spans or self._collector.send(spans)

    def _fail(self, count: int) -> None:
        self._failed += count
        now = self._clock.monotonic()
        if now >= self._reported_at + _QUIET_SECONDS:
            self._reported_at = now
            _LOG.warning("traces-undelivered", lost=self.dropped)


def missing_extra() -> Fault | None:
    """Say whether what [tracing] needs is not installed; imports nothing of it."""
    try:
        for name in _NEEDED:
            distribution(name)
    except PackageNotFoundError:
        return Fault(
            "tracing", Message("extra-missing", "needs the extra: pip install '.[otel]' in the folder of the sources")
        )
    return None


def open_collector(endpoint: str, tls: Callable[[], ssl.SSLContext]) -> Collector:
    """Make what takes spans to an endpoint; sends nothing yet.

    Args:
        endpoint: of the configuration, whose rules it has passed.
        tls: makes the context for an https address; one of its own, since roots are added to it.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    missing = missing_extra()
    if missing is not None:
        raise ConfigurationError((missing,))
    from fla_gateway.observe.tracing import otlp_exporter  # noqa: PLC0415 - takes memory, and may not be installed

    context = tls() if endpoint.lower().startswith("https:") else None
    return otlp_exporter.Collector(endpoint, context, DELIVERY_SECONDS)


def span_writer(profiles: Sequence[Profile], key: bytes) -> SpanWriter:
    """Make what makes spans.

    Args:
        profiles: those that are served.
        key: key of `mask_path`.
    """
    return SpanWriter(key, {profile.name: profile.upstream for profile in profiles}, _draw)


def _draw(bits: int) -> int:
    """Give a random number of so many bits, never 0, which would be no id (W3C Trace Context, section 3.2.2)."""
    return secrets.randbits(bits) or 1
