"""State: bodies that were sent lately, so that the same one, sent again to the same place, is noticed.

Owns the memory, its bounds, and the event. It warns and never blocks: only a person knows whether the second one was
meant. Refuses to know the journal's lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from fla_gateway.access.bounded_cache import remember
from fla_gateway.access.path_masking import mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.proxy.records.exchange_record import ExchangeRecord, Intent

SECONDS: Final = 86_400.0
MOST: Final = 10_000
"""Bodies that are remembered; about 4 MB. The oldest goes first."""
EVENTS_A_MINUTE: Final = 60

_LOG = structlog.get_logger()
_MINUTE: Final = 60.0
_MOST_PATHS: Final = 1_024
_FIRST_REFUSAL: Final = 400
_FIRST_SERVER_ERROR: Final = 500


class Sent(NamedTuple):
    """One declaration.

    Attributes:
        body: keyed hash of its body.
        profile: name of the profile.
        method: request method.
        path: masked.
        request_id: UUID.
        when: epoch seconds.
    """

    body: str
    profile: str
    method: str
    path: str
    request_id: str
    when: float


class RepeatedDeclarations:
    """The bodies of the last day.

    Args:
        key: key of `mask_path`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._sent: dict[tuple[str, str, bytes, str], tuple[float, str]] = {}
        self._paths: dict[bytes, str] = {}
        self._minute = float("-inf")
        self._logged = 0
        self._unlogged = 0

    def announced(self, intents: Iterable[Intent], now: float) -> None:
        """Take note of requests whose bodies are known before they are sent."""
        sent, paths = self._sent, self._paths
        for it in intents:
            body = it.body
            if not body:
                continue
            path = paths.get(it.path)
            if path is None or len(sent) >= MOST:
                self._take(it, now)
                continue
            place = (body, it.profile, it.method, path)
            if place in sent:
                self._take(it, now)
            else:
                sent[place] = (now, it.request_id)

    def finished(self, records: Iterable[ExchangeRecord], now: float) -> None:
        """Take note of bodies that streamed, and forget what did nothing: refused by the API, or never sent."""
        for it in records:
            if it.body:
                if it.streamed:
                    self._take(it, now)
                if not it.attempts or (it.outcome == "not-sent") or _refused(it):
                    self._forget(it)

    def recall(self, sent: Iterable[Sent]) -> None:
        """Take over what the journal has of the last day; what was sent since the start is newer.

        Args:
            sent: the oldest first.
        """
        recalled = {(it.body, it.profile, it.method.encode(), it.path): (it.when, it.request_id) for it in sent}
        merged = [*recalled.items(), *self._sent.items()]
        self._sent = dict(merged[-MOST:])

    def _place(self, it: Intent | ExchangeRecord) -> tuple[str, str, bytes, str]:
        path = self._paths.get(it.path)
        if path is None:
            path = mask_path(it.path, self._key)
            remember(self._paths, it.path, path, _MOST_PATHS)
        return it.body, it.profile, it.method, path

    def _take(self, it: Intent | ExchangeRecord, now: float) -> None:
        place = self._place(it)
        before = self._sent.pop(place, None)
        remember(self._sent, place, (now, it.request_id), MOST)
        if before is not None and now - before[0] < SECONDS:
            self._report(it, place[3], before, now)

    def _forget(self, record: ExchangeRecord) -> None:
        place = self._place(record)
        known = self._sent.get(place)
        if known is not None and known[1] == record.request_id:
            del self._sent[place]

    def _report(self, it: Intent | ExchangeRecord, path: str, before: tuple[float, str], now: float) -> None:
        minute = now // _MINUTE
        if minute != self._minute:
            self._minute, self._logged = minute, 0
        if self._logged >= EVENTS_A_MINUTE:
            self._unlogged += 1
            return
        self._logged += 1
        earlier = datetime.fromtimestamp(before[0], UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        _LOG.warning(
            "declaration-repeated",
            request_id=it.request_id,
            earlier=before[1],
            earlier_at=earlier,
            profile=it.profile,
            caller=it.admission.caller,
            method=method_name(it.method),
            path=path,
            reference=it.notes.reference,
            unlogged=self._unlogged,
        )
        self._unlogged = 0


def _refused(record: ExchangeRecord) -> bool:
    return record.origin == "upstream" and _FIRST_REFUSAL <= record.status < _FIRST_SERVER_ERROR
