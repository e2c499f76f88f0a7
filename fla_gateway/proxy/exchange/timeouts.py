"""Rule: which phase of an exchange has lasted too long, and which side caused it (pure).

Owns the reading of `[gateway.timeouts]`. Refuses to know clocks: the register sweeps once a second and passes the time
in, so no timer is created for any request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fla_gateway.config.schema import Timeouts


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
    detail: str


CALLER_IS_STUCK = Overdue("", "")


def overdue(phase: Phase, timeouts: Timeouts) -> Overdue | None:
    """Judge one exchange; None while it is in time."""
    if phase.seconds > timeouts.exchange:
        code = "api-timeout" if phase.sent_upstream else "overloaded"
        return Overdue(code, f"The exchange lasted longer than {timeouts.exchange:g} s.")
    if not phase.sent_upstream:
        # Waiting for a token or a connection has deadlines of its own.
        return None
    if not phase.answered and not phase.body_open:
        if phase.still > timeouts.first_byte:
            return Overdue("api-timeout", f"The API did not begin its answer within {timeouts.first_byte:g} s.")
        return None
    if phase.still <= timeouts.write_stall:
        return None
    if phase.answered:
        return CALLER_IS_STUCK if phase.caller_blocked else Overdue("api-timeout", "The API stopped in mid-answer.")
    if phase.upstream_blocked:
        return Overdue("api-timeout", f"The API took no byte of the body for {timeouts.write_stall:g} s.")
    return Overdue("request-timeout", f"No byte of the body arrived for {timeouts.write_stall:g} s.")
