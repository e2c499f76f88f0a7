"""What the data path says becomes the members of a line."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.authentication.caller import ANONYMOUS, Admission
from fla_gateway.access.path_masking import mask_path
from fla_gateway.journal.writer.entry_encoder import EntryEncoder
from fla_gateway.proxy.exchange.request_ids import second_trace_id
from fla_gateway.proxy.records.exchange_record import Attempt, Notes
from tests.support.journal_writer import PATH, a_record, an_intent, the_id

KEY = b"k" * 32
TEXTS = st.text(max_size=64)


@pytest.fixture
def entries():
    """The writer of entries."""
    return EntryEncoder(KEY, lambda: {"employer": "production"})


def members(entry):
    """Read an entry back."""
    return json.loads("{" + entry)


def outcome(entries, **changes):
    """Write and read an outcome."""
    (entry,) = entries.outcomes("t", [a_record(**changes)], lambda _: True)
    return members(entry)


def test_an_intent_has_all_that_is_known_before_sending(entries):
    """The members are those of the issue, with the masked path and the rule that allowed the request."""
    path = b"/REST/dimona/v2/workers/85010112345?name=x"
    assert members(entries.intents("2026-11-22T12:00:00.000Z", [an_intent(path=path)], [""])[0]) == {
        "time": "2026-11-22T12:00:00.000Z",
        "record": "intent",
        "id": the_id(1),
        "caller": "payroll",
        "proof": "key:1a2b3c4d",
        "profile": "employer",
        "environment": "production",
        "rule": "POST /REST/dimona/v2/declarations",
        "observed": False,
        "method": "POST",
        "path": mask_path(path, KEY),
        "token": "0123abcd",
        "trace_sent": the_id(1),
    }


def test_an_outcome_repeats_the_intent_and_adds_the_fate(entries):
    """Whoever has the outcome needs no other line to say what was sent for whom, and what became of it."""
    intent = members(entries.intents("t", [an_intent()], [""])[0])
    assert outcome(entries) == intent | {
        "record": "outcome",
        "status": 201,
        "origin": "upstream",
        "code": "",
        "outcome": "answered",
        "delivery": "delivered",
        "received": 120,
        "sent": 30,
        "attempts": 1,
        "trace_received": "trace-of-the-api",
        "ms": 41.5,
        "connection_ms": 1.0,
        "upstream_ms": 39.0,
    }


def test_a_member_that_would_say_nothing_is_left_out(entries):
    """What nobody sent, waited for or made again takes no room on the disk; what was is in its place."""
    silent = outcome(entries, trace="", connection_seconds=0.0)
    assert not {
        "trace_caller", "reference", "refused_attempt", "trace_received", "token_ms", "connection_ms",
    } & silent.keys()  # fmt: skip
    noted = outcome(
        entries, notes=Notes("ref", "abc"), refused=Attempt(401, "aa", "t", 1), trace="r", token_seconds=2,
        connection_seconds=1,
    )  # fmt: skip
    assert list(noted) == [
        *list(silent)[: list(silent).index("trace_sent") + 1], "trace_caller", "reference",
        "status", "origin", "code", "outcome", "delivery", "attempts", "refused_attempt", "received", "sent",
        "trace_received", "ms", "token_ms", "connection_ms", "upstream_ms",
    ]  # fmt: skip


@given(
    status=st.integers(200, 599),
    path=st.binary(max_size=300),
    trace=st.text(max_size=64),
    numbers=st.lists(st.integers(0, 2**40), min_size=2, max_size=2),
    seconds=st.lists(st.floats(1e-6, 1e5), min_size=2, max_size=2),
)
def test_the_usual_outcome_differs_from_any_other_in_its_values_alone(status, path, trace, numbers, seconds):
    """What is written the quick way has the members of the long way, in their order, and their values."""
    entries = EntryEncoder(KEY, lambda: {"employer": "production"})
    changes = dict(zip(("received", "sent", "seconds", "upstream_seconds"), [*numbers, *seconds], strict=True))
    changes |= {"status": status, "path": path, "trace": trace, "connection_seconds": 0.0}
    usual, waited = a_record(**changes, token_seconds=0.0), a_record(**changes, token_seconds=0.5)
    for _ in ("written", "remembered"):
        quick, long = map(members, entries.outcomes("t", [usual, waited], lambda _: True))
        assert long.pop("token_ms") == 500.0
        assert list(quick.items()) == list(long.items())


def test_outcomes_that_are_alike_in_most_are_not_taken_for_each_other(entries):
    """Another status, token, path, method, profile or caller is another line, however often one was written before."""
    plain = {"token_seconds": 0.0, "connection_seconds": 0.0}
    first = outcome(entries, **plain)
    for name, value, shown in [
        ("status", 422, 422),
        ("token", "feedbeef", "feedbeef"),
        ("path", b"/REST/other", "/REST/other"),
        ("method", b"PUT", "PUT"),
        ("profile", "training", "training"),
    ]:
        other = outcome(entries, **plain, **{name: value})
        assert other[name] == shown
        assert {it for it in first if first[it] != other[it]} - {"environment"} == {name}
    caller = outcome(entries, **plain, admission=Admission("hr", "uid:7", "GET /REST/**", observed=True))
    assert (caller["caller"], caller["proof"], caller["rule"], caller["observed"]) == (
        "hr",
        "uid:7",
        "GET /REST/**",
        True,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "truncated"},
        {"outcome": "caller-gone"},
        {"outcome": "unknown", "origin": "network", "code": "connection-lost", "upstream_seconds": 0.0},
        {"attempts": 0, "outcome": "refused", "origin": "gateway", "code": "stopping", "upstream_seconds": 0.0},
        {"attempts": 0},
        {"attempts": 2},
        {"attempts": 2, "refused": Attempt(401, "aa", "t", 1)},
        {"refused": Attempt(401, "aa", "t", 1)},
        {"notes": Notes(reference="0")},
        {"notes": Notes(trace="0")},
        {"token_seconds": 0.5},
        {"connection_seconds": 0.5},
    ],
)
def test_nothing_unusual_is_written_as_the_usual_that_came_before(entries, changes):
    """What ended otherwise, waited, was made again or noted has a line of its own, and so has the usual after it."""
    plain = {"token_seconds": 0.0, "connection_seconds": 0.0}
    usual = outcome(entries, **plain)
    assert outcome(entries, **plain | changes) == outcome(
        EntryEncoder(KEY, lambda: {"employer": "production"}), **plain | changes
    )
    assert outcome(entries, **plain) == usual != outcome(entries, **plain | changes)


def test_intents_that_are_alike_in_most_are_not_taken_for_each_other(entries):
    """Another token, path, method, profile or caller is another line, and so is one with notes."""
    first = members(entries.intents("t", [an_intent()], [""])[0])
    for other, name, shown in [
        (an_intent(token="feedbeef"), "token", "feedbeef"),
        (an_intent(path=b"/REST/other"), "path", "/REST/other"),
        (an_intent(method=b"PUT"), "method", "PUT"),
        (an_intent(profile="training"), "profile", "training"),
        (an_intent(notes=Notes(reference="0")), "reference", "0"),
        (an_intent(notes=Notes(trace="0")), "trace_caller", "0"),
    ]:
        written, again = map(members, entries.intents("t", [other, an_intent()], ["", ""]))
        assert (again, written[name]) == (first, shown) != (first, first.get(name))
    (foreign,) = entries.intents(
        "t", [an_intent(admission=Admission("hr", "uid:7", "GET /REST/**", observed=True))], [""]
    )
    assert [members(foreign)[name] for name in ("caller", "proof", "observed")] == ["hr", "uid:7", True]


@pytest.mark.parametrize(
    ("changes", "delivery"),
    [
        ({"attempts": 0, "origin": "gateway", "outcome": "refused", "upstream_seconds": 0.0}, "not-sent"),
        ({"attempts": 0, "origin": "token-server", "outcome": "not-sent", "upstream_seconds": 0.0}, "not-sent"),
        ({"origin": "network", "outcome": "unknown", "upstream_seconds": 0.0}, "unknown"),
        ({"origin": "gateway", "outcome": "caller-gone", "status": 0, "upstream_seconds": 0.0}, "unknown"),
        ({"origin": "gateway", "outcome": "caller-gone", "status": 0, "upstream_seconds": 0.2}, "delivered"),
        ({"origin": "upstream", "outcome": "truncated"}, "delivered"),
        # The API has refused the first attempt's token; there was no second one.
        (
            {
                "origin": "token-server",
                "outcome": "unknown",
                "upstream_seconds": 0.0,
                "refused": Attempt(401, "", "", 1),
            },
            "delivered",
        ),
        # There was, and nothing came back.
        (
            {
                "origin": "network",
                "outcome": "unknown",
                "attempts": 2,
                "upstream_seconds": 0.0,
                "refused": Attempt(401, "", "", 1),
            },
            "unknown",
        ),
    ],
)
def test_delivery_says_no_more_than_is_known(entries, changes, delivery):
    """Delivered means that an answer's head arrived, not-sent that nothing was written; the rest is unknown."""
    assert outcome(entries, **changes)["delivery"] == delivery


