"""One response read to its end, for small answers that are needed whole (RFC 9112, section 6).

Owns interim responses, head, framing and body of a single response, with one bound for each. Refuses to read a second
one: the connection is closed afterwards. Heads are read by `response`, so that every server meets one tolerance. Of a
response that is no success the head is enough: a body that is too large, malformed or cut off costs no status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fla_gateway.http1.chunked import ChunkedDecoder
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import MAX_HEAD, FieldLine, value_of
from fla_gateway.http1.grammar import STRAY
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import ResponseHead, read_response_head
from fla_gateway.http1.response_framing import UNTIL_CLOSE, frame_response

_BEGINNING: Final = b"HTTP/1."
"""How every response begins; distinguishes a server of another protocol from a slow one."""
_FIRST_UNSUCCESSFUL: Final = 300


@dataclass(frozen=True, slots=True, repr=False)
class WholeResponse:
    """A response without its framing.

    Attributes:
        status: status code, 200 or above.
        lines: field lines.
        body: content, with the transfer coding removed and any content coding left. From status 300 on it is what came
            of it, no more than the reader takes.
    """

    status: int
    lines: list[FieldLine]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field, in order.

        Args:
            name: in lower case.
        """
        return [value_of(rest) for written, rest in self.lines if written.lower() == name]


class WholeResponseReader:
    """Takes the bytes of a connection until one response is complete.

    The mutable state is the head, the body so far and how much of either is missing.
    """

    __slots__ = ("_body", "_decoder", "_head", "_head_bytes", "_largest", "_length", "_rest", "_to_head")

    def __init__(self, largest: int, *, to_head: bool = False) -> None:
        """Start before the status line.

        Args:
            largest: bytes of body that are taken at most.
            to_head: whether the request was a HEAD, whose response has no body.
        """
        self._to_head = to_head
        self._largest = largest
        self._rest = b""
        self._head_bytes = 0
        self._head: ResponseHead | None = None
        self._length = 0
        self._decoder: ChunkedDecoder | None = None
        self._body = bytearray()

    @property
    def has_head(self) -> bool:
        """Whether the final head has been read."""
        return self._head is not None

    @property
    def status(self) -> int | None:
        """Status code of the final head, or None before it."""
        return None if self._head is None else self._head.code

    def feed(self, data: bytes) -> WholeResponse | None:
        """Take the next bytes; return the response once it is complete. What follows it is dropped.

        A response with a status of 300 or above is complete as well once its body cannot be read any further.

        Raises:
            ProtocolError: ``malformed-response``, ``malformed-body``, ``head-too-large`` or ``response-too-large``.
        """
        if self._head is not None:
            return self._take_body(self._head, data)
        # What came before was searched when it came, but for its last bytes.
        searched = max(0, len(self._rest) - 3)
        self._rest += data
        while self._take_interim(searched):
            searched = 0
        if self._head is None:
            return None
        rest, self._rest = self._rest, b""
        return self._take_body(self._head, rest)

    def end(self, *, clean: bool) -> WholeResponse:
        """Note the end of the connection; return the response if it ends there.

        Args:
            clean: the server ended the connection itself (close_notify), so that nothing was cut off.

        Raises:
            ProtocolError: ``response-missing`` before the end of the head, or ``response-truncated``.
        """
        if self._head is None:
            raise ProtocolError("response-missing", "the connection ended before the end of a head")
        if (self._length == UNTIL_CLOSE and clean) or _is_framed_by_its_head(self._head):
            return self._complete(self._head)
        raise ProtocolError("response-truncated", "the connection ended within the body")

    def _take_interim(self, searched: int) -> bool:
        """Read one head, if it is whole; return whether it was an interim one. All heads share one bound."""
        data = self._rest
        end = data.find(b"\r\n\r\n", searched) + 4
        whole = end >= 4  # noqa: PLR2004 - found
        if self._head_bytes + (end if whole else len(data)) > MAX_HEAD:
            raise ProtocolError("head-too-large", "heads of more than {most} bytes", most=MAX_HEAD)
        if not whole:
            if STRAY(data, searched) is not None or not data.startswith(_BEGINNING[: len(data)]):
                raise ProtocolError("malformed-response", "the head is malformed")
            return False
        self._head_bytes += end
        self._rest = data[end:]
        head = read_response_head(data[:end])
        if head.status == b"101":
            raise ProtocolError("malformed-response", "it switches protocols")
        if head.status < b"200":
            return True
        try:
            self._frame(head)
        except ProtocolError:
            if not _is_framed_by_its_head(head):
                raise
            # Where the body ends is open, and no matter.
            self._length = 0
        self._head = head
        return False

    def _frame(self, head: ResponseHead) -> None:
        codings, lengths, connection = (
            _joined(head, name) for name in (b"transfer-encoding", b"content-length", b"connection")
        )
        framing = frame_response(
            codings, lengths, connection, status=head.code, minor=head.minor, to_head=self._to_head
        )
        self._length = framing.length
        if framing.length == CHUNKED:
            self._decoder = ChunkedDecoder(padded=True)

    def _take_body(self, head: ResponseHead, data: bytes) -> WholeResponse | None:
        try:
            complete = self._read_body(data)
        except ProtocolError:
            if not _is_framed_by_its_head(head):
                raise
            complete = True
        return self._complete(head) if complete else None

    def _read_body(self, data: bytes) -> bool:
        """Take the next bytes of the body; return whether it is complete."""
        complete = False
        if self._decoder is not None:
            pieces, complete, _ = self._decoder.feed(data)
            self._body += b"".join(pieces)
        elif self._length == UNTIL_CLOSE:
            self._body += data
        else:
            self._body += data[: self._length - len(self._body)]
            complete = len(self._body) == self._length
        if len(self._body) > self._largest or self._length > self._largest:
            raise ProtocolError("response-too-large", "the body is larger than {most} bytes", most=self._largest)
        return complete

    def _complete(self, head: ResponseHead) -> WholeResponse:
        return WholeResponse(int(head.status), head.lines, bytes(self._body[: self._largest]))


def _is_framed_by_its_head(head: ResponseHead) -> bool:
    """Whether the status says what came of the request: a refusal or failure is none the less so without its text."""
    return int(head.status) >= _FIRST_UNSUCCESSFUL


def _joined(head: ResponseHead, name: bytes) -> bytes | None:
    # RFC 9110, section 5.3: lines of one name are one value, joined with commas.
    values = [value_of(rest) for written, rest in head.lines if written.lower() == name]
    return b", ".join(values) if values else None
