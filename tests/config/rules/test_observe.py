"""`observe` in the place of a list of `allow`."""

from __future__ import annotations

import pytest

from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.runtime.changes.widening import opens_more
from tests.support.configurations import EMPLOYER, Folder
from tests.support.tokens import HandClock

NOW = 1_772_366_400.0  # 2026-03-01T12:00Z


@pytest.fixture
def folder(tmp_path):
    """Give a folder for configurations."""
    return Folder(tmp_path)


def caller(allow, until="observe_until = 2026-03-20\n"):
    """Write a caller."""
    return f"[callers.erp]\nkeys = [{{ sha256 = '{'1' * 64}' }}]\n{until}allow = {{ employer = {allow} }}\n"


@pytest.mark.parametrize("allow", ['"observe"', '"observe POST"', '["observe"]'])
def test_it_is_written_instead_of_a_list(folder, allow):
    """Alone, or with methods."""
    settings = folder.load(EMPLOYER + caller(allow), further=[caller_rule_faults], clock=HandClock(wall=NOW))
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (caller('"observe"', until=""), "observe-without-end"),
        (caller('"observe *"'), "allow-method-unnamed"),
        (caller('"observe TRACE"'), "allow-method-never-forwarded"),
        (caller('["observe", "GET /REST/**"]'), "allow-entry-malformed"),
    ],
)
def test_what_is_wrong_with_it_is_a_fault(folder, text, code):
    """It has an end, its methods can be forwarded, and it is no entry beside others."""
    assert [it.code for it in folder.faults(EMPLOYER + text, further=[caller_rule_faults])] == [code]


def test_another_text_is_no_list(folder):
    """What stands for a list is this word alone."""
    assert "must be a list" in folder.fault(EMPLOYER + caller('"GET /REST/**"'))


def test_an_end_that_is_far_ahead_is_a_warning(folder):
    """No fault, since a start must not depend on the clock: nothing is let through until its last 31 days."""
    until = "observe_until = 2026-05-01\n"
    settings = folder.load(EMPLOYER + caller('"observe"', until), clock=HandClock(wall=NOW))
    assert [it.code for it in settings.warnings] == ["observe-too-long"]


def test_a_file_watch_does_not_apply_it(folder):
    """It opens more than was open before."""
    old = folder.load(EMPLOYER + caller('["GET /REST/a"]')).configuration
    new = folder.load(EMPLOYER + caller('"observe"')).configuration
    assert opens_more(old, new) == ("callers.erp.allow.employer",)
    assert opens_more(new, new) == ()
