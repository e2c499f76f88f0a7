"""Adapter: the directory of a journal.

Owns which files in it are segments, whether a gateway writes there, and the words for a file that cannot be read.
Refuses to look into a segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Final

from fla_gateway.errors import JournalError, reason_of
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.segment_name import LOCK, Segment, parse
from fla_gateway.journal.lock import is_held

_MARGIN: Final = timedelta(days=2)


def segments_of(directory: Path) -> tuple[Segment, ...]:
    """List the segments of a journal, oldest first.

    Raises:
        JournalError: there is no such directory, or it cannot be listed.
    """
    return tuple(sorted(segment for name in _names(directory) if (segment := parse(name)) is not None))


def foreign_files_of(directory: Path) -> tuple[str, ...]:
    """List the names in a journal's directory that end as a segment's does, but are none.

    Raises:
        JournalError: as `segments_of`.
    """
    return tuple(sorted(name for name in _names(directory) if name.endswith(".jsonl") and parse(name) is None))


def since(segments: tuple[Segment, ...], day: date) -> tuple[Segment, ...]:
    """Leave out the segments that were over before a day.

    More is kept than needed: an exchange may begin in one segment and end in the next, and a clock may be set.

    Args:
        segments: as `segments_of` gives them.
        day: first day (UTC) that is asked for.
    """
    early = day - _MARGIN if day - date.min > _MARGIN else date.min
    begin = max((index for index, segment in enumerate(segments) if segment.date < early), default=0)
    return segments[begin:]


def is_written(directory: Path) -> bool:
    """Return whether a gateway holds the journal's lock, which it does as long as it runs.

    Raises:
        JournalError: the lock's file cannot be opened.
    """
    with _translated(directory / LOCK):
        return is_held(directory, LOCK)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file of the journal to read it.

    Raises:
        JournalError: it is not there, or cannot be read.
    """
    with _translated(path), path.open("rb") as stream:
        yield stream


def _names(directory: Path) -> list[str]:
    with _translated(directory):
        return [path.name for path in directory.iterdir() if path.is_file()]


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        message = Text(
            "there is no journal at {path} (a gateway makes it when it starts), or this part of it was just removed",
            path=path,
        )
        raise JournalError(message) from None
    except PermissionError:
        message = Text(
            "the journal cannot be read: {path}: other users may not read it (run this as the user of the gateway, or "
            "as root)",
            path=path,
        )
        raise JournalError(message) from None
    except OSError as error:
        message = Text("the journal cannot be read: {path}: {reason}", path=path, reason=reason_of(error))
        raise JournalError(message) from None
