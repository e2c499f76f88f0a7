"""A volume as the kubelet writes it: files are links through `..data`, which is swapped in one step."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path


class Volume:
    """A directory whose files are all replaced at once."""

    def __init__(self, path: Path, files: Mapping[str, bytes]) -> None:
        self.path = path
        self._numbers = itertools.count()
        path.mkdir()
        self._generation: Path | None = None
        self.swap(files)
        for name in files:
            (path / name).symlink_to(Path("..data") / name)

    def swap(self, files: Mapping[str, bytes]) -> None:
        """Put another generation into force, as `AtomicWriter` of the kubelet does: the old one is removed after."""
        old, number = self._generation, next(self._numbers)
        self._generation = self.path / f"..2026_11_29_{number}"
        self._generation.mkdir()
        for name, content in files.items():
            (self._generation / name).write_bytes(content)
        link = self.path / "..data_tmp"
        link.symlink_to(self._generation.name)
        link.rename(self.path / "..data")
        if old is not None:
            for path in old.iterdir():
                path.unlink()
            old.rmdir()
