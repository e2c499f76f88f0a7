"""What of a changed configuration needs a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from fla_gateway.runtime.changes.restart_faults import confinement_faults, named_paths, restart_faults
from tests.runtime.changes.samples import KEYS, configuration


@pytest.mark.parametrize(
    ("tables", "places"),
    [
        ({}, []),
        ({"admin": {"listen": "127.0.0.1:2"}}, ["admin.listen"]),
        ({"audit": {"path": "/other"}}, ["audit.path"]),
        ({"security": {"landlock": True}}, ["security.landlock"]),
        ({"tracing": {"endpoint": "http://127.0.0.1:4318/"}, "log": {"format": "json", "requests": False}}, []),
        ({"audit": {"path": "/journal", "fsync": "always", "retention_days": 1, "segment_bytes": 65_536}}, []),
        ({"log": {"level": "debug"}, "audit": None, "admin": {"ready": "all", "key": KEYS[0]}}, []),
    ],
)
def test_what_needs_a_restart_is_named_with_a_cure(tables, places):
    """The rest can change while the process runs: the journal, for one, can be left out."""
    faults = restart_faults(configuration(), configuration(**tables))
    assert [it.place for it in faults] == places
    assert all("restart the gateway" in it.cure for it in faults)


def test_a_journal_that_is_added_needs_a_restart():
    """It is opened at the start, and repaired then if need be."""
    (fault,) = restart_faults(configuration(audit=None), configuration())
    assert fault.place == "audit"


def test_a_directory_that_landlock_does_not_allow_is_named_with_its_key():
    """The journal's directory is none of them; it cannot change at all."""
    files = named_paths(configuration())
    assert files == {"keys.acme.pem": Path("/acme.pem")}
    (fault,) = confinement_faults(files, lambda _: False)
    assert fault.place == "keys.acme.pem"
    assert confinement_faults(files, lambda _: True) == ()