def test_both_attempts_of_a_replay_are_told(entries):
    """The refused attempt stands beside the last one, with its own token and trace id."""
    refused = Attempt(401, "feedbeef", 'odd "trace"', 0.0123)
    found = outcome(entries, attempts=2, refused=refused)
    assert found["refused_attempt"] == {"status": 401, "token": "feedbeef", "trace": 'odd "trace"', "ms": 12.3}
    assert (found["attempts"], found["token"]) == (2, "0123abcd")


@pytest.mark.parametrize("refused", [None, Attempt(401, "aa", "t", 1)])
def test_a_second_attempt_has_a_trace_of_its_own(entries, refused):
    """Both ids stand in the outcome, whatever led to the second attempt; a caller's own is one for both."""
    found = outcome(entries, attempts=2, refused=refused)
    assert (found["trace_sent"], found["trace_again"]) == (the_id(1), second_trace_id(the_id(1)))
    assert "trace_again" not in outcome(entries, attempts=1)
    own = outcome(entries, attempts=2, refused=refused, notes=Notes("", "abc-1"))
    assert own["trace_sent"] == "abc-1"
    assert "trace_again" not in own


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("757c0f64-9a9d-45fc-a1bd-8ca7a3509ec3", "757c0f64-9a9d-45fc-a1bd-8ca7a3509ec4"),
        ("757c0f64-9a9d-45fc-a1bd-8ca7a3509ec9", "757c0f64-9a9d-45fc-a1bd-8ca7a3509eca"),
        ("757c0f64-9a9d-45fc-a1bd-8ca7a3509ecf", "757c0f64-9a9d-45fc-a1bd-8ca7a3509ec0"),
    ],
)
def test_the_second_trace_follows_from_the_request_id(first, second):
    """As docs/audit.md tells it to whoever has an intent alone; it is a UUID as well."""
    assert second_trace_id(first) == second
    assert uuid.UUID(second).version == 4


