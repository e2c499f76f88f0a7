"""What a log may show of any value: bounded, printable, and of a foreign error no more than its name."""

from __future__ import annotations

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.observe.logs.log_values import DEEPEST, LONGEST_TEXT, MOST_MEMBERS, printable, showable
from fla_gateway.secret import REDACTED, Secret


def shown_as(value):
    """Show a value; its form is what each test is about."""
    return showable(value)


@pytest.mark.parametrize(
    "many", [{str(it): it for it in range(1_000)}, list(range(1_000)), set(range(1_000))], ids=type
)
def test_a_large_value_is_shown_in_part(many):
    """So that no value makes a line of any length."""
    assert len(shown_as(many)) == MOST_MEMBERS


def test_a_deep_value_is_written_as_a_bounded_text_from_some_depth_on():
    """It ends there, however deep it is."""
    value: object = "x" * 10_000
    for _ in range(100):
        value = [value]
    shown = shown_as(value)
    for _ in range(DEEPEST):
        assert isinstance(shown, list)
        (shown,) = shown
    assert isinstance(shown, str)
    assert len(shown) < LONGEST_TEXT + 50


def test_a_long_text_is_cut_and_says_how_long_it_was():
    """The beginning is kept, and bytes are as long."""
    assert printable("x" * 10_000) == f"{'x' * LONGEST_TEXT}... (10000 characters)"
    assert len(str(shown_as(b"x" * 10_000))) < LONGEST_TEXT + 50


@pytest.mark.parametrize("sign", ["\n", "\r", "\x1b", "\x85", "\u2028", "\u202e", "\ud800"])
def test_a_sign_that_could_forge_a_line_is_made_visible(sign):
    """In texts and in names of members, at any depth."""
    ((name, (text,)),) = shown_as({f"a{sign}b": [f"c{sign}d"]}).items()
    assert all(sign not in it and it.isprintable() for it in (name, text))


def test_the_gateways_own_errors_are_quoted_and_all_others_named():
    """A foreign error may repeat the password that it stumbled over."""
    own = ProblemError("token-failed", Text("No token came."))
    assert [shown_as(it) for it in (own, ValueError("canary-0815"))] == [str(own), "ValueError"]


def test_a_secret_stays_one_wherever_it_is():
    """Within a mapping, a list, or the text that a deep value becomes."""
    deep: object = Secret("canary-0815")
    for _ in range(DEEPEST + 2):
        deep = {"a": [deep]}
    shown = str([shown_as(it) for it in (Secret("canary-0815"), {"a": Secret("canary-0815")}, deep)])
    assert ("canary" in shown, REDACTED in shown) == (False, True)
