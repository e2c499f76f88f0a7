"""The entries of `allow`: their form, and what they permit."""

from __future__ import annotations

import re
import sys
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fla_gateway.access.authorization.allow_list import MANY, ONE, Rule, judge, matches, parse_rule
from fla_gateway.access.refusal import Refusal
from tests.support.properties import BOUNDED


@pytest.mark.parametrize(
    ("text", "method", "segments"),
    [
        ("POST /REST/dimona/v2/declarations", b"POST", (b"REST", b"dimona", b"v2", b"declarations")),
        ("GET /REST/**", b"GET", (b"REST", MANY)),
        ("DELETE /REST/a/*/b/**/c", b"DELETE", (b"REST", b"a", ONE, b"b", MANY, b"c")),
        ("M-SEARCH /REST/a/", b"M-SEARCH", (b"REST", b"a", b"")),
        ("GET /REST/a%C3%A9%20b/$count(x)=~'@:,+!&", b"GET", (b"REST", b"a%C3%A9%20b", b"$count(x)=~'@:,+!&")),
        ("GET /REST/oauthority", b"GET", (b"REST", b"oauthority")),
        ("GET /REST/a/oauth", b"GET", (b"REST", b"a", b"oauth")),
    ],
)
def test_an_entry_is_read(text, method, segments):
    """An entry is a method, a space and a path whose segments are literal or stars."""
    rule = parse_rule(text)
    assert (rule.text, rule.method, rule.segments) == (text, method, segments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "one space"),
        ("GET", "one space"),
        ("/REST/a", "one space"),
        ("GET  /REST/a", "one space"),
        ("GET /REST/a ", "one space"),
        (" GET /REST/a", "one space"),
        ("GET /REST/a b", "one space"),
        ("GET\t/REST/a", "one space"),
        ("* /REST/a", "one entry for each method"),
        ("get /REST/a", "capitals"),
        ("Get /REST/a", "capitals"),
        ("GET,POST /REST/a", "capitals"),
        ("PO* /REST/a", "capitals"),
        ("GÉT /REST/a", "capitals"),
        ("CONNECT /REST/a", "never forwarded"),
        ("trace /REST/a", "never forwarded"),
        ("GET REST/a", "begin with /REST/"),
        ("GET /rest/a", "begin with /REST/"),
        ("GET /REST", "begin with /REST/"),
        ("GET /REST/", "begin with /REST/"),
        ("GET /**", "begin with /REST/"),
        ("GET /employer/REST/a", "begin with /REST/"),
        ("GET https://services.example/REST/a", "begin with /REST/"),
        ("GET /REST//a", "//"),
        ("GET /REST/a//", "//"),
        ("GET /REST/a;x", "percent-encoded"),
        ("GET /REST/a?x=1", "percent-encoded"),
        ("GET /REST/a#x", "percent-encoded"),
        ("GET /REST/a\\b", "percent-encoded"),
        ("GET /REST/caf\xe9", "percent-encoded"),
        ("GET /REST/a%zz", "percent-encoded"),
        ("GET /REST/a%2", "percent-encoded"),
        ("GET /REST/a\n", "percent-encoded"),
        ("GET /REST/a%2Fb", "%2F"),
        ("GET /REST/a%5cb", "%5C"),
        ("GET /REST/a%252Fb", "%2F"),
        ("GET /REST/a%25%32%46b", "%2F"),
        ("GET /REST/a%EF%BC%8Fb", "%2F"),
        ("GET /REST/a%C0%AFb", "read in different ways"),
        ("GET /REST/a%E9", "read in different ways"),
        ("POST /REST/oauth./v5", "oauth"),
        ("POST /REST/oauth~1/v5", "oauth"),
        ("GET /REST/./a", ". or .."),
        ("GET /REST/a/..", ". or .."),
        ("GET /REST/%2e%2E/a", ". or .."),
        ("GET /REST/.%2e/a", ". or .."),
        ("GET /REST/v*", "whole segment"),
        ("GET /REST/a/***", "whole segment"),
        ("GET /REST/a/**b/c", "whole segment"),
        ("POST /REST/oauth/v5/token", "oauth"),
        ("POST /REST/OAuth/**", "oauth"),
        ("POST /REST/%6Fauth/**", "oauth"),
    ],
)
def test_a_faulty_entry_is_explained(text, words):
    """What is no entry is refused with a sentence about what is wrong, which does not repeat the entry."""
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        parse_rule(text)
    assert len(text) < 4 or text not in str(error.value)


