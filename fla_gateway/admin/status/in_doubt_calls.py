"""State: the calls of which it is not known whether they changed anything.

Owns the memory of the latest ones. Refuses to replace the journal: without one, what happened before the start is not
known here, and a process that is killed loses its memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fla_gateway.access.path_masking import mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.proxy.exchange.retry_policy import READING
from fla_gateway.proxy.records.exchange_record import ExchangeRecord
from fla_gateway.proxy.records.in_doubt import doubt

if TYPE_CHECKING:  # the values of the page take time to be made, which the start does not have
    from fla_gateway.admin.status.call_status import Doubt, Doubts

MOST: Final = 50
MOST_COUNTED: Final = 10_000
"""Calls of this run of which it is remembered that they are counted; the number of those beyond goes down no more."""


class DoubtfulCalls:
    """Observer that remembers calls in doubt.

    Args:
        key: key of `mask_path`.
        since: the start of the process, in seconds since 1970.
        on_doubt: called with each record in doubt, and why.
    """

    def __init__(
        self, key: bytes, since: float, on_doubt: Callable[[ExchangeRecord, str], None] = lambda *_: None
    ) -> None:
        self._key = key
        self._on_doubt = on_doubt
        self._since = since
        self._earlier: tuple[Doubt, ...] = ()
        self._number = 0
        self._ids: set[str] = set()
        self._settled: set[str] = set()
        self._recalled = False
        self._unlisted = 0
        self._looked_back: datetime | None = None
        self._last: deque[tuple[ExchangeRecord, str]] = deque(maxlen=MOST)

    def exchange(self, record: ExchangeRecord) -> None:
        """See `proxy.records.exchange_record.Observer`."""
        if record.method in READING:
            return
        why = doubt(record.outcome, record.origin, record.status, record.attempts)
        if why:
            self._number += 1
            if len(self._ids) < MOST_COUNTED:
                self._ids.add(record.request_id)
            self._last.append((record, why))
            self._on_doubt(record, why)

    def remember(self, earlier: Sequence[Doubt], number: int = 0, looked_back: datetime | None = None) -> None:
        """Take over what a journal knows of earlier runs.

        Args:
            earlier: the latest first.
            number: of all, where `earlier` has the latest only.
            looked_back: how far back the journal was read, or None if there was nothing to read.
        """
        # A person may have settled some of them while the journal was read.
        self._earlier = tuple(it for it in earlier if it.id not in self._settled)
        self._unlisted = max(0, number - len(earlier))
        self._looked_back = looked_back
        self._recalled = True
        self._settled.clear()

    @property
    def number(self) -> int:
        """How many are open, those of earlier runs included."""
        return self._number + len(self._earlier) + self._unlisted

    def settle(self, request_ids: Iterable[str]) -> None:
        """Forget calls that a person has settled."""
        settled = frozenset(request_ids)
        if not self._recalled:
            self._settled |= settled
        self._number -= len(settled & self._ids)
        self._ids -= settled
        self._last = deque((it for it in self._last if it[0].request_id not in settled), MOST)
        self._earlier = tuple(it for it in self._earlier if it.id not in settled)

    def read(self, now: float, wall: float) -> Doubts:
        """Give what is remembered.

        Args:
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same moment.
        """
        from fla_gateway.admin.status.call_status import Doubts  # noqa: PLC0415 - see TYPE_CHECKING above

        mine = tuple(self._doubt(record, why, wall - now) for record, why in reversed(self._last))
        return Doubts(
            self.number,
            datetime.fromtimestamp(self._since, UTC),
            (*mine, *self._earlier)[:MOST],
            self._looked_back,
        )

    def _doubt(self, record: ExchangeRecord, why: str, shift: float) -> Doubt:
        from fla_gateway.admin.status.call_status import Doubt  # noqa: PLC0415 - as above

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
