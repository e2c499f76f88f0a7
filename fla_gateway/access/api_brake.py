"""STUB of the lead until the limits helper's file is there: overwrite it."""

from __future__ import annotations

from typing import NamedTuple

from fla_gateway.access.guard import Refusal


class BodyHint(NamedTuple):
    """STUB."""

    failed_requests: bool
    retry_after: float | None


class ApiBrake:
    """STUB."""

    holds = False

    def refusal(self, service: str, now: float) -> Refusal | None:
        """STUB."""
        return None

    def throttled(self, service: str, now: float, retry_after: float | None, *, failed_requests: bool) -> None:
        """STUB."""

    def answered(self, service: str) -> None:
        """STUB."""


def body_hint(payload: bytes) -> BodyHint | None:
    """STUB."""
    return None


def retry_after_seconds(value: bytes, wall: float) -> float | None:
    """STUB."""
    return None
