"""State: which APIs fail, by profile and service, and the events when that changes.

Owns what counts as a failure of an API, and how often the same API is reported: an API that flaps must not fill the
log. Refuses to count calls of the gateway's own making, and those that never got a token: the token engine reports
these.
"""

from __future__ import annotations

from typing import Final

import structlog

from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.catalog.model import OTHER_SERVICE, shown_service
from fla_gateway.catalog.rights import rights_for_service, tick
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.proxy.admission.routing import service_of
from fla_gateway.proxy.records.exchange_record import ExchangeRecord

QUIET_SECONDS: Final = 60.0
"""Between two reports that the same API fails."""
MOST_SERVICES: Final = 256
"""Services that are distinguished, of all profiles together; callers name them by their paths, so they have no end."""

_LOG = structlog.get_logger()
_CODES: Final = ("api-", "egress-")
_WITHOUT_SCOPE: Final = "missing-scope"
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
# The API answers, but not what was asked: it takes no token, or asks for patience.
_TROUBLE: Final = frozenset({401, 429})


def is_trouble(record: ExchangeRecord) -> bool:
    """Return whether the API answered with less than 500, and yet has not been of use.

    A 403 that is about one employer or one declaration is an answer like the 404 of a declaration that is not processed
    yet; a missing scope concerns every call of the account.
    """
    return record.status in _TROUBLE or record.missing_scope


@dataclass(frozen=True, slots=True)
class FailingApi:
    """An API that fails.

    Attributes:
        profile: name of the profile.
        service: name of the API, or ``(other)``.
        reason: problem code; ``missing-scope``; or the status of its answers.
        since: when the first of these failures was, in seconds since 1970; so is `latest`.
        latest: when the last one was.
        failures: how many there were.
    """

    profile: str
    service: str
    reason: str
    since: float
    latest: float
    failures: int


class _Watched:
    """What is known of one API."""

    __slots__ = ("failures", "latest", "logged", "logged_at", "reason", "since", "unlogged")

    def __init__(self) -> None:
        self.reason = ""
        self.since = self.latest = 0.0
        self.failures = 0
        self.logged = False
        self.logged_at = float("-inf")
        self.unlogged = 0


class ApiHealth:
    """Observer that knows which APIs fail. Made, used and read on the event loop's thread."""

    def __init__(self) -> None:
        self._apis: dict[tuple[str, str], _Watched] = {}
        self._failing = 0

    def exchange(self, record: ExchangeRecord) -> None:
        """Take note of a finished exchange."""
        if record.status < _FIRST_CLIENT_ERROR and record.outcome == "answered":
            # Nearly all of them, so nothing else is asked.
            if self._failing and record.attempts:
                self._well(record)
            return
        reason = _reason(record)
        if reason:
            self._ill(record, reason)
        elif self._failing and record.outcome == "answered" and record.origin == "upstream":
            self._well(record)

    def failing(self, now: float, wall: float) -> tuple[FailingApi, ...]:
        """Give those that fail.

        Args:
            now: `Clock.monotonic`.
            wall: `Clock.wall` at the same moment.
        """
        shift = wall - now
        return tuple(
            FailingApi(profile, service, it.reason, it.since + shift, it.latest + shift, it.failures)
            for (profile, service), it in self._apis.items()
            if it.failures
        )

    def _ill(self, record: ExchangeRecord, reason: str) -> None:
        api = self._watched(record)
        now = record.ended
        if not api.failures:
            self._failing += 1
            api.since, api.logged = now, False
        api.failures += 1
        api.reason, api.latest = reason, now
        if api.logged or now < api.logged_at + QUIET_SECONDS:
            api.unlogged += not api.logged
            return
        api.logged, api.logged_at = True, now
        profile, service = self._name(record)
        cure = {"cure": tick(rights_for_service(load_catalogue(), service))} if reason == _WITHOUT_SCOPE else {}
        _LOG.warning(
            "api-failing", profile=profile, service=service, reason=reason, request_id=record.request_id,
            unlogged=api.unlogged, **cure,
        )  # fmt: skip
        api.unlogged = 0

    def _well(self, record: ExchangeRecord) -> None:
        name = self._name(record)
        api = self._apis.get(name)
        if api is None or not api.failures:
            return
        self._failing -= 1
        if api.logged:
            profile, service = name
            seconds = round(record.ended - api.since, 1)
            _LOG.info("api-recovered", profile=profile, service=service, seconds=seconds, failures=api.failures)
        api.failures, api.logged = 0, False

    def _name(self, record: ExchangeRecord) -> tuple[str, str]:
        name = (record.profile, shown_service(service_of(record.path)))
        if name in self._apis or len(self._apis) < MOST_SERVICES:
            return name
        return record.profile, OTHER_SERVICE

    def _watched(self, record: ExchangeRecord) -> _Watched:
        if len(self._apis) >= MOST_SERVICES:
            oldest = record.ended - QUIET_SECONDS
            self._apis = {name: it for name, it in self._apis.items() if it.failures or it.logged_at > oldest}
        return self._apis.setdefault(self._name(record), _Watched())


def _reason(record: ExchangeRecord) -> str:
    """Return why an exchange shows that its API fails; empty where it does not."""
    if record.origin == "network" or record.outcome == "truncated":
        # What the gateway's own end has cut off says nothing of the API.
        return record.code if record.code.startswith(_CODES) else ""
    if record.origin != "upstream" or record.outcome != "answered":
        return ""
    if record.missing_scope:
        return _WITHOUT_SCOPE
    return str(record.status) if record.status >= _FIRST_SERVER_ERROR or record.status in _TROUBLE else ""
