"""Rule: which lines are beyond doubt, judged by their bytes and without reading them as JSON.

Owns the form of intents and outcomes as a writer makes them nearly always: each line of this form is read by
`line_entries` without a complaint, and its `time` and `record` are what is at their places. Refuses to judge any other
line: it may be good all the same, and is read as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

IsUsual = Callable[[bytes, int], re.Match[bytes] | None]
"""Judges a line, without its line break, from behind its `prev` and `seq` on."""

# February ends with the 28th here; what is of the 29th is read as JSON.
_DATE: Final = (
    rb"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    rb"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_TIME: Final = _DATE + rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
# Of two members with one name the last one counts: none behind may have the name of one of the first four.
_NAME: Final = rb'"(?:[abcdefghijklmnoquvwxyz_]|p(?!rev")|r(?!ecord")|s(?!eq")|t(?!ime"))[a-z_]*+"'
_NUMBER: Final = rb"(?:0|[1-9][0-9]{0,14}+)(?:\.[0-9]{1,6}+)?+"
_FORM: Final = rb'"time":"%b","record":"(?:intent|outcome)"(?:,%b:(?:"%b*+"|%b|true|false))*+\}'

_IS_USUAL: Final = re.compile(_FORM % (_TIME, _NAME, rb"[ !#-\[\]-~]", _NUMBER)).fullmatch
_IS_USUAL_IN_PLAIN: Final = re.compile(_FORM % (_TIME, _NAME, rb'[^"]', _NUMBER)).fullmatch
"""The same where no other signs are: one that ends a text is found much faster than one that is none of many."""

_NOT_PLAIN: Final = (*range(10), *range(11, 32), ord("\\"), 127)
_BEFORE_TIME: Final = b'"time":"'
_TIME_SIZE: Final = 24


def usual_in(raw: bytes) -> IsUsual:
    """Return what judges the lines of a block.

    Args:
        raw: the lines.
    """
    is_plain = raw.isascii() and not any(map(raw.__contains__, _NOT_PLAIN))
    return _IS_USUAL_IN_PLAIN if is_plain else _IS_USUAL


def time_of(line: bytes) -> str:
    """Return the time of a usual line."""
    begin = line.index(_BEFORE_TIME) + len(_BEFORE_TIME)
    return line[begin : begin + _TIME_SIZE].decode()
