"""Root: the journal of a configuration, opened.

Owns the putting together. Refuses to decide anything.
"""

from __future__ import annotations

import asyncio

from fla_gateway.clock import Clock
from fla_gateway.config.schema import Audit
from fla_gateway.errors import ConfigurationError
from fla_gateway.journal.snapshot import Facts
from fla_gateway.journal.writer.audit_journal import AuditJournal
from fla_gateway.journal.writer.directory import Directory, fault
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.segment_writer import SegmentWriter


def open_journal(settings: Audit, clock: Clock, facts: Facts, loop: asyncio.AbstractEventLoop) -> AuditJournal:
    """Open the journal, repair what a crash left, and record the start.

    Args:
        settings: `[audit]`.
        clock: the clocks.
        facts: what the journal repeats of program and configuration.
        loop: the running event loop; the journal is used on its thread alone.

    Raises:
        ConfigurationError: the directory cannot be had, or another gateway writes there. A journal that can be read but
            not written at present is no fault: what becomes of requests then is `on_failure`'s to say.
    """
    directory = Directory(settings.path)
    entries = EntryEncoder(directory.masking_key, facts.environments)
    try:
        segment_writer = SegmentWriter(directory, entries, facts.version, settings.segment_bytes)
    except OSError as error:
        directory.close()
        raise ConfigurationError((fault(error),)) from error
    journal = AuditJournal(settings, clock, facts, directory, entries, segment_writer, loop)
    journal.begin()
    return journal
