"""Rule: which phase of an exchange has lasted too long, and which side caused it (pure).

Owns the reading of `[gateway.timeouts]`. Refuses to know clocks: the register sweeps once a second and passes the time
in, so no timer is created for any request.
"""

from __future__ import annotations

from typing import NamedTuple

from fla_gateway.config.gateway_tables import Timeouts
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """How far an exchange has come.

    Attributes:
        seconds: since the exchange began.
        still: seconds since the last sweep that saw a byte move.
        sent_upstream: whether a connection carries it.
        answered: whether the head of the answer has been passed on.
        body_open: whether the request's body is not complete.
        caller_blocked: whether the caller takes no bytes.
        upstream_blocked: whether the API takes no bytes.
    """

    seconds: float
    still: float
    sent_upstream: bool
    answered: bool
    body_open: bool
    caller_blocked: bool
    upstream_blocked: bool


class Overdue(NamedTuple):
    """What to do about it.

    Attributes:
        code: problem code, empty where the caller's connection is to be closed without an answer.
        detail: for the answer.
    """

    code: str
    detail: Text


CALLER_IS_STUCK = Overdue("", NOTHING)


def overdue(phase: Phase, timeouts: Timeouts) -> Overdue | None:
    """Judge one exchange; None while it is in time."""
    if phase.seconds > timeouts.exchange:
        code = "api-timeout" if phase.sent_upstream else "overloaded"
        return Overdue(code, Text("The exchange lasted longer than {seconds} s.", seconds=f"{timeouts.exchange:g}"))
    if not phase.sent_upstream:
        # Waiting for a token or a connection has deadlines of its own.
        return None
    if not phase.answered and not phase.body_open:
        if phase.still > timeouts.first_byte:
            detail = Text("The API did not begin its answer within {seconds} s.", seconds=f"{timeouts.first_byte:g}")
            return Overdue("api-timeout", detail)
        return None
    if phase.still <= timeouts.write_stall:
        return None
    stall = f"{timeouts.write_stall:g}"
    if phase.answered:
        return (
            CALLER_IS_STUCK if phase.caller_blocked else Overdue("api-timeout", Text("The API stopped in mid-answer."))
        )
    if phase.upstream_blocked:
        return Overdue("api-timeout", Text("The API took no byte of the body for {seconds} s.", seconds=stall))
    return Overdue("request-timeout", Text("No byte of the body arrived for {seconds} s.", seconds=stall))
