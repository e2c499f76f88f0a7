"""Value and port: what the data path reports of a finished exchange, and of its own state on request.

Owns the values. Refuses to know their consumers: log, metrics, journal, traces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.errors import ProblemError
from fla_gateway.lean_dataclass import dataclass


class Notes(NamedTuple):
    """What a request carries for the records alone; none of it is needed to forward it.

    Attributes:
        reference: Fla-Gateway-Reference: up to 64 printable characters of the caller's bookkeeping, or empty.
        trace: BelGov-Trace-Id of the caller's own: up to 64 printable ASCII characters, ``(unrecordable)``, or empty.
        traceparent: W3C traceparent, checked against its grammar, or empty.
    """

    reference: str = ""
    trace: str = ""
    traceparent: str = ""


NO_NOTES: Final = Notes()


class Attempt(NamedTuple):
    """A first attempt whose token the API refused, and that was made again with another token.

    Attributes:
        status: status code of its answer.
        token: keyed hash of the token that it carried.
        trace: BelGov-Trace-Id of its answer, as in `Notes`, or empty.
        seconds: from its first byte to the head of its answer.
    """

    status: int
    token: str
    trace: str
    seconds: float


class ExchangeRecord:
    """One exchange, from the first byte of its head to its end.

    Nothing is changed once it is made. Not a dataclass, since mypyc makes a native class of a plain one only
    (CONTRIBUTING.md), and one is made for each exchange.

    Attributes:
        request_id: UUID; also sent as BelGov-Trace-Id where the caller sent none.
        profile: name of the profile, empty where none was reached.
        method: as the caller wrote it; empty where the head could not be read.
        path: the upstream path without query, or the caller's where it leads to no profile; never to be shown
            unmasked.
        status: status code of the answer, 0 where the caller was gone before one.
        origin: ``upstream``, ``gateway``, ``token-server`` or ``network``.
        code: problem code, empty for an upstream's answer.
        outcome: ``answered``, ``refused``, ``not-sent``, ``unknown``, ``truncated`` or ``caller-gone``.
        received: bytes of request body taken from the caller, framing not counted.
        sent: bytes of response body given to the caller, framing not counted.
        seconds: from the first byte of the head to the end.
        attempts: times the request was sent upstream.
        admission: who sent it, and what permitted it.
        notes: what it carried for the records.
        ended: `Clock.monotonic` of its end.
        token: keyed hash of the token that was sent last, empty where none was.
        trace: BelGov-Trace-Id of the API's answer, as in `Notes`, or empty.
        token_seconds: how long it waited for a token.
        connection_seconds: how long it waited for a connection, after the token.
        upstream_seconds: from the first byte sent upstream (last attempt) to the head of the answer, 0 without one.
        refused: the first attempt, where a 401 replay was made.
        missing_scope: whether the API answered 403 since the token lacks a scope.
        body: keyed hash of a request body that was still coming when the intent was written; empty of all others, and
            where it was not received to its end.
        made: last segment of the Location of a successful answer to a changing request, never to be shown unmasked; or
            empty.

    What comes after `ended` is known only of admitted requests, the rest of all.
    """

    __slots__ = (
        "admission", "attempts", "body", "code", "connection_seconds", "ended", "made", "method", "missing_scope",
        "notes", "origin", "outcome", "path", "profile", "received", "refused", "request_id", "seconds", "sent",
        "status", "token", "token_seconds", "trace", "upstream_seconds",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - one for each attribute
        self,
        request_id: str,
        profile: str,
        method: bytes,
        path: bytes,
        status: int,
        origin: str,
        code: str,
        outcome: str,
        received: int,
        sent: int,
        seconds: float,
        attempts: int,
        admission: Admission,
        notes: Notes,
        ended: float,
        token: str = "",
        trace: str = "",
        token_seconds: float = 0.0,
        connection_seconds: float = 0.0,
        upstream_seconds: float = 0.0,
        refused: Attempt | None = None,
        body: str = "",
        made: bytes = b"",
        *,
        missing_scope: bool = False,
    ) -> None:
        self.request_id = request_id
        self.profile = profile
        self.method = method
        self.path = path
        self.status = status
        self.origin = origin
        self.code = code
        self.outcome = outcome
        self.received = received
        self.sent = sent
        self.seconds = seconds
        self.attempts = attempts
        self.admission = admission
        self.notes = notes
        self.ended = ended
        self.token = token
        self.trace = trace
        self.token_seconds = token_seconds
        self.connection_seconds = connection_seconds
        self.upstream_seconds = upstream_seconds
        self.refused = refused
        self.body = body
        self.made = made
        self.missing_scope = missing_scope

    def with_request(self, method: bytes, path: bytes) -> ExchangeRecord:
        """Return the same with another method and path."""
        return ExchangeRecord(
            self.request_id, self.profile, method, path,
            self.status, self.origin, self.code, self.outcome,
            self.received, self.sent, self.seconds, self.attempts,
            self.admission, self.notes, self.ended, self.token, self.trace,
            self.token_seconds, self.connection_seconds, self.upstream_seconds, self.refused,
            self.body, self.made, missing_scope=self.missing_scope,
        )  # fmt: skip


class Intent:
    """A changing request, just before its first byte is sent upstream. Nothing is changed once it is made.

    Attributes:
        request_id: as in `ExchangeRecord`; so are all others.
        body: the body itself; empty without one, and where it is still coming.
    """

    __slots__ = ("admission", "body", "method", "notes", "path", "profile", "request_id", "token")  # fmt: skip

    def __init__(
        self,
        request_id: str,
        profile: str,
        method: bytes,
        path: bytes,
        admission: Admission,
        notes: Notes,
        token: str,
        body: bytes = b"",
    ) -> None:
        self.request_id = request_id
        self.profile = profile
        self.method = method
        self.path = path
        self.admission = admission
        self.notes = notes
        self.token = token
        self.body = body


WhenWritten = Callable[[ProblemError | None], None]
"""Receives the result of an intent: None where it is written, or ``journal-unavailable``."""


class PartialHash(Protocol):
    """The hash of a body that comes in parts."""

    def update(self, part: bytes) -> None:
        """Take the next part."""

    def digits(self) -> str:
        """Return the hash of the whole as hexadecimal digits, empty for an empty body; nothing can be added then."""
        ...


class Journal(Protocol):
    """The audit journal, as the data path sees it. Outcomes reach it as `Observer`."""

    def begin_hash(self) -> PartialHash:
        """Begin the hash of a body that comes in parts."""
        ...

    def announce(self, intent: Intent, when_written: WhenWritten) -> None:
        """Write an intent, together with all others that are announced in this turn of the loop.

        An intent whose exchange was recorded as finished before it was written is not written any more.

        Args:
            intent: what is about to be sent.
            when_written: called in a later turn, once the intent is as durable as the configuration requires (written
                to the kernel, or on the disk), or with the reason why nothing may be sent. Must not raise.
        """
        ...


class Observer(Protocol):
    """Receives finished exchanges. Called on the event loop: must neither block nor raise."""

    def exchange(self, record: ExchangeRecord) -> None:
        """Note one finished exchange."""
        ...


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """The connections to the API of one profile at one moment.

    Attributes:
        profile: name of the profile.
        idle: connections open and unused.
        busy: connections that carry an exchange.
        opening: connections being opened.
        waiting: requests in the queue.
        opened: connections opened since the start.
        reused: exchanges that found an open connection, since the start.
        failed: attempts to open a connection that failed, since the start.
    """

    profile: str
    idle: int
    busy: int
    opening: int
    waiting: int
    opened: int
    reused: int
    failed: int


@dataclass(frozen=True, slots=True)
class DoorSnapshot:
    """The callers' side at one moment.

    Attributes:
        connections: callers' connections open.
        in_flight: exchanges that run.
        limited: whether the gateway has stopped accepting because a limit is reached.
    """

    connections: int
    in_flight: int
    limited: bool
