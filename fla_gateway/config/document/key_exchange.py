"""Rule: the text of a configuration file with a profile's two keys exchanged, or with its next key taken out.

Owns what is changed of the text, and the proof that nothing else is. Refuses to touch the disk, and to change what it
cannot change with every comment kept: the caller then shows the lines to a person.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

_MARK = "\ufeff"


def exchanged(text: str, profile: str) -> str | None:
    """Exchange the two keys of a profile.

    Args:
        text: TOML.
        profile: its name.

    Returns:
        The text, the same but for the two values; None if it does not have both, or they are tables of their own.
    """

    def exchange(document: Any) -> None:
        table = document["profiles"][profile]
        key, next_key = deepcopy(table["key"]), deepcopy(table["next_key"])
        table["key"], table["next_key"] = next_key, key

    return _changed(text, exchange)


def finished(text: str, profile: str, key: str | None) -> str | None:
    """Take the next key of a profile out, and the table of that key.

    Args:
        text: TOML.
        profile: its name.
        key: name of the table below `[keys]`, or None if that stays.

    Returns:
        The text without what of them it has; None if it has neither, or more would change.
    """

    def take_out(document: Any) -> None:
        found = False
        table = document.get("profiles", {}).get(profile, {})
        if "next_key" in table:
            del table["next_key"]
            found = True
        if key is not None and key in document.get("keys", {}):
            del document["keys"][key]
            found = True
        if not found:
            raise KeyError(profile)

    return _changed(text, take_out)


def keys_of(text: str, profile: str) -> tuple[str, str] | None:
    """Return the values of `key` and `next_key` as the text has them; None if it does not have both."""
    import tomlkit  # noqa: PLC0415 - read where a file is changed, never by `run`

    try:
        table: Any = tomlkit.parse(text.removeprefix(_MARK))["profiles"][profile]
        return table["key"].as_string(), table["next_key"].as_string()
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _changed(text: str, change: Callable[[Any], None]) -> str | None:
    """Change a text, and prove that it then says what the change of its plain values says, and has every comment."""
    import tomlkit  # noqa: PLC0415 - as above

    mark, text = text[: text.startswith(_MARK)], text.removeprefix(_MARK)
    try:
        wanted: dict[str, Any] = tomllib.loads(text)
        document = tomlkit.parse(text)
        change(wanted)
        change(document)
        written = tomlkit.dumps(document)
        if _pruned(tomllib.loads(written)) != _pruned(wanted):
            return None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return mark + written


def _pruned(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out tables of the top level that have become empty."""
    return {name: value for name, value in document.items() if value != {}}
