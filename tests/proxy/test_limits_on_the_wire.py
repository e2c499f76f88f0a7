"""Limits of the gateway's own and the API's wish for patience, seen on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.raw_http import get, ok, post, post_chunked
from tests.support.waiting import eventually

PROBLEM = "Content-Type: application/problem+json"


def code(answer):
    """Give the code of a problem answer."""
    return answer.problem["type"].rpartition(":")[2]


async def test_more_at_once_than_permitted_is_refused_at_once(start):
    """The second of two exchanges gets 429 with Retry-After; when the first has ended there is room."""
    rig = await start(profile="limits = { concurrent = 1 }")
    rig.api.gate.clear()
    first = await rig.caller()
    await first.send(get())
    await eventually(lambda: rig.api.requests)
    answer = await rig.call(get())
    assert (answer.status, code(answer), answer.value("Retry-After")) == (429, "too-many-requests", b"1")
    assert (answer.value("Fla-Gateway-Origin"), answer.problem["delivery"]) == (b"gateway", "not-sent")
    rig.api.gate.set()
    assert (await first.answer()).status == 200
    assert (await rig.call(get())).status == 200


async def test_a_caller_that_leaves_makes_room(start):
    """An exchange whose caller is gone is over, and counts no longer."""
    rig = await start(profile="limits = { concurrent = 1 }")
    rig.api.gate.clear()
    first = await rig.caller()
    await first.send(get())
    await eventually(lambda: rig.api.requests)
    first.reset()
    await rig.records.next()
    rig.api.gate.set()
    assert (await rig.call(get())).status == 200


async def test_more_per_second_than_permitted_is_refused(start):
    """Two a second are two; after the time that Retry-After says there is room again."""
    rig = await start(profile="limits = { per_second = 2 }")
    assert [(await rig.call(get())).status for _ in range(3)] == [200, 200, 429]
    rig.clock.advance(1)
    assert (await rig.call(get())).status == 200


@pytest.mark.parametrize("size", [10, 11])
async def test_a_body_that_says_it_is_too_large_is_not_sent(start, size):
    """413 by the length alone: not a byte of it reaches the API."""
    rig = await start(profile="limits = { body_bytes = 10 }")
    answer = await rig.call(post(b"x" * size))
    assert answer.status == (200 if size == 10 else 413)
    if size > 10:
        assert (code(answer), answer.problem["delivery"]) == ("body-too-large", "not-sent")
        assert not rig.api.opened


async def test_a_chunked_body_that_grows_too_large_is_cut_and_its_fate_unknown(start):
    """Part of it has been sent by then, so the connection to the API is closed before the last chunk."""
    rig = await start(profile="limits = { body_bytes = 10 }")
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Transfer-Encoding: chunked", method="POST") + b"5\r\nabcde\r\n")
    api = await rig.api.connection()
    await api.head()
    await caller.send(b"6\r\nfghijk\r\n")
    answer = await caller.answer()
    assert (answer.status, code(answer), answer.problem["delivery"]) == (413, "body-too-large", "unknown")
    assert answer.value("Connection") == b"close"
    assert (await rig.records.next()).outcome == "unknown"


async def test_a_chunked_body_that_is_too_large_at_once_is_not_sent(start):
    """What came with the head is judged before anything goes out."""
    rig = await start(profile="limits = { body_bytes = 10 }")
    answer = await rig.call(post_chunked(b"abcde", b"fghijk"))
    assert (answer.status, answer.problem["delivery"]) == (413, "not-sent")
    assert not rig.api.requests


async def test_while_the_api_asks_for_patience_it_is_not_asked(rig):
    """The API's 429 goes through; further calls to that service get 429 with the time left, others are served."""
    rig.api.answer = lambda request: ok(b"", "Retry-After: 7", status="429 Too Many Requests")
    answer = await rig.call(get())
    assert (answer.status, answer.value("Fla-Gateway-Origin")) == (429, b"upstream")
    rig.api.answer = lambda request: ok(b"ok")
    answer = await rig.call(get())
    assert (answer.status, code(answer), answer.value("Retry-After")) == (429, "api-throttled", b"7")
    assert (answer.value("Fla-Gateway-Origin"), answer.problem["retryable"]) == (b"gateway", True)
    assert (await rig.call(get("/employer/REST/other/v1/x"))).status == 200
    assert len(rig.api.requests) == 2
    rig.clock.advance(7)
    assert (await rig.call(get())).status == 200


async def test_a_problem_in_the_body_says_how_long(rig):
    """Where the head does not tell, the problem document does."""
    body = b'{"type": "urn:problem-type:belgif:tooManyRequests", "status": 429, "retryAfterSec": 30}'
    rig.api.answer = lambda request: ok(body, PROBLEM, status="429 Too Many Requests")
    assert (await rig.call(get())).body == body
    assert (await rig.call(get())).value("Retry-After") == b"30"


async def test_the_quota_on_failed_requests_brakes_under_any_status(rig):
    """TooManyFailedRequests within a 403 is about the same thing."""
    body = b'{"type": "urn:problem-type:belgif:tooManyFailedRequests", "status": 403}'
    rig.api.answer = lambda request: ok(body, PROBLEM, status="403 Forbidden")
    assert (await rig.call(get())).status == 403
    answer = await rig.call(get())
    assert (answer.status, code(answer), answer.value("Retry-After")) == (429, "api-throttled", b"60")


@pytest.mark.parametrize("cut", [1, 25, 60, 71])
async def test_a_problem_that_comes_in_pieces_is_read_whole(rig, cut):
    """Where the body is cut says nothing about what it says."""
    body = b'{"type": "urn:problem-type:belgif:tooManyFailedRequests", "retryAfterSec": 40, "status": 400}'
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    whole = ok(body, PROBLEM, status="400 Bad Request")
    end = len(whole) - len(body) + cut
    await connection.send(whole[:end])
    await caller.stream.until(body[:cut])
    await connection.send(whole[end:])
    await rig.records.next()
    answer = await rig.call(get())
    assert (answer.status, code(answer), answer.value("Retry-After")) == (429, "api-throttled", b"40")


async def test_a_problem_may_say_when_and_not_how_long(rig):
    """The guide's retryAfter is a point in time."""
    when = datetime.fromtimestamp(rig.clock.wall() + 20, UTC).isoformat()
    body = f'{{"type": "urn:problem-type:belgif:tooManyRequests", "retryAfter": "{when}"}}'.encode()
    rig.api.answer = lambda request: ok(body, PROBLEM, status="429 Too Many Requests")
    assert (await rig.call(get())).body == body
    seconds = (await rig.call(get())).value("Retry-After")
    assert seconds is not None
    assert 18 <= int(seconds) <= 20


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "500 Internal Server Error"])
async def test_other_errors_of_the_api_hold_nothing_back(rig, status):
    """Only what asks for patience is one."""
    rig.api.answer = lambda request: ok(b'{"type": "urn:problem-type:belgif:badRequest"}', PROBLEM, status=status)
    for _ in range(3):
        assert (await rig.call(get())).value("Fla-Gateway-Origin") == b"upstream"
