"""Rule: parts of what /status answered, as a terminal may show them.

Owns how a value is read that may be missing or of any type, and the form of a line. Refuses to know what the values
mean. Every text of the answer is made printable: paths and subjects may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.observe.logs.log_values import printable

_COLOURS: Final = {"good": "32", "attention": "33", "bad": "31"}
_WIDTH: Final = 14


class Times:
    """Writes moments in UTC, with the reader's time beside it where that differs."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def shown(self, value: object) -> str:
        """Write a moment of the answer."""
        if value is None:
            return shown(Text("none since the start"))
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            return text_of(value)
        local = moment.astimezone(self._zone)
        utc = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        return shown(Text("{utc} ({time} local)", utc=utc, time=f"{local:%H:%M:%S}")) if local.utcoffset() else utc


def fact(label: str, value: str) -> str:
    """Write a line with a label; none goes on below the one before."""
    return f"  {shown(label):<{_WIDTH}} {shown(value)}"


def alarm(text: Text) -> str:
    """Write what a person has to look at."""
    return f"! {shown(text)}"


def painted(text: str, level: str, *, coloured: bool) -> str:
    """Write a text in the colour of its level.

    Args:
        text: of the line.
        level: ``good``, ``attention`` or ``bad``; of any other word nothing is painted.
        coloured: whether a terminal shows it.
    """
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if coloured and level in _COLOURS else text


def number_of(value: object) -> int:
    """Read a whole number; 0 where it is none."""
    return value if isinstance(value, int) else 0


def text_of(value: object) -> str:
    """Read a text, made printable; anything else as Python writes it."""
    return printable(str(value))


def table_of(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Read a member that is an object; an empty one where it is none."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def tables_of(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Read a member that is an array of objects; what is none is left out."""
    found = document.get(name)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def days(number: object) -> Text:
    """Write a number of days."""
    return Plural("{count} day", "{count} days", count=number_of(number))
