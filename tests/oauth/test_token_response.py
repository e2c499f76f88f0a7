from __future__ import annotations

import codecs
import contextlib
import gzip
import json
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.errors import ProblemError
from fla_gateway.http1.retry_after import retry_after_seconds
from fla_gateway.oauth.token_response import TokenAnswer, lifetime_seconds, read_answer
from fla_gateway.problems import PROBLEMS
from fla_gateway.secret import Secret
from tests.support.properties import BOUNDED

ASSERTION = Secret("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJjbGllbnQtNyJ9.c2lnbmF0dXJlLWNhbmFyeS1ieXRlcw")
TOKEN = "mF_9.B5f-4.1JqM"
DATE = 1_800_000_000.0


def ok(**members):
    """Make a 200 answer with these members in place of the usual ones; None leaves a member out."""
    document = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 600, "scope": "scope:a scope:b", **members}
    kept = {name: value for name, value in document.items() if value is not None}
    return TokenAnswer(200, json.dumps(kept).encode(), "application/json")


def refused(answer):
    """Read an answer that is a refusal."""
    with pytest.raises(ProblemError) as caught:
        read_answer(answer, ASSERTION)
    return caught.value


def error(status, **members):
    """Read a JSON error with this status."""
    return refused(TokenAnswer(status, json.dumps(members).encode(), "application/json;charset=UTF-8"))


def test_the_usual_answer():
    """A token response gives token, lifetime and scope, and the token shows itself nowhere."""
    grant = read_answer(ok(), ASSERTION)
    assert (grant.value.reveal(), grant.lifetime, grant.scope) == (TOKEN, 600.0, "scope:a scope:b")
    assert TOKEN not in repr(grant)


@pytest.mark.parametrize("token_type", ["bearer", "Bearer", "BEARER", "Bearer ", "BearerToken", None])
def test_token_type_is_compared_without_case_and_may_be_missing(token_type):
    """Wild servers write `bearer` in every way or leave it out, and Apigee `BearerToken`; no other is known."""
    assert read_answer(ok(token_type=token_type), ASSERTION).value.reveal() == TOKEN


@pytest.mark.parametrize("token_type", ["mac", "DPoP", "", 7, ["bearer"]])
def test_another_token_type_is_refused(token_type):
    """A token of another type would be used in a way that its server did not mean."""
    assert refused(ok(token_type=token_type)).code == "token-malformed"


@pytest.mark.parametrize(
    "token",
    [
        "a b",
        "a\r\nX-Injected: 1",
        "a\n",
        "a\x00",
        "",
        "=",
        "ab=c",
        "a|b",
        "a:b",
        "töken",
        7,
        True,
        [TOKEN],
        {},
        "a" * 16_385,
    ],
)
def test_a_token_must_be_a_b64token(token):
    """Nothing enters the Authorization field but the characters of RFC 6750, and what was sent is not repeated."""
    problem = refused(ok(access_token=token))
    assert problem.code == "token-malformed"
    assert "Injected" not in problem.detail


@pytest.mark.parametrize("token", ["a", "a==", "-._~+/=", "a" * 16_384])
def test_every_b64token_is_taken(token):
    """The grammar of RFC 6750 is taken whole."""
    assert read_answer(ok(access_token=token), ASSERTION).value.reveal() == token


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("600", 600), ('"600"', 600), ('" 600 "', 600), ("599.5", 599.5), ('"599.5"', 599.5), ("1", 1),
        ("0", 60), ("-1", 60), ('"0"', 60), ('"-5"', 60), ("0.0", 60), ("-Infinity", 60),
        ("null", 60), ("true", 60), ("false", 60),
        ('""', 60), ('"soon"', 60), ('"NaN"', 60), ("NaN", 60), ('"1e3"', 60),
        ('"٣"', 60), ("[600]", 60), ('{"a": 1}', 60),
        ("86400", 86_400), ("86401", 86_400), ("1e400", 86_400), ("Infinity", 86_400),
        ("9" * 19, 86_400), ("9" * 6000, 86_400), ('"999999999999"', 86_400), ('"' + "9" * 6000 + '"', 60),
    ],
)  # fmt: skip
def test_expires_in_of_every_kind(written, seconds):
    """A positive number or numeric string counts, up to a day; all else means a minute, and never zero."""
    body = f'{{"access_token": "{TOKEN}", "token_type": "bearer", "expires_in": {written}}}'
    assert read_answer(TokenAnswer(200, body.encode()), ASSERTION).lifetime == seconds


