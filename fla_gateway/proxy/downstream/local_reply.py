"""Rule: the answer and the record of a request that ends at admission control.

Owns both, so that the answer and the record never differ. Refuses to send the answer, and to pass the record on.
"""

from __future__ import annotations

from fla_gateway.access.authentication.caller import STRANGER
from fla_gateway.problems import PROBLEMS
from fla_gateway.proxy.admission.admission_control import LastHop, PreflightResponse, Rejected
from fla_gateway.proxy.admission.request_reader import RoutedRequestLine
from fla_gateway.proxy.messages.request_fields import RequestFields
from fla_gateway.proxy.messages.response_writer import (
    connection_field,
    last_hop_answer,
    preflight_answer,
    problem_answer,
)
from fla_gateway.proxy.records.exchange_record import NO_NOTES, ExchangeRecord


def local_reply(
    asked: RoutedRequestLine,
    turned: Rejected,
    fields: RequestFields | None,
    *,
    keep_alive: bool,
    request_id: str,
    date: str,
    now: float,
) -> tuple[bytes, ExchangeRecord]:
    """Build the problem response for a request that was rejected.

    Args:
        asked: its request line.
        turned: why, and its caller.
        fields: its field block, or None where that could not be read.
        keep_alive: whether another request may follow.
        request_id: its id.
        date: the Date of the answer.
        now: `Clock.monotonic`.

    Returns:
        The whole answer, and the record.
    """
    refusal, admission, profile = turned
    path = asked.path if asked.route is None else asked.route.path
    row = PROBLEMS[refusal.code]
    answer = problem_answer(
        refusal.code, refusal.detail, request_id, profile,
        delivery="not-sent", method=asked.method, date=date,
        connection=connection_field(keep_alive=keep_alive, minor=asked.minor),
        retry_after=refusal.retry_after, origin=None if fields is None else fields.origin,
    )  # fmt: skip
    record = ExchangeRecord(
        request_id, profile, asked.method, path, row.status, row.origin, refusal.code, "refused",
        0, answer.sent, 0.0, 0, admission, NO_NOTES if fields is None else fields.notes, now,
    )  # fmt: skip
    return answer.message, record


def preflight_reply(
    asked: RoutedRequestLine,
    reply: PreflightResponse | LastHop,
    fields: RequestFields,
    *,
    keep_alive: bool,
    request_id: str,
    date: str,
    now: float,
) -> tuple[bytes, ExchangeRecord]:
    """Build the answer to an OPTIONS that is answered here: a preflight, or one that must not be forwarded further.

    Args:
        asked: as for `local_reply`; so are all others but one.
        reply: which of the two it is.
        fields: its field block.
        keep_alive: whether another request may follow.
        request_id: its id.
        date: the Date of the answer.
        now: `Clock.monotonic`.
    """
    connection = connection_field(keep_alive=keep_alive, minor=asked.minor)
    if isinstance(reply, PreflightResponse):
        answer = preflight_answer(reply.fields, connection=connection, date=date)
        admission, profile, path, notes = STRANGER, "", asked.path, NO_NOTES
    else:
        answer = last_hop_answer(fields.origin, connection=connection, date=date)
        admission, profile, notes = reply.admission, reply.profile, fields.notes
        path = asked.path if asked.route is None else asked.route.path
    record = ExchangeRecord(
        request_id, profile, asked.method, path, 200, "gateway", "", "answered",
        0, answer.sent, 0.0, 0, admission, notes, now,
    )  # fmt: skip
    return answer.message, record
