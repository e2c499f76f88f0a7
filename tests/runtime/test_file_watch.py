"""Files of a configuration that change while it is in force: real files, and a clock that is moved by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fla_gateway.runtime.composition.resolved_config import Configured, read
from fla_gateway.runtime.file_watch import FileWatch
from fla_gateway.runtime.reload_state import Difference
from tests.support.tokens import HandClock
from tests.support.volumes import Volume

CONFIGURATION = """
include = ["more/*.toml"]
[gateway]
watch = {watch}
[profiles.employer]
environment = "acceptance"
client_id = "one"
key = {{ pem = "key.pem" }}
"""
LONG_AGO = 1_000_000_000
NOW = 2_000_000_000.0


class Watched:
    """A configuration in force, and what its watch did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock(wall=NOW)
        self.in_force = read(path, self.clock)
        self.differences: list[list[Path]] = []
        self.changes = 0
        self.watch = FileWatch(self._current, self._differ, self._change, self.clock)

    def _current(self) -> Configured:
        return self.in_force

    def _differ(self, found: tuple[Difference, ...]) -> None:
        self.differences.append([it.path for it in found])

    async def _change(self) -> None:
        self.changes += 1

    async def look(self, seconds: float = 1.0) -> int:
        """Let time pass and look; give how often a change was to be applied so far."""
        self.clock.advance(seconds)
        await self.watch.look()
        return self.changes

    def reload(self) -> None:
        """Put what is on the disk into force."""
        self.in_force = read(self.path, self.clock)


def write(path: Path, text: str, age: float = 0) -> None:
    """Write a file whose time is so long ago."""
    path.write_text(text)
    os.utime(path, (LONG_AGO - age, LONG_AGO - age))


@pytest.fixture
def folder(tmp_path):
    """A directory with a configuration that is watched."""
    write(tmp_path / "gateway.toml", CONFIGURATION.format(watch="true"))
    write(tmp_path / "key.pem", "first key")
    (tmp_path / "more").mkdir()
    return tmp_path


@pytest.fixture
def watched(folder) -> Watched:
    """See `Watched`."""
    return Watched(folder / "gateway.toml")


def edit(folder: Path) -> None:
    """Change a file in its place."""
    write(folder / "key.pem", "second key")


def rename(folder: Path) -> None:
    """Put another file in its place, as editors and certbot do."""
    write(folder / "new", "other key")
    (folder / "new").rename(folder / "key.pem")


def include(folder: Path) -> None:
    """Add a file that an `include` means."""
    write(folder / "more/a.toml", "")


def remove(folder: Path) -> None:
    """Take a file away."""
    (folder / "key.pem").unlink()


@pytest.mark.parametrize("change", [edit, rename, include, remove])
async def test_a_change_is_applied_once_it_has_settled(folder, watched, change):
    """Seen, and the same a second later; not again as long as nothing changes further."""
    assert await watched.look() == 0
    change(folder)
    assert await watched.look() == 0
    assert await watched.look() == 1
    assert [await watched.look() for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("age", [0, 5], ids=["as it was", "written again"])
async def test_a_change_that_was_refused_and_is_undone_is_applied_once(folder, watched, age):
    """So that neither page nor metric go on complaining of a file that is as it should be."""
    assert await watched.look() == 0
    edit(folder)
    assert [await watched.look() for _ in range(3)] == [0, 1, 1]  # what is in force stays: it was refused
    write(folder / "key.pem", "first key", age)
    assert await watched.look() == (1 if age else 2)
    assert [await watched.look() for _ in range(3)] == [2, 2, 2]


async def test_the_swap_of_a_volume_is_applied_once(tmp_path):
    """Although each of its files changes with it."""
    files = {"gateway.toml": CONFIGURATION.format(watch="true").encode(), "key.pem": b"first key"}
    volume = Volume(tmp_path / "volume", files)
    watched = Watched(volume.path / "gateway.toml")
    assert await watched.look() == 0
    volume.swap({**files, "key.pem": b"second key"})
    assert [await watched.look() for _ in range(4)] == [0, 1, 1, 1]
    assert watched.differences == [[volume.path / "key.pem"]]
    watched.reload()
    volume.swap({**files, "key.pem": b"third key"})
    assert [await watched.look() for _ in range(3)] == [1, 2, 2]


async def test_what_goes_on_changing_is_not_applied(folder, watched):
    """A copy that takes long is over when nothing has changed for a second."""
    for number in range(5):
        write(folder / "key.pem", "key" * number)
        assert await watched.look() == 0
    assert await watched.look() == 1


async def test_a_state_that_was_refused_is_tried_again_when_it_changes(folder, watched):
    """Each state of the disk once, what is in force among them."""
    edit(folder)
    assert [await watched.look() for _ in range(3)] == [0, 1, 1]
    write(folder / "key.pem", "a third key")
    assert [await watched.look() for _ in range(3)] == [1, 2, 2]
    write(folder / "key.pem", "first key")
    assert [await watched.look() for _ in range(3)] == [3, 3, 3]
    assert watched.differences == [[folder / "key.pem"], []]


async def test_the_same_bytes_are_no_change(folder, watched):
    """A file that was touched, or put there anew, is reported by nobody."""
    (folder / "key.pem").touch()
    write(folder / "new", CONFIGURATION.format(watch="true"))
    (folder / "new").rename(folder / "gateway.toml")
    with capture_logs() as logs:
        assert [await watched.look() for _ in range(3)] == [0, 0, 0]
    assert (watched.differences, logs) == ([], [])


@pytest.fixture
def unwatched(folder) -> Watched:
    """A configuration that is not watched."""
    write(folder / "gateway.toml", CONFIGURATION.format(watch="false"))
    return Watched(folder / "gateway.toml")


async def test_without_watch_all_is_compared_once_a_minute(folder, unwatched):
    """And reported with the time of the change, once; nothing is applied."""
    edit(folder)
    os.utime(folder / "key.pem", (NOW + 2, NOW + 2))
    with capture_logs() as logs:
        await unwatched.look(59)
        assert unwatched.differences == []
        await unwatched.look()
        assert unwatched.differences == [[folder / "key.pem"]]
        assert [await unwatched.look(60) for _ in range(3)] == [0, 0, 0]
    (event,) = logs
    assert event["event"] == "configuration-changed-on-disk"
    assert event["file"] == str(folder / "key.pem")
    assert event["changed"] == "2033-05-18T03:33:22Z"
    write(folder / "key.pem", "first key")
    await unwatched.look(60)
    assert unwatched.differences[-1] == []


async def test_what_changes_again_is_reported_again(folder, unwatched):
    """By the time of the file."""
    with capture_logs() as logs:
        for number in range(1, 3):
            write(folder / "key.pem", f"{number}")
            os.utime(folder / "key.pem", (NOW + number, NOW + number))
            await unwatched.look(60)
            await unwatched.look(60)
    assert [it["changed"][-3:-1] for it in logs] == ["21", "22"]


async def test_a_reload_ends_what_was_reported(folder, unwatched):
    """The files of the later generation are those that are compared."""
    edit(folder)
    await unwatched.look(60)
    unwatched.reload()
    await unwatched.look(1)
    assert unwatched.differences == [[folder / "key.pem"], []]
    await unwatched.look(60)
    assert len(unwatched.differences) == 2
