"""Value with state: memories of answers that depend on nothing but their question, and the limit that they share.

Owns the bounds, in entries (`remember`) and in bytes (`MemoryLimit`). Refuses to know what is remembered, and for how
long it holds. A memory itself is a plain dictionary, since it is asked for every request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any, Final, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

LONGEST: Final = 2_048
"""Bytes of the longest part of a request head that is remembered, by whatever reads or judges it."""
MOST_BYTES: Final = 8_388_608
"""Bytes that the memories of request heads and callers take up together, as their sizes are estimated."""


def remember(memory: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Put an answer into a memory of its own; the oldest goes first when there is no more room.

    Args:
        memory: asked with `dict.get`.
        key: the question; bounded in its length.
        value: the answer.
        most: entries at most.
    """
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[key] = value


class MemoryLimit:
    """Bytes that any number of memories share; of all their entries the oldest goes first.

    An entry that its memory has replaced or dropped by itself counts until its turn has come, and a replacement goes
    with it: what is remembered may be forgotten too early, and never takes more than the limit.

    Attributes:
        used: bytes that count at the moment.
    """

    __slots__ = ("_most", "_order", "used")

    def __init__(self, most: int = MOST_BYTES) -> None:
        """Begin with nothing remembered."""
        self._most = most
        self._order: deque[tuple[dict[Any, Any], Any, int]] = deque()
        self.used = 0

    def remember(self, memory: dict[_Key, _Value], key: _Key, value: _Value, size: int) -> None:
        """Put an answer into one of the memories.

        Args:
            memory: asked with `dict.get`.
            key: the question.
            value: the answer.
            size: bytes that the entry takes up, key and value with all that they alone keep alive; one that is larger
                than the whole limit is not remembered.
        """
        most, order = self._most, self._order
        if size > most:
            return
        order.append((memory, key, size))
        used = self.used + size
        while used > most:
            oldest, question, freed = order.popleft()
            oldest.pop(question, None)
            used -= freed
        self.used = used
        memory[key] = value

    def clear(self) -> None:
        """Forget everything, in every memory.

        An owner of a memory that knows this limit, too, would be kept by its own entries until the garbage collector
        looks for such circles, and with it all memories that share the limit.
        """
        while self._order:
            memory, key, _ = self._order.popleft()
            memory.pop(key, None)
        self.used = 0
