"""A paragraph is broken where a reader of its language expects it."""

import pytest

from fla_gateway.i18n.paragraphs import broken


@pytest.mark.parametrize("mark", [":", ";", "?", "!"])
def test_no_line_begins_with_a_mark_that_french_sets_apart(mark):
    """The word before it goes to the next line as well."""
    assert broken(f"les programmes appellent {mark} puis", 25) == ["les programmes", f"appellent {mark} puis"]


def test_quotation_marks_stay_with_what_they_quote():
    """The opening one is never left behind, the closing one never begins a line."""
    assert broken("cliquez sur « Confirmer » puis", 14) == ["cliquez sur", "« Confirmer »", "puis"]


def test_a_command_is_broken_at_its_blanks_alone():
    """An address and an option stay whole; what lines begin with counts for the width."""
    assert broken("run --yes https://example.be/a-b-c", 12, first="- ", further="  ") == [
        "- run --yes",
        "  https://example.be/a-b-c",
    ]
