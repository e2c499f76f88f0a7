"""A request's body: how much was received, what waits for a connection, what is kept for a second attempt, its hash.

Owns those four, and how it is framed for the API. Refuses to know how it was framed by the caller, and connections; it
keeps no more than the replay limit, and what is read before there is a connection.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.http1.chunked import LAST_CHUNK, chunk
from fla_gateway.proxy.records.exchange_record import Journal, PartialHash


class RequestBody:
    """The body of one request, as its bytes come in.

    Attributes:
        open: whether more is to come.
        received: bytes so far.
        hashing: its hash so far, where it was not complete at `announced`.
    """

    __slots__ = ("_chunked", "_kept", "_replay_limit", "_unsent", "hashing", "open", "received")

    def __init__(self, replay_limit: int, *, chunked: bool) -> None:
        """Begin before the first byte.

        Args:
            replay_limit: bytes that are kept for a second attempt; a longer body is not kept at all.
            chunked: whether its length is not known before its end, so that it is sent in chunks.
        """
        self._chunked = chunked
        self.open = True
        self.received = 0
        self._replay_limit = replay_limit
        self._kept: list[bytes] | None = []
        self._unsent: list[bytes] = []
        self.hashing: PartialHash | None = None

    def take(self, payload: bytes, *, last: bool) -> None:
        """Count and keep bytes that have come.

        Args:
            payload: possibly empty.
            last: whether the body is complete with them.
        """
        self.open = not last
        if payload:
            if self.hashing is not None:
                self.hashing.update(payload)
            self.received += len(payload)
            if self.received > self._replay_limit:
                self._kept = None
            elif self._kept is not None:
                self._kept.append(payload)

    def hold(self, payload: bytes) -> None:
        """Put bytes aside until there is a connection to send them on."""
        if payload:
            self._unsent.append(payload)

    def framed(self, payload: bytes) -> bytes:
        """Frame what is sent next, the end of the body included where it is complete."""
        if not self._chunked:
            return payload
        return b"".join(chunk(payload) if self.open else (*chunk(payload), LAST_CHUNK))

    def announced(self, journal: Journal) -> bytes:
        """Return it if it is complete, and begin to take its hash if it is not; before any of it is sent."""
        body = b"".join(self._unsent)
        if not self.open:
            return body
        self.hashing = journal.begin_hash()
        self.hashing.update(body)
        return b""

    def late_hash(self) -> str:
        """Return the hash of a body that was not complete at `announced`, once it is; empty until then, and once."""
        hashing, self.hashing = self.hashing, None
        return "" if hashing is None or self.open else hashing.digits()

    def unsent(self) -> bytes:
        """Return what was put aside, once."""
        unsent, self._unsent = self._unsent, []
        return b"".join(unsent)

    def rewind(self) -> None:
        """Put everything aside again, for a second attempt; only a whole body can be."""
        self._unsent = list(self._kept or ())

    @property
    def whole(self) -> bool:
        """Whether the body is complete and kept as a whole, so that it could be sent again."""
        return self._kept is not None and not self.open


def _nothing() -> RequestBody:
    body = RequestBody(0, chunked=False)
    body.take(b"", last=True)
    return body


NO_BODY: Final = _nothing()
"""The body of every request without one: complete, empty, and the same for all."""
