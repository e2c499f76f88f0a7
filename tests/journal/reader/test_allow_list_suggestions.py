"""What was seen becomes the smallest allow list that covers it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.authorization.allow_list import matches, parse_rule
from fla_gateway.access.path_masking import KEY_BYTES, mask_path
from fla_gateway.journal.format.line_format import read
from fla_gateway.journal.reader.allow_list_suggestions import MOST_PATTERNS, Suggestions, toml
from fla_gateway.journal.reader.exchange_history import Exchange
from tests.support.journals import ENDED, EXCHANGE, write
from tests.support.properties import BOUNDED

KEY = b"k" * KEY_BYTES
ID = "~0123456789ab"


def seen(method, path, time="2026-11-23T08:00:00.000Z", **members):
    """Give an exchange with this request."""
    own = {"id": "1"} | EXCHANGE | ENDED | {"method": method, "path": path} | members
    return Exchange(None, read(write("", 1, time, "outcome", own)))


def proposed(*exchanges, wide=None):
    """Give the texts proposed for the first caller and profile."""
    suggestions = Suggestions("local")
    for one in exchanges:
        suggestions.take(one)
    return next(iter([[entry.text for entry in entries] for entries in suggestions.proposals(wide).values()]), [])


def test_masked_segments_become_stars():
    """An identifier stands for one segment; words stay, and other requests stay apart."""
    assert proposed(
        seen("GET", f"/REST/dimona/v2/declarations/{ID}"),
        seen("GET", "/REST/dimona/v2/declarations/~ba9876543210"),
        seen("POST", "/REST/dimona/v2/declarations"),
        seen("GET", f"/REST/dimona/v2/{ID}/periods/{ID}"),
        seen("GET", f"/REST/dimona/v2/{ID}/workers/{ID}"),
    ) == [
        "GET /REST/dimona/v2/*/periods/*",
        "GET /REST/dimona/v2/*/workers/*",
        "POST /REST/dimona/v2/declarations",
        "GET /REST/dimona/v2/declarations/*",
    ]


def test_get_covers_head():
    """HEAD needs no entry beside GET, and keeps its own where only HEAD was seen."""
    assert proposed(seen("HEAD", "/REST/a/b"), seen("GET", "/REST/a/b")) == ["GET /REST/a/b"]
    assert proposed(seen("HEAD", "/REST/a/b"), seen("GET", f"/REST/a/{ID}")) == ["GET /REST/a/*"]
    assert proposed(seen("HEAD", "/REST/a/b")) == ["HEAD /REST/a/b"]


def test_covered_entries_are_dropped():
    """What another entry permits already is not named again, and counts for that one."""
    suggestions = Suggestions("local")
    for path in ("/REST/a/b", f"/REST/a/{ID}", "/REST/a/c/d", f"/REST/{ID}/c/d"):
        suggestions.take(seen("GET", path))
    ((entries),) = suggestions.proposals().values()
    assert {entry.text: entry.seen.count for entry in entries} == {"GET /REST/*/c/d": 2, "GET /REST/a/*": 2}


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_what_the_api_refused_is_not_proposed(status):
    """A request that leads nowhere needs no permission, unless it was let through to be watched."""
    one = {"method": "GET", "path": "/REST/a/b", "status": status}
    assert proposed(seen(**one)) == []
    assert proposed(seen(**one, observed=True)) == ["GET /REST/a/b"]


@pytest.mark.parametrize(
    "members",
    [
        {"origin": "gateway", "status": 403, "outcome": "refused", "attempts": 0},
        {"origin": "network", "status": 502, "outcome": "not-sent", "attempts": 0},
        {"origin": "gateway", "status": 429, "outcome": "refused", "attempts": 0, "observed": True},
        {"origin": "network", "status": 504, "outcome": "unknown"},
    ],
)
def test_what_was_not_answered_is_not_proposed(members):
    """Only an API's answer shows that a request is one that it knows."""
    assert proposed(seen("POST", "/REST/a/b", **members)) == []


def test_anonymous_traffic_gets_a_name():
    """Where there are no callers yet, their exchanges go to the name that was chosen."""
    suggestions = Suggestions("payroll")
    suggestions.take(seen("GET", "/REST/a/b", caller=""))
    suggestions.take(seen("GET", "/REST/a/c", caller="payroll"))
    suggestions.take(seen("GET", "/REST/a/c", caller="hr", profile="secretariat"))
    found = tomllib.loads("\n".join(toml(suggestions.proposals())))
    assert found == {
        "callers": {
            "hr": {"allow": {"secretariat": ["GET /REST/a/c"]}},
            "payroll": {"allow": {"employer": ["GET /REST/a/b", "GET /REST/a/c"]}},
        }
    }


