"""Holding a document against the schema: types, bounds, unknown keys, and what must never be taken for something else.

The sentences that are written for misfits are tests/config/test_load.py's.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.config.document.schema_check import MisfitsError, check
from fla_gateway.config.gateway_tables import Gateway, Listener
from fla_gateway.config.schema import Assertion, CallerTable, Configuration, KeySource, ProfileTable
from tests.support.properties import BOUNDED

PROFILE = {"environment": "acceptance", "client_id": "a", "key": "acme"}


def misfits(table: Any, document: Any) -> set[tuple[tuple[str | int, ...], str]]:
    """Check a document that does not fit, and return where what is wrong."""
    with pytest.raises(MisfitsError) as caught:
        check(table, document)
    return {(it.path, it.kind) for it in caught.value.misfits}


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("watch", 1, "bool_type"),
        ("watch", "true", "bool_type"),
        ("max_connections", True, "int_type"),
        ("max_connections", 5.0, "int_type"),
        ("max_connections", "5", "int_type"),
        ("max_connections", 0, "greater_than_equal"),
        ("max_connections", 100_001, "less_than_equal"),
        ("drain_seconds", True, "float_type"),
        ("drain_seconds", "25", "float_type"),
        ("drain_seconds", math.nan, "finite_number"),
        ("drain_seconds", math.inf, "finite_number"),
        ("drain_seconds", 10**400, "finite_number"),
        ("drain_seconds", -0.1, "greater_than_equal"),
        ("hosts", "a", "list_type"),
        ("hosts", {"a": 1}, "list_type"),
        ("timeouts", [], "table_type"),
        ("listen", [], "too_short"),
        ("colour", "red", "unknown_key"),
    ],
)
def test_a_value_of_another_kind_or_beyond_its_bounds_does_not_fit(key, value, kind):
    """Nothing is converted but whole numbers to numbers: what an operator did not write is not guessed."""
    assert misfits(Gateway, {key: value}) == {((key,), kind)}


@pytest.mark.parametrize("value", [["x"], [""], [" a"], ["a\n"], [5]])
def test_an_entry_of_a_list_is_named_by_its_place(value):
    """Empty texts, blanks around them and line breaks are misfits as well as other kinds; words without are not."""
    if value == ["x"]:
        assert check(Gateway, {"hosts": value}).hosts == ["x"]
    else:
        assert [path for path, _ in misfits(Gateway, {"hosts": value})] == [("hosts", 0)]


def test_all_misfits_are_found_at_once_and_in_order():
    """Known keys in the schema's order with those that are missing, then unknown ones in the document's."""
    document = {"profiles": {"Bad": {"zzz": 1, "environment": 5}}, "aaa": 1, "log": {"level": "loud"}}
    with pytest.raises(MisfitsError) as caught:
        check(Configuration, document)
    assert [(it.path, it.kind) for it in caught.value.misfits] == [
        (("log", "level"), "literal_error"),
        (("profiles", "Bad"), "pattern"),
        (("profiles", "Bad", "environment"), "string_type"),
        (("profiles", "Bad", "client_id"), "missing"),
        (("profiles", "Bad", "key"), "missing"),
        (("profiles", "Bad", "zzz"), "unknown_key"),
        (("aaa",), "unknown_key"),
    ]


def test_a_pattern_matches_the_whole_text():
    """Python's `$` also matches before a line break at the end, which no name and no digest may have."""
    assert misfits(CallerTable, {"keys": [{"sha256": "0" * 64 + "\n"}]}) == {(("keys", 0, "sha256"), "pattern")}
    assert misfits(ProfileTable, {**PROFILE, "key": "acme\n"}) == {(("key",), "pattern")}


def test_a_key_is_a_name_or_a_table():
    """What is neither is no table, and a table keeps to its own keys."""
    assert check(ProfileTable, PROFILE).key == "acme"
    inline = check(ProfileTable, {**PROFILE, "key": {"pem": "/a.pem"}}).key
    assert isinstance(inline, KeySource)
    assert misfits(ProfileTable, {**PROFILE, "key": 5}) == {(("key",), "table_type")}
    assert misfits(ProfileTable, {**PROFILE, "key": {"pin": 5}}) == {(("key", "pin"), "unknown_key")}


def test_what_is_left_out_has_the_default_and_what_is_written_its_value():
    """An address alone is a table; a whole number is a number; a key with a sign has a name of its own."""
    gateway = check(Gateway, {"listen": ["127.0.0.1:1"], "timeouts": {"head": 3}})
    assert gateway.listen == [Listener(address="127.0.0.1:1")]
    assert (type(gateway.timeouts.head), gateway.timeouts.head, gateway.timeouts.idle) == (float, 3.0, 75)
    assert check(Assertion, {"x5t#S256": True}).x5t_s256
    assert misfits(Assertion, {"x5t_s256": True}) == {(("x5t_s256",), "unknown_key")}


def test_a_date_lasts_to_its_end_and_a_time_needs_an_offset():
    """The host's time zone, which may change, never decides when a key ends."""

    def moment(value: object) -> float | None:
        return check(CallerTable, {"observe_until": value}).observe_until

    assert moment(date(2027, 6, 30)) == moment(datetime(2027, 7, 1, tzinfo=UTC)) == 1_814_400_000
    for value in (datetime(2027, 7, 1), "2027-06-30", True):  # noqa: DTZ001 - as TOML has it
        assert misfits(CallerTable, {"observe_until": value}) == {(("observe_until",), "unfit")}


KEYS = ["gateway", "listen", "address", "profiles", "callers", "keys", "allow", "limits", "audit", "path"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=20,
)


@BOUNDED
@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_no_document_makes_the_check_itself_fail(document):
    """Whatever TOML can hold fits, or is refused as what does not."""
    with suppress(MisfitsError):
        assert isinstance(check(Configuration, document), Configuration)
