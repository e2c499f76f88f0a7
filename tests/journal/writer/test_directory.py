"""Who may have the directory of a journal, and what is made in it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fla_gateway.errors import ConfigurationError
from fla_gateway.journal.format.segment_name import Segment
from fla_gateway.journal.reader.segments.segment_files import is_written
from fla_gateway.journal.writer.directory import Directory, held
from tests.support.journal_writer import an_intent, files, intend, opened


def mode(path: Path) -> int:
    """Give the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def fault(path: Path) -> str:
    """Give the one fault of opening a directory."""
    with pytest.raises(ConfigurationError) as caught:
        Directory(path)
    (only,) = caught.value.faults
    assert only.place == "audit.path"
    assert only.cure
    return str(only)


async def test_nobody_else_may_read_what_is_made(tmp_path):
    """The directory has mode 0700 and every file in it 0600, whatever the umask of the process."""
    before = os.umask(0)
    try:
        journal = opened(tmp_path / "journal")
        await intend(journal, an_intent())
        journal.close()
    finally:
        os.umask(before)
    assert mode(tmp_path / "journal") == 0o700
    made = sorted(path.name for path in (tmp_path / "journal").iterdir())
    assert made == ["00000001-20261122.jsonl", "lock", "mask.key"]
    assert {mode(path) for path in (tmp_path / "journal").iterdir()} == {0o600}


def test_two_gateways_never_write_one_journal(tmp_path):
    """The second is told; once the first has ended, the journal is to be had again."""
    first = Directory(tmp_path / "journal")
    assert is_written(tmp_path / "journal")
    assert "another gateway writes this journal" in fault(tmp_path / "journal")
    first.close()
    assert not is_written(tmp_path / "journal")
    Directory(tmp_path / "journal").close()


def test_a_lock_whose_file_is_removed_still_keeps_the_journal_to_one(tmp_path):
    """As by a person who takes it for the cause of a refusal."""
    first = Directory(tmp_path / "journal")
    (tmp_path / "journal" / "lock").unlink()
    assert is_written(tmp_path / "journal")
    assert held(tmp_path / "journal") is not None
    assert "another gateway writes this journal" in fault(tmp_path / "journal")
    first.close()
    assert not is_written(tmp_path / "journal")
    Directory(tmp_path / "journal").close()


def test_a_glance_of_a_reader_keeps_no_gateway_from_starting(tmp_path):
    """Whoever looks whether a gateway writes holds the lock for a moment, and no longer."""
    Directory(tmp_path / "journal").close()
    holder = Directory(tmp_path / "journal")
    timer = threading.Timer(0.05, holder.close)
    timer.start()
    Directory(tmp_path / "journal").close()
    timer.join()


def test_what_is_no_directory_is_told(tmp_path):
    """A file of that name, or nothing above it, is a fault with its cure."""
    (tmp_path / "file").write_text("")
    assert "no directory" in fault(tmp_path / "file")
    assert "make the directory above it" in fault(tmp_path / "missing" / "journal")


def test_a_directory_that_others_may_write_to_is_refused(tmp_path):
    """Whoever can put files there can replace what was recorded."""
    path = tmp_path / "journal"
    path.mkdir()
    path.chmod(0o702)
    assert "others may write" in fault(path)
    path.chmod(0o755)
    Directory(path).close()


def test_rights_of_the_group_are_taken_away(tmp_path):
    """Kubernetes gives them at each start of a pod: the journal goes on, and is its owner's alone again."""
    path = tmp_path / "journal"
    Directory(path).close()
    path.chmod(0o2770)
    for file in path.iterdir():
        file.chmod(0o660)
    with capture_logs() as events:
        Directory(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o2750
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}
    assert {(event["event"], event["file"]) for event in events} == {
        ("journal-narrowed", name) for name in (".", "lock", "mask.key")
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(tmp_path):
    """Its owner could change the mode back at any time."""
    path = tmp_path / "journal"
    path.mkdir(mode=0o700)
    os.chown(path, 12_345, 12_345)
    assert "belongs to another user" in fault(path)


def test_symbolic_links_are_not_followed_within(tmp_path):
    """Nobody makes the gateway write, lock or read another file than its own."""
    path = tmp_path / "journal"
    for name in ("lock", "mask.key"):
        path.mkdir(mode=0o700)
        (path / name).symlink_to(tmp_path / "elsewhere")
        assert "symbolic link" in fault(path)
        assert not (tmp_path / "elsewhere").exists()
        for left in path.iterdir():
            left.unlink()
        path.rmdir()


def test_the_key_of_masked_paths_stays_the_same(tmp_path):
    """Hashes of one journal can be compared over restarts; another journal has another key."""
    keys = []
    for name in ("one", "one", "other"):
        directory = Directory(tmp_path / name)
        keys.append(directory.masking_key)
        directory.close()
    assert keys[0] == keys[1] != keys[2]
    assert [len(key) for key in keys] == [32] * 3


@pytest.mark.parametrize(("content", "bits", "words"), [
    (b"short", 0o600, "does not have 32 bytes"),
    (b"k" * 33, 0o600, "does not have 32 bytes"),
    (b"k" * 32, 0o604, "others may read mask.key"),
])  # fmt: skip
def test_a_key_that_is_spoilt_is_told(tmp_path, content, bits, words):
    """A key that was cut short is not used, and one that others could read no longer masks anything."""
    Directory(tmp_path / "journal").close()
    key = tmp_path / "journal" / "mask.key"
    key.write_bytes(content)
    key.chmod(bits)
    assert words in fault(tmp_path / "journal")
    key.unlink()
    Directory(tmp_path / "journal").close()


def test_only_segments_are_segments(tmp_path):
    """The order is that of the numbers; other files are left alone."""
    path = tmp_path / "journal"
    directory = Directory(path)
    for name in ("00000010-20261123.jsonl", "00000009-20261122.jsonl", "1-20261122.jsonl", "00000011-20261345.jsonl"):
        (path / name).write_text("")
    assert directory.segments() == [Segment(9, "20261122"), Segment(10, "20261123")]
    directory.close()


async def test_a_fault_releases_the_lock(tmp_path):
    """Whoever cures it need not restart anything but the gateway."""
    opened(tmp_path / "journal").close()
    (segment,) = files(tmp_path / "journal")
    segment.unlink()
    segment.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        opened(tmp_path / "journal")
    segment.unlink()
    opened(tmp_path / "journal").close()
