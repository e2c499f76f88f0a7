"""Port: what a connection to the API needs of the exchange that it carries.

Owns the list, so that `connection` does not know exchanges. A class and no protocol: a call to a class takes compiled
code no look-up, and there are four for each answer.
"""

from __future__ import annotations

from fla_gateway.http1.response import ResponseHead
from fla_gateway.http1.response_framing import ResponseFraming
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.messages.request_body import RequestBody
from fla_gateway.proxy.work_budget import WorkBudget


class UpstreamConsumer:
    """The exchange, as a connection sees it.

    Attributes:
        budget: what may be done in this turn of the loop.
        ended: `Clock.monotonic` of its end; set by the time it has the last part of an answer.
        request_body: the body of the request that is being written.
    """

    __slots__ = ("budget", "ended", "request_body")

    budget: WorkBudget
    ended: float
    request_body: RequestBody

    def interim(self, head: ResponseHead) -> None:
        """Take a 1xx answer other than 100 and 101."""
        raise NotImplementedError

    def answer(self, head: ResponseHead) -> ResponseFraming | None:
        """Take the head of the final answer; None if the exchange has released the connection and reads no more."""
        raise NotImplementedError

    def answer_body(self, payload: bytes, *, last: bool) -> None:
        """Take some of the body."""
        raise NotImplementedError

    def upstream_failed(self, code: str, rule: Text) -> None:
        """The connection ended, or its bytes were malformed, before the answer was complete; `rule` is a clause."""
        raise NotImplementedError

    def upstream_blocked(self, *, blocked: bool) -> None:
        """The API takes no more bytes for now, or takes them again."""
        raise NotImplementedError
