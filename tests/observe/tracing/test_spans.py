"""Spans of a finished exchange."""

from __future__ import annotations

import itertools

import pytest

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.observe.tracing.spans import SpanWriter
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.records.exchange_record import Attempt, Notes
from tests.observe.records import a_record

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECOND = 1_000_000_000


@pytest.fixture
def writer():
    """Make a writer that draws 1, 2, 3 ... as ids."""
    numbers = itertools.count(1)
    return SpanWriter(bytes(32), {"employer": Upstream("api.example", 443)}, lambda bits: next(numbers))


def an_exchange(**changes):
    """Make the record of an exchange that began at 100 and ended at 101."""
    return a_record(**{"seconds": 1.0, "ended": 101.0, "upstream_seconds": 0.5, **changes})


def test_exchange_and_what_was_sent_are_two_spans(writer):
    """A plain exchange has a span of the server's side, and one of the client's side within it."""
    whole, sent = writer.spans(an_exchange(), 1000.0)
    assert (whole.kind, whole.name, whole.start, whole.end) == ("server", "GET", 1100 * SECOND, 1101 * SECOND)
    assert (sent.kind, sent.name, sent.start, sent.end) == ("client", "GET", 1100 * SECOND, 1100 * SECOND + SECOND // 2)
    assert (whole.parent, sent.parent) == (None, whole.span)
    assert whole.trace == sent.trace
    assert not whole.error
    assert not sent.error


def test_caller_is_the_parent(writer):
    """The caller's traceparent names the trace and the parent."""
    whole, sent = writer.spans(an_exchange(notes=Notes(traceparent=f"00-{TRACE}-{PARENT}-01")), 0.0)
    assert f"{whole.trace:032x}" == f"{sent.trace:032x}" == TRACE
    assert f"{whole.parent:016x}" == PARENT
    assert whole.remote
    assert not sent.remote


def test_trace_that_the_caller_does_not_sample_is_left_alone(writer):
    """A caller that keeps no spans of a trace gets none from here."""
    assert writer.spans(an_exchange(notes=Notes(traceparent=f"00-{TRACE}-{PARENT}-00")), 0.0) == ()


def test_attributes_follow_the_conventions_for_http(writer):
    """Method, status, address and sizes have their conventional names; the path is masked."""
    admission = Admission("payroll", "key:12345678", "GET /REST/**")
    record = an_exchange(path=b"/REST/dimona/v2/declarations/85073003328?x=1", admission=admission, trace="abc")
    whole, sent = writer.spans(record, 0.0)
    path = whole.attributes["url.path"]
    assert path.startswith("/REST/dimona/v2/declarations/~")
    assert whole.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": path,
        "http.request.body.size": 0,
        "http.response.body.size": 1024,
        "fla_gateway.profile": "employer",
        "fla_gateway.caller": "payroll",
        "fla_gateway.outcome": "answered",
        "fla_gateway.origin": "upstream",
        "fla_gateway.request_id": record.request_id,
        "fla_gateway.api_trace_id": "abc",
    }
    assert sent.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "api.example",
        "server.port": 443,
        "url.full": f"https://api.example{path}",
    }


def test_wait_for_a_token_is_a_span_before_the_request(writer):
    """Who waited for a token sees how long, and the request begins after it and after the wait for a connection."""
    _, waited, sent = writer.spans(an_exchange(token_seconds=0.25, connection_seconds=0.125), 0.0)
    assert (waited.name, waited.kind) == ("token wait", "internal")
    assert (waited.start, waited.end) == (100 * SECOND, 100 * SECOND + SECOND // 4)
    assert sent.start == 100 * SECOND + SECOND // 8 * 3


def test_replay_shows_both_attempts(writer):
    """After a 401 replay: the refused attempt, the wait for the other token, and the second attempt."""
    record = an_exchange(attempts=2, refused=Attempt(401, "", "", 0.125), token_seconds=0.125, method=b"POST")
    _, first, waited, second = writer.spans(record, 0.0)
    assert (first.attributes["http.response.status_code"], first.attributes["error.type"], first.error) == (
        401,
        "401",
        True,
    )
    assert (second.attributes["http.response.status_code"], second.attributes["http.request.resend_count"]) == (200, 1)
    assert first.end == waited.start
    assert waited.end == second.start


@pytest.mark.parametrize(
    ("changes", "type_", "parts"),
    [
        (
            {"status": 503, "origin": "gateway", "code": "overloaded", "outcome": "refused", "attempts": 0},
            "overloaded",
            0,
        ),
        ({"status": 504, "origin": "network", "code": "api-timeout", "outcome": "unknown"}, "api-timeout", 1),
        ({"status": 500}, "500", 1),
        ({"status": 0, "outcome": "caller-gone", "origin": "gateway"}, "caller-gone", 1),
    ],
)
def test_failures_are_errors(writer, changes, type_, parts):
    """What failed says so by error.type: problem code, status or outcome."""
    answered = {"upstream_seconds": 0.5 if changes["status"] == 500 else 0.0}
    spans = writer.spans(an_exchange(**changes, **answered), 0.0)
    assert len(spans) == 1 + parts
    assert all((span.attributes["error.type"], span.error) == (type_, True) for span in spans)


def test_request_without_an_answer_lasts_to_the_end(writer):
    """What was sent and never answered is a span that ends with the exchange."""
    record = an_exchange(status=504, origin="network", code="api-timeout", outcome="unknown", upstream_seconds=0.0)
    _, sent = writer.spans(record, 0.0)
    assert sent.end == 101 * SECOND


def test_refusal_of_a_caller_is_no_error_of_the_gateway(writer):
    """A 4xx is no error on the server's side (semantic conventions for HTTP, server spans)."""
    record = an_exchange(status=403, origin="gateway", code="caller-not-permitted", outcome="refused", attempts=0)
    (whole,) = writer.spans(record, 0.0)
    assert not whole.error
    assert whole.attributes["fla_gateway.code"] == "caller-not-permitted"


def test_made_up_method_is_not_repeated(writer):
    """A method that is not registered has the conventional name, and no name of its own."""
    whole, sent = writer.spans(an_exchange(method=b"BREW"), 0.0)
    assert {whole.name, sent.name} == {"HTTP"}
    assert whole.attributes["http.request.method"] == "_OTHER"
