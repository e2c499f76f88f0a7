"""The text of a configuration with two keys exchanged, and the file that it is put into."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from fla_gateway.config.document.file_replacement import replace_content
from fla_gateway.config.document.key_exchange import exchanged, finished, keys_of

TEXT = """\
# head
[profiles.employer]   # one
key = "old"           # in use
client_id = 'x'
next_key = { pem = "new.pem", certificate = "new.cer" }   # later

[keys.old]   # of 2024
pem = "old.pem"

[profiles.other]
key = "old"
"""


def test_two_values_are_exchanged_and_nothing_else():
    """Every line is as it was but for the two values; a comment behind a value goes with it."""
    lines, after = TEXT.splitlines(), (exchanged(TEXT, "employer") or "").splitlines()
    changed = [number for number, (one, other) in enumerate(zip(lines, after, strict=True)) if one != other]
    assert changed == [2, 4]
    assert after[2].split("#") == ['key = { pem = "new.pem", certificate = "new.cer" }   ', " later"]
    assert after[4].split("#") == ['next_key = "old"           ', " in use"]


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT])
def test_exchanged_twice_is_as_before(text):
    """Line breaks of Windows and a byte order mark included."""
    assert exchanged(exchanged(text, "employer") or "", "employer") == text


@pytest.mark.parametrize(
    "text",
    ["", "[profiles.employer]\nkey = 'a'\n", "[profiles.employer]\nkey = 'a'\n[profiles.employer.next_key]\n", "="],
)
def test_what_has_not_both_values_is_left_alone(text):
    """A file without both, with a table in the place of one, or without TOML."""
    assert exchanged(text, "employer") in (None, text) or "next_key" in text
    assert exchanged(text, "absent") is None


def test_the_old_key_is_taken_out_with_its_table():
    """The other profiles and keys stay as they are."""
    after = finished(TEXT, "employer", "old") or ""
    assert "next_key" not in after
    assert "[keys.old]" not in after
    assert "# head" in after
    assert finished(TEXT, "absent", None) is None


def test_the_lines_are_as_in_the_file():
    """What a person is to exchange, as it is written there."""
    assert keys_of(TEXT, "employer") == ('"old"', '{ pem = "new.pem", certificate = "new.cer" }')
    assert keys_of(TEXT, "other") is None


@pytest.mark.skipif(os.getuid() != 0, reason="gives a file to another user")
def test_owner_group_and_mode_are_kept(tmp_path):
    """Root changes the file of a service user, who still has it afterwards; a link stays a link."""
    file, link = tmp_path / "real.toml", tmp_path / "gateway.toml"
    file.write_bytes(b"old")
    os.chown(file, 4242, 4343)
    file.chmod(0o640)
    link.symlink_to(file)
    replace_content(link, b"old", b"new")
    seen = file.stat()
    assert (file.read_bytes(), seen.st_uid, seen.st_gid, seen.st_mode & 0o7777) == (b"new", 4242, 4343, 0o640)
    assert link.is_symlink()
    assert [it.name for it in tmp_path.iterdir() if it.name.startswith(".")] == []


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path):
    """What another program wrote is not lost."""
    file = tmp_path / "gateway.toml"
    file.write_bytes(b"newer")
    with pytest.raises(OSError, match="changed meanwhile"):
        replace_content(file, b"old", b"new")
    assert file.read_bytes() == b"newer"


@pytest.mark.skipif(os.getuid() != 0, reason="acts as another user")
def test_a_file_of_a_group_that_cannot_be_given_is_left_alone():
    """Its owner is in none of its groups: the reason is said, and nothing is left behind."""
    # Only root may enter the folders of pytest.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder, file = Path(name), Path(name) / "gateway.toml"
        file.write_bytes(b"old")
        for path in (folder, file):
            os.chown(path, 4242, 0)
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(4242)
        os.seteuid(4242)
        try:
            with pytest.raises(OSError, match="of user 4242 and group 0"):
                replace_content(file, b"old", b"new")
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)
        assert (file.read_bytes(), list(folder.iterdir())) == (b"old", [file])
