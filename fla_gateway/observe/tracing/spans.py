"""Rule: a finished exchange becomes the spans of a trace.

Owns what a span says, in the words of OpenTelemetry's semantic conventions for HTTP, and its place in time.
Refuses to know the library that sends spans, and to repeat a path or query as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal

from fla_gateway.access.path_masking import mask_path
from fla_gateway.http1.method_labels import OTHER, method_name
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

Attributes = dict[str, str | int]

TRACE_BITS: Final = 128
SPAN_BITS: Final = 64
_SAMPLED: Final = 0x01
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a trace.

    Attributes:
        name: what it is about, out of a small set.
        kind: ``server`` for the exchange, ``client`` for what was sent to the API, else ``internal``.
        trace: id of the trace.
        span: id of the span.
        parent: id of its parent, or None.
        remote: whether the parent is the caller's.
        start: nanoseconds since 1970.
        end: nanoseconds since 1970.
        attributes: by their conventional names.
        error: whether it failed.
    """

    name: str
    kind: Literal["server", "client", "internal"]
    trace: int
    span: int
    parent: int | None
    remote: bool
    start: int
    end: int
    attributes: Attributes
    error: bool = False


@dataclass(frozen=True, slots=True)
class SpanWriter:
    """Turns records into spans.

    Attributes:
        key: key of `mask_path`.
        upstreams: where requests go, by profile.
        draw: gives a random number of so many bits, never 0.
    """

    key: bytes
    upstreams: Mapping[str, Upstream]
    draw: Callable[[int], int]

    def spans(self, record: ExchangeRecord, shift: float) -> tuple[Span, ...]:
        """Give the spans of an exchange, the whole first; none if the caller's trace is not sampled.

        A record has durations and one moment, its end; what came when is put together from them. With a 401 replay
        the token that was waited for is the second one.

        Args:
            record: a finished exchange.
            shift: `Clock.wall` less `Clock.monotonic`.
        """
        trace, parent, sampled = _parent(record.notes.traceparent)
        if not sampled:
            return ()
        trace = trace or self.draw(TRACE_BITS)
        end = record.ended + shift
        start = end - record.seconds
        whole = self.draw(SPAN_BITS)
        status_error = record.status >= _SERVER_ERROR or not record.status
        error = status_error or record.outcome in ("unknown", "truncated", "not-sent")
        attributes = self._of_exchange(record, error=error)
        name = attributes["http.request.method"]
        return (
            Span(
                "HTTP" if name == "_OTHER" else str(name), "server", trace, whole, parent, parent is not None,
                _moment(start), _moment(end), attributes, error,
            ),
            *self._parts(record, trace, whole, start, end),
        )  # fmt: skip

    def _parts(self, record: ExchangeRecord, trace: int, whole: int, start: float, end: float) -> Iterator[Span]:
        def part(
            name: str, kind: Literal["client", "internal"], begin: float, until: float, attributes: Attributes
        ) -> Span:
            times = (_moment(begin), _moment(min(until, end)))
            failed = "error.type" in attributes
            return Span(name, kind, trace, self.draw(SPAN_BITS), whole, False, *times, attributes, failed)  # noqa: FBT003 - parts are never remote

        at = start
        refused = record.refused
        if refused is not None:
            attributes = self._of_attempt(record, refused.status, resent=0)
            yield part(_name(attributes), "client", at, at + refused.seconds, attributes)
            at += refused.seconds
        if record.token_seconds > 0:
            yield part("token wait", "internal", at, at + record.token_seconds, {})
        at += record.token_seconds + record.connection_seconds
        if record.attempts > (refused is not None):
            answered = record.upstream_seconds > 0
            status = record.status if answered and record.origin == "upstream" else 0
            attributes = self._of_attempt(record, status, resent=record.attempts - 1)
            yield part(_name(attributes), "client", at, at + record.upstream_seconds if answered else end, attributes)

    def _of_exchange(self, record: ExchangeRecord, *, error: bool) -> Attributes:
        attributes = _request(record.method)
        attributes["url.path"] = mask_path(record.path, self.key)
        attributes["http.request.body.size"] = record.received
        attributes["http.response.body.size"] = record.sent
        if record.status:
            attributes["http.response.status_code"] = record.status
        if error:
            attributes["error.type"] = record.code or (str(record.status) if record.status else record.outcome)
        own = {
            "profile": record.profile,
            "caller": record.admission.caller,
            "outcome": record.outcome,
            "origin": record.origin,
            "code": record.code,
            "request_id": record.request_id,
            "api_trace_id": record.trace,
        }
        attributes.update({f"fla_gateway.{name}": value for name, value in own.items() if value})
        return attributes

    def _of_attempt(self, record: ExchangeRecord, status: int, *, resent: int) -> Attributes:
        attributes = _request(record.method)
        upstream = self.upstreams.get(record.profile)
        if upstream is not None:
            attributes["server.address"] = upstream.host
            attributes["server.port"] = upstream.port
            attributes["url.full"] = f"https://{upstream.authority}{mask_path(record.path, self.key)}"
        if resent:
            attributes["http.request.resend_count"] = resent
        if status:
            attributes["http.response.status_code"] = status
        if not status or status >= _CLIENT_ERROR:
            attributes["error.type"] = str(status) if status else record.code or record.outcome
        return attributes


def _request(method: bytes) -> Attributes:
    name = method_name(method)
    return {"http.request.method": "_OTHER" if name == OTHER else name}


def _name(attributes: Attributes) -> str:
    method = str(attributes["http.request.method"])
    return "HTTP" if method == "_OTHER" else method


def _parent(traceparent: str) -> tuple[int, int | None, bool]:
    """Read what `access.traceparent` accepted: trace, span and whether it is sampled."""
    if not traceparent:
        return 0, None, True
    _, trace, span, flags = traceparent.split("-")
    return int(trace, 16), int(span, 16), bool(int(flags, 16) & _SAMPLED)


def _moment(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
