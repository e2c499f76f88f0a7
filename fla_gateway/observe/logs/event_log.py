"""Adapter: events on standard error, through structlog.

Owns the configuration of structlog: level, format, and what a value must go through before it is written; and the lines
that report a loss. Refuses to write: a line goes to a stream, or to the queue of `observe.logs.line_writer`, which
never blocks. Refuses to know requests; their lines are made by `observe.logs.access_log`, since structlog is too slow
for every exchange.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from fla_gateway.config.schema import Log
from fla_gateway.observe.logs.journal_priority import prefixes
from fla_gateway.observe.logs.log_values import Shown, printable, showable
from fla_gateway.observe.logs.stack_trace import trace_lines

Format = Literal["console", "json"]

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class EventQueue(Protocol):
    """What takes the lines of events without blocking: `observe.logs.line_writer.LineWriter`."""

    def offer_event(self, line: bytes) -> bool:
        """Take the line or lines of one event."""
        ...


def configure(log: Log, stream: TextIO | None = None, queue: EventQueue | None = None) -> None:
    """Set up structlog for the whole process; call it before the first event that matters.

    Args:
        log: level and format of the configuration.
        stream: where events go, and what decides about the format; standard error by default.
        queue: where events go instead of the stream, if the process must not wait for it.
    """
    target = sys.stderr if stream is None else stream
    renderer = _Prefixed(_json if chosen_format(log, target) == "json" else _console, prefixes(target))
    tracing: Processor = _trace if log.level == "debug" else _name_error
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%f", utc=True),
            tracing,
            _make_showable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[log.level]),
        logger_factory=(_Lines(target) if queue is None else _QueuedLines(queue, target.encoding or "utf-8")).shared,
        # Modules make their loggers when they are imported, before this runs; nothing may be remembered from then.
        cache_logger_on_first_use=False,
    )


def chosen_format(log: Log, stream: TextIO) -> Format:
    """Decide the format for one stream: ``auto`` is console on a terminal and JSON elsewhere."""
    if log.format == "auto":
        return "console" if stream.isatty() else "json"
    return log.format


def is_read_by_a_person(log: Log) -> bool:
    """Return whether standard error is a terminal, and events are written for it."""
    return sys.stderr.isatty() and chosen_format(log, sys.stderr) == "console"


def loss_notice(event: str, form: Format, wall: Callable[[], float], prefix: str = "") -> Callable[[int], bytes]:
    """Make what writes the line that reports how many lines were dropped; structlog is passed by.

    Args:
        event: name of the event.
        form: format of the stream.
        wall: `Clock.wall`.
        prefix: of a warning; see `observe.logs.journal_priority`.
    """

    def write(count: int) -> bytes:
        now = wall()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z"
        if form == "json":
            return f'{prefix}{{"time":"{stamp}","level":"warning","event":"{event}","count":{count}}}\n'.encode()
        return f"{prefix}{stamp} warning {event} count={count}\n".encode()

    return write


class _Lines:
    """What structlog writes to: one line at a time, flushed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def shared(self, *_: object) -> _Lines:
        """Act as a logger factory: one writer for every logger."""
        return self

    def msg(self, line: str) -> None:
        """Write a line. A closed or broken standard error must not end the exchange that had something to say."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _QueuedLines:
    """The same for a queue."""

    def __init__(self, queue: EventQueue, encoding: str) -> None:
        self._queue = queue
        self._encoding = encoding

    def shared(self, *_: object) -> _QueuedLines:
        """See `_Lines`."""
        return self

    def msg(self, line: str) -> None:
        """Hand a line over."""
        self._queue.offer_event(f"{line}\n".encode(self._encoding, errors="backslashreplace"))

    debug = info = warning = error = critical = exception = msg


def _error_of(event: EventDict) -> BaseException | None:
    given = event.pop("exc_info", None)
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1]  # type: ignore[no-any-return]  # the tuple of sys.exc_info(), which structlog lets pass untyped
    return sys.exc_info()[1] if given else None


def _name_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace exc_info by the error's name; where it happened is logged at level debug."""
    error = _error_of(event)
    if error is not None:
        event.setdefault("error", error)
    event.pop("stack_info", None)
    return event


def _trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace exc_info by the error's name and the places it came through, without messages and locals."""
    error = _error_of(event)
    if error is not None:
        event.setdefault("error", error)
        event["trace"] = trace_lines(error)
    event.pop("stack_info", None)
    return event


def _make_showable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make every value printable and bounded; secrets have hidden themselves already."""
    return {printable(name): showable(value) for name, value in event.items()}


class _Prefixed:
    """Renders an event, and puts its priority in front of each of its lines."""

    def __init__(self, render: Callable[[WrappedLogger, str, EventDict], str], prefixes: Mapping[str, str]) -> None:
        self._render = render
        self._prefixes = prefixes

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        """Act as the last processor of structlog."""
        # Milliseconds, as request lines have them.
        event["timestamp"] = f"{event['timestamp'][:-3]}Z"
        prefix = self._prefixes.get(event["level"], "")
        text = self._render(logger, method, event)
        return "\n".join(prefix + line for line in text.split("\n")) if prefix else text


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    head = {"time": event.pop("timestamp"), "level": event.pop("level"), "event": event.pop("event", "")}
    return _as_json({**head, **event})


_as_json: Final = json.JSONEncoder(separators=(",", ":")).encode
"""As `json.dumps`, which would make an encoder for each event: a start with hundreds of profiles has as many."""


def _console(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    time, level, what = event.pop("timestamp"), event.pop("level"), event.pop("event", "")
    trace = event.pop("trace", ())
    words = [f"{name}={_console_value(value)}" for name, value in event.items()]
    line = " ".join([time, f"{level:<7}", str(what), *words])
    return "\n".join([line, *(f"    {place}" for place in trace)])


def _console_value(value: Shown) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if value and " " not in value and '"' not in value:
        return value
    return '"' + value.replace('"', '\\"') + '"'
