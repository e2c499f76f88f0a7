"""Value: a text for people, as code, template and arguments.

Owns the one place where a template gets its arguments, and where an argument is made harmless. Refuses to know the
texts themselves, which are written where what they say is decided, and languages: a catalogue is handed in.

A text is a `str`, its English one, so that a log or an answer in English needs to know nothing of this module. The
template is the key of a catalogue (gettext's msgid), so it is a literal at each place: babel extracts it by the names
of the classes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Final, Protocol, Self

LONGEST_ARGUMENT: Final = 6_000
"""A path has up to 4,096 octets, and a command repeats one."""

Argument = str | int | PurePath
"""What fills a placeholder: never a secret. A `Text` among them is translated as well."""


class Catalogue(Protocol):
    """The templates of a language, as `gettext.NullTranslations` gives them: the English one where there is none."""

    def gettext(self, message: str, /) -> str:
        """Return the template of the language for an English one."""

    def ngettext(self, msgid1: str, msgid2: str, n: int, /) -> str:
        """See `gettext.NullTranslations.ngettext`: return the template that fits a number, for the two English ones."""


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
        return cls._made(template, template, arguments)

    @classmethod
    def _made(cls, template: str, chosen: str, arguments: Mapping[str, Argument]) -> Self:
        shown = {name: _harmless(value) for name, value in arguments.items()}
        self = super().__new__(cls, cls._finished(chosen.format_map(shown)))
        self.template = template
        self.arguments = shown
        return self

    def translated(self, catalogue: Catalogue) -> str:
        """Say it in the language of a catalogue, in English where the catalogue has it not or has another placeholder.

        Args:
            catalogue: it is asked for every template of the text, but never for the empty one, under which
                catalogues have their own head.
        """
        spoken = {
            name: value.translated(catalogue) if isinstance(value, Text) else value
            for name, value in self.arguments.items()
        }
        try:
            filled = self._template_of(catalogue).format_map(spoken)
        except (KeyError, IndexError, ValueError):
            filled = self._template_of(_ENGLISH).format_map(spoken)
        return self._finished(filled)

    def _template_of(self, catalogue: Catalogue) -> str:
        return catalogue.gettext(self.template) if self.template else ""

    @staticmethod
    def _finished(filled: str) -> str:
        return filled

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


class Plural(Text):
    """A text whose template depends on a number.

    Attributes:
        plural: English template for every number but one; `template` is for one.
    """

    __slots__ = ("plural",)

    plural: str

    def __new__(cls, singular: str, plural: str, /, *, count: int, **arguments: Argument) -> Self:
        """Put the arguments into the template that fits the number.

        Args:
            singular: a literal.
            plural: a literal.
            count: the number, and the argument of that name.
            arguments: one for each further placeholder.
        """
        self = cls._made(singular, singular if count == 1 else plural, {"count": count, **arguments})
        self.plural = plural
        return self

    def _template_of(self, catalogue: Catalogue) -> str:
        count = self.arguments["count"]
        return catalogue.ngettext(self.template, self.plural, count if isinstance(count, int) else 0)

    def _positional(self) -> tuple[str, ...]:
        return (self.template, self.plural)


class Sentence(Text):
    """A text that begins with a capital letter and ends with a full stop, whatever clauses it is made of."""

    __slots__ = ()

    @staticmethod
    def _finished(filled: str) -> str:
        return f"{filled[:1].upper()}{filled[1:]}."


class _English:
    def gettext(self, message: str, /) -> str:
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int, /) -> str:
        return msgid1 if n == 1 else msgid2


_ENGLISH: Final = _English()
NOTHING: Final = Text("")
"""For what needs no word."""


def said(text: str, catalogue: Catalogue) -> str:
    """Say a text in the language of a catalogue; what has no template is said as it is."""
    return text.translated(catalogue) if isinstance(text, Text) else text


def text_from(template: str, arguments: Mapping[str, Argument]) -> Text:
    """Make a text of a template that is a literal elsewhere, in a package that knows nothing of this one.

    Args:
        template: see `Text`.
        arguments: one for each placeholder.
    """
    return Text(template, **arguments)


def joined(texts: Iterable[str], separator: str = " ") -> Text:
    """Put texts one behind the other; what is no text stays as it is in every language.

    Args:
        texts: those that are empty are left out.
        separator: without letters and braces.
    """
    parts = {f"part{at}": text for at, text in enumerate(texts) if text}
    return text_from(separator.join(f"{{{name}}}" for name in parts), parts)


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
