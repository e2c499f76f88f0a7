"""Value: a question of `fla-gateway init`, the answers so far, and what is known of the folder.

Owns the form of a question and how an answer to it is read. Refuses to know the questions themselves, and how they are
asked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass

Answers = Mapping[str, str]
"""By id of the question; several values are joined by `SEPARATOR`. Never a secret."""

SEPARATOR: Final = ","
YES: Final = "yes"
NO: Final = "no"
UNKNOWN: Final = "unknown"
_UNREADABLE: Final = frozenset(("Cc", "Cs"))
"""Categories of Unicode: control characters, and what Python makes of bytes that it cannot decode."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a question offers.

    Attributes:
        value: what flags and files write.
        text: what a person reads.
    """

    value: str
    text: Text


@dataclass(frozen=True, slots=True)
class Context:
    """What the questions need to know beside the answers.

    Attributes:
        language: in which `init` speaks.
        profiles: names of profiles that a configuration in the folder has already.
        callers: names of its callers.
        existing: whether there is such a configuration, written by a person.
        sandbox: whether everything is for the sandbox.
    """

    language: str = "en"
    profiles: frozenset[str] = frozenset()
    callers: frozenset[str] = frozenset()
    existing: bool = False
    sandbox: bool = False


def as_written(text: str) -> str:
    """Take a text for what it is, without blanks around it."""
    return text.strip()


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        id: also its flag, and its key in a file of answers.
        text: the question.
        explanation: paragraphs for the reader who does not know.
        choices: the answers that it offers; empty for free text.
        many: whether several answers may be given.
        open: whether values beside the choices are taken.
        default: the answer that is taken unasked, or None if there is none.
        read: makes the answer of what was typed; raises InvalidValueError.
    """

    id: str
    text: Text
    explanation: tuple[Text, ...] = ()
    choices: tuple[Choice, ...] = ()
    many: bool = False
    open: bool = False
    default: str | None = None
    read: Callable[[str], str] = field(default=as_written)

    def answer(self, typed: str) -> str:
        """Read what was typed, or written into a file of answers.

        Args:
            typed: a value of a choice or its number, several of them with commas, or free text.

        Raises:
            InvalidValueError: it is no answer.
        """
        if any(unicodedata.category(it) in _UNREADABLE for it in typed.strip()):
            raise InvalidValueError(
                Message("answer-unreadable", "has control characters, or bytes that are no letters in this encoding")
            )
        if not self.many:
            return self._one(typed)
        parts = [self._one(part) for part in typed.replace(";", SEPARATOR).split(SEPARATOR) if part.strip()]
        if not parts and self.default != "":
            raise InvalidValueError(Message("answer-empty", "must be answered"))
        return SEPARATOR.join(dict.fromkeys(parts))

    def _one(self, typed: str) -> str:
        typed = typed.strip()
        if not self.choices:
            return self.read(typed)
        known = {choice.value: choice.value for choice in self.choices}
        numbered = {str(number): choice.value for number, choice in enumerate(self.choices, start=1)}
        value = known.get(typed.lower()) or numbered.get(typed)
        if value is not None:
            return value
        if self.open:
            return self.read(typed)
        offered = ", ".join(known)
        raise InvalidValueError(Message("answer-not-offered", "must be one of: {offered}", offered=offered))


def several(answers: Answers, name: str) -> tuple[str, ...]:
    """Return the values of an answer that may have several."""
    return tuple(part for part in answers.get(name, "").split(SEPARATOR) if part)
