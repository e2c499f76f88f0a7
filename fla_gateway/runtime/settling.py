"""Root: doubts are settled in the journal of the gateway that runs.

Owns the order: what runs is known first, then the journal is read, then the record is written, so that nothing can end
in between unseen. Refuses to decide what can be settled; `journal.settling` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.errors import JournalError, ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.runtime.monitoring.telemetry import Observation

if TYPE_CHECKING:  # read where there is a journal
    from fla_gateway.journal.snapshot import Settlement

_LOG = structlog.get_logger()
_NO_JOURNAL: Final = Text("This gateway has no journal ([audit]), so that nothing can be settled.")
_MOST_LOGGED: Final = 20
"""Request ids that are logged of one settlement; the journal has all."""


class Settling:
    """Settles doubts, one request after the other.

    Args:
        observation: has the journal, and what is shown of doubts.
    """

    def __init__(self, observation: Observation) -> None:
        self._observation = observation
        self._lock = asyncio.Lock()

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `admin.gateway_actions.GatewayActions`."""
        journal = self._observation.journal
        if journal is None:
            raise ProblemError("settlement-refused", _NO_JOURNAL)
        from fla_gateway.journal.reader.look_up import look_up  # noqa: PLC0415 - read where it is asked for
        from fla_gateway.journal.settling import refuse_unsettleable  # noqa: PLC0415 - as above

        ids = [it.request_id for it in settlements]
        async with self._lock:
            running = journal.running()
            try:
                found = await asyncio.to_thread(look_up, journal.path, ids)
            except JournalError as error:
                raise ProblemError("journal-unavailable", Text("{reason}", reason=error.text)) from error
            refuse_unsettleable(ids, found, running)
            written: asyncio.Future[ProblemError | None] = asyncio.get_running_loop().create_future()
            journal.settled(settlements, partial(_pass_on, written))
        self._note(settlements)
        if (refusal := await written) is not None:
            raise refusal

    def _note(self, settlements: Sequence[Settlement]) -> None:
        ids = [it.request_id for it in settlements]
        self._observation.doubts.settle(ids)
        first = settlements[0]
        _LOG.info(
            "doubts-settled",
            count=len(ids),
            result=first.result,
            by=first.by,
            uid=first.uid,
            requests=ids[:_MOST_LOGGED],
        )


def _pass_on(written: asyncio.Future[ProblemError | None], refusal: ProblemError | None) -> None:
    if not written.done():
        written.set_result(refusal)
