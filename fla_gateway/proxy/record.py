"""Value and port: what the data path says of an exchange once it is over, and of itself when it is asked.

Owns the words. Refuses to know who listens: log, metrics, and later the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class ExchangeRecord(NamedTuple):
    """One exchange, from the first byte of its head to its end.

    Attributes:
        request_id: UUID; also sent as BelGov-Trace-Id where the caller sent none.
        profile: name of the profile, empty where none was reached.
        method: as the caller wrote it; empty where the head could not be read.
        path: the upstream path without query, or the caller's where no upstream was reached; never to be
            shown unmasked.
        status: status code of the answer, 0 where the caller was gone before one.
        origin: ``upstream``, ``gateway``, ``token-server`` or ``network``.
        code: problem code, empty for an upstream's answer.
        outcome: ``answered``, ``refused``, ``not-sent``, ``unknown``, ``truncated`` or ``caller-gone``.
        received: bytes of request body taken from the caller, framing not counted.
        sent: bytes of response body given to the caller, framing not counted.
        seconds: from the first byte of the head to the end.
        attempts: times the request was sent upstream.
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


class Observer(Protocol):
    """Who wants to know of finished exchanges. Called on the data path: must neither block nor raise."""

    def exchange(self, record: ExchangeRecord) -> None:
        """Take note of one finished exchange."""
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
