"""Files that are read once, and compared with the disk."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from fla_gateway.config.document.file_identity import LARGEST, SilentPipeError, read_bytes
from fla_gateway.config.document.file_snapshot import ChangedFileError, FileSnapshot
from tests.support.tokens import HandClock
from tests.support.volumes import Volume

NEW = b"another content"


@pytest.fixture
def file(tmp_path):
    """A file that was changed long ago."""
    path = tmp_path / "key.pem"
    path.write_bytes(b"some content")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


@pytest.fixture
def files(file) -> FileSnapshot:
    """A snapshot of it."""
    files = FileSnapshot()
    files.read(file)
    return files


def test_a_file_is_read_once(file, files):
    """What is on the disk later changes nothing of what was read."""
    file.write_bytes(NEW)
    assert files.read(file) == b"some content"
    assert files.sha256(file) == sha256(b"some content").digest()


def edit(file):
    """Write other bytes into it."""
    file.write_bytes(NEW)


def edit_without_another_size(file):
    """Write as many bytes, at another time."""
    file.write_bytes(b"SOME CONTENT")
    os.utime(file, ns=(1_000_000_000_000_000_000, 1_000_000_000_000_000_001))


def rename(file):
    """Put another file with the same bytes and time in its place."""
    (file.parent / "new").write_bytes(b"some content")
    os.utime(file.parent / "new", (1_000_000_000, 1_000_000_000))
    (file.parent / "new").rename(file)


def remove(file):
    """Leave nothing."""
    file.unlink()


def move_behind_a_link(file):
    """Let the path lead to the same file elsewhere."""
    file.rename(file.parent / "elsewhere")
    file.symlink_to("elsewhere")


@pytest.mark.parametrize("change", [edit, edit_without_another_size, rename, remove, move_behind_a_link])
def test_a_change_is_noticed(file, files, change):
    """By size, by time, by inode, by absence, and by where the path leads."""
    assert files.changed() == ()
    change(file)
    assert files.changed() == (file,)


def test_the_swap_of_a_volume_is_noticed_for_each_file(tmp_path):
    """One link leads to other files, although no file of the volume was touched."""
    volume = Volume(tmp_path / "volume", {"a": b"1", "b": b"1"})
    files = FileSnapshot()
    paths = tuple(volume.path / name for name in "ab")
    files.read_ahead(paths)
    assert files.changed() == ()
    volume.swap({"a": b"2", "b": b"2"})
    assert files.changed() == paths


def test_a_second_change_within_one_tick_is_noticed(file):
    """A file that is as new as the reading is compared by its bytes: its time may be that of the first change."""
    os.utime(file, (1_799_999_999, 1_799_999_999))
    clock = HandClock(wall=1_800_000_000)
    files = FileSnapshot(clock)
    files.read(file)
    with file.open("r+b") as stream:
        stream.write(b"SOME")
    os.utime(file, (1_799_999_999, 1_799_999_999))
    assert files.changed() == (file,)
    assert files.changed() == (file,)
    clock.advance(10)
    assert files.changed() == (file,)


def test_a_file_that_appears_or_becomes_readable_is_a_change(tmp_path, file):
    """What could not be read is remembered as such, with the system's reason."""
    missing, folder = tmp_path / "missing", tmp_path / "folder"
    folder.mkdir()
    files = FileSnapshot()
    files.read_ahead([missing])
    for path in (missing, folder):
        with pytest.raises(OSError, match=path.name):
            files.read(path)
    assert files.changed() == ()
    missing.write_bytes(b"")
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        files.read(missing)
    assert set(files.changed()) == {missing, folder}


def test_a_listing_that_has_another_file_is_a_change(tmp_path):
    """A file that a pattern of `include` means now, and did not then."""
    files = FileSnapshot()
    (tmp_path / "a.toml").touch()
    assert files.listing("*.toml", tmp_path) == (tmp_path / "a.toml",)
    assert files.changed() == ()
    (tmp_path / "b.toml").touch()
    assert files.changed() == (tmp_path / "*.toml",)
    assert files.differing() == (tmp_path / "*.toml",)


def test_the_same_bytes_in_a_new_file_are_no_difference(file, files):
    """A volume that the kubelet wrote anew, or a file that was touched, is to be applied by nobody."""
    rename(file)
    assert files.differing() == ()
    assert files.changed() == ()
    edit(file)
    assert files.differing() == (file,)
    assert files.differing() == (file,)


def test_forgotten_bytes_are_read_again_or_not_at_all(file, files):
    """Bytes of keys do not stay in memory; another content is never given for them."""
    files.forget()
    assert files.read(file) == b"some content"
    edit(file)
    with pytest.raises(ChangedFileError) as caught:
        files.read(file)
    assert caught.value.errno == errno.ESTALE


def test_a_pipe_is_read_at_its_use_and_compared_with_nothing(tmp_path):
    """Reading ahead never waits for it: it may be another program that has not written yet."""
    os.mkfifo(tmp_path / "pipe")
    files = FileSnapshot()
    files.read_ahead([tmp_path / "pipe"])
    reader, writer = os.pipe()
    os.write(writer, b"secret")
    os.close(writer)
    try:
        assert files.read(Path(f"/dev/fd/{reader}")) == b"secret"
    finally:
        os.close(reader)
    assert files.changed() == ()


def test_a_pipe_that_is_never_written_to_is_not_waited_for_for_ever(tmp_path):
    """A start ends with a reason, and does not hang before it has said a word; half of a content is none."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SilentPipeError, match="its end has not come"):
        read_bytes(str(path), pipes=True, seconds=0)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with path.open("wb", buffering=0) as writer:
        writer.write(b"half")
        with pytest.raises(SilentPipeError):
            read_bytes(str(path), pipes=True, seconds=0)
    os.close(reader)


def test_a_pipe_is_waited_for_and_read_to_its_end(tmp_path):
    """In as many pieces as its writer likes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read_bytes, str(path), pipes=True)
        with path.open("wb", buffering=0) as writer:
            for _ in range(3):
                writer.write(b"piece" * 10_000)
        content, _ = reading.result()
    assert content == b"piece" * 30_000


def test_of_a_file_without_end_no_more_than_the_limit_is_read(tmp_path):
    """And one byte, so that whoever uses it notices."""
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(LARGEST * 2)
    assert len(FileSnapshot().read(path)) == LARGEST + 1


def test_who_has_power_over_a_file_is_seen_when_it_is_read(tmp_path):
    """Where it really is, links followed."""
    volume = Volume(tmp_path / "volume", {"key": b"1"})
    real = (volume.path / "..data").resolve()
    (real / "key").chmod(0o640)
    real.chmod(0o750)
    files = FileSnapshot()
    files.read(volume.path / "key")
    custody = files.custody(volume.path / "key")
    assert custody is not None
    assert (custody.owner, custody.mode) == (os.geteuid(), 0o640)
    assert (custody.directory, custody.directory_mode) == (real, 0o750)
    assert custody.passed == {volume.path: volume.path.stat().st_mode & 0o7777}
