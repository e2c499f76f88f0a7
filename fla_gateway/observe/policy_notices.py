"""Adapter: what a policy would refuse, logged for the operator while it only observes.

Owns how often the same thing is logged, and in which words: as the entry of an allow list that would permit it. Refuses
to judge; `access.authorization.allow_list` has done that already.
"""

from __future__ import annotations

import re
from typing import Final

import structlog

from fla_gateway.access.path_masking import mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

QUIET_SECONDS: Final = 3600.0
MOST_NOTICES: Final = 512
"""Different ones within `QUIET_SECONDS`; whatever goes beyond is counted in the metrics and no more."""

_LOG = structlog.get_logger()
_HASHED: Final = re.compile(r"~[0-9a-f]+")


class PolicyNotices:
    """Observer that logs ``policy-would-refuse``, once an hour for each caller, profile, method and kind of path.

    Args:
        key: key of `mask_path`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._reported_at: dict[tuple[str, str, str, str], float] = {}

    def exchange(self, record: ExchangeRecord) -> None:
        """Log an exchange that was admitted only because of `observe_until`."""
        admission = record.admission
        if not admission.observed:
            return
        # A segment that may name a person becomes the asterisk of a pattern: one notice for all declarations.
        pattern = _HASHED.sub("*", mask_path(record.path, self._key))
        subject = (admission.caller, record.profile, method_name(record.method), pattern)
        if self._is_new(subject, record.ended):
            caller, profile, method, path = subject
            _LOG.warning(
                "policy-would-refuse",
                caller=caller,
                profile=profile,
                method=method,
                path=path,
                request_id=record.request_id,
            )

    def _is_new(self, subject: tuple[str, str, str, str], now: float) -> bool:
        reported_at = self._reported_at.get(subject)
        if reported_at is not None and now < reported_at + QUIET_SECONDS:
            return False
        if reported_at is None and len(self._reported_at) >= MOST_NOTICES:
            self._reported_at = {one: when for one, when in self._reported_at.items() if now < when + QUIET_SECONDS}
            if len(self._reported_at) >= MOST_NOTICES:
                return False
        self._reported_at[subject] = now
        return True
