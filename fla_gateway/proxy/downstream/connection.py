"""Adapter: one caller's connection (asyncio protocol).

Owns the order of requests on one connection: heads, pipelining, half-close, and how the connection ends; where a body
ends is in `body_reader`, why reading is paused in `flow_control`. Refuses to know tokens and upstreams: an admitted
request becomes an exchange.

Longer than other modules: reading a head and ending a connection work on the same attributes, and an object between
them would be a call more for each request.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from fla_gateway.access.authentication.caller import UNAUTHENTICATED, Peer
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import MAX_HEAD
from fla_gateway.http1.request import check_partial_head, lacks_length
from fla_gateway.i18n.message import Sentence
from fla_gateway.network.broken_rule import broken_rule
from fla_gateway.network.socket_state import is_reset, reset_at_close
from fla_gateway.proxy.admission.admission_control import Rejected, enter_limits
from fla_gateway.proxy.admission.request_reader import RequestReader, RoutedRequestLine
from fla_gateway.proxy.admission.routing import Route
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.downstream.body_reader import BodyReader
from fla_gateway.proxy.downstream.flow_control import DEFERRED, HELD, PIPELINED, THROTTLED, UNREAD, Pausable
from fla_gateway.proxy.downstream.linger import Linger
from fla_gateway.proxy.downstream.local_reply import (
    CLOSED,
    LENGTH_REQUIRED,
    UNREADABLE,
    LocalVerdict,
    Stamp,
    local_reply,
)
from fla_gateway.proxy.exchange.exchange import Exchange
from fla_gateway.proxy.generation import Generation, ServedListener
from fla_gateway.proxy.messages.request_fields import RequestFields, after_hop
from fla_gateway.proxy.work_budget import HEAD_BYTES_PER_UNIT

_END: Final = b"\r\n\r\n"
_MOST_HEAD: Final = MAX_HEAD - len(_END)
_ORDINARY_HEAD: Final = 4_096
"""Bytes of a head beyond which its units are counted."""
_IDLE_WHEN_FULL: Final = 1.0
"""Seconds without a request after which a connection is closed while the limit of connections is reached."""
_CREDENTIALS: Final = frozenset({"credentials-missing", "credentials-refused", "credentials-ambiguous"})


class CallerConnection(Pausable):
    """One connection of a caller; owns at most one exchange at a time, so that answers keep the order of requests."""

    __slots__ = (
        "_blank_line", "_body", "_buffer", "_connections", "_generation", "_linger", "_listener", "_peer", "_reader",
        "_since", "exchange", "write",
    )  # fmt: skip

    def __init__(self, listener: ServedListener, connections: Connections) -> None:
        """Start unconnected.

        Args:
            listener: gives what is served, at each head anew.
            connections: the register of what runs.
        """
        super().__init__()
        self._listener = listener
        self._connections = connections
        self._generation: Generation = listener.generation
        # None once the listener was given up, which `connection_made` looks for.
        self._reader = cast("RequestReader", listener.reader)
        self.exchange: Exchange | None = None
        self._linger: Linger | None = None
        self._blank_line = False
        self._buffer = b""
        self._body = BodyReader()
        self._since = 0.0
        self._peer: Peer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        # uvloop's TLS transport has every method of asyncio.Transport, but is not one by inheritance.
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write
        self._since = self._generation.now()
        self._connections.opened(self)
        if self._listener.reader is None:
            # The listener was given up during the handshake; what may arrive yet is not read.
            self._linger = Linger(self.transport)
            self.transport.close()
        else:
            self._follow(self._reader)

    def _follow(self, reader: RequestReader) -> None:
        """Switch to what the listener serves now; only that may need to know what the transport proves."""
        self._generation = self._listener.generation
        self._reader = reader
        self._peer = None if reader.peer_of is None else reader.peer_of(self.transport)

    # Bytes in

    def data_received(self, data: bytes) -> None:
        """Read a head, pass a body on, or hold what was sent ahead of its turn."""
        exchange = self.exchange
        if exchange is None:
            if self._linger is None:
                self._head(self._buffer + data if self._buffer else data)
            else:
                self._linger.discard(len(data))
        elif self._body.left:
            self._further(exchange, data)
        else:
            # Pipelined: what one read brought is held, and no more is read until its turn comes.
            self._buffer += data
            self._pause(PIPELINED)

    def _head(self, data: bytes) -> None:
        # One function, since each further one would be a call for each request.
        if data[:2] == b"\r\n" and not self._blank_line:
            # RFC 9112, section 2.2: an empty line before a request line is ignored; old clients send one after a body.
            self._blank_line = True
            data = data[2:]
        start, end, rest = data.partition(_END)
        if (not end or len(start) > _ORDINARY_HEAD) and not self._is_due(data, len(start), ended=bool(end)):
            return
        self._buffer = b""
        self._blank_line = False
        if self._listener.reader is not self._reader and not self._follows(start):
            return
        reader = self._reader
        try:
            head = reader.head(start)
            request_line, fields = head.request_line, head.fields
            if fields.length or rest:
                payload, last = self._first_payload(fields.length, rest)
            else:
                payload, last = b"", True
        except ProtocolError as error:
            self._malformed(error)
            return
        if (
            not fields.framed
            and (fields.typed or rest)
            and lacks_length(request_line.method, minor=request_line.minor, typed=fields.typed, following=rest[:1])
        ):
            self._refuse_unframed(request_line, fields)
            return
        generation = self._generation
        now = generation.now()
        verdict = generation.admission_control.admit(request_line, fields, self._peer, now)
        if not isinstance(verdict, tuple):
            self._reply(request_line, verdict, fields, now)
        elif verdict[0].limiter is not None and (rejected := enter_limits(verdict, fields.length, now)) is not None:
            self._reply(request_line, rejected, fields, now)
        else:
            if fields.max_forwards is not None and request_line.method == b"OPTIONS":
                fields = after_hop(fields)
            exchange = self.exchange = Exchange(
                generation, self._connections, self, reader.kind, verdict, request_line, fields, now
            )
            exchange.begin(payload, last=last)

    def _follows(self, start: bytes) -> bool:
        """Switch to what the listener serves now; a head by one that serves no more is refused, as the last one."""
        reader = self._listener.reader
        if reader is not None:
            self._follow(reader)
            return True
        self._refuse_head(start)
        return False

    def _refuse_head(self, start: bytes) -> None:
        try:
            head = self._reader.head(start)
        except ProtocolError as error:
            self._malformed(error)
            return
        self._body.end()
        self._reply(head.request_line, Rejected(CLOSED, UNAUTHENTICATED, ""), head.fields)

    def _is_due(self, data: bytes, length: int, *, ended: bool) -> bool:
        """Whether a head that has not ended, or a long one, is read now; otherwise it is kept.

        The units of a long one are counted; where this turn of the loop has none left, it is read in another one.
        """
        if not ended or length > _MOST_HEAD:
            self._incomplete_head(data)
            return False
        budget = self._connections.budget
        if budget.left <= 0:
            self._unread(data)
            budget.defer(self._next)
            return False
        budget.left -= length // HEAD_BYTES_PER_UNIT
        return True

    def _incomplete_head(self, data: bytes) -> None:
        if not self._buffer:
            self._since = self._generation.now()
        seen = len(self._buffer)
        self._buffer = data
        try:
            check_partial_head(data, seen)
        except ProtocolError as error:
            self._malformed(error, self._since)

    def _first_payload(self, length: int, rest: bytes) -> tuple[bytes, bool]:
        if length == 0:
            if rest:
                self._unread(rest)
            return b"", True
        self._body.begin(length)
        return self._payload(rest) if rest else (b"", False)

    def _payload(self, data: bytes) -> tuple[bytes, bool]:
        """Take what belongs to the body; what comes after it is put back for the next request."""
        budget = self._connections.budget
        payload, last, surplus = self._body.take(data, budget)
        if surplus:
            self._unread(surplus)
        elif self._body.deferred:
            self._pause(DEFERRED)
            budget.defer(self._continue)
        return payload, last

    def _unread(self, surplus: bytes) -> None:
        self._buffer = surplus
        self._pause(PIPELINED)

    def _further(self, exchange: Exchange, data: bytes) -> None:
        try:
            payload, last = self._payload(data)
        except ProtocolError as error:
            exchange.fail(error.code, Sentence("{rule}", rule=broken_rule(error)))
            return
        exchange.body(payload, last=last)

    def _continue(self) -> None:
        """Decode what a turn of the loop had no units for; unless the exchange has ended meanwhile."""
        exchange, body = self.exchange, self._body
        data, body.deferred = body.deferred, b""
        if exchange is None or not data:
            return
        self._further(exchange, data)
        if not body.deferred:
            self._resume(DEFERRED)

    # Local replies

    def _malformed(self, error: ProtocolError, began: float | None = None) -> None:
        self._body.end()
        refusal = Refusal(error.code, Sentence("{rule}", rule=broken_rule(error)))
        self._reply(UNREADABLE, Rejected(refusal, UNAUTHENTICATED, ""), None, began)

    def _refuse_unframed(self, request_line: RoutedRequestLine, fields: RequestFields) -> None:
        """Answer a request whose body has no length; what follows its head may be that body, so no request follows."""
        self._body.end()
        self._reply(request_line, Rejected(LENGTH_REQUIRED, UNAUTHENTICATED, ""), fields)

    def _reply(
        self,
        request_line: RoutedRequestLine,
        verdict: LocalVerdict,
        fields: RequestFields | None,
        began: float | None = None,
    ) -> None:
        """Answer a request that is not forwarded; without fields its head could not be read.

        Args:
            request_line: its request line.
            verdict: why it ends here.
            fields: its field block.
            began: `Clock.monotonic` when the time for it began to count; now, if that was not noted.
        """
        by = self._generation
        # RFC 9110, section 9.3.6: what follows a CONNECT may not be HTTP at all, so no request is read after it.
        keep_alive = (
            fields is not None
            and fields.keep_alive
            and not self._body.left
            and not self._connections.closing
            and request_line.method != b"CONNECT"
            and not self._needs_another_connection(verdict)
        )
        now = by.now()
        stamp = Stamp(by.ids.draw(), by.dates.text(), now, 0.0 if began is None else now - began)
        message, record = local_reply(request_line, verdict, fields, stamp, keep_alive=keep_alive)
        if record.code in _CREDENTIALS:
            self._connections.on_unknown_caller(record.code, self.transport)
        self.write(message)
        by.observer.exchange(record)
        self.exchange_finished(record.ended, keep_alive=keep_alive)

    def _needs_another_connection(self, verdict: LocalVerdict) -> bool:
        """Whether a caller is unknown although it has shown a certificate.

        The certificate has expired, or its root is gone, and another one can be shown on another connection only: on
        this one every further request of a client that keeps its connections would be 401.
        """
        if not isinstance(verdict, Rejected) or verdict.refusal.code not in _CREDENTIALS:
            return False
        tls = self.transport.get_extra_info("ssl_object")
        return tls is not None and tls.getpeercert(binary_form=True) is not None

    # Turns and ends

    def exchange_finished(self, now: float, *, keep_alive: bool) -> None:
        """Go on after an answer that has been written: the next request, or the end of the connection.

        Args:
            now: `Clock.monotonic`.
            keep_alive: whether the connection may be used again.
        """
        self.exchange = None
        self._since = now
        if self._paused:
            self._body.deferred = b""
            self._resume(HELD | THROTTLED | DEFERRED)
        if self.closed:
            return
        if not keep_alive or (self._connections.stopping and not self._buffer):
            self._end()
        elif self._half_closed and not self._buffer:
            self.transport.close()
        elif self.blocked:
            # The last answer has not been taken yet: no further request is begun for a caller that does not read.
            self._pause(UNREAD)
        elif self._buffer:
            self._connections.loop.call_soon(self._next)

    def _next(self) -> None:
        if self.closed or self.blocked or self.exchange is not None or not self._buffer:
            return
        data, self._buffer = self._buffer, b""
        self._resume(PIPELINED)
        self._head(data)

    def _end(self) -> None:
        if self._half_closed or not (self._body.left or self._buffer):
            self.transport.close()
            return
        self._buffer = b""
        self._linger = Linger(self.transport)
        self._resume(PIPELINED)

    def drop(self) -> None:
        """Close at once; a running exchange is notified when the connection is lost."""
        if not self.closed:
            self.transport.abort()

    def truncate(self, *, reset: bool) -> None:
        """See `exchange.ports.Caller`: sends nothing more, so that the caller sees that the answer is incomplete."""
        # The exchange is over: what is lost from here on is a connection without one.
        self.exchange = None
        if self.closed:
            return
        if reset:
            reset_at_close(self.transport)
        self.transport.abort()

    def idle_since(self) -> float | None:
        """See `connections.Connection`."""
        return None if self.exchange is not None or self._linger is not None or self._buffer else self._since

    def stop(self) -> None:
        """See `connections.Connection`: a head that has begun is read to its end, and refused."""
        if self.idle_since() is not None:
            self.transport.close()

    def leave(self, listener: object) -> None:
        """See `connections.Connection`."""
        if self._listener is not listener:
            return
        if self.exchange is not None:
            self.exchange.keep_alive = False
        elif self._linger is None:
            self.transport.close()

    def refusal_now(self, method: bytes, route: Route, fields: RequestFields) -> Refusal | None:
        """See `exchange.ports.Caller`."""
        # The register keeps it as an object: it knows no generation.
        generation, reader = cast("Generation", self._connections.generation), self._listener.reader
        # What a listener that is gone has proven of its peer stays proven; who may do what is decided now.
        peer = self._peer
        if reader is not None:
            peer = None if reader.peer_of is None else reader.peer_of(self.transport)
            refusal = reader.still_serves(route)
            if refusal is not None:
                return refusal
        return generation.admission_control.refusal_now(method, route, fields.presented, peer, generation.now())

    def eof_received(self) -> bool:
        """Note the caller's FIN: within a request it ends the exchange, after a complete one it does not."""
        self._half_closed = True
        # TLS ends as a whole: whatever is returned here, nothing more is sent, and the connection is lost once what was
        # written before has gone, which a caller that reads nothing can put off.
        is_over = not self.transport.can_write_eof()
        if self.exchange is not None and (self._body.left or is_over):
            exchange, self.exchange = self.exchange, None
            exchange.caller_gone()
            return False
        if is_over:
            return False
        return self.exchange is not None or (bool(self._buffer) and bool(self._paused & PIPELINED))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature; how it was lost changes nothing
        """Notify the exchange that its caller does not wait for it any more."""
        self.closed = True
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.caller_gone()
        # Afterwards: a drain that counts connections must find the exchange that goes on without one.
        self._connections.closed(self)

    def is_gone(self) -> bool:
        """Return whether the peer reset the connection while reading was paused."""
        if self.closed or self.transport.is_closing():
            return True
        if not self._paused and not self._half_closed:
            return False  # the loop reads, and would have reported it
        return is_reset(self.transport)

    def sweep(self, now: float, *, full: bool) -> None:
        """See `connections.Connection`."""
        timeouts = self._listener.generation.settings.timeouts
        head = timeouts.head
        # At the limit, idle connections are closed early in favour of callers that wait to be accepted.
        idle = _IDLE_WHEN_FULL if full else timeouts.idle
        waited = now - self._since
        if self.exchange is not None:
            self.exchange.sweep(now)
        elif self._linger is not None:
            self._linger.sweep(waited)
        elif self._buffer and not self._paused:
            if waited > head:
                self._malformed(
                    ProtocolError("request-timeout", "the head did not end within {seconds} s", seconds=f"{head:g}"),
                    self._since,
                )
        elif waited > idle:
            # With a caller that never reads its last answer, a close would wait for ever.
            (self.transport.abort if self.transport.get_write_buffer_size() else self.transport.close)()

    # Back-pressure

    def pause_writing(self) -> None:
        """Pass the caller's back-pressure on."""
        self.blocked = True
        if self.exchange is not None:
            self.exchange.caller_blocked(blocked=True)

    def resume_writing(self) -> None:
        """See `pause_writing`."""
        self.blocked = False
        if self.exchange is not None:
            self.exchange.caller_blocked(blocked=False)
            return
        self._resume(UNREAD)
        if self._buffer and self._linger is None:
            self._connections.loop.call_soon(self._next)
