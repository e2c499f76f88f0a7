"""Rule with state: detects that an API throttles, and reports it to the profile's brake; or that a scope is missing.

Owns which answers are read for it: 429 and 403, and Belgif problems of these kinds. Refuses to hold requests back
itself.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.access.limits.api_brake import ApiBrake
from fla_gateway.access.limits.throttle_response import (
    LONGEST_BODY,
    body_hint,
    is_missing_scope,
    retry_after_seconds,
)
from fla_gateway.http1.fields import value_of
from fla_gateway.http1.response import ResponseHead
from fla_gateway.proxy.exchange.retry_policy import lacks_scope

FIRST_CLIENT_ERROR: Final = 400
"""The lowest status that may mean throttling: client errors (RFC 6585, section 4)."""
FIRST_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
_FORBIDDEN: Final = 403
_PROBLEM: Final = b"application/problem+json"


class ThrottleDetector:
    """Reads one client error response: its head now, the beginning of its body when it comes.

    Attributes:
        reads_body: whether the body is still of interest.
        missing_scope: whether the response says that the token lacks a scope.
    """

    def __init__(
        self, brake: ApiBrake, service: str, head: ResponseHead, challenges: list[bytes], now: float, wall: float
    ) -> None:
        """Read the head.

        Args:
            brake: of the profile.
            service: that answered.
            head: of the answer.
            challenges: values of its WWW-Authenticate.
            now: `Clock.monotonic`.
            wall: `Clock.wall`, which an HTTP date is compared with.
        """
        self._brake = brake
        self._service = service
        self._wall = wall
        self._seconds: float | None = None
        self._beginning = b""
        status = head.code
        self._throttles = status == _TOO_MANY
        self._forbids = status == _FORBIDDEN
        self.missing_scope = self._forbids and lacks_scope(challenges)
        kind = _value(head, b"content-type")
        self.reads_body = kind is not None and kind.lower().startswith(_PROBLEM)
        if self._throttles:
            value = _value(head, b"retry-after")
            self._seconds = None if value is None else retry_after_seconds(value, wall)
            brake.throttled(service, now, self._seconds, failed_requests=False)
        elif not self.reads_body:
            brake.answered(service)

    def body(self, payload: bytes, now: float, *, last: bool) -> None:
        """Read the beginning of the body, in however many pieces it comes; called only while `reads_body`.

        Args:
            payload: its next bytes, possibly none.
            now: `Clock.monotonic`.
            last: whether it ends with them.
        """
        self._beginning += payload[:LONGEST_BODY]
        if not last and len(self._beginning) < LONGEST_BODY:
            return
        self.reads_body = False
        if self._forbids and is_missing_scope(self._beginning):
            self.missing_scope = True
        hint = body_hint(self._beginning, self._wall)
        if hint is not None and (hint.failed_requests or (self._seconds is None and hint.retry_after is not None)):
            seconds = hint.retry_after if self._seconds is None else self._seconds
            self._brake.throttled(self._service, now, seconds, failed_requests=hint.failed_requests)
        elif not self._throttles:
            self._brake.answered(self._service)


def _value(head: ResponseHead, name: bytes) -> bytes | None:
    return next((value_of(rest) for found, rest in head.lines if found.lower() == name), None)
