"""Values: calls, as the status page and /status show them.

Owns their shape, which is part of the public contract (docs/status.md). Refuses to hold a secret, and to know which
part supplies what. Paths are masked.
"""

from __future__ import annotations

from datetime import datetime

from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended not long ago.

    Attributes:
        time: of its end.
        id: request id.
        caller: name, or empty.
        profile: name, or empty where none was reached.
        method: of the request.
        path: masked, as in the log.
        status: status code, or 0 where the caller was gone before one.
        origin: ``upstream``, ``gateway``, ``token-server`` or ``network``.
        code: problem code, or empty.
        outcome: see `proxy.records.exchange_record.ExchangeRecord`.
        seconds: how long it took.
        missing_scope: whether the API answered 403 since the token lacks a scope.
        trace_caller: BelGov-Trace-Id of the caller's own, or empty.
        trace_received: that of the API's answer, or empty.
        token_seconds: how long it waited for a token.
        connection_seconds: how long it waited for a connection, after the token.
        upstream_seconds: from the first byte sent to the API (last attempt) to the head of its answer.
    """

    time: datetime
    id: str
    caller: str
    profile: str
    method: str
    path: str
    status: int
    origin: str
    code: str
    outcome: str
    seconds: float
    missing_scope: bool = False
    trace_caller: str = ""
    trace_received: str = ""
    token_seconds: float = 0.0
    connection_seconds: float = 0.0
    upstream_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call that changes something and of which it is not known whether it did.

    Attributes:
        time: when it was sent or ended.
        id: request id.
        caller: name, or empty.
        profile: name.
        method: of the request.
        path: masked.
        reason: ``no-outcome``, ``no-answer``, ``caller-gone`` or ``server-error``.
        reference: Fla-Gateway-Reference of the request, or empty.
    """

    time: datetime
    id: str
    caller: str
    profile: str
    method: str
    path: str
    reason: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Doubts:
    """Calls in doubt that no person has settled.

    Attributes:
        number: of all that are known; more than `calls` where only the latest are kept.
        since: start of the process; from then on all are known, from earlier runs those that the journal found.
        calls: the latest first.
        looked_back: how far back the journal was read for earlier runs; None without a journal, before it was read, and
            where it had nothing.
    """

    number: int
    since: datetime
    calls: tuple[Doubt, ...] = ()
    looked_back: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnknownPeerStatus:
    """Where calls without a valid credential came from; see `observe.unknown_callers`.

    Attributes:
        peer: IP address, or ``uid N`` of a Unix socket.
        count: how many came from there.
        last: when the last one did.
    """

    peer: str
    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class UnknownCallsStatus:
    """Calls of the last hour without a valid credential; nothing of the requests.

    Attributes:
        count: how many.
        last: when the last one came.
        code: problem code that it got.
        uid: user id that was found at the last look-up, or None.
        peers: where the last ones came from, the latest first.
    """

    count: int
    last: datetime
    code: str
    uid: int | None = None
    peers: tuple[UnknownPeerStatus, ...] = ()
