"""Port: what a connection to the API needs of the exchange that it carries.

Owns the list, so that `connection` does not know exchanges.
"""

from __future__ import annotations

from typing import Protocol

from fla_gateway.http1.response import ResponseFraming, ResponseHead
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.messages.request_body import RequestBody
from fla_gateway.proxy.work_budget import WorkBudget


class UpstreamConsumer(Protocol):
    """The exchange, as a connection sees it."""

    request_body: RequestBody
    """The body of the request that is being written."""

    @property
    def budget(self) -> WorkBudget:
        """What may be done in this turn of the loop."""
        ...

    def interim(self, head: ResponseHead) -> None:
        """Take a 1xx answer other than 100 and 101."""

    def answer(self, head: ResponseHead) -> ResponseFraming | None:
        """Take the head of the final answer; None if the exchange has released the connection and reads no more."""

    def answer_body(self, payload: bytes, *, last: bool) -> None:
        """Take some of the body."""

    def upstream_failed(self, code: str, rule: Text) -> None:
        """The connection ended, or its bytes were malformed, before the answer was complete; `rule` is a clause."""

    def upstream_blocked(self, *, blocked: bool) -> None:
        """The API takes no more bytes for now, or takes them again."""
