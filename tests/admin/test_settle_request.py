"""What a client asks to be settled, from the body of its request."""

from __future__ import annotations

import json
import uuid

import pytest

from fla_gateway.admin.settle_request import read_settlements
from fla_gateway.i18n.message import Text
from fla_gateway.journal.snapshot import Settlement

ONE, OTHER = (str(uuid.UUID(int=number)) for number in (1, 2))


def read(**members):
    """Read a body of these members."""
    return read_settlements(json.dumps(members).encode(), 1000)


def test_each_request_gets_a_settlement_in_the_same_words():
    """An id that is there twice gets one."""
    found = read(ids=[ONE, f"urn:uuid:{OTHER}", ONE], **{"as": "done"}, note="n", by="b")
    assert found == tuple(Settlement(it, "done", "n", "b", 1000) for it in (ONE, OTHER))
    assert read(ids=[ONE], **{"as": "not-done"}) == (Settlement(ONE, "not-done", "", "", 1000),)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"ids": []},
        {"ids": ONE},
        {"ids": ["x"]},
        {"ids": [7]},
        {"ids": [ONE, None]},
        {"ids": [str(uuid.UUID(int=it)) for it in range(501)]},
        {"ids": [ONE], "as": "perhaps"},
        {"ids": [ONE], "as": None},
        {"ids": [ONE], "as": ["done"]},
        {"ids": [ONE], "as": "done", "note": "a\nb"},
        {"ids": [ONE], "as": "done", "note": "\u2066"},
        {"ids": [ONE], "as": "done", "note": "\ud800"},
        {"ids": [ONE], "as": "done", "by": 7},
        {"ids": [ONE], "as": "done", "by": "x" * 65},
        {"ids": [ONE], "as": "done", "uid": 0},
        {"ids": [ONE], "as": "done", "time": "2026-11-02"},
    ],
)
def test_what_is_not_of_the_form_settles_nothing(members):
    """Above all a user id that the client itself names: the kernel names it."""
    assert isinstance(read(**({"as": "done"} | members)), Text)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 60_000, b"7"])
def test_what_is_no_document_settles_nothing(body):
    """Whatever it is."""
    assert isinstance(read_settlements(body, None), Text)
