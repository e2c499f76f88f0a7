"""State: the calls of which it is not known whether they changed anything.

Owns the memory of the latest ones, and the events that say so at once. Refuses to replace the journal: without one,
what happened before the start is not known here, and a process that is killed loses its memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.access.path_masking import mask_path
from fla_gateway.observe.method_labels import method_name
from fla_gateway.proxy.exchange.retry_policy import READING
from fla_gateway.proxy.records.exchange_record import ExchangeRecord
from fla_gateway.proxy.records.in_doubt import doubt

if TYPE_CHECKING:  # the values of the page take time to be made, which the start does not have
    from fla_gateway.admin.status.gateway_status import Doubt, Doubts

MOST: Final = 50
EVENTS_A_MINUTE: Final = 60
"""When an API goes down under load, every change is in doubt; page, metrics and journal have those beyond."""
_MINUTE: Final = 60.0
_CURE: Final = "fla-gateway audit show --in-doubt lists them: look each one up before it is sent again"

_LOG = structlog.get_logger()


class DoubtfulCalls:
    """Observer that remembers calls in doubt.

    Args:
        key: key of `mask_path`.
        since: the start of the process, in seconds since 1970.
    """

    def __init__(self, key: bytes, since: float) -> None:
        self._key = key
        self._since = since
        self._earlier: tuple[Doubt, ...] = ()
        self._number = 0
        self._last: deque[tuple[ExchangeRecord, str]] = deque(maxlen=MOST)
        self._minute = float("-inf")
        self._logged = 0
        self._unlogged = 0

    def exchange(self, record: ExchangeRecord) -> None:
        """See `proxy.records.exchange_record.Observer`."""
        if record.method in READING:
            return
        why = doubt(record.outcome, record.origin, record.status, record.attempts)
        if why:
            self._number += 1
            self._last.append((record, why))
            self._report(record, why)

    def _report(self, record: ExchangeRecord, why: str) -> None:
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

    def remember(self, earlier: Sequence[Doubt]) -> None:
        """Take over what a journal knows of earlier runs, and say how many calls are open.

        Args:
            earlier: the latest first.
        """
        self._earlier = tuple(earlier)
        if self._earlier:
            since = self._earlier[-1].time.isoformat(timespec="seconds").replace("+00:00", "Z")
            _LOG.warning("calls-in-doubt", count=len(self._earlier), since=since, cure=_CURE)
        else:
            _LOG.info("calls-in-doubt", count=0)

    def read(self, now: float, wall: float) -> Doubts:
        """Give what is remembered.

        Args:
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same moment.
        """
        from fla_gateway.admin.status.gateway_status import Doubts  # noqa: PLC0415 - see TYPE_CHECKING above

        mine = tuple(self._doubt(record, why, wall - now) for record, why in reversed(self._last))
        return Doubts(
            self._number + len(self._earlier), datetime.fromtimestamp(self._since, UTC), (*mine, *self._earlier)[:MOST]
        )

    def _doubt(self, record: ExchangeRecord, why: str, shift: float) -> Doubt:
        from fla_gateway.admin.status.gateway_status import Doubt  # noqa: PLC0415 - as above

        return Doubt(
            time=datetime.fromtimestamp(record.ended + shift, UTC),
            id=record.request_id,
            caller=record.admission.caller,
            profile=record.profile,
            method=method_name(record.method),
            path=mask_path(record.path, self._key),
            reason=why,
            reference=record.notes.reference,
        )
