"""Value and port: what the data path reports of a finished exchange, and of its own state on request.

Owns the values. Refuses to know their consumers: log, metrics, journal, traces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.errors import ProblemError


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


@dataclass(slots=True)
class ExchangeRecord:
    """One exchange, from the first byte of its head to its end.

    Nothing is changed once it is made. It is not frozen only because that makes it six times as slow to make, and one
    is made for each exchange.

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

    What comes after `ended` is known only of admitted requests, the rest of all.
    """

    request_id: str
    profile: str
    method: bytes
    path: bytes
    status: int
    origin: str
    code: str
    outcome: str
    received: int
    sent: int
    seconds: float
    attempts: int
    admission: Admission
    notes: Notes
    ended: float
    token: str = ""
    trace: str = ""
    token_seconds: float = 0.0
    connection_seconds: float = 0.0
    upstream_seconds: float = 0.0
    refused: Attempt | None = None
    missing_scope: bool = False


@dataclass(slots=True)
class Intent:
    """A changing request, just before its first byte is sent upstream. Nothing is changed once it is made.

    Attributes:
        request_id: as in `ExchangeRecord`; so are all others.
    """

    request_id: str
    profile: str
    method: bytes
    path: bytes
    admission: Admission
    notes: Notes
    token: str


WhenWritten = Callable[[ProblemError | None], None]
"""Receives the result of an intent: None where it is written, or ``journal-unavailable``."""


class Journal(Protocol):
    """The audit journal, as the data path sees it. Outcomes reach it as `Observer`."""

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