@pytest.mark.parametrize(
    ("entry", "path", "fits"),
    [
        ("/REST/a", "/REST/a", True),
        ("/REST/a", "/REST/a/", False),
        ("/REST/a", "/REST/A", False),
        ("/REST/a", "/REST/ab", False),
        ("/REST/a", "/REST/%61", False),
        ("/REST/%61", "/REST/a", False),
        ("/REST/%c3%a9", "/REST/%C3%A9", False),
        ("/REST/a/", "/REST/a/", True),
        ("/REST/a/", "/REST/a", False),
        ("/REST/a/*", "/REST/a/1", True),
        ("/REST/a/*", "/REST/a/*", True),
        ("/REST/a/*", "/REST/a/**", True),
        ("/REST/a/*", "/REST/a/1/2", False),
        ("/REST/a/*", "/REST/a/", False),
        ("/REST/a/*", "/REST/a", False),
        ("/REST/a/*", "/REST/a/1/", False),
        ("/REST/a/*/", "/REST/a/1/", True),
        ("/REST/*/b", "/REST/a/b", True),
        ("/REST/*/b", "/REST/b", False),
        ("/REST/*/b", "/REST//b", False),
        ("/REST/a/**", "/REST/a/1", True),
        ("/REST/a/**", "/REST/a/1/2/3", True),
        ("/REST/a/**", "/REST/a/1/", True),
        ("/REST/a/**", "/REST/a", False),
        ("/REST/a/**", "/REST/a/", False),
        ("/REST/a/**", "/REST/a//", False),
        ("/REST/a/**", "/REST/a//1", False),
        ("/REST/a/**", "/REST/a/1//2", False),
        ("/REST/a/**", "/REST/ab/1", False),
        ("/REST/a/**", "/other/a/1", False),
        ("/REST/**/z", "/REST/a/z", True),
        ("/REST/**/z", "/REST/a/z/z", True),
        ("/REST/**/z", "/REST/z", False),
        ("/REST/**/z", "/REST/z/z", True),
        ("/REST/**/z", "/REST/a/z/", False),
        ("/REST/**/b/*/**", "/REST/a/b/c/d/e", True),
        ("/REST/**/b/*/**", "/REST/a/b/b", False),
        ("/REST/**/b/*/**", "/REST/a/b/b/c/d", True),
        ("/REST/**/**", "/REST/a", False),
        ("/REST/**/**", "/REST/a/b", True),
        ("/REST/**/**", "/REST/a/", False),
        ("/REST/**/a/b/**/a/c", "/REST/x/a/x/a/b/x/a/b/a/c", True),
        ("/REST/**", "", False),
        ("/REST/**", "*", False),
    ],
)
def test_an_entry_covers_paths(entry, path, fits):
    """A star is one segment that is not empty, two are one or more, and every other byte is itself."""
    assert matches(parse_rule(f"GET {entry}"), b"GET", path.encode()) is fits


@pytest.mark.parametrize(
    ("permitted", "method", "fits"),
    [
        ("GET", b"GET", True), ("GET", b"HEAD", True), ("HEAD", b"HEAD", True), ("HEAD", b"GET", False),
        ("GET", b"OPTIONS", False), ("GET", b"get", False), ("GET", b"POST", False), ("POST", b"PUT", False),
        ("PUT", b"PATCH", False), ("GET", b"GE", False), ("GET", b"GETS", False), ("GET", b"", False),
    ],
)  # fmt: skip
def test_get_covers_head_and_nothing_else_covers_anything(permitted, method, fits):
    """A method covers itself, letter by letter, and GET covers HEAD."""
    assert matches(parse_rule(f"{permitted} /REST/a"), method, b"/REST/a") is fits


def steps(entry, path):
    """Count the lines of the package that run while a path is compared."""
    counted = 0

    def count(frame, event, _):
        nonlocal counted
        if "fla_gateway" not in frame.f_code.co_filename:
            return None
        counted += event == "line"
        return count

    rule = parse_rule(entry)
    before = sys.gettrace()
    sys.settrace(count)
    try:
        matches(rule, b"GET", path)
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize(
    ("entry", "unit"),
    [
        ("**/a/" * 30 + "z", "/a"),
        ("**/" + "a/" * 40 + "z", "/a"),
        ("**/" + "*/" * 40 + "z", "/a"),
        ("**/" + "a/b/" * 20 + "**/" + "a/b/" * 20 + "z", "/a/b"),
    ],
)
def test_stars_in_the_middle_cost_what_the_path_is_long(entry, unit):
    """Twice the path is twice the steps, and a longer pattern costs none: paths are made to be tried in every way."""
    once, twice = (steps(f"GET /REST/{entry}", f"/REST{unit * count}".encode()) for count in (1_000, 2_000))
    assert once < 4 * 1_000 * unit.count("/") + 100
    assert twice - once <= once
    assert steps("GET /REST/**/a/z", f"/REST{unit * 1_000}".encode()) > 0.9 * once


def rules(*entries):
    """Read entries."""
    return tuple(map(parse_rule, entries))


def test_the_first_entry_that_covers_permits():
    """A request is permitted by the first entry that covers it, which is named as it is written."""
    allow = rules("POST /REST/a/b", "GET /REST/a/*", "GET /REST/a/**")
    permitted = judge(allow, b"HEAD", b"/REST/a/b")
    assert isinstance(permitted, Rule)
    assert permitted.text == "GET /REST/a/*"


