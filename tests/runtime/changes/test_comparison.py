"""What changes from one configuration to another."""

from __future__ import annotations

import pytest

from fla_gateway.runtime.changes.comparison import Change, Differs, changes
from tests.runtime.changes.samples import BASE, KEYS, configuration

SAME = Differs(lambda _: False, lambda _: False)


def test_nothing_changes_from_a_configuration_to_itself():
    """No change is listed."""
    assert changes(configuration(), configuration(), SAME) == ()


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
