"""What changes from one configuration to another, what of it needs a restart, and what of it opens more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import Configuration
from fla_gateway.runtime.reload_changes import (
    Change,
    Differs,
    changes,
    confinement_faults,
    named_paths,
    opens_more,
    restart_faults,
)

SAME = Differs(lambda _: False, lambda _: False)
KEYS = [{"sha256": digit * 64} for digit in "abc"]
MAIL = {"to": "it@company.example", "from": "gateway@company.example", "server": "mail.company.example:587"}
BASE: dict[str, Any] = {
    "gateway": {"listen": ["127.0.0.1:1", {"address": "unix:/s", "mode": "0600"}]},
    "keys": {"acme": {"pem": "/acme.pem", "password_env": "SECRET"}},
    "profiles": {"employer": {"environment": "simulation", "client_id": "x", "key": "acme"}},
    "callers": {"payroll": {"keys": KEYS, "allow": {"employer": ["GET /REST/**"]}}},
    "audit": {"path": "/journal"},
}


def configuration(**tables):
    """Make a configuration with other tables than those of the base; None takes one away."""
    document = {name: table for name, table in {**BASE, **tables}.items() if table is not None}
    return check(Configuration, _paths(document))


def _paths(value, name=""):
    if isinstance(value, dict):
        return {key: _paths(one, key) for key, one in value.items()}
    return Path(value) if name in {"pem", "path", "certificate", "key"} and str(value).startswith("/") else value


def test_nothing_changes_from_a_configuration_to_itself():
    """Neither a change, nor a fault, nor anything that opens more."""
    assert changes(configuration(), configuration(), SAME) == ()
    assert restart_faults(configuration(), configuration()) == ()
    assert opens_more(configuration(), configuration()) == ()


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"gateway": {**BASE["gateway"], "drain_seconds": 3}}, [("gateway.drain_seconds", "changed")]),
        ({"callers": {}}, [("callers.payroll", "removed")]),
        ({"callers": {**BASE["callers"], "hr": BASE["callers"]["payroll"]}}, [("callers.hr", "added")]),
        ({"audit": None}, [("audit", "removed")]),
        ({"callers": {"payroll": {**BASE["callers"]["payroll"], "keys": KEYS[1:]}}},
         [("callers.payroll.keys[0]", "removed")]),
        ({"callers": {"payroll": {**BASE["callers"]["payroll"], "keys": [*KEYS, {"sha256": "d" * 64}]}}},
         [("callers.payroll.keys[3]", "added")]),
        ({"callers": {"payroll": {**BASE["callers"]["payroll"], "keys": [KEYS[0], {"sha256": "d" * 64}, KEYS[2]]}}},
         [("callers.payroll.keys[1].sha256", "changed")]),
        ({"callers": {"payroll": {**BASE["callers"]["payroll"], "keys": KEYS[::-1]}}},
         [("callers.payroll.keys", "changed")]),
        ({"callers": {"payroll": {**BASE["callers"]["payroll"], "allow": {"employer": ["GET /REST/x"]}}}},
         [("callers.payroll.allow.employer[0]", "changed")]),
        ({"profiles": {"employer": {**BASE["profiles"]["employer"], "key": {"pem": "/x"}}}},
         [("profiles.employer.key", "changed")]),
        ({"profiles": {"employer": {**BASE["profiles"]["employer"], "assertion": {"x5t#S256": True}}}},
         [("profiles.employer.assertion.x5t#S256", "changed")]),
        ({"tracing": {"endpoint": "http://127.0.0.1:4318/v1/traces"}}, [("tracing", "added")]),
    ],
)  # fmt: skip
def test_each_change_is_named_by_its_key(tables, expected):
    """A table that came or went by itself, anything else by the innermost key; never a value."""
    assert changes(configuration(), configuration(**tables), SAME) == tuple(Change(*it) for it in expected)


def test_a_file_with_other_bytes_is_named_by_the_key_that_names_it():
    """Also in an entry of a list that has moved; and the value of a variable by the key that names that."""
    tls = {"certificate": "/c.pem", "key": "/k.pem"}
    listen = ["127.0.0.1:1", {"address": "0.0.0.0:2", "tls": tls}]
    old = configuration(gateway={"listen": listen})
    new = configuration(gateway={"listen": listen[::-1]})
    differs = Differs(lambda path: path.name in {"acme.pem", "c.pem"}, lambda name: name == "SECRET")
    assert changes(old, new, differs) == (
        Change("gateway.listen[0].tls.certificate", "changed"),
        Change("gateway.listen", "changed"),
        Change("keys.acme.pem", "changed"),
        Change("keys.acme.password_env", "changed"),
    )


@pytest.mark.parametrize(
    ("tables", "places"),
    [
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


TLS: dict[str, Any] = {"certificate": "/c.pem", "key": "/k.pem"}
WIDE: dict[str, Any] = {"listen": ["127.0.0.1:1", {"address": "0.0.0.0:2", "tls": TLS}]}


@pytest.mark.parametrize(
    ("before", "after", "opened"),
    [
        ({}, {"callers": {}}, ["callers"]),
        ({}, {"audit": None}, ["audit"]),
        ({}, {"audit": {"path": "/journal", "retention_days": 10, "on_failure": "continue"}},
         ["audit.retention_days", "audit.on_failure"]),
        ({}, {"audit": {"path": "/journal", "retention_days": 2_000, "fsync": "never"}}, []),
        ({}, {"gateway": {"listen": ["127.0.0.1:1", "127.0.0.1:2"]}}, []),
        ({}, {"gateway": {"listen": ["0.0.0.0:1"]}}, ["gateway.listen[0]"]),
        ({}, {"gateway": {"listen": ["127.0.0.1:1", {"address": "unix:/s", "mode": "0660"}]}}, ["gateway.listen[1]"]),
        ({"gateway": {"listen": ["unix:/s"]}}, {}, ["gateway.listen[0]"]),
        ({"gateway": {"listen": ["unix:/s"]}}, {"gateway": {"listen": ["unix:/t"]}}, []),
        ({"gateway": WIDE}, {"gateway": {"listen": ["127.0.0.1:1", "0.0.0.0:2"]}}, ["gateway.listen[1].tls"]),
        ({"gateway": WIDE}, {"gateway": {"listen": [*WIDE["listen"], "192.0.2.1:3"]}}, ["gateway.listen[2]"]),
        ({}, {"gateway": {**BASE["gateway"], "unsafe_cleartext": True, "unsafe_allow_anonymous": True}},
         ["gateway.unsafe_allow_anonymous", "gateway.unsafe_cleartext"]),
        ({}, {"profiles": {"employer": {**BASE["profiles"]["employer"], "anonymous": True}}},
         ["profiles.employer.anonymous"]),
        ({}, {"admin": {"actions": True}}, ["admin.actions"]),
        ({"gateway": WIDE, "admin": {"actions": True}}, {}, []),
        ({"alerts": {"mail": MAIL}}, {"alerts": {"mail": {**MAIL, "unsafe_cleartext": True}}},
         ["alerts.mail.unsafe_cleartext"]),
    ],
)  # fmt: skip
def test_what_opens_more_is_named(before, after, opened):
    """And what keeps less of the journal; what narrows, and what changes nothing about who may connect, is not."""
    assert list(opens_more(configuration(**before), configuration(**after))) == opened
