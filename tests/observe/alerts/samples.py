"""Letters for tests."""

from __future__ import annotations

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.observe.alerts.alert import Alert, Condition, GatewayName, Letter
from fla_gateway.observe.alerts.outbox import Waiting

GATEWAY = GatewayName("payroll-gateway", "gw1.company.example", "0.0")
WALL = 1_790_000_000.0
"""2026-09-21T14:13:20Z."""
NOT_SERVED = Condition(
    "profile-not-served",
    "employer",
    Text("The profile {profile} is not served: its key cannot be used.", profile="employer"),
    "fla-gateway doctor employer",
    Text("It says what is wrong with the key, and what to do."),
    profiles=("employer",),
    over=Text("The profile {profile} is served again.", profile="employer"),
)


def letter(*conditions: Condition, state: str = "raised", unlisted: int = 0) -> Letter:
    """Make a letter."""
    alerts = tuple(Alert(state, it, WALL - 60, WALL) for it in conditions or (NOT_SERVED,))  # type: ignore[arg-type]
    return Letter("0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f", WALL, alerts, unlisted)


def waiting(*conditions: Condition) -> Waiting:
    """Make a letter on its way."""
    return Waiting(letter(*conditions), 0.0)


def saying(what: str) -> Condition:
    """Make a condition that says something."""
    return NOT_SERVED._replace(what=Text("{what}", what=what), cure=NOTHING)
