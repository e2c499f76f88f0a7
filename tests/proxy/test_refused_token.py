"""401: the one case in which a request of any method is sent twice, and everything that is not that case."""

from __future__ import annotations

import math

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.exchange.request_ids import second_trace_id
from tests.support.raw_http import OK, REFUSED_TOKEN, get, ok, post, post_chunked


def refusing(*good, answer=REFUSED_TOKEN):
    """Make an API that honours these tokens alone."""
    return lambda request: OK if request.value("Authorization") in {b"Bearer " + it.encode() for it in good} else answer


@pytest.mark.parametrize(
    "request_", [get(), post(b"declaration"), post_chunked(b"decla", b"ration"), post(b"", method="DELETE")]
)
async def test_a_request_whose_token_is_refused_is_sent_once_more_with_another(rig, request_):
    """Same line, same body bytes, a new token; the caller sees the second answer alone."""
    rig.api.answer = refusing("token-2")
    caller = await rig.caller()
    await caller.send(request_)
    answer = await caller.answer()
    assert (answer.status, answer.body) == (200, b"ok")
    first, second = rig.api.requests
    assert (first.line, first.body) == (second.line, second.body)
    assert first.value("Transfer-Encoding") == second.value("Transfer-Encoding")
    assert [it.value("Authorization") for it in (first, second)] == [b"Bearer token-1", b"Bearer token-2"]
    record = await rig.records.next()
    traces = [it.value("BelGov-Trace-Id") for it in (first, second)]
    assert traces == [record.request_id.encode(), second_trace_id(record.request_id).encode()]
    assert traces[0] != traces[1]
    assert (record.outcome, record.status, record.attempts) == ("answered", 200, 2)
    assert record.received == len(first.body)
    await caller.send(get())
    assert (await caller.answer()).status == 200


async def test_a_callers_own_trace_id_stays_on_the_second_attempt(rig):
    """What a caller has written down for itself is what both attempts are found by."""
    rig.api.answer = refusing("token-2")
    await rig.call(post(b"declaration", "BelGov-Trace-Id: mine"))
    assert [it.values("BelGov-Trace-Id") for it in rig.api.requests] == [[b"mine"], [b"mine"]]


async def test_the_new_token_serves_everybody(rig):
    """One refusal costs one token, and the next requests use the new one at once."""
    rig.api.answer = refusing("token-2")
    for _ in range(5):
        assert (await rig.call(post(b"{}"))).status == 200
    assert (rig.tokens.fetches, len(rig.api.requests)) == (2, 6)


async def test_a_body_beyond_the_limit_is_not_sent_again(start):
    """What was not kept cannot be sent twice: the 401 is passed on, its challenge renamed, the token discarded."""
    rig = await start(gateway="replay_limit = 10")
    rig.api.answer = refusing("token-2")
    answer = await rig.call(post(b"12345678901"))
    assert (answer.status, answer.body) == (401, b"expired")
    assert answer.value("WWW-Authenticate") is None
    assert b'error="invalid_token"' in (answer.value("Fla-Gateway-Upstream-Challenge") or b"")
    assert answer.value("Fla-Gateway-Origin") == b"upstream"
    assert (await rig.call(post(b"1234567890"))).status == 200
    assert (rig.tokens.fetches, len(rig.api.requests)) == (2, 2)


async def test_a_body_at_the_limit_is_sent_again(start):
    """The limit itself is within."""
    rig = await start(gateway="replay_limit = 10")
    rig.api.answer = refusing("token-2")
    assert (await rig.call(post(b"1234567890"))).status == 200
    assert len(rig.api.requests) == 2


async def test_a_second_401_is_passed_on(rig):
    """Twice at most, whatever the API says."""
    rig.api.answer = refusing()
    answer = await rig.call(post(b"{}"))
    assert (answer.status, answer.body) == (401, b"expired")
    assert len(rig.api.requests) == 2
    assert (await rig.records.next()).attempts == 2


@pytest.mark.parametrize(
    "challenge",
    ["", 'Bearer realm="REST"', 'Bearer error="insufficient_scope"', 'Basic realm="x"', 'DPoP error="invalid_token"'],
)
async def test_any_other_401_is_passed_on(rig, challenge):
    """Without `invalid_token` nothing says that another token would be taken."""
    field = [f"WWW-Authenticate: {challenge}"] if challenge else []
    rig.api.answer = lambda request: ok(b"no", *field, status="401 Unauthorized")
    answer = await rig.call(post(b"{}"))
    assert (answer.status, answer.body, len(rig.api.requests)) == (401, b"no", 1)
    assert answer.value("WWW-Authenticate") is None


async def test_403_is_never_sent_again(rig):
    """Not even with a challenge that says `invalid_token`; which then keeps its name."""
    field = 'WWW-Authenticate: Bearer error="invalid_token"'
    rig.api.answer = lambda request: ok(b"no", field, status="403 Forbidden")
    answer = await rig.call(post(b"{}"))
    assert (answer.status, len(rig.api.requests), rig.tokens.fetches) == (403, 1, 1)
    assert answer.value("WWW-Authenticate") is not None


async def test_an_early_401_is_passed_on(rig):
    """While the caller still sends, the body is not wholly kept, so nothing can be repeated."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/x", "Content-Length: 8", method="POST") + b"half")
    connection = await rig.api.connection()
    await connection.head()
    await connection.send(REFUSED_TOKEN)
    answer = await caller.answer()
    assert (answer.status, answer.value("Connection")) == (401, b"close")
    assert rig.api.unasked() == 0


async def test_without_another_token_the_second_attempt_fails_as_unknown(rig):
    """The API answered 401, so a byte was written: delivery is unknown, and it says where it stopped."""
    assert (await rig.call(get())).status == 200
    rig.api.answer = refusing()
    rig.tokens.failures.append(ProblemError("token-unreachable", Text("No connection."), 30))
    answer = await rig.call(post(b"{}"))
    assert (answer.status, answer.code, answer.problem["origin"]) == (503, "token-unreachable", "token-server")
    assert answer.problem["delivery"] == "unknown"
    assert int(answer.value("Retry-After") or 0) >= 1


async def test_a_service_that_refuses_every_token_does_not_cost_the_others_theirs(rig):
    """The brake: one API's 401 storm goes through, and another API keeps its token."""
    rig.api.answer = lambda request: OK if b"/good/" in request.target else REFUSED_TOKEN
    for _ in range(10):
        assert (await rig.call(get("/employer/REST/bad/x"))).status == 401
        assert (await rig.call(get("/employer/REST/good/x"))).status == 200
    assert rig.tokens.fetches <= 3


async def test_a_refused_token_on_a_dead_connection_is_still_sent_twice_at_most(rig):
    """Both reasons for a second attempt together make no third."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(OK)
    await caller.answer()
    await caller.send(get())
    await connection.request()
    connection.reset()
    fresh = await rig.api.connection()
    await fresh.request()
    await fresh.send(REFUSED_TOKEN)
    assert (await caller.answer()).status == 401
    assert rig.api.unasked() == 0


@pytest.mark.parametrize(
    ("raw", "known"), [(post(b"{}"), True), (post(b"more than ten bytes"), False)], ids=["sent-again", "not-kept"]
)
async def test_the_brake_learns_whether_the_call_is_sent_again(start, raw, known):
    """Only a call that is sent again can show that the API takes the other token."""
    rig = await start(gateway="replay_limit = 10")
    rig.api.answer = refusing("token-2")
    await rig.call(raw)
    profiles = rig.gateway.server.generation.profiles
    (record,) = next(iter(profiles.values())).entry._brake._records.values()
    assert math.isfinite(record.replayed) is known
