"""The bytes of the answers that the gateway gives by itself."""

from __future__ import annotations

import json

import pytest

from fla_gateway.problems import CURES, LOST_READ_CURE, PROBLEMS
from fla_gateway.proxy.messages.response_writer import connection_field, problem_answer

DATE = "Mon, 23 Nov 2026 13:56:01 GMT"
REQUEST_ID = "0b9f4a3e-9a4f-4d39-8d28-6f2a2b1f8c55"


def parts(code, **options):
    """Write an answer and take it apart: status line, fields, body."""
    asked = {"delivery": PROBLEMS[code].delivery, "method": b"GET", "connection": b"", "date": DATE, **options}
    answer = problem_answer(code, "Something happened. Do this.", REQUEST_ID, "employer", **asked)
    head, _, body = answer.message.partition(b"\r\n\r\n")
    assert len(body) == answer.sent
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_the_answer_to_head_has_the_length_and_no_body():
    """RFC 9110, section 9.3.2."""
    _, fields, body = parts("not-found", method=b"HEAD")
    assert body == b""
    assert fields["Content-Length"] == str(len(parts("not-found")[2]))


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_code_becomes_a_whole_answer(code):
    """Status, media type, length, origin and all members of the contract agree with the one table."""
    first, fields, body = parts(code)
    row = PROBLEMS[code]
    assert first.startswith(f"HTTP/1.1 {row.status} ")
    assert fields["Content-Type"] == "application/problem+json"
    assert fields["Content-Length"] == str(len(body))
    assert fields["Fla-Gateway-Origin"] == row.origin
    assert fields["Cache-Control"] == "no-store"
    assert fields["Date"] == DATE
    assert json.loads(body) == {
        "type": f"urn:problem-type:fla-gateway:{code}",
        "title": row.title,
        "status": row.status,
        "detail": "Something happened. Do this.",
        "instance": f"urn:uuid:{REQUEST_ID}",
        "origin": row.origin,
        "delivery": row.delivery,
        "retryable": row.retryable or (row.origin == "network"),
        "profile": "employer",
        "cure": LOST_READ_CURE if row.origin == "network" and row.delivery == "unknown" else CURES[code],
    }


@pytest.mark.parametrize(
    ("code", "line"),
    [("body-too-large", "HTTP/1.1 413 Content Too Large"), ("uri-too-long", "HTTP/1.1 414 URI Too Long")],
)
def test_reasons_are_those_of_rfc_9110_on_every_python(code, line):
    """HTTPStatus has other words for them from one Python to the next."""
    assert parts(code)[0] == line


def test_a_change_with_an_unknown_fate_is_never_retryable():
    """Where a byte was written, the same call could be done twice."""
    for code in ("overloaded", "api-closed", "api-timeout"):
        body = json.loads(parts(code, delivery="unknown", method=b"POST")[2])
        assert (body["delivery"], body["retryable"]) == ("unknown", False)


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_what_changes_nothing_is_retryable_after_every_failure_of_the_network(method):
    """Whatever became of a GET, it may be asked again."""
    written = problem_answer(
        "api-closed", "x", REQUEST_ID, "employer",
        delivery="unknown", method=b"GET" if method == b"HEAD" else method, connection=b"", date=DATE,
    )  # fmt: skip
    assert json.loads(written.message.partition(b"\r\n\r\n")[2])["retryable"] is True


def test_retry_after_and_allow():
    """Retry-After in seconds where it is known; a 405 names the methods that are allowed."""
    assert parts("overloaded", retry_after=7)[1]["Retry-After"] == "7"
    assert "Retry-After" not in parts("overloaded")[1]
    assert "POST" in parts("method-refused")[1]["Allow"]
    assert "Allow" not in parts("not-found")[1]


@pytest.mark.parametrize(
    ("keep_alive", "minor", "line"),
    [(True, 1, b""), (True, 0, b"Connection: keep-alive\r\n"), (False, 1, b"Connection: close\r\n"),
     (False, 0, b"Connection: close\r\n")],
)  # fmt: skip
def test_connection_is_named_where_the_default_is_another(keep_alive, minor, line):
    """RFC 9112, section 9.3."""
    assert connection_field(keep_alive=keep_alive, minor=minor) == line
