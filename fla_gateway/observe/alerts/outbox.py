"""Owner of the letters that wait for one way out, a mail server or a webhook.

Owns their order, the attempts with their back-off, the bounds of number and time, and the events about what was sent
and what was not. Refuses to know how a letter is sent (`smtp`, `webhook`) and what is in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import field
from typing import Final, NamedTuple, Protocol

import structlog

from fla_gateway.clock import Clock
from fla_gateway.errors import GatewayError
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.observe.alerts.alert import AlertNumbers, Letter

MOST_WAITING: Final = 50
PAUSES: Final = (30.0, 120.0, 300.0, 900.0, 1800.0)
"""Seconds between two attempts; the last one again and again."""
LONGEST_SECONDS: Final = 86_400.0
"""How long a letter is tried: a mail server that is down over night gets it in the morning."""
_MOST_LOGGED: Final = 20
_QUIET_SECONDS: Final = 3600.0

_LOG = structlog.get_logger()


class NotDeliveredError(GatewayError):
    """A letter was not taken.

    Attributes:
        message: why, without a word of the server's.
        answer: what the server said; for a person at a terminal, and never for the log.
        lasting: another attempt would end in the same way.
    """

    def __init__(self, message: Text, *, answer: Text = NOTHING, lasting: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.answer = answer
        self.lasting = lasting


@dataclass(slots=True)
class Waiting:
    """A letter on its way.

    Attributes:
        letter: it.
        until: when it is given up, by `Clock.monotonic`.
        attempts: that were made.
        done: recipients that have it, or will never take it.
    """

    letter: Letter
    until: float
    attempts: int = 0
    done: set[str] = field(default_factory=set)


class Delivered(NamedTuple):
    """What became of a letter that was taken.

    Attributes:
        answer: what the server said.
        refused: recipients that were refused for good.
    """

    answer: Text
    refused: int = 0


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """``mail`` or ``webhook``."""
        ...

    @property
    def place(self) -> str:
        """Which server it is, without anything secret."""
        ...

    async def send(self, waiting: Waiting) -> Delivered:
        """Send a letter, within a limited time.

        Raises:
            NotDeliveredError: it was not taken, or not for all.
        """
        ...


class Outbox:
    """Sends letters one after the other, the oldest first. Used on the event loop's thread."""

    def __init__(self, name: str, clock: Clock, pauses: Sequence[float] = PAUSES) -> None:
        """Take what is needed; nothing is sent before `run`, and before there is a way out.

        Args:
            name: of the way out.
            clock: the host's clocks.
            pauses: seconds between attempts.
        """
        self.name = name
        self.numbers = AlertNumbers()
        self._channel: Channel | None = None
        self._clock = clock
        self._pauses = pauses
        self._waiting: deque[Waiting] = deque()
        self._changed = asyncio.Event()
        self._failed_at = float("-inf")
        self._failing = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a way out."""
        return self._channel is not None

    def put(self, letter: Letter) -> None:
        """Have a letter sent; without room the oldest one is given up."""
        while len(self._waiting) >= MOST_WAITING:
            self._lose(self._waiting.popleft(), "queue-full")
        self._waiting.append(Waiting(letter, self._clock.monotonic() + LONGEST_SECONDS))
        self.numbers.waiting = len(self._waiting)
        self._changed.set()

    def follow(self, channel: Channel | None) -> None:
        """Send by another configuration from now on; what waits is tried at once, or given up without a way out."""
        self._channel = channel
        self._failing = 0
        if channel is None:
            self.give_up("taken-out")
        self._changed.set()

    def give_up(self, why: str) -> None:
        """Say what was not sent, at the end of the process or of this way out."""
        while self._waiting:
            self._lose(self._waiting.popleft(), why)
        self.numbers.waiting = 0

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        while True:
            self._changed.clear()
            if not self._waiting or self._channel is None:
                await self._changed.wait()
            elif not await self._send(self._channel, self._waiting[0]):
                await self._rest(self._channel)

    async def _rest(self, channel: Channel | None) -> None:
        """Wait for the next attempt; a new letter does not hasten it, another configuration does."""
        pause = self._pauses[max(0, min(self._failing, len(self._pauses)) - 1)]
        try:
            async with asyncio.timeout(pause):
                while self._channel is channel:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    async def _send(self, channel: Channel, waiting: Waiting) -> bool:
        """Make one attempt; return whether the way out is open for the next letter."""
        waiting.attempts += 1
        try:
            delivered = await channel.send(waiting)
        except NotDeliveredError as error:
            return self._note_failure(waiting, error)
        except Exception as error:  # noqa: BLE001 - a task that ends would send nothing any more, silently
            _LOG.error("alert-fault", channel=self.name, error=type(error).__name__, exc_info=error)
            return self._note_failure(waiting, NotDeliveredError(Text("a fault of the gateway's own")))
        self._take_out(waiting)
        self._failing = 0
        self._failed_at = float("-inf")
        self.numbers.sent += 1
        facts = {"channel": self.name, "letter": waiting.letter.id, "alerts": _codes(waiting.letter)}
        if delivered.refused:
            _LOG.warning("alert-sent", **facts, attempts=waiting.attempts, refused=delivered.refused)
        else:
            _LOG.info("alert-sent", **facts, attempts=waiting.attempts)
        return True

    def _note_failure(self, waiting: Waiting, error: NotDeliveredError) -> bool:
        self.numbers.failures += 1
        now = self._clock.monotonic()
        if error.lasting or now >= waiting.until:
            self._take_out(waiting)
            self._lose(waiting, "refused" if error.lasting else "too-old", error.message)
            return error.lasting
        self._failing += 1
        if now >= self._failed_at + _QUIET_SECONDS:
            self._failed_at = now
            _LOG.warning(
                "alert-failing", channel=self.name, reason=error.message, letter=waiting.letter.id,
                waiting=len(self._waiting),
            )  # fmt: skip
        return False

    def _take_out(self, waiting: Waiting) -> None:
        # It may have been given up for want of room while it was being sent.
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        self.numbers.waiting = len(self._waiting)

    def _lose(self, waiting: Waiting, why: str, reason: Text = NOTHING) -> None:
        self.numbers.lost += 1
        letter = waiting.letter
        _LOG.error(
            "alert-lost", channel=self.name, letter=letter.id, why=why, reason=reason, attempts=waiting.attempts,
            alerts=_codes(letter), texts=[str(it.text) for it in letter.alerts[:_MOST_LOGGED]],
        )  # fmt: skip


def _codes(letter: Letter) -> list[str]:
    return [it.condition.code for it in letter.alerts[:_MOST_LOGGED]]
