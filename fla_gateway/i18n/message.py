"""Value: a text for people, as code, template and arguments.

Owns the one place where a template gets its arguments, and where an argument is made harmless. Refuses to know the
texts themselves, which are written where what they say is decided, and languages: a catalogue is handed in.

A text is a `str`, its English one, so that a log or an answer in English needs to know nothing of this module. The
template is the key of a catalogue (gettext's msgid), so it is a literal at each place: babel extracts it by the names
`Text` and `Message`, and mypy does not take a text that was put together from others for one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Final, Self

LONGEST_ARGUMENT: Final = 6_000
"""A path has up to 4,096 octets, and a command repeats one."""

Argument = str | int | PurePath
"""What fills a placeholder: never a secret. A `Text` among them is translated as well."""
Translate = Callable[[str], str]
"""Returns the template of a language for an English one; the English one if there is none."""


class Text(str):
    """A text that can be translated.

    Attributes:
        template: English, with named placeholders such as ``{path}``; a brace of the text itself is doubled.
        arguments: what fills the placeholders, by name.
    """

    __slots__ = ("arguments", "template")

    arguments: dict[str, str | int]
    template: str

    def __new__(cls, template: str, /, **arguments: Argument) -> Self:
        """Put the arguments into the template.

        Args:
            template: a literal.
            arguments: one for each placeholder.
        """
        shown = {name: _harmless(value) for name, value in arguments.items()}
        self = super().__new__(cls, template.format_map(shown))
        self.template = template
        self.arguments = shown
        return self

    def translated(self, translate: Translate) -> str:
        """Say it in the language of a catalogue, in English where the catalogue has it not or has another placeholder.

        Args:
            translate: for example `gettext.GNUTranslations.gettext`; it is given every template of the text, but
                never the empty one, for which catalogues have their own head.
        """
        spoken = {
            name: value.translated(translate) if isinstance(value, Text) else value
            for name, value in self.arguments.items()
        }
        try:
            return translate(self.template).format_map(spoken) if self.template else ""
        except (KeyError, IndexError, ValueError):
            return self.template.format_map(spoken)

    def __reduce__(self) -> tuple[object, ...]:
        """See `pickle`: keys are loaded in processes of their own."""
        return _text_again, (type(self), self._positional(), self.arguments)

    def _positional(self) -> tuple[str, ...]:
        return (self.template,)


class Message(Text):
    """A text about one thing that is wrong or deserves a look.

    Attributes:
        code: says which in every language and version, in lower case with hyphens; one code has one template.
    """

    __slots__ = ("code",)

    code: str

    def __new__(cls, code: str, template: str, /, **arguments: Argument) -> Self:
        """Put the arguments into the template.

        Args:
            code: a literal.
            template: a literal.
            arguments: one for each placeholder.
        """
        self = super().__new__(cls, template, **arguments)
        self.code = code
        return self

    def _positional(self) -> tuple[str, ...]:
        return (self.code, self.template)


NOTHING: Final = Text("")
"""For what needs no word."""


def _text_again(kind: type[Text], positional: tuple[str, ...], arguments: dict[str, str | int]) -> Text:
    return kind(*positional, **arguments)


def _harmless(value: Argument) -> str | int:
    """Make control characters, line breaks and directional marks of a foreign text visible, and cut a long one."""
    if isinstance(value, int | Text):
        return value
    value = str(value)
    if len(value) > LONGEST_ARGUMENT:
        value = f"{value[:LONGEST_ARGUMENT]}..."
    if value.isprintable():
        return value
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in value)
