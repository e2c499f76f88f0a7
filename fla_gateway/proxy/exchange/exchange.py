"""One exchange: the sequence from an admitted request to its record.

Owns the order of steps (token, connection, sending, 401 replay, answer, record) and knows at every moment what can
still be reported truthfully about the request's outcome. Refuses to parse: callers' bytes are read by
`downstream.connection`, the API's by `upstream.connection`.

Longer than other modules: one class, since every event of either side may end the exchange, and each decides by the
same attributes. What can be decided from values alone is in its neighbours.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.errors import ProblemError
from fla_gateway.http1.chunked import LAST_CHUNK, chunk
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import ResponseHead
from fla_gateway.http1.response_framing import ResponseFraming
from fla_gateway.i18n.message import Sentence, Text
from fla_gateway.oauth.model import AccessToken
from fla_gateway.problems import PROBLEMS, Delivery
from fla_gateway.proxy.admission.admission_control import Admitted
from fla_gateway.proxy.admission.request_reader import RoutedRequestLine
from fla_gateway.proxy.admission.routing import service_of
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.exchange.acquire import acquire_connection, acquire_token
from fla_gateway.proxy.exchange.ports import Caller, ExchangeContext
from fla_gateway.proxy.exchange.progress import Progress
from fla_gateway.proxy.exchange.request_ids import second_trace_id
from fla_gateway.proxy.exchange.retry_policy import CHANGING, READING, SAFE_TO_REPEAT, may_replay, may_resend
from fla_gateway.proxy.exchange.served_profile import ServedProfile
from fla_gateway.proxy.exchange.states import (
    ACQUIRING,
    ADMITTED,
    ANNOUNCED,
    ANSWERING,
    DROPPED,
    ENDED,
    FOLLOWED,
    FOLLOWED_ANSWERING,
    SENT,
)
from fla_gateway.proxy.exchange.throttle_detector import FIRST_CLIENT_ERROR, FIRST_SERVER_ERROR, ThrottleDetector
from fla_gateway.proxy.exchange.timeouts import CALLER_IS_STUCK, Phase, overdue
from fla_gateway.proxy.exchange.timings import Timings
from fla_gateway.proxy.messages.accepted_language import accepted_language
from fla_gateway.proxy.messages.recorded_fields import made_by
from fla_gateway.proxy.messages.request_body import NO_BODY, RequestBody
from fla_gateway.proxy.messages.request_fields import RequestFields
from fla_gateway.proxy.messages.response_fields import rewrite_head
from fla_gateway.proxy.messages.response_writer import (
    CONTINUE,
    connection_field,
    final_head,
    interim_head,
    problem_answer,
)
from fla_gateway.proxy.records.exchange_record import ExchangeRecord, Intent, Journal
from fla_gateway.proxy.upstream.connection import ApiConnection
from fla_gateway.proxy.upstream.consumer import UpstreamConsumer

if TYPE_CHECKING:  # read where limits are configured
    from fla_gateway.access.limits.limiter import Limiter

_LOG = structlog.get_logger()
_OUTBOX_LIMIT: Final = 65_536
"""Bytes of body taken from the caller while there is no connection yet to send them on."""


class Exchange(UpstreamConsumer):
    """A request that was admitted, until its outcome is recorded.

    It belongs to the caller's connection until the answer is complete; one whose caller is gone belongs to the register
    (`connections`) until its outcome is known. Its events and transitions are in `states`.

    Attributes:
        state: how far it is; for readers and tests, no code decides by it.
    """

    # Slots: without them Python would make a dictionary for each exchange, which has more attributes than it shares the
    # names of between the objects of a class.
    __slots__ = (
        "_address", "_admission", "_announced", "_answered", "_attempts", "_caller", "_chunking", "_connections",
        "_context", "_fields", "_journal", "_pending", "_progress", "_route", "_served", "_status", "_task",
        "_throttle_detector", "_timings", "_token", "_until_close", "_upstream", "keep_alive", "method", "minor",
        "request_id", "sent", "started", "state",
    )  # fmt: skip

    def __init__(
        self,
        context: ExchangeContext,
        connections: Connections,
        caller: Caller,
        kind: int,
        admitted: Admitted[ServedProfile],
        request_line: RoutedRequestLine,
        fields: RequestFields,
        now: float,
    ) -> None:
        """Take an admitted request; nothing happens before `begin`.

        Args:
            context: the generation that admitted it.
            connections: the register of what runs.
            caller: its connection.
            kind: `RequestReader.kind`.
            admitted: the result of admission control.
            request_line: its request line.
            fields: its field block.
            now: `Clock.monotonic`.
        """
        self._context = context
        self._connections = connections
        self._caller: Caller | None = caller
        served, self._route, self._admission = admitted
        self._served = served
        self._address = served.addresses[kind]
        self._fields = fields
        self._timings = Timings()
        self.method = request_line.method
        self.minor = request_line.minor
        self.request_id = context.ids.draw()
        self.started = now
        # The journal, until the intent is written that has to be there before the request is sent.
        self._journal = None if request_line.method in READING else context.journal
        self.budget = connections.budget
        self.state = ADMITTED
        self.keep_alive = fields.keep_alive
        self.request_body = NO_BODY
        self.sent = 0
        self._attempts = 0
        self._status = 0
        self._answered = False
        self._chunking = False
        self._until_close = False
        self._pending: list[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._token: AccessToken | None = None
        self._announced: AccessToken | None = None
        self._upstream: ApiConnection | None = None
        self._throttle_detector: ThrottleDetector | None = None
        self._progress: Progress | None = None

    @property
    def profile(self) -> str:
        """Name of the profile."""
        return self._served.name

    # The request

    def begin(self, payload: bytes, *, last: bool) -> None:
        """Send the request at once if token and connection are available, else acquire them.

        Args:
            payload: the first bytes of the body.
            last: whether they are the whole body.
        """
        fields = self._fields
        if fields.length:
            self.request_body = RequestBody(self._context.replay_limit, chunked=fields.length == CHUNKED)
            self.request_body.take(payload, last=last)
            if fields.length == CHUNKED and self._too_large():
                return
        served = self._served
        token = served.entry.current(self.started)
        if token is not None and self._journal is None:
            connection = served.pool.take(self.started, changing=self.method not in SAFE_TO_REPEAT)
            if connection is not None:
                self._send(connection, token, payload, self.started)
                return
        self._buffer(payload)
        if token is not None and self._journal is not None:
            self._announce(token, self._journal)
        else:
            self._acquire(fresh=False)

    def body(self, payload: bytes, *, last: bool) -> None:
        """Pass further bytes of the body on."""
        self.request_body.take(payload, last=last)
        if self._fields.length == CHUNKED and self._too_large():
            return
        if self._upstream is not None:
            self._upstream.write(self.request_body.framed(payload))
        elif self._task is not None or self._announced is not None:
            self._buffer(payload)

    def _too_large(self) -> bool:
        """End an exchange whose chunked body has grown beyond a limit; a declared length was checked at admission."""
        limiter = self._served.limiter
        if limiter is None:
            return False
        refusal = limiter.beyond_body(self._admission.caller, self.request_body.received)
        if refusal is None:
            return False
        self.fail(refusal.code, refusal.detail)
        return True

    def _buffer(self, payload: bytes) -> None:
        self.request_body.hold(payload)
        if self.request_body.received > _OUTBOX_LIMIT and self._caller is not None:
            self._caller.hold(on=True)

    def _announce(self, token: AccessToken, journal: Journal) -> None:
        """Have the journal write the intent of a changing request before its first byte is sent."""
        self.state = ANNOUNCED
        self._announced = token
        intent = Intent(
            self.request_id, self._served.name, self.method, self._route.path, self._admission, self._fields.notes,
            self._served.token_id(token), self.request_body.announced(journal) if self._fields.length else b"",
        )  # fmt: skip
        journal.announce(intent, self._on_intent_written)

    def _on_intent_written(self, error: ProblemError | None) -> None:
        """Send the request whose intent is written; without a written intent nothing is sent."""
        token, self._announced = self._announced, None
        if token is None:
            return
        self._journal = None
        try:
            if error is not None:
                self.fail(error.code, error.detail, error.retry_after)
                return
            now = self._context.now()
            connection = self._served.pool.take(now, changing=self.method not in SAFE_TO_REPEAT)
            if connection is None:
                self._acquire(fresh=False)
            else:
                self._send_if_caller_waits(token, connection, now)
        except Exception as fault:  # noqa: BLE001 - as in `_prepare`; and the journal calls others back after this one
            self._fault(fault)

    def _acquire(self, *, fresh: bool) -> None:
        self.state = ACQUIRING
        self._task = self._connections.spawn(self._prepare(fresh=fresh))

    async def _prepare(self, *, fresh: bool) -> None:
        """Acquire what is missing: a token, and then a connection, unless the intent has to be written before that."""
        served, now, connection = self._served, self._context.now, None
        try:
            token = await acquire_token(served, now, self._timings)
            if self._journal is None:
                changing = self.method not in SAFE_TO_REPEAT
                connection = await acquire_connection(
                    served, now, self._timings, changing=changing, fresh=fresh, caller=self._admission.caller
                )
        except ProblemError as error:
            self._task = None
            self.fail(error.code, error.detail, error.retry_after)
        except Exception as error:  # noqa: BLE001 - an internal fault must end in an answer, not in a caller that waits
            self._task = None
            self._fault(error)
        else:
            self._task = None
            if self._journal is not None:
                self._announce(token, self._journal)
            elif connection is not None:
                # While a connection was opened, the token may have been replaced by a newer one.
                at = now()
                self._send_if_caller_waits(served.entry.current(at) or token, connection, at)

    def _fault(self, error: Exception) -> None:
        _LOG.error("exchange-failed", request_id=self.request_id, error=type(error).__name__, exc_info=error)
        self.fail("internal-error", Text("The gateway met a fault of its own; its log has the details."))

    def _send_if_caller_waits(self, token: AccessToken, connection: ApiConnection, now: float) -> None:
        caller = self._caller
        if caller is None or caller.is_gone():
            # Nothing was written, and nothing is: a change is never sent after its caller has disconnected.
            connection.release(now)
            if caller is None:
                self._finish("gateway", "", "caller-gone")
            else:
                self.state = DROPPED
                caller.drop()
            return
        if self._connections.generation is not self._context:
            refusal = caller.refusal_now(self.method, self._route, self._fields)
            if refusal is not None:
                # Revoked while it waited. What was sent before is at most an attempt that the API has refused.
                connection.release(now)
                self.fail(refusal.code, refusal.detail, refusal.retry_after, sent=False)
                return
        self._send(connection, token, self.request_body.unsent(), now)
        if caller.blocked:
            # The caller stopped reading before there was a connection whose reading could be paused.
            connection.set_reading(on=False)
        if self.request_body.received > _OUTBOX_LIMIT:
            caller.hold(on=False)

    def _send(self, connection: ApiConnection, token: AccessToken, payload: bytes, now: float) -> None:
        self.state = SENT
        self._attempts += 1
        # The status of a first attempt says nothing about the outcome of this one.
        self._status = 0
        self._upstream = connection
        self._token = token
        connection.attach(self)
        fields = self._fields
        served = self._served
        self._timings.sent(now, served.token_id(token))
        parts = [self.method, b" ", self._route.target, served.host_field, fields.forwarded]
        if not fields.traced:
            trace = self.request_id if self._attempts == 1 else second_trace_id(self.request_id)
            parts.append(b"BelGov-Trace-Id: %b\r\n" % trace.encode())
        parts.append(served.closing_fields(token, self.minor))
        if fields.length:
            parts.append(self.request_body.framed(payload))
        connection.write(b"".join(parts))
        body = self.request_body
        if fields.expects_continue and body.open and not body.received and self._caller is not None:
            self._caller.write(CONTINUE)

    def upstream_blocked(self, *, blocked: bool) -> None:
        """See `upstream.consumer.UpstreamConsumer`."""
        if self._caller is not None:
            self._caller.throttle(on=blocked)

    # The answer

    def interim(self, head: ResponseHead) -> None:
        """See `upstream.consumer.UpstreamConsumer`. HTTP/1.0 knows no interim answers (RFC 9110, section 15.2)."""
        if self.minor and self._caller is not None:
            fields, _, _, _, _ = rewrite_head(head, self._address, self._fields.host, to_head=True)
            self._caller.write(interim_head(head, fields))

    def answer(self, head: ResponseHead) -> ResponseFraming | None:
        """See `upstream.consumer.UpstreamConsumer`."""
        context = self._context
        fields, framing, challenges, trace, location = rewrite_head(
            head, self._address, self._fields.host, to_head=self.method == b"HEAD",
            dates=context.dates, browser_fields=context.browser_headers,
        )  # fmt: skip
        now = context.now()
        self._status = head.code
        self._timings.answered(now, trace)
        if location and context.journal is not None and 200 <= self._status < 300 and self.method not in READING:  # noqa: PLR2004 - RFC 9110, section 15.3
            self._timings.made = made_by(location)
        if FIRST_CLIENT_ERROR <= self._status < FIRST_SERVER_ERROR:
            brake, service = self._served.brake, service_of(self._route.path)
            self._throttle_detector = ThrottleDetector(brake, service, head, challenges, now, self._context.wall())
        elif self._served.brake.holds:
            self._served.brake.answered(service_of(self._route.path))
        if self._status == 401 and self._token_refused(challenges):  # noqa: PLR2004 - RFC 9110, section 15.5.2
            self._replay()
            return None
        self.state = ANSWERING if self._caller is not None else FOLLOWED_ANSWERING
        self._answered = True
        open_ended = framing.length < 0
        self._chunking = open_ended and self.minor == 1
        self._until_close = open_ended and self.minor == 0
        self.keep_alive = (
            self.keep_alive and not self.request_body.open and not self._until_close and not self._connections.closing
        )
        connection = connection_field(keep_alive=self.keep_alive, minor=self.minor)
        self._pending = final_head(head, fields, connection, chunking=self._chunking, origin=self._fields.origin)
        return framing

    def answer_body(self, payload: bytes, *, last: bool) -> None:
        """See `upstream.consumer.UpstreamConsumer`."""
        parts, self._pending = self._pending or [], None
        if self._throttle_detector is not None and self._throttle_detector.reads_body:
            self._throttle_detector.body(payload, self._context.now(), last=last)
        if payload:
            self.sent += len(payload)
            if self._chunking:
                parts += chunk(payload)
            else:
                parts.append(payload)
        if last and self._chunking:
            parts.append(LAST_CHUNK)
        if parts and self._caller is not None:
            self._caller.write(b"".join(parts))
        if last:
            self._upstream = None
            self._finish("upstream", "", "answered" if self._caller is not None else "caller-gone")

    def caller_blocked(self, *, blocked: bool) -> None:
        """Pass the caller's back-pressure on."""
        if self._upstream is not None:
            self._upstream.set_reading(on=not blocked)

    # The 401 replay, and the connection that was already dead

    def _token_refused(self, challenges: list[bytes]) -> bool:
        token = self._token
        if token is None:
            return False
        served = self._served
        # Without a caller a second answer would not be read: the 401 is the request's outcome, and is recorded as such.
        replays = self._caller is not None and may_replay(
            challenges, attempts=self._attempts, whole=self.request_body.whole
        )
        now = self._context.now()
        return served.entry.refused(token, served.name, service_of(self._route.path), now, replays=replays) and replays

    def _replay(self) -> None:
        if self._upstream is not None:
            self._upstream.abort()
        self._timings.start_retry(self._status)
        self._retry(fresh=False)

    def _retry(self, *, fresh: bool) -> None:
        self._upstream = None
        self._progress = None
        self.request_body.rewind()
        self._acquire(fresh=fresh)

    def upstream_failed(self, code: str, rule: Text) -> None:
        """See `upstream.consumer.UpstreamConsumer`."""
        connection = self._upstream
        died_idle = connection is not None and connection.used and connection.untouched
        if may_resend(self.method, died_idle=died_idle, attempts=self._attempts, whole=self.request_body.whole):
            self._retry(fresh=True)
            return
        sentence = Sentence("{rule}", rule=rule)
        self.fail(code, Text("{rule} Whether the API acted on the request is not known.", rule=sentence))

    # Ends

    def fail(self, code: str, detail: Text, retry_after: int | None = None, *, sent: bool = True) -> None:
        """End with a problem; once the answer has begun, only closing the connection can signal the failure.

        Args:
            code: of the problem.
            detail: what happened, and what to do.
            retry_after: whole seconds, or None.
            sent: whether an attempt that was made may have been acted on.
        """
        self._announced = None
        task, self._task = self._task, None
        if task is not None:
            # Its result would come too late; the end of this exchange is reported, and recorded, once.
            task.cancel()
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abort()
        caller = self._caller
        if self._pending is not None:
            # The head of the answer was judged, but not a byte of it has been passed on.
            self._pending, self._answered = None, False
        if self._answered or caller is None:
            outcome = "caller-gone" if caller is None else "truncated"
            self._status = self._status if self._answered else 0
            self._finish("upstream" if self._answered else PROBLEMS[code].origin, code, outcome)
            return
        doubtful = sent and self._attempts > 0
        delivery: Delivery = "unknown" if doubtful else "not-sent"
        self.keep_alive = self.keep_alive and not self.request_body.open and not self._connections.closing
        self._status = PROBLEMS[code].status
        connection = connection_field(keep_alive=self.keep_alive, minor=self.minor)
        answer = problem_answer(
            code, detail, self.request_id, self._served.name,
            delivery=delivery, method=self.method, connection=connection, date=self._context.dates.text(),
            retry_after=retry_after, origin=self._fields.origin,
            spoken=accepted_language(self._fields.forwarded),
        )  # fmt: skip
        self.sent = answer.sent
        caller.write(answer.message)
        origin = PROBLEMS[code].origin
        self._finish(origin, code, "unknown" if doubtful else "refused" if origin == "gateway" else "not-sent")

    def count_in(self, limiter: Limiter, now: float) -> None:
        """See `connections.RunningExchange`."""
        limiter.count_running(self._admission.caller, now)

    def switch_limiter(self, limiter: Limiter) -> None:
        """See `connections.RunningExchange`."""
        self._served.limiter = limiter

    def caller_gone(self) -> None:
        """The caller is gone: an unsent request is not sent; a change that was sent is followed to its end."""
        self._caller = self._announced = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        elif self._upstream is not None and self.method in CHANGING and not self.request_body.open:
            self.state = FOLLOWED_ANSWERING if self._answered else FOLLOWED
            self._connections.orphans.add(self)
            self._upstream.set_reading(on=True)
            return
        if self._upstream is not None:
            self._upstream.abort()
            self._upstream = None
        self._finish("upstream" if self._answered else "gateway", "", "caller-gone")

    def _finish(self, origin: str, code: str, outcome: str) -> None:
        self.state = ENDED
        now = self.ended = self._context.now()
        caller, self._caller = self._caller, None
        if caller is None:
            self._connections.orphans.discard(self)
        timings, served, detector, body = self._timings, self._served, self._throttle_detector, self.request_body
        self._context.observer.exchange(
            ExchangeRecord(
                self.request_id, served.name, self.method, self._route.path,
                self._status, origin, code, outcome,
                body.received, self.sent, now - self.started, self._attempts,
                self._admission, self._fields.notes, now, timings.token, timings.trace,
                timings.token_seconds, timings.connection_seconds, timings.upstream_seconds, timings.refused,
                "" if body.hashing is None else body.late_hash(), timings.made,
                missing_scope=detector is not None and detector.missing_scope,
            )
        )  # fmt: skip
        if served.limiter is not None:
            served.limiter.leave(self._admission.caller, now)
        if caller is not None:
            if outcome == "truncated":
                caller.truncate(reset=self._until_close)
            else:
                caller.exchange_finished(now, keep_alive=self.keep_alive)

    def sweep(self, now: float) -> None:
        """Look for a phase that has lasted too long; called once a second."""
        upstream, caller = self._upstream, self._caller
        moved = self.request_body.received + self.sent + self._answered
        if upstream is None or self._progress is None:
            self._progress = Progress(moved, now)
        verdict = overdue(
            Phase(
                seconds=now - self.started,
                still=self._progress.still(moved, now),
                sent_upstream=upstream is not None,
                answered=self._answered,
                body_open=self.request_body.open,
                caller_blocked=upstream is not None and not upstream.reading,
                upstream_blocked=caller is not None and caller.throttled,
            ),
            self._context.settings.timeouts,
        )
        if verdict is CALLER_IS_STUCK and caller is not None:
            caller.drop()
        elif verdict is not None:
            self.fail(verdict.code, verdict.detail)
