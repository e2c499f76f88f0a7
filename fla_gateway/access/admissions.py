"""STUB of the lead until the access helper's file is there: overwrite it."""

from __future__ import annotations

from fla_gateway.access.caller import Admission, Peer, Presented
from fla_gateway.access.guard import Refusal


class Identity:
    """STUB."""

    admission: Admission

    def permit(self, profile: str, method: bytes, path: bytes, now: float) -> Admission | Refusal:
        """STUB."""
        raise NotImplementedError


class Admissions:
    """STUB."""

    def identify(self, presented: Presented | None, peer: Peer | None, now: float) -> Identity | Refusal:
        """STUB."""
        raise NotImplementedError
