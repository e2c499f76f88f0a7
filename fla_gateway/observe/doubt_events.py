"""Adapter: calls in doubt, logged when it happens, and their number at the start.

Owns the events, and how many there may be. Refuses to judge: `proxy.records.in_doubt` has done that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from fla_gateway.access.path_masking import mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

EVENTS_A_MINUTE: Final = 60
"""When an API goes down under load, every change is in doubt; page, metrics and journal have those beyond."""

_LOG = structlog.get_logger()
_MINUTE: Final = 60.0
_CURE: Final = (
    "fla-gateway audit show --in-doubt lists them: look each one up before it is sent again, and settle it "
    "(fla-gateway audit settle)"
)


class DoubtEvents:
    """Logs calls in doubt.

    Args:
        key: key of `mask_path`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._minute = float("-inf")
        self._logged = 0
        self._unlogged = 0

    def report(self, record: ExchangeRecord, why: str) -> None:
        """Log one call, unless there were too many in this minute.

        Args:
            record: of the call.
            why: one of `proxy.records.in_doubt`.
        """
        minute = record.ended // _MINUTE
        if minute != self._minute:
            self._minute, self._logged = minute, 0
        if self._logged >= EVENTS_A_MINUTE:
            self._unlogged += 1
            return
        self._logged += 1
        _LOG.warning(
            "call-in-doubt",
            request_id=record.request_id,
            profile=record.profile,
            caller=record.admission.caller,
            method=method_name(record.method),
            path=mask_path(record.path, self._key),
            reason=why,
            reference=record.notes.reference,
            unlogged=self._unlogged,
        )
        self._unlogged = 0


def report_earlier(count: int, since: datetime | None, looked_back: datetime | None = None) -> None:
    """Log how many calls of earlier runs are in doubt and not settled.

    Args:
        count: how many.
        since: time of the first that is known, in UTC, or None without any.
        looked_back: how far back the journal was read, in UTC; None if it had nothing.
    """
    looked = {} if looked_back is None else {"looked_back": _shown(looked_back)}
    if since is None:
        _LOG.info("calls-in-doubt", count=count, **looked)
    else:
        _LOG.warning("calls-in-doubt", count=count, since=_shown(since), **looked, cure=_CURE)


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