def test_the_trace_sent_is_the_callers_own_if_there_is_one(entries):
    """BelGov-Trace-Id is the caller's or the request id; where nothing was sent, there is none."""
    own = Notes(trace="abc-1")
    found = outcome(entries, notes=own)
    assert (found["trace_sent"], found["trace_caller"]) == ("abc-1", "abc-1")
    assert members(entries.intents("t", [an_intent(notes=own)], [""])[0])["trace_sent"] == "abc-1"
    assert outcome(entries)["trace_sent"] == the_id(1)
    assert outcome(entries, attempts=0)["trace_sent"] == ""
    assert outcome(entries, attempts=0, notes=own)["trace_sent"] == ""


@given(reference=TEXTS, trace=TEXTS, received=TEXTS, caller=TEXTS, proof=TEXTS, rule=TEXTS)
def test_whatever_a_text_holds_it_stays_one_line_of_ascii_and_comes_back(
    reference, trace, received, caller, proof, rule
):
    """No text of a caller, of the API or of the configuration can break the line or forge a member."""
    notes, admission = Notes(reference, trace), Admission(caller, proof, rule, observed=True)
    entries = EntryEncoder(KEY, dict)
    for entry in (
        *entries.outcomes("t", [a_record(notes=notes, trace=received, admission=admission)], lambda _: True),
        entries.intents("t", [an_intent(notes=notes, admission=admission)], [""])[0],
    ):
        assert entry.isascii()
        assert entry.isprintable()
        found = members(entry)
        assert (found.get("reference", ""), found.get("trace_caller", "")) == (reference, trace)
        assert (found["caller"], found["proof"], found["rule"], found["observed"]) == (caller, proof, rule, True)
        assert found.get("trace_received", "") == (received if found["record"] == "outcome" else "")