@pytest.mark.parametrize(
    ("expires_in", "over"),
    [
        (0, True),
        (-1, True),
        ("0", True),
        ("0.0", True),
        (1, False),
        ("600", False),
        (None, False),
        ("", False),
        (False, False),
    ],
)
def test_nothing_left_of_a_life_is_told_from_nothing_said_of_it(expires_in, over):
    """Servers that count a token down say zero in the end; others say nothing, or what is no number."""
    assert read_answer(ok(expires_in=expires_in), ASSERTION).over is over


def test_a_missing_expires_in_means_a_minute():
    """Without expires_in a minute is assumed."""
    assert read_answer(ok(expires_in=None), ASSERTION).lifetime == 60


@BOUNDED
@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.binary()))
def test_no_lifetime_is_ever_out_of_bounds(expires_in):
    """Whatever expires_in is, the lifetime is a number above zero and at most a day."""
    seconds = lifetime_seconds(expires_in)
    assert math.isfinite(seconds)
    assert 0 < seconds <= 86_400


@pytest.mark.parametrize("scope", [7, ["a"], "a  b", "a\nb", 'a"b', "x" * 5000, ""])
def test_a_malformed_scope_is_left_out(scope):
    """The granted scope is shown to people, so that a malformed one is dropped; the token counts all the same."""
    assert read_answer(ok(scope=scope), ASSERTION).scope is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"  ", b"null", b"[]", b'"token"', b"{", b'{"access_token": "a"', b"\xff\xfe\xfd", b"[" * 60_000,
        b"<html>", b"{}", b'{"access_token": "a", "access_token": "b"}', b'{"access_token": null}',
    ],
)  # fmt: skip
def test_a_200_without_a_usable_token_is_malformed(body):
    """Empty, cut, ambiguous or foreign bodies are one clear problem each, never an exception of another kind."""
    assert refused(TokenAnswer(200, body, "text/html")).code == "token-malformed"


def test_json_with_a_byte_order_mark_is_read():
    """A BOM in front of the JSON does no harm."""
    answer = TokenAnswer(200, b"\xef\xbb\xbf" + ok().body)
    assert read_answer(answer, ASSERTION).lifetime == 600


@pytest.mark.parametrize("status", [200, 201, 202, 203])
def test_a_token_is_taken_from_every_success(status):
    """RFC 6749 has 200 alone; a good many servers answer 201 to a POST, whatever it is for."""
    assert read_answer(TokenAnswer(status, ok().body), ASSERTION).value.reveal() == TOKEN


@pytest.mark.parametrize("status", [201, 204])
def test_a_success_without_a_token_says_which(status):
    """The problem names the status and what came with it."""
    assert f"answered {status} with an empty body" in refused(TokenAnswer(status, b"")).detail


DUTCH = '{"error": "invalid_client", "error_description": "certificaat niet geldig, geen coördinaten: \u201cx\u201d"}'
ENCODED = {
    "utf-8": DUTCH.encode(),
    "utf-8-bom": codecs.BOM_UTF8 + DUTCH.encode(),
    "utf-8-two-boms": codecs.BOM_UTF8 * 2 + DUTCH.encode(),
    "latin-1": DUTCH.encode("latin-1", "replace"),
    "cp1252": DUTCH.encode("cp1252"),
    "latin-1-bom": codecs.BOM_UTF8 + DUTCH.encode("latin-1", "replace"),
    "utf-8-cut-within-a-character": DUTCH.encode().replace("ö".encode(), b"\xc3"),
    "utf-8-and-latin-1": DUTCH.encode().replace(b"certificaat", "café".encode("latin-1")),
    "utf-16": DUTCH.encode("utf-16"),
    "utf-16-le": DUTCH.encode("utf-16-le"),
    "utf-16-be": DUTCH.encode("utf-16-be"),
    "utf-16-be-bom": codecs.BOM_UTF16_BE + DUTCH.encode("utf-16-be"),
    "utf-16-with-half-a-surrogate": DUTCH.replace("ö", "\ud800").encode("utf-16-le", "surrogatepass"),
    "utf-32": DUTCH.encode("utf-32"),
    "raw-line-break": DUTCH.encode().replace(b"geldig, ", b"geldig,\r\n\t"),
    "overlong": DUTCH.encode().replace(b"geldig", b"g\xc0\xa2eldig"),
}


