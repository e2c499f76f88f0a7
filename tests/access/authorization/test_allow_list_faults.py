from __future__ import annotations

from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import Configuration


def test_every_entry_that_is_no_rule_is_placed():
    """Each faulty entry of each caller is reported at its own place, without what was written there."""
    allow = {"one": ["GET /REST/**", "GET /hunter2", "hunter2"], "two": ["POST /REST/a/*"]}
    callers = {"a": {"uid": 1, "allow": allow}, "b": {"uid": 2, "allow": {"one": ["* /REST/hunter2"]}}}
    found = [*caller_rule_faults(check(Configuration, {"callers": callers}))]
    assert [fault.place for fault in found] == [
        "callers.a.allow.one[1]",
        "callers.a.allow.one[2]",
        "callers.b.allow.one[0]",
    ]
    assert all(fault.message.startswith(("must ", "the ")) for fault in found)
    assert "hunter2" not in "".join(map(str, found))
