from __future__ import annotations

import pytest

from tests.support.configurations import Folder


@pytest.fixture
def folder(tmp_path) -> Folder:
    """Give an empty directory for configuration files."""
    return Folder(tmp_path)
