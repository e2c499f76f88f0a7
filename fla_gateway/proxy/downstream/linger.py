"""State: a connection that is closed on our side only, while the caller may still be sending.

Owns how much is discarded and for how long. Closing at once would reset the connection and could destroy the answer
before it is read (RFC 9112, section 9.6). Refuses to know what was answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

LINGER_SECONDS: Final = 10
LINGER_BYTES: Final = 33_554_432


class Linger:
    """What follows the last answer of a connection."""

    __slots__ = ("_discarded", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Close our side."""
        self._transport = transport
        self._discarded = 0
        # Over TLS one side cannot be closed alone: the caller reads "Connection: close", or the sweep closes it.
        if transport.can_write_eof():
            # A caller that has closed already may have answered our last bytes with a reset: then none is left.
            with contextlib.suppress(OSError):
                transport.write_eof()

    def discard(self, size: int) -> None:
        """Take note of received bytes; beyond the limit the connection is reset."""
        self._discarded += size
        if self._discarded > LINGER_BYTES:
            self._transport.abort()

    def sweep(self, waited: float) -> None:
        """End the connection after a while.

        Args:
            waited: seconds since the last answer.
        """
        if waited > LINGER_SECONDS:
            self._transport.abort()
