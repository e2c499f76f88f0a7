"""Adapter: one connection to the API (asyncio protocol).

Owns the reading of answers on one connection and the knowledge whether it can be used again. Refuses to know callers,
tokens and routes: it hands each part of an answer to the exchange that it carries.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from fla_gateway.http1.chunked import ChunkedDecoder
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import MAX_HEAD
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import ResponseHead, check_partial_response, read_ended_head
from fla_gateway.http1.response_framing import UNTIL_CLOSE, ResponseFraming, persists_after
from fla_gateway.i18n.message import Text
from fla_gateway.network.broken_rule import broken_rule
from fla_gateway.network.close_notify import is_closed_by_peer
from fla_gateway.network.connection_errors import tls_reason
from fla_gateway.network.socket_state import poll_arrivals
from fla_gateway.proxy.messages.request_body import NO_BODY
from fla_gateway.proxy.upstream.consumer import UpstreamConsumer
from fla_gateway.proxy.work_budget import INTERIM_UNITS

_END: Final = b"\r\n\r\n"
_MAX_INTERIM: Final = MAX_HEAD
"""Bytes of all interim answers before the final one, which has as many for itself."""


class ConnectionOwner:
    """The pool, as a connection sees it. No protocol: a call to a class takes compiled code no look-up."""

    def released(self, connection: ApiConnection, now: float) -> None:
        """The connection is idle since `now` and can be used again."""
        raise NotImplementedError

    def lost(self, connection: ApiConnection) -> None:
        """The connection is gone; called once."""
        raise NotImplementedError

    def sent_late(self) -> None:
        """The API may have sent a body behind an answer that has none, when its connection was idle or in use again."""
        raise NotImplementedError


class ApiConnection:
    """One TLS connection to the API; carries one exchange at a time.

    Attributes:
        arrived: called with 0, returns whether something has arrived that the loop has not read. Nothing may be sent on
            such a connection: whatever was on its way before a request is no answer to it. In TLS 1.3 it may also be a
            session ticket, so that the connection is not closed for it: the loop reads it, and only data of an
            application end the connection.
        lost_by: with what error the connection ended; None while it lives, and where it ended without one.
        unsent: what the last answer announced of a body that it has not (204, 304, to HEAD): its length, UNTIL_CLOSE if
            nothing; 0 where it had its body. Some servers send it after all, late: then it would be the answer to the
            next request, which must be none that changes something where a length is announced.
    """

    __slots__ = (
        "_blocked", "_buffer", "_clean_end", "_decoder", "_deferred", "_flowing", "_interim_bytes", "_left",
        "_owner", "_persistent", "_reading", "_sound", "arrived", "born", "closed", "counted", "exchange", "idle_since",
        "lost_by", "transport", "unsent", "untouched", "used", "write",
    )  # fmt: skip

    def __init__(self, owner: ConnectionOwner, now: float) -> None:
        """Start unconnected.

        Args:
            owner: notified of release and loss.
            now: `Clock.monotonic`, when the connection is opened.
        """
        self._owner = owner
        self.born = now
        self.idle_since = now
        self.exchange: UpstreamConsumer | None = None
        self.closed = False
        self.counted = False
        self.used = False
        self.untouched = True
        self.unsent = 0
        self._reading = True
        self._flowing = True
        self._blocked = False
        self._buffer = b""
        self._deferred = b""
        self.lost_by: Exception | None = None
        self._left: int | None = None
        self._decoder: ChunkedDecoder | None = None
        self._persistent = False
        self._interim_bytes = 0
        self._sound = True
        self._clean_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's TLS transport has every method of asyncio.Transport, but is not one by inheritance.
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write
        self.arrived = poll_arrivals(self.transport)

    def attach(self, exchange: UpstreamConsumer) -> None:
        """Begin an exchange on an idle connection."""
        self.exchange = exchange
        self.untouched = True
        self._left = None
        self._interim_bytes = 0
        self._sound = True

    def data_received(self, data: bytes) -> None:
        """Pass the bytes to the exchange; bytes without a request end the connection."""
        exchange = self.exchange
        if self._deferred:
            self._deferred += data
            return
        if exchange is None:
            # An answer to nothing (a 408 for an idle connection, say) must never become the answer to the next request.
            if self.unsent < 0:
                self._owner.sent_late()
            self.abort()
            return
        self.untouched = False
        left = self._left
        if left is None:
            self._head(self._buffer + data if self._buffer else data, exchange)
        elif left >= 0:
            size = len(data)
            if size < left:
                self._left = left - size
                exchange.answer_body(data, last=False)
            else:
                self._finish(exchange, data[:left], surplus=size > left)
        else:
            self._open_ended(exchange, data)

    def _head(self, data: bytes, exchange: UpstreamConsumer) -> None:
        try:
            while data and self.exchange is exchange:
                start, end, rest = data.partition(_END)
                size = len(start) + len(_END)
                if not end or size > MAX_HEAD:
                    self._incomplete_head(data)
                    return
                self._buffer = b""
                head = read_ended_head(start)
                if head.code >= 200:  # noqa: PLR2004 - a final response
                    framing = exchange.answer(head)
                    if framing is not None:
                        self._body(framing, rest, exchange)
                    return
                self._interim(head, size, exchange)
                data = rest
                if data and not exchange.budget.slice():
                    self._defer(data, exchange)
                    return
        except ProtocolError as error:
            self._malformed(exchange, broken_rule(error))

    def _body(self, framing: ResponseFraming, data: bytes, exchange: UpstreamConsumer) -> None:
        self._persistent = framing.persistent and self._sound
        left = framing.length
        self.unsent = framing.announced if left == 0 else 0
        size = len(data)
        if 0 <= left <= size:
            self._finish(exchange, data if left == size else data[:left], surplus=left < size)
            return
        self._left = left
        if left == CHUNKED:
            self._decoder = ChunkedDecoder(padded=True)
        if left < 0:
            self._open_ended(exchange, data)
        else:
            self._left = left - size
            exchange.answer_body(data, last=False)

    def _incomplete_head(self, data: bytes) -> None:
        seen = len(self._buffer)
        self._buffer = data
        check_partial_response(data, seen)

    def _interim(self, head: ResponseHead, size: int, exchange: UpstreamConsumer) -> None:
        exchange.budget.left -= INTERIM_UNITS
        self._interim_bytes += size
        if head.status == b"101":
            raise ProtocolError("malformed-response", "it switches to another protocol")
        if self._interim_bytes > _MAX_INTERIM:
            raise ProtocolError(
                "malformed-response", "its interim answers are longer than {most} bytes", most=_MAX_INTERIM
            )
        self._sound = self._sound and persists_after(head)
        # The gateway answers Expect itself, so a 100 of the API is not passed on.
        if head.status != b"100":
            exchange.interim(head)

    def _open_ended(self, exchange: UpstreamConsumer, data: bytes) -> None:
        decoder = self._decoder
        if decoder is None:
            exchange.answer_body(data, last=False)
            return
        budget = exchange.budget
        try:
            pieces, last, rest = decoder.feed(data, budget.slice())
        except ProtocolError as error:
            self._malformed(exchange, broken_rule(error))
            return
        budget.left -= len(pieces)
        if last:
            self._finish(exchange, b"".join(pieces), surplus=bool(rest) or decoder.odd)
            return
        exchange.answer_body(b"".join(pieces), last=False)
        if rest and self.exchange is exchange:
            self._defer(rest, exchange)

    def _defer(self, data: bytes, exchange: UpstreamConsumer) -> None:
        """Leave bytes for a later turn of the loop, and read no more before they are decoded."""
        self._deferred = data
        self._flow()
        exchange.budget.defer(self._continue)

    def _continue(self) -> None:
        exchange, data, self._deferred = self.exchange, self._deferred, b""
        if exchange is None or not data:
            return
        if self._left is None:
            self._head(data, exchange)
        else:
            self._open_ended(exchange, data)
        if not self._deferred:
            if self.closed and self.exchange is not None:
                self._ended(self.exchange)
            self._flow()

    def _flow(self) -> None:
        """Read from the transport if there is no reason against it."""
        wanted = self._reading and not self._deferred
        if wanted != self._flowing and not self.closed:
            self._flowing = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def _finish(self, exchange: UpstreamConsumer, payload: bytes, *, surplus: bool) -> None:
        self._decoder = None
        sound = (
            self._persistent
            and not surplus
            and not self.closed
            and not self._blocked
            and not exchange.request_body.open
            # Answered before the request was completely sent: how the server reads the rest is not known.
            and (exchange.request_body is NO_BODY or not self.transport.get_write_buffer_size())
        )
        self.exchange = None
        if not sound:
            self.abort()
        exchange.answer_body(payload, last=True)
        if sound:
            self.release(exchange.ended)

    def release(self, now: float) -> None:
        """Return the connection to the pool, reading again: one that does not read would hang its next user.

        Args:
            now: `Clock.monotonic`.
        """
        self.exchange = None
        if not self._flowing:
            self._reading = True
            self._flow()
        if not self.closed:
            self.used = True
            self._owner.released(self, now)

    def abort(self) -> None:
        """End the connection at once; only the pool is notified."""
        self.exchange = None
        if not self.closed:
            self.closed = True
            self.transport.abort()
            self._owner.lost(self)

    def close(self) -> None:
        """End an idle connection in order (close_notify)."""
        if not self.closed:
            self.closed = True
            self.transport.close()
            self._owner.lost(self)

    def _malformed(self, exchange: UpstreamConsumer, rule: Text) -> None:
        if self._left is None and self.unsent < 0:
            self._owner.sent_late()
        self.abort()
        exchange.upstream_failed("api-malformed", rule)

    def set_reading(self, *, on: bool) -> None:
        """Pause or resume reading the answer, as the caller takes it."""
        if on != self._reading:
            self._reading = on
            self._flow()

    @property
    def reading(self) -> bool:
        """Whether the connection reads; it does not while the caller takes nothing."""
        return self._reading

    def eof_received(self) -> None:
        """Note whether the server ended the connection with close_notify, or it was cut (RFC 9112, section 9.8)."""
        if self.exchange is None:
            self.close()
        else:
            self._clean_end = is_closed_by_peer(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the exchange how the connection ended."""
        was_closed, self.closed = self.closed, True
        self.lost_by = exc
        if not was_closed:
            self._owner.lost(self)
        # What was read before is decoded first: it may hold the answer's end.
        if self.exchange is not None and not self._deferred:
            self._ended(self.exchange)

    def _ended(self, exchange: UpstreamConsumer) -> None:
        self.exchange = None
        if self._left == UNTIL_CLOSE and self._clean_end and self.lost_by is None:
            exchange.answer_body(b"", last=True)
        else:
            exchange.upstream_failed("api-closed", _how_it_ended(self.lost_by))

    def pause_writing(self) -> None:
        """Pass the API's back-pressure on."""
        self._blocked = True
        if self.exchange is not None:
            self.exchange.upstream_blocked(blocked=True)

    def resume_writing(self) -> None:
        """See `pause_writing`."""
        self._blocked = False
        if self.exchange is not None:
            self.exchange.upstream_blocked(blocked=False)


def _how_it_ended(error: Exception | None) -> Text:
    """Say how the connection was lost; TLS 1.3 refuses a client that shows no certificate after the handshake only."""
    reason = tls_reason(error)
    if not reason:
        return Text("the connection ended before the answer was whole")
    return Text("the connection ended before the answer was whole, with an error of TLS ({reason})", reason=reason)
