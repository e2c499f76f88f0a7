"""The chunked transfer coding (RFC 9112, section 7.1), decoded piece by piece.

Owns the one state machine of a body. Refuses to gather: payload goes out as it comes in, extensions and trailers are
dropped.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import mend_lines
from fla_gateway.http1.grammar import CHUNK_SIZE, CHUNK_SIZE_ODD, CHUNK_SIZE_PADDED, FIELD_BLOCK

MAX_SIZE_LINE: Final = 256
MAX_TRAILER: Final = 8_192

NO_LIMIT: Final = 2**63
_INCOMPLETE: Final = -1

LAST_CHUNK: Final = b"0\r\n\r\n"


_VALUE_OF_DIGIT: Final = bytes(int(chr(it), 16) if chr(it) in "0123456789abcdefABCDEF" else 0xFF for it in range(0x100))
_PLAIN_DIGITS: Final = 8
"""Digits of a size that is read without the grammar: all but what is longer, or has something else beside it."""

# The decoder's position in the body. Plain numbers: they are compared for every piece of every body.
_SIZE: Final = 0
_DATA: Final = 1
_DATA_END: Final = 2
_TRAILER: Final = 3


class ChunkedDecoder:
    """Takes a chunked body apart, however it is cut into pieces.

    The only state is the place in the body, and the few bytes of a line that has not ended yet.

    Attributes:
        odd: whether an extension or a trailer, which are dropped, was not as the grammar has it; only in a response.
            The connection is not to be used again then.
    """

    __slots__ = ("_left", "_line", "_padded", "_size", "_state", "odd")

    def __init__(self, *, padded: bool = False) -> None:
        """Start before the first chunk.

        Args:
            padded: accept spaces after a chunk's size, as some servers send them, and what is odd in parts that are
                dropped; never for a request.
        """
        self.odd = False
        self._padded = padded
        self._state = _SIZE
        self._left = 0
        self._line = b""
        self._size = CHUNK_SIZE_PADDED if padded else CHUNK_SIZE

    def feed(self, data: bytes, most: int = NO_LIMIT) -> tuple[list[bytes], bool, bytes]:
        """Decode the next bytes.

        Args:
            data: the bytes.
            most: chunks that may be begun. Each costs the same whatever its size, so a body of small ones is decoded in
                several calls.

        Returns:
            The pieces of payload found, whether the body has ended, and the bytes that were not looked at: those after
            its end, or, where it has not ended, those after `most` chunks, to be given again.

        Raises:
            ProtocolError: ``malformed-body``.
        """
        if self._line:
            data = self._line + data
            self._line = b""
        pieces: list[bytes] = []
        position = 0
        end = len(data)
        while position < end:
            state = self._state
            if state == _DATA:
                until = position + self._left
                if until > end:
                    self._left = until - end
                    until = end
                else:
                    self._state = _DATA_END
                pieces.append(data[position:until])
                position = until
            elif state == _TRAILER:
                return self._trailer(data, position, pieces)
            else:
                if state == _DATA_END:
                    following = self._data_end(data, position)
                elif len(pieces) < most:
                    following = self._read_size(data, position)
                else:
                    return pieces, False, data[position:]
                if following < 0:
                    self._line = data[position:]
                    break
                position = following
        return pieces, False, b""

    def _read_size(self, data: bytes, position: int) -> int:
        """Read a size line; nearly all of them are digits alone, which takes a tenth of what the grammar does."""
        size = 0
        at = position
        for digit in data[position : position + _PLAIN_DIGITS]:
            value = _VALUE_OF_DIGIT[digit]
            if value > 0xF:  # noqa: PLR2004 - no digit
                break
            size = size * 16 + value
            at += 1
        if at == position or data[at : at + 2] != b"\r\n":
            return self._read_odd_size(data, position)
        self._left = size
        self._state = _DATA if size else _TRAILER
        return at + 2

    def _read_odd_size(self, data: bytes, position: int) -> int:
        end = data.find(b"\r\n", position, position + MAX_SIZE_LINE)
        if end < 0:
            # A size line that can no longer become good is refused before it ends: no bare line feed, no endless
            # extension.
            if len(data) - position >= MAX_SIZE_LINE or b"\n" in data[position:]:
                raise ProtocolError("malformed-body", "a chunk-size line does not end with CRLF within 256 bytes")
            return _INCOMPLETE
        match = self._size(data, position, end)
        if match is None and self._padded:
            match = CHUNK_SIZE_ODD(data, position, end)
            self.odd = True
        if match is None:
            raise ProtocolError(
                "malformed-body", "a chunk size is not a hexadecimal number, or its extension malformed"
            )
        self._left = int(match[1], 16)
        self._state = _DATA if self._left else _TRAILER
        return end + 2

    def _data_end(self, data: bytes, position: int) -> int:
        found = data[position : position + 2]
        if found == b"\r\n":
            self._state = _SIZE
            return position + 2
        if found == b"\r":
            return _INCOMPLETE
        raise ProtocolError("malformed-body", "a chunk's data is longer than its size")

    def _trailer(self, data: bytes, position: int, pieces: list[bytes]) -> tuple[list[bytes], bool, bytes]:
        if data[position : position + 2] == b"\r\n":
            return pieces, True, data[position + 2 :]
        # The section is kept until it ends, so that it can be judged whole and dropped whole.
        found = data.find(b"\r\n\r\n", position)
        if (len(data) if found < 0 else found) - position > MAX_TRAILER:
            raise ProtocolError("malformed-body", "the trailer section is longer than {most} bytes", most=MAX_TRAILER)
        if found < 0:
            self._line = data[position:]
            return pieces, False, b""
        end = found + 4
        if FIELD_BLOCK(data, position, end) is None:
            self._mend_trailer(data[position : end - 2])
        return pieces, True, data[end:]

    def _mend_trailer(self, block: bytes) -> None:
        """Accept what would be repaired in a head; a body that has ended is not lost for what is dropped anyway."""
        if not self._padded:
            raise ProtocolError("malformed-body", "a trailer field is malformed")
        self.odd = True
        try:
            mend_lines(block)
        except ProtocolError as error:
            raise ProtocolError("malformed-body", "in the trailer section, {rule}", rule=error) from None


def chunk(payload: bytes) -> tuple[bytes, ...]:
    """Frame a piece of payload as one chunk, in parts for the writer to join; no payload gives nothing."""
    return (b"%x\r\n" % len(payload), payload, b"\r\n") if payload else ()
