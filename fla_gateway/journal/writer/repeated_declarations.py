"""State: bodies that were sent lately, so that the same one, sent again to the same place, is noticed.

Owns the memory, its bounds, and the event. It warns and never blocks: only a person knows whether the second one was
meant. Refuses to know the journal's lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

import structlog

from fla_gateway.access.bounded_cache import remember
from fla_gateway.access.path_masking import MaskedPath, mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.proxy.records.exchange_record import ExchangeRecord, Intent

SECONDS: Final = 86_400.0
MOST: Final = 10_000
"""Bodies that are remembered, and at least half as many; about 4 MB. The oldest go first."""
EVENTS_A_MINUTE: Final = 60

_LOG = structlog.get_logger()
_MINUTE: Final = 60.0
_FIRST_SUCCESS: Final = 200
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


_Sent = tuple[str, bytes, bytes, str, float]
"""Profile, method, path, request id and epoch seconds: one is made for each declaration, and named tuples take long."""


class RepeatedDeclarations:
    """The bodies of the last day.

    Args:
        key: key of `mask_path`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        # By hash, the latest to the place that the body went to first; and by hash and place, to further places.
        self._sent: dict[str, _Sent] = {}
        self._elsewhere: dict[tuple[str, str, bytes, str], _Sent] = {}
        self._without_effect: dict[str, None] = {}
        self._minute = float("-inf")
        self._logged = 0
        self._unlogged = 0

    def announced(self, intents: Iterable[Intent], bodies: Iterable[str], now: float) -> None:
        """Take note of requests before they are sent.

        Args:
            intents: what is about to be sent.
            bodies: the hash of each one's body, or nothing.
            now: epoch seconds.
        """
        sent = self._sent
        for it, body in zip(intents, bodies, strict=True):
            if body:
                this = (it.profile, it.method, it.path, it.request_id, now)
                # By its id: a compiled tuple has no identity of its own.
                if sent.setdefault(body, this)[3] is not it.request_id:
                    self._take(it, body, this)
        if len(sent) > MOST:
            # The older half at once: to look for the oldest among those that are gone takes longer each time.
            self._sent = dict(islice(sent.items(), MOST // 2, None))

    def finished(self, records: Iterable[ExchangeRecord], now: float) -> None:
        """Take note of bodies that streamed, and of what had no effect: refused by the API, or never sent."""
        for it in records:
            if _FIRST_SUCCESS <= it.status < _FIRST_REFUSAL and not it.body:
                continue
            if it.body:
                self._take(it, it.body, (it.profile, it.method, it.path, it.request_id, now))
            if it.received and (not it.attempts or it.outcome == "not-sent" or _refused(it)):
                remember(self._without_effect, it.request_id, None, MOST)

    def recall(self, sent: Iterable[Sent]) -> None:
        """Take over what the journal has of the last day; what was sent since the start is newer.

        Args:
            sent: the oldest first.
        """
        newer, elsewhere = self._sent, self._elsewhere
        self._sent, self._elsewhere = {}, {}
        for it in sent:
            self._keep(it.body, (it.profile, it.method.encode(), MaskedPath(it.path.encode()), it.request_id, it.when))
        for body, this in newer.items():
            self._keep(body, this)
        for place, this in elsewhere.items():
            self._keep(place[0], this)
        if len(self._sent) > MOST:
            self._sent = dict(islice(self._sent.items(), len(self._sent) - MOST, None))

    def _keep(self, body: str, this: _Sent) -> _Sent | None:
        """Note the latest of a body to its place; return the one before it there."""
        before = self._sent.get(body)
        if before is None or _is_same_target(before, this) or self._place(body, before) == self._place(body, this):
            self._sent.pop(body, None)
            self._sent[body] = this
            return before
        place = self._place(body, this)
        before = self._elsewhere.pop(place, None)
        remember(self._elsewhere, place, this, MOST)
        return before

    def _place(self, body: str, sent: _Sent) -> tuple[str, str, bytes, str]:
        profile, method, path, _, _ = sent
        masked = path.decode("ascii") if isinstance(path, MaskedPath) else mask_path(path, self._key)
        return body, profile, method, masked

    def _take(self, it: Intent | ExchangeRecord, body: str, this: _Sent) -> None:
        before = self._keep(body, this)
        if before is None:
            return
        _, _, _, earlier, when = before
        if this[4] - when < SECONDS and earlier not in self._without_effect:
            self._report(it, body, this, (when, earlier))

    def _report(self, it: Intent | ExchangeRecord, body: str, this: _Sent, before: tuple[float, str]) -> None:
        minute = this[4] // _MINUTE
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
            path=self._place(body, this)[3],
            reference=it.notes.reference,
            unlogged=self._unlogged,
        )
        self._unlogged = 0


def _is_same_target(one: _Sent, other: _Sent) -> bool:
    """Whether two went to the same place to the letter, which is found out sooner than by masking both paths."""
    written_alike = isinstance(one[2], MaskedPath) == isinstance(other[2], MaskedPath)
    return written_alike and one[2] == other[2] and one[1] == other[1] and one[0] == other[0]


def _refused(record: ExchangeRecord) -> bool:
    return record.origin == "upstream" and _FIRST_REFUSAL <= record.status < _FIRST_SERVER_ERROR
