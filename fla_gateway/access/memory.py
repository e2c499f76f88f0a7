"""Rule: a memory of answers that depend on nothing but their question stays small.

Owns the bound. Refuses to know what is remembered, and for how long it holds.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


def remember(memory: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Put an answer into a memory; the oldest goes first when there is no more room.

    Args:
        memory: a plain dictionary, since it is asked for every request.
        key: the question.
        value: the answer.
        most: entries at most.
    """
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[key] = value
