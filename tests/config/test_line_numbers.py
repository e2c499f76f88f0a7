"""On which line of a file a fault is, and why a file is no TOML."""

from __future__ import annotations

import tomllib

import pytest

from fla_gateway.config.document.line_numbers import Lines
from tests.support.configurations import EMPLOYER, Folder

TEXT = """\
# [commented.out]
include = ["a.toml"]

[gateway] # the callers' side
listen = [
    "127.0.0.1:8480",  # ] not the end
    "unix:a[b",
]
drain_seconds = 3

[profiles . "employer"]
client_id = '''
[no.table]
listen = 1
'''
key.pem = "a = b"
assertion = { alg = "RS256", x5t = true }

[[callers.erp.keys]]
sha256 = "1"
[[callers.erp.keys]]
sha256 = "2"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("include", 2),
        ("include[0]", 2),
        ("gateway", 4),
        ("gateway.listen", 5),
        ("gateway.drain_seconds", 9),
        ("gateway.missing", 4),
        ("profiles.employer", 11),
        ("profiles.employer.client_id", 12),
        ("profiles.employer.key.pem", 16),
        ("profiles.employer.assertion.x5t", 17),
        ("callers.erp.keys[1].sha256", 22),
        ("callers.erp.keys[1]", 21),
    ],
)
def test_heads_and_keys_are_found(path, line):
    """A key by its own line, one that is missing by the head of its table."""
    assert tomllib.loads(TEXT)
    assert Lines(TEXT).find(path) == line


@pytest.mark.parametrize("path", ["gateway.listen[1]", "nothing", "no.table", "no.table.listen", ""])
def test_what_is_not_sure_has_no_line(path):
    """Within a value of several lines, within a text, or where nothing of that name is."""
    assert Lines(TEXT).find(path) == 0


def test_a_table_that_heads_of_others_make_is_on_the_line_of_the_first():
    """[profile.employer] is where `profile` comes from; of what is not written at all, nothing is claimed."""
    lines = Lines("[profile.employer]\nkey = 1\n[callers.erp.allow]\nx = []\n[callers.erp.limits]\n")
    assert [lines.find(path) for path in ("profile", "callers.erp", "callers", "callers.other")] == [1, 3, 3, 0]


def test_faults_and_warnings_have_their_line(tmp_path):
    """In the file that they are in, an included one as well; a fault of the syntax too."""
    folder = Folder(tmp_path)
    folder.write(EMPLOYER.replace("simulation", "nowhere"), "more.toml")
    (fault,) = folder.faults('include = ["more.toml"]\n')
    assert (fault.file, fault.line) == ("more.toml", 3)
    settings = folder.load(EMPLOYER + '[keys.idle]\npem = "a"\n')
    assert [(it.path, it.line) for it in settings.warnings] == [("keys.idle", 6)]
    (fault,) = folder.faults("a = 1\n[b\n")
    assert fault.line == 2


@pytest.mark.parametrize(
    ("text", "reason", "cure"),
    [
        ("[profiles.b\u00fcro]\n", "Expected ']' at the end of a table declaration", "letters a to z"),
        ('key = { pem = "a",\n  certificate = "b" }\n', "Invalid initial character for a key part", "on one line"),
        ('a = "C:\\x"\n', "Unescaped", "'single quotes'"),
        ("a = employer\n", "Invalid value", "text is written in quotes"),
        ('a = "b\n', "Illegal character", "ends on the line"),
    ],
)
def test_the_parsers_own_reason_is_shown(tmp_path, text, reason, cure):
    """With what helps with that reason, and nothing of the file."""
    (fault,) = Folder(tmp_path).faults(text)
    assert f"not valid TOML: {reason}" in str(fault.message)
    assert cure in fault.cure
