"""Enterprise numbers: any usual spelling, and the check digits."""

from __future__ import annotations

import pytest

from fla_gateway.errors import InvalidValueError
from fla_gateway.keys.certificates.enterprise_number import enterprise_number, shown


@pytest.mark.parametrize(
    "spelling",
    [
        "0123456749", "0123.456.749", "0123 456 749", "0123-456-749", "123.456.749", "123456749", "BE0123456749",
        "BE 0123.456.749", "be-0123.456.749", "BTW BE 0123.456.749", "TVA BE0123.456.749", "KBO: 0123.456.749",
        "BCE 0123.456.749", " 0123\u00a0456\u202f749 ", "0123\u2013456\u2013749", "RPR 0123.456.749",
    ],
)  # fmt: skip
def test_every_usual_spelling_is_read(spelling):
    """Points, blanks, hyphens, a missing 0 and what papers put in front make no difference."""
    assert enterprise_number(spelling) == "0123456749"


def test_numbers_that_begin_with_1_are_read():
    """They have been given out since 2023."""
    assert enterprise_number("1000.000.021") == "1000000021"


@pytest.mark.parametrize("mistyped", ["0123456748", "0132456749", "0123.456.794", "0000000000"])
def test_a_mistyped_digit_is_found(mistyped):
    """The last two digits must be those of the others."""
    with pytest.raises(InvalidValueError) as caught:
        enterprise_number(mistyped)
    assert caught.value.message.code == "enterprise-number-mistyped"


@pytest.mark.parametrize("text", ["", "BE", "12345", "2123456749", "01234567490", "NL0123456749", "\uff10123456749"])
def test_what_is_no_number_is_refused(text):
    """Another length, another country, other digits than ASCII's."""
    with pytest.raises(InvalidValueError) as caught:
        enterprise_number(text)
    assert caught.value.message.code == "enterprise-number-malformed"


def test_it_is_shown_as_on_papers():
    """Ten digits, four, three and three."""
    assert shown("0123456749") == "0123.456.749"