@pytest.mark.parametrize("method", ["GET", "BREW"])
def test_what_no_entry_covers_is_refused(method):
    """The refusal names the method, the cure and the command that proposes entries, and not the path."""
    refusal = judge(rules("POST /REST/a/b"), method.encode(), b"/REST/a/90010112345")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "caller-not-permitted"
    assert refusal.detail.startswith(f"{method} ")
    assert "fla-gateway policy suggest" in refusal.detail
    assert "90010112345" not in refusal.detail


def test_a_long_method_is_not_repeated():
    """A method of a thousand letters does not swell the answer."""
    refusal = judge((), b"X" * 1_000, b"/REST/a")
    assert isinstance(refusal, Refusal)
    assert "XX" not in refusal.detail


@pytest.mark.parametrize(
    "mark",
    [
        "%2F",
        "%2f",
        "%5C",
        "%5c",
        "\\",
        ";",
        ";x=1",
        "//",
        "%252F",
        "%25255c",
        "%25%32%46",
        "%%32%46",
        "%2%46",
        "%25%35%43",
        "%%35c",
        "%253b",
        "%EF%BC%8F",
        "%25EF%25BC%25BC",
    ],
)
def test_where_paths_are_narrowed_two_readings_are_refused(mark):
    """A path that some servers read otherwise is refused before any entry is asked."""
    path = f"/REST/a/1{mark}2".encode()
    for allow in (rules("GET /REST/a/**"), rules("GET /REST/*/**"), rules("POST /REST/**"), ()):
        refusal = judge(allow, b"GET", path)
        assert isinstance(refusal, Refusal)
        assert refusal.code == "ambiguous-path"


@pytest.mark.parametrize("path", ["/REST/a%2Fb", "/REST/a;x", "/REST/a//b", "/REST/a\\b", "/REST/a/", "/REST/"])
def test_whoever_may_everything_may_that(path):
    """Where /REST/** is permitted nothing is narrowed, and no path is ambiguous."""
    permitted = judge(rules("GET /REST/a", "GET /REST/**"), b"HEAD", path.encode())
    assert isinstance(permitted, Rule)
    assert permitted.text == "GET /REST/**"


# Few different segments, so that patterns and paths meet often.
names = st.sampled_from(["a", "b", "%61", "v2"])
patterns = st.lists(st.one_of(names, st.just("*"), st.just("**")), min_size=1, max_size=6)
paths = st.tuples(st.lists(st.one_of(names, st.just("")), max_size=8), st.booleans())


def fits_by_definition(pattern, segments):
    """Match as the definition says, trying everything."""
    if not pattern:
        return not segments
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return any(
            all(segments[: count - 1]) and bool(segments[0]) and (segments[count - 1] or count == len(segments))
            and fits_by_definition(rest, segments[count:])
            for count in range(1, len(segments) + 1)
        )  # fmt: skip
    return (
        bool(segments) and bool(segments[0]) and first in {"*", segments[0]} and fits_by_definition(rest, segments[1:])
    )


@BOUNDED
@given(patterns, paths)
def test_matching_agrees_with_the_definition(pattern, path):
    """For every pattern and path the quick way finds what trying everything finds."""
    segments = path[0] + ([""] if path[1] else [])
    rule = parse_rule("GET /REST/" + "/".join(pattern))
    whole = "/".join(["/REST", *segments])
    assert matches(rule, b"GET", whole.encode()) == bool(fits_by_definition(pattern, segments))


@BOUNDED
@given(patterns, st.data())
def test_what_a_pattern_is_made_into_fits_it(pattern, data):
    """A path made from a pattern by filling in its stars is covered by it."""
    fills = {"*": st.lists(names, min_size=1, max_size=1), "**": st.lists(names, min_size=1, max_size=4)}
    segments = [name for part in pattern for name in (data.draw(fills[part]) if part in fills else [part])]
    assert matches(parse_rule("GET /REST/" + "/".join(pattern)), b"GET", "/".join(["/REST", *segments]).encode())


@BOUNDED
@given(st.lists(names, min_size=1, max_size=5), st.lists(names, min_size=1, max_size=5))
def test_a_literal_entry_covers_itself_alone(entry, path):
    """Without a star an entry covers the one path that it spells."""
    rule = parse_rule("GET /REST/" + "/".join(entry))
    assert matches(rule, b"GET", ("/REST/" + "/".join(path)).encode()) == (entry == path)


# What an entry may spell: neither the encoding of a slash nor half a character, which have two readings.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\;%\0"), min_size=1, max_size=8).map(
    str.encode
)


@BOUNDED
@given(words, words)
def test_spellings_are_never_made_equal(plain, other):
    """Two spellings of one segment are two segments: an entry for the one does not cover the other."""
    spelt = {quote_from_bytes(plain, safe=""), "".join(f"%{byte:02X}" for byte in plain),
             "".join(f"%{byte:02x}" for byte in plain), quote_from_bytes(other, safe="")}  # fmt: skip
    for entry in spelt:
        try:
            rule = parse_rule(f"GET /REST/x/{entry}")
        except ValueError:
            assume(False)
        assert [path for path in spelt if matches(rule, b"GET", f"/REST/x/{path}".encode())] == [entry]
