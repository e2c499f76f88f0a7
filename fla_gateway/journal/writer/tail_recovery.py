"""Rule: where the journal goes on, and what is torn, from the end of a segment (pure).

Owns the decision what is cut off after a crash. Refuses to judge earlier lines: damage there is for `audit verify` to
find, and the chain goes on from whatever is last.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from fla_gateway.errors import JournalError
from fla_gateway.journal.format.line_format import head_of, read


class TornTail(NamedTuple):
    """The end of a segment.

    Attributes:
        good: bytes of the segment that stay.
        torn: bytes after them that are cut off.
        sha256: of those, in hexadecimal digits; empty without any.
        head: hash of the last line that stays; empty where none does.
        seq: its number.
        time: its time; empty where it cannot be read.
    """

    good: int
    torn: int
    sha256: str
    head: str
    seq: int
    time: str


def judge(block: bytes, size: int) -> TornTail | None:
    """Judge the end of a segment.

    Args:
        block: its last bytes.
        size: bytes of the whole segment.

    Returns:
        None if more of its bytes are needed to decide.
    """
    whole = len(block) == size
    end = block.rfind(b"\n") + 1
    lines = block[:end].split(b"\n")[:-1]
    if not whole:
        # The first may lack its beginning.
        lines = lines[1:]
    if end == len(block) and lines and _sequence(lines[-1]) is None:
        # A line break and no line before it: torn as well.
        end -= len(lines.pop()) + 1
    known = next(((at, found) for at in reversed(range(len(lines))) if (found := _sequence(lines[at]))), None)
    if not whole and known is None:
        return None
    torn = block[end:]
    digest = sha256(torn).hexdigest() if torn else ""
    good = size - len(torn)
    if not lines:
        return TornTail(good, len(torn), digest, "", 0, "")
    # Lines that cannot be read had their numbers nevertheless.
    index, (seq, time) = known or (-1, (0, ""))
    after = len(lines) - 1 - index
    return TornTail(good, len(torn), digest, head_of(lines[-1]), seq + after, "" if after else time)


def _sequence(raw: bytes) -> tuple[int, str] | None:
    try:
        members = read(raw).members
    except JournalError:
        return None
    return members["seq"], members["time"]
