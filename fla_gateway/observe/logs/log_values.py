"""Rule: any value becomes one that a log can show: bounded, printable, without a secret.

Owns the defence against forged log lines. Refuses to know the log's format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fla_gateway.errors import GatewayError

LONGEST_TEXT: Final = 600
MOST_MEMBERS: Final = 50
DEEPEST: Final = 4
_AS_THEY_ARE: Final = (bool, int, float, type(None))

Shown = str | int | float | bool | None | list["Shown"] | dict[str, "Shown"]


def printable(text: str) -> str:
    r"""Make control characters, line breaks and directional marks visible, and cut a long text.

    `str.isprintable` refuses every character of the categories Other and Separator but the space: CR, LF, ESC, C1
    controls, bidirectional overrides and lone surrogates all come out as ``\x1b``, ``\n``, ``\u202e``.
    """
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}... ({len(text)} characters)"
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def showable(value: object, depth: int = 0) -> Shown:
    """Reduce a value to what JSON can hold, every text in it made printable.

    Foreign errors are named, not quoted: their messages may repeat the password or token that they stumbled over.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, bytes):
        return printable(value[: LONGEST_TEXT + 1].decode("latin-1"))
    if isinstance(value, BaseException):
        return printable(str(value)) if isinstance(value, GatewayError) else type(value).__name__
    if depth < DEEPEST:
        if isinstance(value, Mapping):
            items = list(value.items())[:MOST_MEMBERS]
            return {printable(str(name)): showable(member, depth + 1) for name, member in items}
        if isinstance(value, list | tuple | set | frozenset):
            return [showable(member, depth + 1) for member in list(value)[:MOST_MEMBERS]]
    return printable(str(value))
