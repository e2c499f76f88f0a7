"""Bytes under a path."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fla_gateway.system.memory_file import memory_file

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="anonymous files are Linux's")
CONFINED = """
import contextlib, ctypes
from fla_gateway.errors import ConfigurationError
from fla_gateway.system.landlock import Paths, confine
from fla_gateway.system.memory_file import memory_file
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
with contextlib.suppress(ConfigurationError):
    confine(Paths())
for _ in range(2):
    with memory_file(b"secret") as path:
        print(path.read_bytes().decode())
"""


def test_the_bytes_can_be_read_as_often_as_wanted_and_are_gone_afterwards():
    """A library opens the path for each thing that it looks for."""
    with memory_file(b"certificate") as path:
        assert path is not None
        assert [path.read_bytes(), path.read_bytes()] == [b"certificate", b"certificate"]
    assert not path.exists()


def test_a_confined_process_can_read_them_as_well():
    """Under Landlock, where nothing on the disk can be read, and without the right to be debugged."""
    output = subprocess.run(
        [sys.executable, "-c", CONFINED], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert output.split()[-2:] == ["secret", "secret"]
