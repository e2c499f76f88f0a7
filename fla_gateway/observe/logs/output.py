"""Root: where the lines of `run` go.

Owns the joining of events, request lines and the reports of losses with the one writer of both standard streams.
Refuses to format and to write.
"""

from __future__ import annotations

import sys
from typing import Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.schema import Log
from fla_gateway.observe.logs import event_log
from fla_gateway.observe.logs.journal_priority import prefixes
from fla_gateway.observe.logs.library_messages import divert
from fla_gateway.observe.logs.line_writer import LineWriter

_STDOUT: Final = 1
_STDERR: Final = 2
_LOG = structlog.get_logger()


def open_output(log: Log, clock: Clock) -> LineWriter:
    """Set up structlog and the writer; lines wait in memory until the writer is started.

    Args:
        log: level and format of the configuration.
        clock: the host's clocks.
    """
    writer = LineWriter(_STDOUT, _STDERR, on_failure=_report)
    follow(writer, log, clock)
    divert(clock.monotonic)
    return writer


def follow(writer: LineWriter, log: Log, clock: Clock) -> None:
    """Write events and reports of losses at the level and in the format of a configuration from now on.

    Args:
        writer: writes the lines, in a thread of its own.
        log: table ``[log]`` of the configuration.
        clock: for the time of a report of losses.
    """
    requests, events = event_log.chosen_format(log, sys.stdout), event_log.chosen_format(log, sys.stderr)
    writer.follow(
        event_log.loss_notice("request-lines-dropped", requests, clock.wall, prefixes(sys.stdout)["warning"]),
        event_log.loss_notice("events-dropped", events, clock.wall, prefixes(sys.stderr)["warning"]),
    )
    event_log.configure(log, queue=writer)


def _report(error: OSError) -> None:
    _LOG.warning("request-lines-failing", reason=error.strerror or type(error).__name__)
