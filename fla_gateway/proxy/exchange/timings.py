"""Value with state: what an exchange collects for its record alone.

Owns durations, trace ids, the refused first attempt and what was made. Refuses to know what happens next.
"""

from __future__ import annotations

from fla_gateway.proxy.records.exchange_record import Attempt


class Timings:
    """The durations and trace ids of one exchange, noted as they become known.

    Attributes:
        token: keyed hash of the token that was sent last.
        trace: BelGov-Trace-Id of the last answer.
        token_seconds: how long it waited for a token.
        connection_seconds: how long it waited for a connection, after the token.
        upstream_seconds: from the last attempt's first byte to the head of its answer.
        made: as in `ExchangeRecord`.
        refused: the first attempt, where its token was refused and another one was sent.
    """

    __slots__ = (
        "_sent_at", "connection_seconds", "made", "refused", "token", "token_seconds", "trace", "upstream_seconds",
    )  # fmt: skip

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.token = ""
        self.trace = ""
        self.made = b""
        self.token_seconds = 0.0
        self.connection_seconds = 0.0
        self.upstream_seconds = 0.0
        self.refused: Attempt | None = None
        self._sent_at = 0.0

    def sent(self, now: float, token: str) -> None:
        """Note the first byte of an attempt.

        Args:
            now: `Clock.monotonic`.
            token: keyed hash of the token that it carries.
        """
        self._sent_at = now
        self.token = token

    def answered(self, now: float, trace: str) -> None:
        """Note the head of an answer.

        Args:
            now: `Clock.monotonic`.
            trace: its BelGov-Trace-Id.
        """
        self.upstream_seconds = now - self._sent_at
        self.trace = trace

    def start_retry(self, status: int) -> None:
        """Put the attempt that was answered with this status aside; another one follows."""
        self.refused = Attempt(status, self.token, self.trace, self.upstream_seconds)
        self.trace = ""
        self.upstream_seconds = 0.0
