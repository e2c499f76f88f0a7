"""Rule: the language of a response that the gateway itself makes.

Owns where a request says which one its caller prefers (RFC 9110, section 12.5.4). Refuses to know languages: which
there are, `i18n.catalogues` says.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.i18n.catalogues import ENGLISH, Spoken, choose, spoken, spoken_languages

_ACCEPTED: Final = re.compile(rb"(?i)(?:^|\n)accept-language:([^\r\n]{0,1024})").search


def accepted_language(fields: bytes) -> Spoken:
    """Return the language for an answer.

    Args:
        fields: end-to-end field lines of the request.
    """
    there = spoken_languages()
    if len(there) == 1:
        return ENGLISH
    return spoken(language_of(fields, there))


def language_of(fields: bytes, there: frozenset[str]) -> str:
    """Choose among languages by the field Accept-Language; English where it is missing, or names none of them.

    Args:
        fields: end-to-end field lines of the request.
        there: languages to choose from.
    """
    found = _ACCEPTED(fields)
    return choose("" if found is None else found[1].decode("latin-1"), there)
