"""Rule: what a command line may have meant that names a command, an option or a profile which does not exist.

Owns the sentences. Refuses to show what may be the value of an option: passwords are typed where none is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from fla_gateway.config.document.schema_errors import suggestion
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # as cli/main.py
    import argparse

_CONFIGURATION: Final = "--config"
_MOST_LISTED: Final = 24


def mistaken_command(words: Sequence[str], commands: Sequence[str], program: str) -> Text | None:
    """Say that there is no such command, with the one that is nearest; None if there is one, or none is named.

    Args:
        words: the command line.
        commands: as they are typed.
        program: how the program is called.
    """
    named = [word for word in words if not word.startswith("-")][:2]
    known = [name.split() for name in commands]
    for place, word in enumerate(named):
        choices = sorted({it[place] for it in known if it[:place] == named[:place] and len(it) > place})
        if not choices:
            return None
        if word not in choices:
            return _no_such_command(named[: place + 1], choices, program)
    return None


def _no_such_command(named: list[str], choices: list[str], program: str) -> Text:
    name = repr(" ".join(named))
    near = get_close_matches(named[-1].lower(), choices, n=1)
    if near:
        nearest = " ".join([program, *named[:-1], near[0]])
        return Text("there is no command {name}; did you mean `{nearest}`?", name=name, nearest=nearest)
    return Text("there is no command {name}; there are: {choices}", name=name, choices=", ".join(choices))


def mistaken_option(words: Sequence[str], options: Sequence[str]) -> Text | None:
    """Say which option in front of the command there is not; None if there are all of them.

    Args:
        words: the command line.
        options: that there are. A beginning of one means it, as for argparse.
    """
    for word in takewhile(lambda it: it.startswith("-"), words):
        name = word.partition("=")[0]
        if not any(it.startswith(name) for it in options):
            return left_over([name], options)
    return None


def left_over(words: Sequence[str], options: Sequence[str]) -> Text:
    """Say what of a command line the command does not take, with the option that is nearest.

    Args:
        words: of the command line. Where options are among them, the others may be their values.
        options: of the command.
    """
    strange = [word.partition("=")[0] for word in words if word.startswith("-")]
    if not strange and _CONFIGURATION in options and (file := next((it for it in words if it.endswith(".toml")), "")):
        nearest = f"{_CONFIGURATION} {file}"
    else:
        near = get_close_matches(strange[0].lower(), options, n=1) if strange else []
        nearest = near[0] if near else ""
    shown = " ".join(strange or words)
    if nearest:
        return Text("unrecognized arguments: {words}; did you mean `{nearest}`?", words=shown, nearest=nearest)
    return Text("unrecognized arguments: {words}", words=shown)


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """List the options that a parser knows."""
    return list(parser._option_string_actions)  # noqa: SLF001 - argparse shows them nowhere else


def parser_of(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    """Find the parser of one command.

    Args:
        parser: the program's.
        command: as it is typed.
    """
    for word in command.split():
        choices = (it.choices for it in parser._actions if isinstance(it.choices, dict))  # noqa: SLF001 - as above
        parser = next(it[word] for it in choices if word in it)
    return parser


def unknown_profile(name: str, known: Iterable[str]) -> ConfigurationError:
    """Make the error of a command that names a profile which the configuration does not have.

    Args:
        name: as it was typed.
        known: names of the profiles.
    """
    names = list(known)
    there_are = Text("there are: {known}", known=", ".join(names[:_MOST_LISTED]))
    message = Message("profile-unknown", "there is no such profile")
    return ConfigurationError((Fault(name, message, suggestion(name, names) or there_are),))
