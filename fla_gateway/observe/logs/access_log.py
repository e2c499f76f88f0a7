"""Adapter: one line for each exchange, on standard output.

Owns the line's form and the batching. Refuses to go through structlog, `json` or a stream's lock: this runs for every
exchange. A line is formatted at once, while its parts are available; the lines of 50 ms are handed over together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from fla_gateway.access.bounded_cache import remember
from fla_gateway.access.path_masking import mask_path
from fla_gateway.http1.method_labels import method_name
from fla_gateway.observe.logs.journal_priority import NO_PREFIXES
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.proxy.records.exchange_record import ExchangeRecord
from fla_gateway.proxy.records.milliseconds import milliseconds
from fla_gateway.proxy.records.timestamps import Timestamps

FLUSH_SECONDS: Final = 0.05
FULL_BATCH: Final = 512

# Every text that goes in is safe in JSON as it is: the id is a UUID, names and codes come from closed sets of this
# program, the method from `method_name`, the path from `mask_path`.
# What exchanges have in common is formatted once for all of them, and the rest put between its parts.
_JSON: Final = (
    '%s{"time":"%%s","level":"%s","event":"request","id":"%%s",'
    '"profile":"%s","caller":"%s","method":"%s","path":"%s","status":%d,"origin":"%s","code":"%s","outcome":"%s",'
    '"received":%%s,"sent":%%s,"ms":%%s,"attempts":%%s}\n'
)
_CONSOLE: Final = (
    "%s%%s %-7s request id=%%s "
    "profile=%s caller=%s method=%s path=%s status=%d origin=%s code=%s outcome=%s "
    "received=%%s sent=%%s ms=%%s attempts=%%s\n"
)
_JSON_LEFT_OUT: Final = '{"time":"%s","level":"warning","event":"strangers-left-out","count":%d}\n'
_CONSOLE_LEFT_OUT: Final = "%s warning strangers-left-out count=%d\n"
_FAILED_LEGS: Final = frozenset({"network", "token-server"})
MOST_REJECTIONS: Final = 600
"""Lines a minute about requests that were refused before their caller was known; those beyond are counted, since they
cost their sender nothing, and must not fill a disk."""

_MOST_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED_PATH: Final = 256


class Timer(Protocol):
    """What `asyncio.AbstractEventLoop.call_later` gives."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class AccessLog:
    """Observer that writes a line per exchange. Made and used on the event loop's thread.

    Args:
        writer: where the blocks of lines go.
        form: ``json`` or ``console``.
        key: key of `mask_path`.
        wall: `Clock.wall`.
        later: `call_later` of the event loop.
        prefixes: see `observe.logs.journal_priority`.
    """

    def __init__(
        self,
        writer: LineWriter,
        form: str,
        key: bytes,
        wall: Callable[[], float],
        later: Callable[[float, Callable[[], None]], Timer],
        prefixes: Mapping[str, str] = NO_PREFIXES,
    ) -> None:
        self._writer = writer
        self._prefixes = prefixes
        self._key = key
        self._wall = wall
        self._later = later
        self._waiting: list[str] = []
        self._timer: Timer | None = None
        self._described: dict[tuple[str, str, bytes, bytes, int, str, str, str], list[str]] = {}
        self._timestamps = Timestamps()
        self._minute = 0
        self._rejected = 0
        self.follow(form)

    def follow(self, form: str) -> None:
        """Write lines in another form from now on; those that wait keep theirs."""
        self._line, left_out = (_JSON, _JSON_LEFT_OUT) if form == "json" else (_CONSOLE, _CONSOLE_LEFT_OUT)
        self._left_out_line = self._prefixes["warning"] + left_out
        self._described.clear()

    def exchange(self, record: ExchangeRecord) -> None:
        """Take note of one finished exchange; its line carries the time of this call, to the millisecond."""
        waiting = self._waiting
        if record.admission is UNAUTHENTICATED and not self._has_room_for_rejection():
            return
        waiting.append(self._format(self._wall(), record))
        if self._timer is None:
            self._timer = self._later(FLUSH_SECONDS, self._on_timer)
        elif len(waiting) >= FULL_BATCH:
            self._flush()

    def close(self) -> None:
        """Hand over what waits; call it when nothing else runs any more, and before the writer is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._report_left_out()
        self._flush()

    def _has_room_for_rejection(self) -> bool:
        minute = int(self._wall() // 60)
        if minute != self._minute:
            self._report_left_out()
            self._minute = minute
            self._rejected = 0
        self._rejected += 1
        return self._rejected <= MOST_REJECTIONS

    def _report_left_out(self) -> None:
        if self._rejected > MOST_REJECTIONS:
            now = self._wall()
            self._waiting.append(self._left_out_line % (self._timestamps.write(now), self._rejected - MOST_REJECTIONS))

    def _on_timer(self) -> None:
        self._timer = None
        self._flush()

    def _flush(self) -> None:
        waiting = self._waiting
        if not waiting:
            return
        self._waiting = []
        self._writer.offer_requests("".join(waiting).encode("ascii"), len(waiting))

    def _format(self, when: float, record: ExchangeRecord) -> str:
        start, name, received, sent, seconds, attempts, end = self._describe(record)
        return (
            f"{start}{self._timestamps.write(when)}{name}{record.request_id}{received}{record.received}{sent}{record.sent}"
            f"{seconds}{milliseconds(record.seconds)}{attempts}{record.attempts}{end}"
        )

    def _describe(self, record: ExchangeRecord) -> list[str]:
        """Write the line as far as exchanges have it in common that come again and again, in parts, and remember it."""
        path = record.path
        kind = (
            record.profile, record.admission.caller, record.method, path,
            record.status, record.origin, record.code, record.outcome,
        )  # fmt: skip
        parts = self._described.get(kind)
        if parts is None:
            profile, caller, method, _, *answer = kind
            level = level_of(record)
            # None of these can hold a percent sign: see above, and `mask_path`.
            text = self._line % (
                self._prefixes[level], level, profile, caller, method_name(method), mask_path(path, self._key), *answer,
            )  # fmt: skip
            parts = text.split("%s")
            if len(path) <= _LONGEST_REMEMBERED_PATH and len(method) <= _LONGEST_REMEMBERED_PATH:
                remember(self._described, kind, parts, _MOST_REMEMBERED)
        return parts


def level_of(record: ExchangeRecord) -> str:
    """Return the level of an exchange's line: a warning where the network or the token server has failed."""
    return "warning" if record.origin in _FAILED_LEGS or record.outcome == "truncated" else "info"
