"""Values of the data path that are copied with a change: everything else is in the copy."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fla_gateway
from fla_gateway.access.refusal import Refusal
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.messages.request_fields import RequestFields
from fla_gateway.proxy.records.exchange_record import Attempt, Notes
from tests.observe.records import a_record

# No member has its default, so that one that is forgotten shows.
RECORD = a_record(
    received=1, sent=2, seconds=3.0, attempts=4, notes=Notes("r", "t", "p"), ended=5.0, token="a", trace="b",
    token_seconds=6.0, connection_seconds=7.0, upstream_seconds=8.0, refused=Attempt(401, "c", "d", 9.0),
    body="e", made=b"f", missing_scope=True,
)  # fmt: skip
FIELDS = RequestFields(
    length=1, keep_alive=True, expects_continue=True, host=b"h", forwarded=b"Max-Forwards: 1\r\n", traced=True,
    refusal=Refusal("a", Text("a")), presented=Refusal("b", Text("b")), notes=Notes("r", "t", "p"),
    fault=Refusal("c", Text("c")), origin=b"o", preflight=b"p", size=2, framed=True, typed=True, max_forwards=3,
)  # fmt: skip


def parameters(kind: type) -> dict[str, object]:
    """Read the parameters of a class with their defaults in its source, since a compiled one shows no signature."""
    file = Path(fla_gateway.__file__).parents[1] / f"{kind.__module__.replace('.', '/')}.py"
    body = next(it for it in ast.parse(file.read_text("utf-8")).body if getattr(it, "name", "") == kind.__name__)
    made = next(it for it in ast.walk(body) if isinstance(it, ast.FunctionDef) and it.name == "__init__").args
    missing = [None] * (len(made.args) - len(made.defaults))
    given = zip([*made.args, *made.kwonlyargs], [*missing, *made.defaults, *made.kw_defaults], strict=True)
    constants = {it.arg: it_.value if isinstance(it_, ast.Constant) else ... for it, it_ in given}
    return {name: value for name, value in constants.items() if name != "self"}


@pytest.mark.parametrize(
    ("original", "copy", "changed"),
    [
        (RECORD, RECORD.with_request(b"PUT", b"/x"), {"method": b"PUT", "path": b"/x"}),
        (FIELDS, FIELDS.forwarding(b"Accept: */*\r\n"), {"forwarded": b"Accept: */*\r\n"}),
    ],
    ids=["record", "fields"],
)
def test_a_copy_differs_in_what_was_changed_alone(original, copy, changed):
    """A member that is added to the class, and forgotten in its copy, would be lost without a word."""
    defaults = parameters(type(original))
    kept = {name: getattr(original, name) for name in defaults}
    assert [name for name, value in kept.items() if value == defaults[name] and name != "code"] == []
    assert {name: getattr(copy, name) for name in kept} == kept | changed
