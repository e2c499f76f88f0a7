"""State: the body of the request that a connection is reading.

Owns where the body ends: by its length or by its chunks. Refuses to know sockets and exchanges, and what follows the
body.
"""

from __future__ import annotations

from fla_gateway.http1.chunked import ChunkedDecoder
from fla_gateway.http1.request import CHUNKED
from fla_gateway.proxy.work_budget import WorkBudget


class BodyReader:
    """One body at a time, of one connection.

    Attributes:
        left: bytes that are still to come; `CHUNKED` where only the body says that; 0 while none is read.
        deferred: what a turn of the loop had no units for; the body has not ended then.
    """

    __slots__ = ("_decoder", "deferred", "left")

    def __init__(self) -> None:
        """Begin without a body."""
        self.left = 0
        self.deferred = b""
        self._decoder: ChunkedDecoder | None = None

    def begin(self, length: int) -> None:
        """Begin a body.

        Args:
            length: bytes, 0 or `CHUNKED`.
        """
        self.left = length
        if length == CHUNKED:
            self._decoder = ChunkedDecoder()

    def end(self) -> None:
        """Read no more: where the next request would begin is unknown."""
        self.left = CHUNKED

    def take(self, data: bytes, budget: WorkBudget) -> tuple[bytes, bool, bytes]:
        """Take what belongs to the body.

        Args:
            data: what has arrived.
            budget: what may be decoded in this turn of the loop; the rest is in `deferred`.

        Returns:
            The payload, whether it is the last, and what comes after the body.

        Raises:
            ProtocolError: a chunk is malformed.
        """
        decoder = self._decoder
        if decoder is None:
            surplus = data[self.left :]
            payload = data[: self.left] if surplus else data
            self.left -= len(payload)
            return payload, self.left == 0, surplus
        pieces, last, surplus = decoder.feed(data, budget.slice())
        budget.left -= len(pieces)
        if last:
            self.left = 0
            self._decoder = None
        elif surplus:
            self.deferred, surplus = surplus, b""
        return b"".join(pieces), last, surplus
