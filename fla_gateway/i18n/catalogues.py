"""Adapter: the catalogues of messages that are there, and the choice among them.

Owns gettext. Refuses to know the messages: the English texts are in the templates and in `status.messages`.
"""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path
from typing import Final

DOMAIN: Final = "fla_gateway"
FOLDER: Final = Path(__file__).parent / "locale"
SOURCE_LANGUAGE: Final = "en"


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


def _weighed(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag.strip(), float(weight or 1)
    except ValueError:
        return tag.strip(), 0.0