@pytest.mark.parametrize("status", [400, 401, 503])
@pytest.mark.parametrize("name", ENCODED)
def test_an_error_keeps_its_code_in_every_encoding(status, name):
    """However the description is written, the OAuth error code is read, and what is quoted is printable."""
    problem = refused(TokenAnswer(status, ENCODED[name], "application/json; charset=iso-8859-1"))
    assert f"answered {status} invalid_client" in problem.detail
    assert "geldig" in problem.detail or name == "overlong"
    assert problem.detail.isprintable()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32"])
def test_a_token_is_read_in_every_encoding(encoding):
    """A token response with an accent somewhere in it gives its token."""
    body = '{"access_token": "abc.def", "expires_in": 600, "organisation": "Société"}'.encode(encoding)
    assert read_answer(TokenAnswer(200, body), ASSERTION).value.reveal() == "abc.def"


@BOUNDED
@given(st.binary(max_size=200))
def test_no_bytes_in_a_description_hide_the_code(octets):
    """Any bytes but quotation marks and backslashes in the description leave the code readable."""
    written = octets.replace(b'"', b"").replace(b"\\", b"").replace(b"\0", b"")
    body = b'{"error": "invalid_client", "error_description": "%b"}' % written
    assert "answered 401 invalid_client" in refused(TokenAnswer(401, body)).detail


def test_an_error_in_a_200_is_a_refusal():
    """Some servers answer 200, or 201, with an OAuth error."""
    assert {error(status, error="invalid_client").code for status in (200, 201)} == {"token-refused"}


@pytest.mark.parametrize("status", [400, 401, 403])
def test_invalid_client_under_every_status(status):
    """The code, the description and the likely cause are in the detail, whatever the status."""
    problem = error(status, error="invalid_client", error_description="Unknown certificate")
    assert problem.code == "token-refused"
    assert f"answered {status} invalid_client: Unknown certificate." in problem.detail
    assert "ChaMan" in problem.detail
    assert "another environment" in problem.detail


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(("body", "says"), [(b"", "an empty body"), (b"<html>no</html>", "a page for people")])
def test_a_refusal_without_json_is_explained_by_its_status(status, body, says):
    """HTML and silence are refusals as well, with a likely cause by status."""
    problem = refused(TokenAnswer(status, body, "text/html"))
    assert problem.code == "token-refused"
    assert says in problem.detail
    assert "at the cause" in problem.detail
    assert "<" not in problem.detail


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("invalid_scope", "leave scope out"),
        ("unauthorized_client", "ChaMan"),
        ("access_denied", "right is missing in ChaMan"),
        ("invalid_request", "audience"),
        ("invalid_grant", "clock"),
        ("unsupported_grant_type", "token_url"),
    ],
)
def test_each_oauth_error_has_a_likely_cause(code, hint):
    """Each code of RFC 6749 leads to a sentence that says where to look."""
    assert hint in error(400, error=code).detail


def test_problem_json_is_read_too():
    """A Belgif problem gives the last part of its type and its detail."""
    members = {"type": "urn:problem-type:belgif:tooManyFailedRequests", "title": "Too many", "detail": "Slow down"}
    problem = error(429, **members)
    assert problem.code == "token-throttled"
    assert "429 tooManyFailedRequests: Slow down." in problem.detail


@pytest.mark.parametrize(
    ("status", "members", "code"),
    [
        (429, {}, "token-throttled"),
        (400, {"error": "slow_down"}, "token-throttled"),
        (400, {"error": "temporarily_unavailable"}, "token-failed"),
        (400, {"error": "server_error"}, "token-failed"),
        (404, {}, "token-failed"),
        (405, {}, "token-failed"),
        (418, {}, "token-failed"),
        (500, {}, "token-failed"),
        (503, {"error": "invalid_client"}, "token-failed"),
        (201, {}, "token-malformed"),
        (204, {}, "token-malformed"),
        (399, {}, "token-malformed"),
    ],
)
def test_every_status_has_its_code(status, members, code):
    """Each kind of refusal gets a code of its own, all of them 503 of the token leg."""
    problem = error(status, **members)
    assert problem.code == code
    assert (PROBLEMS[code].status, PROBLEMS[code].origin) == (503, "token-server")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_explained_and_only_its_origin_is_shown(status):
    """The detail names where the redirect leads, without path and query, and what to check."""
    location = "https://login.example/start?session=canary"
    problem = refused(TokenAnswer(status, b"", location=location))
    assert problem.code == "token-malformed"
    assert "to https://login.example)," in problem.detail
    assert "canary" not in problem.detail


@pytest.mark.parametrize(
    "location", [None, "", "/relative", "javascript:x", "https://a\r\nb", "https://üml.example", "https://canary:b@c"]
)
def test_any_location_is_bearable(location):
    """A missing or odd Location leads to the same problem."""
    detail = refused(TokenAnswer(302, b"", location=location)).detail
    assert detail.startswith("The token server redirects (302), and")


