"""Records to observe."""

from __future__ import annotations

from typing import Any, Final

from fla_gateway.access.authentication.caller import ANONYMOUS
from fla_gateway.proxy.records.exchange_record import NO_NOTES, ExchangeRecord

_PLAIN: Final[dict[str, Any]] = {
    "request_id": "0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f",
    "profile": "employer",
    "method": b"GET",
    "path": b"/REST/dimona/v2/declarations",
    "status": 200,
    "origin": "upstream",
    "code": "",
    "outcome": "answered",
    "received": 0,
    "sent": 1024,
    "seconds": 0.0123,
    "attempts": 1,
    "admission": ANONYMOUS,
    "notes": NO_NOTES,
    "ended": 0.0,
}


def a_record(**changes: Any) -> ExchangeRecord:
    """Make the record of a plain successful GET, but for some members."""
    return ExchangeRecord(**{**_PLAIN, **changes})
