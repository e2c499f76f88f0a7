"""Adapter: the catalogues of messages that are there, and the choice among them.

Owns gettext. Refuses to know the messages: the English texts are in the sources, and in the templates of the page.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path
from typing import Final, NamedTuple

from fla_gateway.i18n.message import Catalogue

DOMAIN: Final = "fla_gateway"
FOLDER: Final = Path(__file__).parent / "locale"
SOURCE_LANGUAGE: Final = "en"


class Spoken(NamedTuple):
    """A language that an answer is written in.

    Attributes:
        language: as in RFC 5646.
        catalogue: its messages.
    """

    language: str
    catalogue: Catalogue


ENGLISH: Final = Spoken(SOURCE_LANGUAGE, NullTranslations())


def available(folder: Path = FOLDER) -> frozenset[str]:
    """List the languages that can be spoken, as in RFC 5646, in lower case."""
    compiled = folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")
    return frozenset({SOURCE_LANGUAGE, *(path.parent.parent.name.lower() for path in compiled)})


def choose(accepted: str, languages: frozenset[str]) -> str:
    """Choose a language by a value of Accept-Language (RFC 9110, section 12.5.4; lookup of RFC 4647, section 3.4).

    Args:
        accepted: the value; empty if there is none.
        languages: those that can be spoken.
    """
    ranked = sorted(map(_weighed, accepted.lower().split(",")), key=lambda pair: -pair[1])
    for tag, weight in ranked:
        wanted = tag
        while wanted and weight > 0:
            if wanted in languages:
                return wanted
            wanted = wanted.rpartition("-")[0]
    return SOURCE_LANGUAGE


def load(language: str, folder: Path = FOLDER) -> NullTranslations | GNUTranslations:
    """Read the messages of a language."""
    return translation(DOMAIN, folder, [language], fallback=True)


@cache
def spoken_languages() -> frozenset[str]:
    """List the languages of this installation; they are looked up once."""
    return available()


@cache
def spoken(language: str) -> Spoken:
    """Give a language with its messages.

    Args:
        language: one of `spoken_languages`.
    """
    return ENGLISH if language == SOURCE_LANGUAGE else Spoken(language, load(language))


def _weighed(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag.strip(), float(weight or 1)
    except ValueError:
        return tag.strip(), 0.0
