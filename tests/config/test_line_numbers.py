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
        ("gateway.listen[1]", 7),
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


@pytest.mark.parametrize("path", ["gateway.listen[2]", "nothing", "no.table", "no.table.listen", ""])
def test_what_is_not_sure_has_no_line(path):
    """Within a value of several lines, within a text, or where nothing of that name is."""
    assert Lines(TEXT).find(path) == 0


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('x = [ # why\n  "a", # this\n\n  # and\n  "b",\n]\n', [2, 5]),
        ('x = [\n  "a", "b",\n  "c",\n]\n', [0, 0]),
        ('x = [\n  "a",\n  { b = 1 },\n  "c",\n]\n', [2, 0]),
        ('x = [["a",\n  "b"],\n  "c"]\n', [0, 0]),
        ('x = [\n  \'a\',\n  """b\n""",\n]\n', [2, 0]),
    ],
)
def test_a_list_with_a_text_on_each_line_has_a_line_for_each(text, lines):
    """As far as each entry is a text that is alone on its line; behind another one nothing is sure."""
    assert tomllib.loads(text)
    assert [Lines(text).find(f"x[{index}]") for index in range(2)] == lines


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
        ('a = ["b" "c"]\n', "Unclosed array", "a comma"),
        ("[profiles.b\n", "Expected ']'", "close the name"),
        ("a: 1\n", "Expected '='", "instead of the colon"),
        ("a = 1;\n", "Expected newline", "a line of its own"),
        ("a = 10s\n", "Expected newline", "in quotes"),
        ("a = True\n", "Invalid value", "in lower case"),
        ("a = \u201cb\u201d\n", "Invalid value", "straight ones"),
        ("a\u00a0= 1\n", "Expected '='", "not an ordinary one"),
        ("<html>\n", "Invalid statement", "web page"),
        ("// a\n", "Invalid statement", "begin with #"),
        ("a = [", "Invalid value", "in quotes"),
    ],
)
def test_the_parsers_own_reason_is_shown(tmp_path, text, reason, cure):
    """With what helps with that reason, and nothing of the file."""
    (fault,) = Folder(tmp_path).faults(text)
    assert f"not valid TOML: {reason}" in str(fault.message)
    assert cure in fault.cure
