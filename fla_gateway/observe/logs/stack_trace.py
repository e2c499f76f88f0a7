"""Rule: where an error happened, in lines that hold no secret.

Owns the walk from an error to its causes and members. Refuses to show messages of foreign errors and local variables,
since both may quote a password or a token that was being worked on.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterator

from fla_gateway.errors import GatewayError

MOST_CAUSES = 8


def trace_lines(error: BaseException) -> list[str]:
    """Write the way of an error: for each cause its type, then the places from the outermost call to the innermost.

    The message is shown for errors of this program's own family alone; those never hold a secret.
    """
    lines: list[str] = []
    for one in _chain(error):
        lines.append(type(one).__qualname__ + (f": {one}" if isinstance(one, GatewayError) else ""))
        places = traceback.extract_tb(one.__traceback__)
        lines.extend(f"  at {place.filename}:{place.lineno} in {place.name}" for place in places)
    return lines


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give the error, the members of a group and what caused each, nearest first.

    Bounded, since a chain can be circular. A group alone would show nothing: what a task raised is inside.
    """
    waiting = deque([error])
    for _ in range(MOST_CAUSES):
        if not waiting:
            return
        current = waiting.popleft()
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        cause = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if cause is not None:
            waiting.append(cause)
