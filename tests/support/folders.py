"""Folders of tests that other users of the machine must be able to enter."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from tempfile import gettempdir


def let_others_in(folder: Path) -> None:
    """Let every user reach a folder of pytest's, which keeps its folders to itself at every level."""
    for one in takewhile(lambda it: it != Path(gettempdir()), (folder, *folder.parents)):
        one.chmod(0o755)
