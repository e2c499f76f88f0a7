"""State: the language in which a command speaks.

Owns its choice, by the variables that POSIX has for it (XBD, section 8.2: LC_ALL, LC_MESSAGES, LANG), and what argparse
itself says. Refuses to know the texts, and what is written as JSON, which is English.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final, TextIO

from fla_gateway.i18n.catalogues import ENGLISH, Spoken, choose, spoken, spoken_languages
from fla_gateway.i18n.message import Plural, Text, said

OPTION_HELP: Final = Text("language of what is printed (default: that of LC_ALL, LC_MESSAGES or LANG)")
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_SPOKEN: Final[ContextVar[Spoken]] = ContextVar("spoken", default=ENGLISH)
OF_ARGPARSE: Final = (
    Text("usage: "),
    Text("options"),
    Text("positional arguments"),
    Text("commands"),
    Text("show this help message and exit"),
    Text("%(prog)s: error: %(message)s\n"),
    Text("argument %(argument_name)s: %(message)s"),
    Text("the following arguments are required: %s"),
    Text("invalid choice: %(value)r (choose from %(choices)s)"),
    Text("not allowed with argument %s"),
    Text("expected one argument"),
    Plural("expected %s argument", "expected %s arguments", count=2),
)
"""What the library says: here for translators alone."""


def language_of(environ: Mapping[str, str], there: frozenset[str]) -> str:
    """Choose the language of a command; English where the variables name none that is there.

    Args:
        environ: the environment.
        there: languages to choose from.
    """
    named = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    # [language[_territory][.codeset][@modifier]]
    tag = named.partition(".")[0].partition("@")[0].replace("_", "-")
    return choose(tag, there)


def spoken_in(environ: Mapping[str, str]) -> Spoken:
    """Give the language that a command speaks in an environment."""
    return spoken(language_of(environ, spoken_languages()))


def speak(one: Spoken) -> None:
    """Speak a language from now on; parsers are to be built afterwards, since argparse asks at once."""
    _SPOKEN.set(one)
    # It asks gettext by these names of its own.
    vars(argparse).update(_=one.catalogue.gettext, ngettext=one.catalogue.ngettext)


def speaking() -> Spoken:
    """Return the language that is spoken, with its messages."""
    return _SPOKEN.get()


def language() -> str:
    """Return the language that is spoken."""
    return _SPOKEN.get().language


def shown(text: str) -> str:
    """Say a text in the language that is spoken; what has no template is shown as it is."""
    return said(text, _SPOKEN.get().catalogue)


def say(*texts: str, file: TextIO | None = None) -> None:
    """Print lines in the language that is spoken.

    Args:
        texts: a line each, or several; what has no template is printed as it is.
        file: standard output if it is None.
    """
    for text in texts:
        print(shown(text), file=file)


def two_columns(facts: Iterable[tuple[str, str]], narrowest: int = 0) -> Iterator[str]:
    """Write labels and values side by side in the language that is spoken, harmless for a terminal.

    Args:
        facts: label and value.
        narrowest: width of the labels, unless one is longer.
    """
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - `--help` need not know

    spoken_facts = [(shown(label), printable(shown(value))) for label, value in facts]
    width = max((len(label) for label, _ in spoken_facts), default=0)
    yield from (f"{label:<{max(width, narrowest)}} {value}".rstrip() for label, value in spoken_facts)


def translate_help(parser: argparse.ArgumentParser) -> None:
    """Have a parser, and those of its commands, explain themselves in the language that is spoken."""
    if _SPOKEN.get() is ENGLISH:
        return
    for one in _parsers(parser):
        one.description, one.epilog = _shown_or_none(one.description), _shown_or_none(one.epilog)
        for group in one._action_groups:  # noqa: SLF001 - as below
            group.title = _shown_or_none(group.title)
        for action in one._actions:  # noqa: SLF001 - argparse shows them nowhere else
            action.help = _shown_or_none(action.help)
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
                for choice in action._choices_actions:  # noqa: SLF001 - as above
                    choice.help = _shown_or_none(choice.help)


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for own in action.choices.values():
                yield from _parsers(own)


def _shown_or_none(text: str | None) -> str | None:
    return None if text is None else shown(text)