@pytest.mark.parametrize(
    "description",
    [
        f"bad assertion {ASSERTION.reveal()}",
        f"bad assertion {ASSERTION.reveal()[:30]}",
        f"bad signature {ASSERTION.reveal()[-24:]}",
        f"claims were {ASSERTION.reveal()[40:60]} here",
        "c2lnbmF0dXJl LWNhbmFyeS1ieXRlcw",
        "another eyJhbGciOiJub25lIn0.e30. was seen",
        "token " + "A1b2" * 12,
    ],
)
def test_a_description_that_may_repeat_a_secret_is_dropped(description):
    """A server that echoes the assertion, or any token, is quoted without its description."""
    problem = error(401, error="invalid_client", error_description=description)
    assert problem.detail.startswith("The token server answered 401 invalid_client. Guesses at the cause")


def test_foreign_text_is_bounded_and_printable():
    """Control characters, bidirectional tricks and length are taken out of what the server says."""
    problem = error(400, error="invalid_scope\r\nX: y", error_description="a\x1b[31m\u202eb\n" + "word " * 5000)
    assert problem.detail.isprintable()
    assert "\u202e" not in problem.detail
    assert len(problem.detail) < 800


@pytest.mark.parametrize(
    "members", [{}, {"error": 7}, {"error": None}, {"error": ["x"], "error_description": {"a": 1}}]
)
def test_error_members_of_wrong_types_are_ignored(members):
    """Where there is no error, or one that is no text, the status alone explains."""
    assert error(400, **members).detail.startswith("The token server answered 400. A guess at the cause")


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("0", 0), ("7", 7), (" 7 ", 7), ("300", 300), ("301", 300), ("9" * 5000, 300),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30), ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Sat, 16 Jan 2027 08:00:00 GMT", 300), ("Fri Jan 15 08:00:30 2027", 30),
        ("Fri, 99 Jan 2027 08:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_in_both_forms(field, seconds):
    """Seconds and dates are read, against the server's own clock, and capped at five minutes."""
    assert retry_after_seconds(field, DATE) == seconds


@pytest.mark.parametrize("status", [400, 429, 503])
def test_retry_after_travels_with_every_refusal(status):
    """Whatever the status, the server's wish to wait reaches the back-off."""
    assert refused(TokenAnswer(status, b"", retry_after="17", date=DATE)).retry_after == 17


def test_gzip_is_read_within_bounds():
    """A compressed answer that nobody asked for is read, as long as it stays small."""
    answer = TokenAnswer(200, gzip.compress(ok().body), content_encoding="gzip")
    assert read_answer(answer, ASSERTION).value.reveal() == TOKEN


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (zlib.compress(ok().body), "deflate"),
        (gzip.compress(ok().body), "GZIP"),
        (ok().body, "gzip"),
        (ok().body, "utf-8"),
        (codecs.BOM_UTF8 + ok().body, "none"),
    ],
)
def test_a_coding_that_was_not_applied_does_no_harm(body, coding):
    """Servers write a charset where the coding goes, and appliances undo a coding and leave its name."""
    assert read_answer(TokenAnswer(200, body, content_encoding=coding), ASSERTION).value.reveal() == TOKEN


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(b" " * 10_000_000, mtime=0), "gzip"),
        (gzip.compress(b"{}" * 400, mtime=0)[:-12], "gzip"),
        (b"not gzip", "gzip"),
        (zlib.compress(b" " * 10_000_000), "deflate"),
        (b"\x0b\x01\x80{}\x03", "br"),
        (b"{}", "gzip, gzip"),
    ],
)
def test_other_compression_is_refused(body, coding):
    """Bombs, cut streams and other codings are a clear problem."""
    assert refused(TokenAnswer(200, body, content_encoding=coding)).code == "token-malformed"


@BOUNDED
@given(st.integers(200, 599), st.binary(max_size=200), st.text(max_size=20), st.text(max_size=30))
def test_no_answer_raises_anything_else(status, body, content_type, retry_after):
    """Whatever comes, the outcome is a grant or a printable problem."""
    answer = TokenAnswer(status, body, content_type, "", retry_after)
    with contextlib.suppress(ProblemError):
        read_answer(answer, ASSERTION)
        return
    problem = refused(answer)
    assert problem.detail.isprintable()
    assert problem.retry_after is None or 0 <= problem.retry_after <= 300
