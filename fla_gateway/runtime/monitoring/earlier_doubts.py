"""Root: what the journal knows of calls in doubt that earlier runs left, taken over by the status.

Owns the walk from one to the other. Refuses to know how the journal is read, and the rest of the status
(`status_report`), which a start does not need.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fla_gateway.observe.doubt_events import report_earlier
from fla_gateway.runtime.monitoring.status_sources import StatusSources

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.admin.status.call_status import Doubt
    from fla_gateway.journal.writer.open_intents import OpenDoubt


async def recall_doubts(sources: StatusSources) -> None:
    """Take over what the journal knows; reads files, in a thread."""
    if sources.observation.journal is not None:
        found = await sources.observation.journal.find_doubts()
        earlier = [_earlier(it) for it in reversed(found.newest)]
        looked_back = datetime.fromisoformat(found.since).astimezone(UTC) if found.since else None
        sources.doubts.remember(earlier, found.number, looked_back)
        report_earlier(found.number, earlier[-1].time if earlier else None, looked_back)


def _earlier(call: OpenDoubt) -> Doubt:
    from fla_gateway.admin.status.call_status import Doubt  # noqa: PLC0415 - read where there is one

    time = datetime.fromisoformat(call.time).astimezone(UTC)
    return Doubt(time, call.request_id, call.caller, call.profile, call.method, call.path, call.reason, call.reference)
