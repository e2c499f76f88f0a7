"""Files of the configuration that other users may change: real files with real modes."""

from __future__ import annotations

import pytest

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.runtime.changes.exposed_sources import exposed_sources
from tests.support.volumes import Volume


def faults(path):
    """Read a file, and give the cures of what is said of it."""
    files = FileSnapshot()
    files.read(path)
    return [fault.cure for fault in exposed_sources([path], files.custody)]


@pytest.fixture
def source(tmp_path):
    """A file in a directory of its own."""
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    path = folder / "gateway.toml"
    path.touch(mode=0o644)
    return path


def test_a_file_that_others_may_write_is_refused(source):
    """Reading by everybody, and writing by the group, is the operator's own choice."""
    for mode, expected in ((0o644, []), (0o664, []), (0o666, [f"chmod o-w {source}"])):
        source.chmod(mode)
        assert faults(source) == expected


def test_a_folder_that_others_may_write_is_refused_without_the_sticky_bit(source):
    """There another user may rename the file away, and put one of its own in its place."""
    for mode, expected in ((0o755, []), (0o1777, []), (0o777, [f"chmod o-w {source.parent}"])):
        source.parent.chmod(mode)
        assert faults(source) == expected


def test_a_folder_with_a_link_counts_as_well(source, tmp_path):
    """A link that another user may replace leads where that user wants."""
    links = tmp_path / "links"
    links.mkdir()
    (links / "gateway.toml").symlink_to(source)
    assert faults(links / "gateway.toml") == []
    links.chmod(0o777)
    assert faults(links / "gateway.toml") == [f"chmod o-w {links}"]


def test_the_volumes_of_the_kubelet_are_fine(tmp_path):
    """Everybody may write to them, but only the kubelet may replace what is its own: drwxrwsrwt, with `..data`."""
    volume = Volume(tmp_path / "volume", {"gateway.toml": b""})
    volume.path.chmod(0o3777)
    (volume.path / "..data").resolve().chmod(0o2755)
    assert faults(volume.path / "gateway.toml") == []