def test_each_entry_tells_what_it_rests_on():
    """A comment says how often and when last, and whether it was only watched or never answered well."""
    suggestions = Suggestions("local")
    suggestions.take(seen("GET", "/REST/a/b", "2026-11-23T09:00:00.000Z"))
    suggestions.take(seen("GET", "/REST/a/b", "2026-11-23T08:00:00.000Z"))
    suggestions.take(seen("GET", "/REST/a/c", status=404, observed=True))
    text = "\n".join(toml(suggestions.proposals()))
    assert '    # 2 times, last 2026-11-23T09:00:00.000Z\n    "GET /REST/a/b",' in text
    assert "1 time, last 2026-11-23T08:00:00.000Z; 1 of them observed: not permitted so far; answered with 404" in text


def test_wide_joins_entries_with_one_prefix():
    """More than N entries below one prefix become one; N or fewer stay, and nothing is joined unasked."""
    many = [seen("GET", f"/REST/a/{word}/{last}") for word in ("b", "c") for last in ("x", "y", "z")]
    many += [seen("POST", "/REST/a/b/x"), seen("GET", "/REST/a/b"), seen("GET", "/REST/d/b")]
    assert len(proposed(*many)) == 9
    assert len(proposed(*many, wide=4)) == 9 - 6
    assert proposed(*many, wide=4) == ["GET /REST/a/**", "POST /REST/a/b/x", "GET /REST/d/b"]
    assert proposed(*many, wide=2) == ["GET /REST/a/**", "POST /REST/a/b/x", "GET /REST/d/b"]
    assert proposed(*many[:6], wide=2) == ["GET /REST/a/b/**", "GET /REST/a/c/**"]


def test_wide_never_reaches_above_a_service():
    """However many services were seen, none is proposed that was not."""
    services = [seen("GET", f"/REST/{one}{two}/v/x") for one in "abcdef" for two in "abcdef"]
    assert len(proposed(*services, wide=1)) == 36


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("OTHER\n", "/REST/a"),
        ("get", "/REST/a"),
        ("GET", "/REST/oauth/token"),
        ("GET", "/other/a"),
        ("GET", "/REST/a//b"),
        ("GET", '/REST/a"\n[callers.evil.allow]'),
        ("GET", "/REST" + "/a" * 24),
        ("", ""),
    ],
)
def test_what_no_entry_can_be_written_for_is_counted(method, path):
    """An exchange that cannot be expressed is left out and counted, never guessed at."""
    suggestions = Suggestions("local")
    suggestions.take(seen(method, path))
    assert (suggestions.left_out, suggestions.proposals()) == (1, {})


@pytest.mark.parametrize("member", ["caller", "profile"])
def test_names_that_are_none_are_left_out(member):
    """A name goes into TOML only if a configuration could hold it."""
    suggestions = Suggestions("local")
    suggestions.take(seen("GET", "/REST/a/b", **{member: "x]\n[y"}))
    assert (suggestions.left_out, suggestions.proposals()) == (1, {})


def test_memory_is_bounded():
    """A caller that makes up paths does not fill the memory."""
    suggestions = Suggestions("local")
    words = ("".join(chr(97 + int(digit)) for digit in str(number)) for number in range(MOST_PATTERNS + 10))
    for word in words:
        suggestions.take(seen("GET", f"/REST/a/{word}"))
    ((entries),) = suggestions.proposals().values()
    assert (len(entries), suggestions.left_out) == (MOST_PATTERNS, 10)


SEGMENT = st.one_of(
    st.sampled_from(["v1", "declarations", "workers", "85073003328", "a.b", "%C3%A9", "x_y", "~0123456789ab"]),
    st.text("abz0189.~%!$&'()*+,=:@-_", min_size=1, max_size=6),
)
REQUEST = st.tuples(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS"]),
    st.lists(SEGMENT, min_size=1, max_size=5),
    st.booleans(),
)


@BOUNDED
@given(st.lists(REQUEST, min_size=1, max_size=8), st.sampled_from([None, 1, 2]))
def test_every_request_is_covered_by_a_proposal(requests, wide):
    """Whatever was sent, masked and proposed: the entries are well-formed, and permit it again."""
    paths = ["/".join(["/REST", *segments]) + "/" * slash for _, segments, slash in requests]
    suggestions = Suggestions("local")
    for (method, _, _), path in zip(requests, paths, strict=True):
        suggestions.take(seen(method, mask_path(path.encode(), KEY)))
    texts = [entry.text for entries in suggestions.proposals(wide).values() for entry in entries]
    rules = [parse_rule(text) for text in texts]
    assert suggestions.left_out == 0
    assert wide or "**" not in "".join(texts)
    for (method, _, _), path in zip(requests, paths, strict=True):
        assert any(matches(rule, method.encode(), path.encode()) for rule in rules)
    if wide is None:
        # None can be spared: without it something that was seen is refused.
        for spared in rules:
            rest = [rule for rule in rules if rule != spared]
            masked = [mask_path(path.encode(), KEY).encode() for path in paths]
            assert any(
                not any(matches(rule, method.encode(), path) for rule in rest)
                for (method, _, _), path in zip(requests, masked, strict=True)
            )
