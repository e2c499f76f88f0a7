"""Rule: a Belgian enterprise number, in any usual spelling.

Owns the spellings and the check digits. Refuses to know whether the number was ever given out; the Crossroads Bank for
Enterprises alone does.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message

_PREFIX: Final = re.compile(r"^(?:(?:BTW|TVA|VAT|MWST|KBO|BCE|CBE|RPR|RPM)\W*)?(?:BE\W*)?", re.ASCII | re.IGNORECASE)
_BETWEEN: Final = re.compile(r"[\s./_\u2010-\u2015-]")
_DIGITS: Final = re.compile(r"[01][0-9]{9}")
_OLD_LENGTH: Final = 9
"""Numbers of before 2005 are written without the 0 that precedes them now."""
_MODULUS: Final = 97


def enterprise_number(text: str) -> str:
    """Return the ten digits of an enterprise number.

    Args:
        text: with or without points, blanks, hyphens, the leading 0, and what precedes it: ``BE``, ``BTW``.

    Raises:
        InvalidValueError: it is none, or its last two digits are not the 97 less the remainder of the others by 97.
    """
    spelled = _BETWEEN.sub("", text)
    digits = _PREFIX.sub("", spelled, count=1)
    if len(digits) == _OLD_LENGTH:
        digits = f"0{digits}"
    if _DIGITS.fullmatch(digits) is None:
        raise InvalidValueError(
            Message(
                "enterprise-number-malformed",
                "is no enterprise number: it has ten digits, for example 0123.456.749",
            )
        )
    if _MODULUS - int(digits[:8]) % _MODULUS != int(digits[8:]):
        raise InvalidValueError(
            Message(
                "enterprise-number-mistyped",
                "is no enterprise number: its last two digits do not fit the others; look for a mistyped digit",
            )
        )
    return digits


def shown(digits: str) -> str:
    """Return the ten digits as Belgian papers have them: ``0123.456.749``."""
    return f"{digits[:4]}.{digits[4:7]}.{digits[7:]}"
