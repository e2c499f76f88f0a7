"""Rule: the answer and the record of a request that goes no further than the gate.

Owns both, so that what a caller is told and what is kept of it never differ. Refuses to write and to tell anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fla_gateway.access.caller import STRANGER
from fla_gateway.problems import PROBLEMS
from fla_gateway.proxy.answers import connection_field, preflight_answer, problem_answer
from fla_gateway.proxy.door import Asked
from fla_gateway.proxy.gate import Preflight, Turned
from fla_gateway.proxy.record import NO_NOTES, ExchangeRecord
from fla_gateway.proxy.request_fields import RequestFields

if TYPE_CHECKING:
    from fla_gateway.proxy.service import Service


def turned_away(
    service: Service, asked: Asked, turned: Turned, fields: RequestFields | None, *, keep_alive: bool
) -> tuple[bytes, ExchangeRecord]:
    """Write the problem for a request that was refused.

    Args:
        service: gives id, date and time.
        asked: its request line.
        turned: why, and whose it was.
        fields: its field block, or None where that could not be read.
        keep_alive: whether another request may follow.

    Returns:
        The whole answer, and the record.
    """
    refusal, admission, profile = turned
    request_id = service.ids.draw()
    path = asked.path if asked.route is None else asked.route.path
    row = PROBLEMS[refusal.code]
    answer = problem_answer(
        refusal.code, refusal.detail, request_id, profile,
        delivery="not-sent", method=asked.method, date=service.date(),
        connection=connection_field(keep_alive=keep_alive, minor=asked.minor),
        retry_after=refusal.retry_after, origin=None if fields is None else fields.origin,
    )  # fmt: skip
    record = ExchangeRecord(
        request_id, profile, asked.method, path, row.status, row.origin, refusal.code, "refused",
        0, answer.sent, 0.0, 0, admission, NO_NOTES if fields is None else fields.notes, service.now(),
    )  # fmt: skip
    return answer.message, record


def permitted(
    service: Service, asked: Asked, preflight: Preflight, *, keep_alive: bool
) -> tuple[bytes, ExchangeRecord]:
    """Write the answer to a preflight.

    Args:
        service: as for `turned_away`; so are all others but one.
        asked: its request line.
        preflight: what a browser is told.
        keep_alive: whether another request may follow.
    """
    connection = connection_field(keep_alive=keep_alive, minor=asked.minor)
    answer = preflight_answer(preflight.told, connection=connection, date=service.date())
    record = ExchangeRecord(
        service.ids.draw(), "", asked.method, asked.path, 200, "gateway", "", "answered",
        0, answer.sent, 0.0, 0, STRANGER, NO_NOTES, service.now(),
    )  # fmt: skip
    return answer.message, record
