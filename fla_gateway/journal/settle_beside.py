"""Adapter: doubts are settled in a journal that no gateway writes at present.

Owns the order: look, take the lock, look again if anything was written in between, append, release. The lock is held
for moments only, since a gateway that starts meanwhile would find the journal in use. Refuses to decide what can be
settled; `settling` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fla_gateway.clock import Clock
from fla_gateway.errors import JournalError, reason_of
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.line_format import REPAIR, SETTLED
from fla_gateway.journal.reader.look_up import look_up
from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.settling import refuse_unsettleable
from fla_gateway.journal.snapshot import Settlement
from fla_gateway.journal.writer.directory import Directory
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.journal.writer.fsync_worker import sync_files
from fla_gateway.journal.writer.segment_writer import SegmentWriter


def settle_beside(
    path: Path, settlements: Sequence[Settlement], clock: Clock, version: str, segment_bytes: int
) -> None:
    """Append settlements.

    Args:
        path: of the journal.
        settlements: what a person found out.
        clock: the host's clocks.
        version: of the program.
        segment_bytes: size at which a segment is closed.

    Raises:
        InUseError: a gateway writes there.
        ConfigurationError: the directory is not this user's.
        JournalError: there is no journal, or it cannot be read or written.
        SettlementRefusedError: some of them cannot be settled.
    """
    ids = [it.request_id for it in settlements]
    before = _state(path)
    refuse_unsettleable(ids, look_up(path, ids), ())
    directory = Directory(path)
    try:
        if _state(path) != before:
            refuse_unsettleable(ids, look_up(path, ids), ())
        _append(directory, settlements, clock, version, segment_bytes)
    except OSError as error:
        message = Text("the journal cannot be written: {reason}; nothing is settled", reason=reason_of(error))
        raise JournalError(message) from error
    finally:
        directory.close()


def _state(path: Path) -> list[tuple[str, int]]:
    segments = segments_of(path)
    if not segments:
        raise JournalError(Text("there is no journal at {path}", path=path))
    return [(it.name, (path / it.name).stat().st_size) for it in segments]


def _append(
    directory: Directory, settlements: Sequence[Settlement], clock: Clock, version: str, segment_bytes: int
) -> None:
    entries = EntryEncoder(directory.masking_key, dict)
    writer = SegmentWriter(directory, entries, version, segment_bytes)
    now = clock.wall()
    stamp = entries.stamp(now)
    try:
        lines = [
            entries.other(stamp, REPAIR, {"segment": segment.number, "bytes": tail.torn, "sha256": tail.sha256})
            for segment, tail in writer.torn
        ]
        lines += [entries.other(stamp, SETTLED, it.members()) for it in settlements]
        writer.append(lines, now)
        sync_files(*writer.unsynced())
    finally:
        writer.close()
