"""Rule: the answer and the record of a request that ends at admission control.

Owns both, so that the answer and the record never differ, and the words of refusals of the connection itself. Refuses
to send the answer, and to pass the record on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from fla_gateway.access.refusal import Refusal
from fla_gateway.i18n.catalogues import ENGLISH
from fla_gateway.i18n.message import Text
from fla_gateway.problems import PROBLEMS
from fla_gateway.proxy.admission.admission_control import LastHop, PreflightResponse, Rejected
from fla_gateway.proxy.admission.request_reader import RoutedRequestLine
from fla_gateway.proxy.messages.accepted_language import accepted_language
from fla_gateway.proxy.messages.browser_fields import is_navigation
from fla_gateway.proxy.messages.request_fields import RequestFields
from fla_gateway.proxy.messages.response_writer import (
    connection_field,
    last_hop_answer,
    navigation_answer,
    preflight_answer,
    problem_answer,
)
from fla_gateway.proxy.records.exchange_record import NO_NOTES, ExchangeRecord

LocalVerdict = Rejected | PreflightResponse | LastHop

CLOSED: Final = Refusal(
    "stopping",
    Text("This listener is no longer a part of the configuration, or is served in another way; connect again."),
)
LENGTH_REQUIRED: Final = Refusal(
    "length-required",
    Text(
        "The request seems to have a body, and neither Content-Length nor Transfer-Encoding says how long it is. "
        "Send Content-Length; 0 if there is no body."
    ),
)
UNREADABLE: Final = RoutedRequestLine(b"", 1, b"", None, None)
"""In the place of a request line that could not be read."""
_SHOWN: Final = frozenset((401, 404))
"""Statuses of a navigation to `/` that has passed the guard: without a caller's key, and with nothing at that path."""


class Stamp(NamedTuple):
    """What distinguishes one local reply from the next.

    Attributes:
        request_id: of the request.
        date: the Date of the answer.
        now: `Clock.monotonic`.
        seconds: for which the request has been here.
    """

    request_id: str
    date: str
    now: float
    seconds: float


def local_reply(
    request_line: RoutedRequestLine,
    verdict: LocalVerdict,
    fields: RequestFields | None,
    stamp: Stamp,
    *,
    keep_alive: bool,
) -> tuple[bytes, ExchangeRecord]:
    """Build the answer to a request that is not forwarded.

    Args:
        request_line: its request line.
        verdict: why it is rejected, or how an OPTIONS is answered.
        fields: its field block, or None where that could not be read.
        stamp: id and time.
        keep_alive: whether another request may follow.

    Returns:
        The whole answer, and the record.
    """
    if isinstance(verdict, Rejected):
        return _problem(request_line, verdict, fields, stamp, keep_alive=keep_alive)
    origin, notes = (None, NO_NOTES) if fields is None else (fields.origin, fields.notes)
    connection = connection_field(keep_alive=keep_alive, minor=request_line.minor)
    if isinstance(verdict, PreflightResponse):
        answer = preflight_answer(verdict.fields, connection=connection, date=stamp.date)
        admission, profile, path, notes = UNAUTHENTICATED, "", request_line.path, NO_NOTES
    else:
        answer = last_hop_answer(origin, connection=connection, date=stamp.date)
        admission, profile, path = verdict.admission, verdict.profile, _path(request_line)
    record = ExchangeRecord(
        stamp.request_id, profile, request_line.method, path, 200, "gateway", "", "answered",
        0, answer.sent, stamp.seconds, 0, admission, notes, stamp.now,
    )  # fmt: skip
    return answer.message, record


def _problem(
    request_line: RoutedRequestLine, rejected: Rejected, fields: RequestFields | None, stamp: Stamp, *, keep_alive: bool
) -> tuple[bytes, ExchangeRecord]:
    refusal, admission, profile = rejected.refusal, rejected.admission, rejected.profile
    row = PROBLEMS[refusal.code]
    connection = connection_field(keep_alive=keep_alive, minor=request_line.minor)
    spoken = ENGLISH if fields is None else accepted_language(fields.forwarded)
    if request_line.path == b"/" and fields is not None and row.status in _SHOWN and is_navigation(fields.forwarded):
        answer = navigation_answer(
            row.status, method=request_line.method, connection=connection, date=stamp.date, spoken=spoken
        )
    else:
        answer = problem_answer(
            refusal.code, refusal.detail, stamp.request_id, profile,
            delivery="not-sent", method=request_line.method, date=stamp.date, connection=connection,
            retry_after=refusal.retry_after, origin=None if fields is None else fields.origin, spoken=spoken,
        )  # fmt: skip
    record = ExchangeRecord(
        stamp.request_id, profile, request_line.method, _path(request_line), row.status, row.origin, refusal.code,
        "refused", 0, answer.sent, stamp.seconds, 0, admission, NO_NOTES if fields is None else fields.notes, stamp.now,
    )  # fmt: skip
    return answer.message, record


def _path(request_line: RoutedRequestLine) -> bytes:
    """Return the path for the record: as it would be sent to the API, wherever the address names a profile."""
    if request_line.route is not None:
        return request_line.route.path
    path, prefix = request_line.path, f"/{request_line.profile}/".encode()
    # On a listener of one profile the address has no name.
    return path[len(prefix) - 1 :] if request_line.profile and path.startswith(prefix) else path
