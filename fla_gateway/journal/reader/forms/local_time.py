"""Rule: a time of the journal as the clock on the wall shows it.

Owns the form for people. Refuses to know which zone that is: it is the one of the machine (``TZ``, /etc/localtime).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

_SECOND: Final = len("2026-11-23T08:15:00")


def local(written: str) -> str:
    """Give a time as local time with its offset, to the second; empty text stays empty.

    Args:
        written: as the journal writes it.
    """
    return f"{_local(written):%Y-%m-%d %H:%M:%S%z}" if written else ""


def local_without_offset(written: str) -> str:
    """Give it without the offset, as a spreadsheet takes it for a time."""
    return _second(written[:_SECOND]) if written else ""


@lru_cache(maxsize=1024)
def _second(written: str) -> str:
    # Exchanges come in the order of their ends: many have the same seconds.
    return f"{_local(written + 'Z'):%Y-%m-%d %H:%M:%S}"


def _local(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone()
