from __future__ import annotations

import pytest


@pytest.fixture
def path(tmp_path):
    """Where the journal is."""
    return tmp_path / "journal"
