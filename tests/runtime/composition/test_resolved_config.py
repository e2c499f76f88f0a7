"""A configuration whose files are replaced while it is read."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.errors import ConfigurationError
from fla_gateway.runtime.composition.resolved_config import read
from tests.support.tokens import HandClock
from tests.support.volumes import Volume

REST = 0.5
PROFILES = 8
MAIN = """
include = ["more.toml"]
[profiles.{name}]
environment = "acceptance"
client_id = "{name}"
key = {{ pem = "key.pem" }}
"""
MORE = """
[profiles.{name}-more]
environment = "acceptance"
client_id = "{name}"
key = {{ pem = "key.pem" }}
"""


def generation(name: str) -> dict[str, bytes]:
    """Give the files of a volume; each says which generation it is of."""
    return {
        "gateway.toml": MAIN.format(name=name).encode(),
        "more.toml": MORE.format(name=name).encode(),
        "key.pem": name.encode(),
    }


class InterruptingClock(HandClock):
    """Does something whenever it is asked, which is after each file that was read."""

    def __init__(self, act: Callable[[int], None]) -> None:
        super().__init__()
        self._act = act
        self._numbers = itertools.count(1)

    def wall(self) -> float:
        self._act(next(self._numbers))
        return super().wall()


@pytest.fixture
def volume(tmp_path) -> Volume:
    """The old generation."""
    return Volume(tmp_path / "volume", generation("old"))


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_files_of_two_generations_are_never_mixed(volume, moment):
    """A volume that is swapped after the first, the second or the last file: all is read again, its key as well."""

    def swap(number: int) -> None:
        if number == moment:
            volume.swap(generation("new"))

    configured = read(volume.path / "gateway.toml", InterruptingClock(swap))
    assert [profile.name for profile in configured.profiles] == ["new", "new-more"]
    assert configured.files.read(volume.path / "key.pem") == b"new"
    assert configured.files.changed() == ()


def test_a_fault_of_a_mixture_is_no_fault(volume):
    """Files of before and of after may be at odds: here one profile is in both, and written twice in none."""
    moved = generation("new")
    moved["gateway.toml"] = b'include = ["more.toml"]'
    moved["more.toml"] = generation("old")["gateway.toml"].replace(b'include = ["more.toml"]', b"")

    def swap(number: int) -> None:
        if number == 1:
            volume.swap(moved)

    configured = read(volume.path / "gateway.toml", InterruptingClock(swap))
    assert [profile.name for profile in configured.profiles] == ["old"]


def test_files_that_never_rest_are_a_fault_that_names_them(volume):
    """After some attempts there is an end, and nothing of it is used."""
    clock = InterruptingClock(lambda number: volume.swap(generation(f"new{number}")))
    with pytest.raises(ConfigurationError) as caught:
        read(volume.path / "gateway.toml", clock)
    assert str(volume.path / "gateway.toml") in {fault.place for fault in caught.value.faults}
    assert "keeps changing" in str(caught.value)


def test_files_that_are_put_there_anew_with_the_same_bytes_can_be_read_in_the_end(volume):
    """Some file systems number a file anew at each look; only its bytes count then."""
    clock = InterruptingClock(lambda _: volume.swap(generation("old")))
    configured = read(volume.path / "gateway.toml", clock)
    assert [profile.name for profile in configured.profiles] == ["old", "old-more"]


@pytest.mark.parametrize("name", ["gateway.toml", "more.toml"])
def test_a_file_that_is_being_written_is_never_used(tmp_path, name):
    """Cut at every 64th byte it may be valid, here after each profile: it is read once it has come to rest."""
    profiles = "".join(MORE.format(name=f"p{number:02}") for number in range(PROFILES)).encode()
    whole = {"gateway.toml": b'include = ["more.toml"]\n', "more.toml": b"# more\n"}
    whole[name] += profiles
    for file, content in whole.items():
        (tmp_path / file).write_bytes(content if file != name else content.removesuffix(profiles))
    begun, ended = threading.Event(), threading.Event()

    def write() -> None:
        with (tmp_path / name).open("wb", buffering=0) as stream:
            for at in range(0, len(whole[name]), 64):
                stream.write(whole[name][at : at + 64])
                begun.set()
                # The pace of the writer: half the time that a file must have been at rest, and less.
                ended.wait(REST / 10)
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(10)
    found: list[int] = []
    while not found:
        with suppress(ConfigurationError):
            found.append(len(read(tmp_path / "gateway.toml", rest=REST).profiles))
    writer.join(10)
    assert found == [PROFILES]


def test_what_was_read_is_what_is_used(volume):
    """What replaces a file later is not used: neither to check it, nor to build with it, nor for the fingerprint."""
    configured = read(volume.path / "gateway.toml")
    volume.swap(generation("new"))
    assert configured.files.read(volume.path / "key.pem") == b"old"
    assert volume.path / "key.pem" in configured.files.changed()
    assert read(volume.path / "gateway.toml").fingerprint != configured.fingerprint


def test_nothing_stays_of_a_configuration_that_is_refused(tmp_path):
    """Not even until the garbage collector looks: a file that was read may hold a key or a password."""
    path = tmp_path / "gateway.toml"
    path.write_text("[gateway]\nlisten_ = 1\n", encoding="utf-8")
    before = _snapshots()
    gc.disable()
    try:
        with suppress(ConfigurationError):
            read(path)
        assert _snapshots() == before
    finally:
        gc.enable()


def _snapshots():
    return sum(isinstance(it, FileSnapshot) for it in gc.get_objects())