@given(method=st.binary(max_size=40), path=st.binary(max_size=600))
def test_whatever_stood_in_the_head_it_stays_one_line(method, path):
    """Method and path come from the wire; only what is harmless is repeated."""
    (entry,) = EntryEncoder(KEY, dict).outcomes("t", [a_record(method=method, path=path)], lambda _: True)
    found = members(entry)
    assert entry.isprintable()
    assert found["path"] == mask_path(path, KEY)
    assert found["method"] in {"", "OTHER", method.decode("latin-1")}


@pytest.mark.parametrize(
    ("method", "name"),
    [(b"PATCH", "PATCH"), (b"M-SEARCH", "M-SEARCH"), (b"get", "OTHER"), (b"A" * 25, "OTHER"), (b"", "")],
)
def test_methods_that_are_none_have_no_name(entries, method, name):
    """A caller cannot write what it likes into the journal by calling it a method."""
    for _ in range(2):
        assert outcome(entries, method=method)["method"] == name


def test_what_is_remembered_is_never_mixed_up(entries):
    """The same caller under another rule, in another profile, has a description of its own; an unknown one none."""
    one, other = outcome(entries), outcome(entries, profile="learning", admission=ANONYMOUS)
    assert (one["caller"], one["environment"]) == ("payroll", "production")
    assert (other["caller"], other["proof"], other["profile"], other["environment"]) == (
        "",
        "anonymous",
        "learning",
        "",
    )
    assert outcome(entries) == one
    assert outcome(entries, path=PATH + b"/x")["path"].endswith("/x")


def test_what_is_remembered_is_bounded(entries):
    """Callers who never repeat a path cost no memory, whether they read or change; what is long is never remembered."""
    usual = {"token_seconds": 0.0, "connection_seconds": 0.0}
    for number in range(3_000):
        path = b"/REST/%d" % number
        outcome(entries, path=path, method=b"M" * (number % 20) + b"-%d" % number)
        outcome(entries, admission=Admission("x", f"uid:{number}"), **usual)
        entries.intents("t", [an_intent(path=path), an_intent(token=f"{number:08x}")], ["", ""])
    memories = (entries._requests, entries._usual, entries._usual_intents)
    assert max(map(len, memories)) <= 1_024
    long = b"/REST/" + b"x" * 10_000
    assert outcome(entries, path=long, **usual) == outcome(entries, path=long, **usual)
    entries.intents("t", [an_intent(path=long)], [""])
    assert not any(long in question for memory in memories for question in memory)


def test_a_moment_is_cut_to_the_millisecond(entries):
    """Times are UTC and never later than the moment itself."""
    assert entries.stamp(1_795_348_800.9999) == "2026-11-22T12:00:00.999Z"
    assert entries.stamp(1_795_348_801.0) == "2026-11-22T12:00:01.000Z"
    assert entries.stamp(1_795_348_800.5) == "2026-11-22T12:00:00.500Z"


def test_the_hash_of_a_body_is_in_the_intent_or_else_in_the_outcome(entries):
    """In the intent where the whole body was in hand; where it was still coming, the outcome has it."""
    hashed = "0123456789abcdef"
    assert members(entries.intents("t", [an_intent()], [hashed])[0])["body"] == hashed
    assert "body" not in members(entries.intents("t", [an_intent()], [""])[0])
    for waited in (0.0, 0.5):
        assert "body" not in outcome(entries, token_seconds=waited)
        assert outcome(entries, body=hashed, token_seconds=waited)["body"] == hashed


@pytest.mark.parametrize("waited", [0.0, 0.5], ids=["written quickly", "written at length"])
def test_what_was_made_is_masked_as_in_the_path_of_the_calls_that_follow(entries, waited):
    """The number of a declaration has one mask, in `made` and in `path`; a plain word is no number."""
    numbered = outcome(entries, made=b"98765", token_seconds=waited, connection_seconds=0.0)
    asked = outcome(entries, method=b"GET", path=PATH + b"/98765", connection_seconds=0.0)
    assert asked["path"].rpartition("/")[2] == numbered["made"] == mask_path(b"98765", KEY)
    assert outcome(entries, made=b"latest", token_seconds=waited, connection_seconds=0.0)["made"] == "latest"
    assert "made" not in outcome(entries, token_seconds=waited, connection_seconds=0.0)
