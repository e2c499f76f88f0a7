"""What the gateway answers by itself, as a caller sees it."""

from __future__ import annotations

import json
import re

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.catalogues import spoken
from fla_gateway.i18n.message import Text
from fla_gateway.problems import CURES, PROBLEMS
from tests.support.raw_http import get, post
from tests.support.waiting import eventually

MEMBERS = {"type", "title", "status", "detail", "instance", "origin", "delivery", "retryable", "profile", "cure"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (get("/nobody/REST/x"), "unknown-profile"),
        (get("/employer/other"), "not-found"),
        (get("/-/x"), "not-found"),
        (get("/employer/REST/../x"), "ambiguous-path"),
        (get("/employer/REST/oauth/v5/token"), "token-endpoint-refused"),
        (get("/employer/REST/x", "Origin: https://evil.example"), "browser-refused"),
        (get().replace(b"localhost", b"evil.example"), "wrong-host"),
        (get("http://localhost/employer/REST/x"), "absolute-form"),
        (get(method="TRACE"), "method-refused"),
        (get("/employer/REST/x", "Expect: x"), "expectation-failed"),
        (get("/employer/REST/x", "Transfer-Encoding: gzip", method="POST"), "transfer-coding-unsupported"),
        (get().replace(b"HTTP/1.1", b"HTTP/2.0"), "version-unsupported"),
        (get("/employer/REST/x", "X: " + "x" * 66_000), "head-too-large"),
        (b"GET /\r\n\r\n", "malformed-request"),
        (get("/employer/REST/x?" + "x" * 70_000), "uri-too-long"),
        (get("/employer/REST/x", "Content-Type: application/json", method="POST"), "length-required"),
    ],
)
async def test_a_refusal_is_a_problem_document(rig, request_, code):
    """Every member of the contract, the origin as a field as well, and nothing was sent."""
    answer = await rig.call(request_)
    row, problem = PROBLEMS[code], answer.problem
    assert (answer.code, answer.status, problem["status"]) == (code, row.status, row.status)
    assert set(problem) == MEMBERS
    assert (problem["origin"], problem["delivery"], problem["retryable"]) == ("gateway", "not-sent", row.retryable)
    assert answer.value("Fla-Gateway-Origin") == b"gateway"
    assert problem["title"] == row.title
    assert problem["detail"].endswith(".")
    assert rig.api.opened == 0
    record = await rig.records.next()
    assert problem["instance"] == f"urn:uuid:{record.request_id}"
    assert (record.code, record.status, record.outcome, record.attempts) == (code, row.status, "refused", 0)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("nl-BE, fr;q=0.5", "nl"), ("fr", "fr"), ("de, en;q=0.5, nl;q=0.1", "en"), ("de", "en")],
)
async def test_a_problem_is_in_the_language_of_the_caller(rig, accepted, language):
    """Title, detail and cure, of the gateway's refusals and of what became of a call; names and codes are the same."""
    rig.tokens.failures.append(ProblemError("token-refused", Text("The profile works again"), None))
    catalogue = spoken(language).catalogue
    for request_, code in ((get("/nobody/REST/x"), "unknown-profile"), (get(), "token-refused")):
        asked = request_.replace(b"\r\n\r\n", f"\r\nAccept-Language: {accepted}\r\n\r\n".encode())
        answer = await rig.call(asked)
        problem = answer.problem
        assert (answer.code, set(problem)) == (code, MEMBERS)
        assert problem["title"] == PROBLEMS[code].title.translated(catalogue)
        assert problem["cure"] == CURES[code].translated(catalogue)
        assert answer.value("Content-Language") == (None if language == "en" else language.encode())
        assert (problem["title"] == PROBLEMS[code].title) == (language == "en")


async def test_a_problem_of_a_profile_names_it(rig):
    """`profile` is null where none was reached."""
    rig.tokens.failures.append(ProblemError("token-refused", Text("The token server said no."), None))
    assert (await rig.call(get())).problem["profile"] == "employer"
    assert (await rig.call(get("/nobody/REST/x"))).problem["profile"] is None


async def test_a_stranger_does_not_learn_which_profiles_exist(rig):
    """A refusal at the door names no profile, although the path does."""
    for request_ in (
        get().replace(b"localhost", b"evil.example"),
        get("/employer/REST/x", "Origin: https://a.example"),
    ):
        assert (await rig.call(request_)).problem["profile"] is None


async def test_a_refusal_of_a_known_profile_names_it(start):
    """A profile that cannot be served says why, and which it is."""
    rig = await start(unavailable={"employer": "The certificate expired on 2026-01-01."})
    answer = await rig.call(post(b"{}"))
    assert (answer.status, answer.code, answer.problem["profile"]) == (503, "profile-unavailable", "employer")
    assert "2026-01-01" not in answer.problem["detail"]
    assert "status page" in answer.problem["detail"]
    assert (rig.tokens.fetches, rig.api.opened) == (0, 0)


@pytest.mark.parametrize("code", sorted(code for code, row in PROBLEMS.items() if row.origin == "token-server"))
async def test_no_token_is_503_with_retry_after(rig, code):
    """Origin token-server, nothing sent, and the next call is answered at once from the back-off.

    Retryable, unless only people can repair it: then Retry-After is long, so that an obedient program does not loop.
    """
    rig.tokens.failures.append(ProblemError(code, Text("The token server is not well. Wait."), 20))
    for _ in range(2):
        answer = await rig.call(post(b"{}"))
        assert (answer.status, answer.code) == (503, code)
        assert answer.value("Fla-Gateway-Origin") == b"token-server"
        people = code == "token-refused"
        assert (answer.problem["delivery"], answer.problem["retryable"]) == ("not-sent", not people)
        assert int(answer.value("Retry-After") or 0) >= (300 if people else 1)
    assert (rig.tokens.fetches, rig.api.opened) == (1, 0)
    record = await rig.records.next()
    assert (record.outcome, record.origin, record.status) == ("not-sent", "token-server", 503)


async def test_the_connection_stays_after_a_problem(rig):
    """A refusal of a whole request is an answer like any other."""
    caller = await rig.caller()
    for request in (get("/nobody/REST/x"), post(b"body", path="/nobody/REST/x"), get(), get("/employer/REST/../x")):
        await caller.send(request)
        answer = await caller.answer()
        assert answer.value("Connection") is None
    await caller.send(get("/nobody/REST/x", "Connection: close"))
    assert (await caller.answer()).value("Connection") == b"close"
    assert await caller.ended()


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /\nHost: x\n\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0",
        b"\r\n\r\n\r\nX",
    ],
)
async def test_the_connection_ends_after_a_malformed_head(rig, request_):
    """Where the next request would begin is not known, so there is none."""
    caller = await rig.caller()
    await caller.send(request_ + b"GET /employer/REST/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await caller.answer()
    assert (answer.status, answer.value("Connection")) == (400, b"close")
    assert await caller.ended()
    assert rig.api.opened == 0


async def test_tls_at_the_plain_door_is_named(rig):
    """The commonest mistake gets a sentence that cures it."""
    caller = await rig.caller()
    await caller.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert "http://" in (await caller.answer()).problem["detail"]


async def test_a_problem_answers_head_without_a_body(rig):
    """The length is what GET would have got."""
    caller = await rig.caller()
    await caller.send(get("/nobody/REST/x", method="HEAD") + get("/nobody/REST/x"))
    head = await caller.answer("HEAD")
    body = await caller.answer()
    assert head.value("Content-Length") == str(len(body.body)).encode()


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "TRACK", "trace", "Trace", "connect"])
async def test_methods_that_are_refused(rig, method):
    """405 with Allow, in any spelling: a server that ignores case would show the token that was sent to it."""
    answer = await rig.call(get(method=method))
    assert (answer.status, b"POST" in (answer.value("Allow") or b"")) == (405, True)
    assert rig.api.opened == 0


async def test_any_other_method_passes_as_it_is_written(rig):
    """Methods are case-sensitive, and not for the gateway to know."""
    assert (await rig.call(get(method="get"))).status == 200
    assert rig.api.requests[0].method == b"get"


async def test_a_connect_request_as_it_is_really_sent(rig):
    """Software that takes the gateway for a forward proxy is told so, and nothing behind it is read."""
    caller = await rig.caller()
    await caller.send(b"CONNECT api.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n" + get())
    answer = await caller.answer()
    assert answer.status in {400, 405}
    assert rig.api.opened == 0


async def test_no_answer_of_our_own_is_2xx_or_empty(rig):
    """Nothing of ours could pass for a success."""
    for code, row in PROBLEMS.items():
        assert row.status >= 400, code
    answer = await rig.call(get("/-/livez"))
    assert (answer.status, len(answer.body) > 0) == (404, True)


async def test_details_do_not_repeat_what_the_caller_sent(rig):
    """A national number in a path or a key in a field is not echoed."""
    caller = await rig.caller()
    for request in (
        get("/85073003328/REST/x"),
        get("/employer/REST/../85073003328"),
        get("/employer/REST/x", "Origin: 85073003328", "X-Api-Key: 85073003328"),
    ):
        await caller.send(request)
        assert b"85073003328" not in (await caller.answer()).body


async def test_request_ids_are_uuids_and_never_repeat(rig):
    """`instance` names one exchange."""
    caller = await rig.caller()
    seen = set()
    for _ in range(50):
        await caller.send(get("/nobody/REST/x"))
        seen.add(json.loads((await caller.answer()).body)["instance"])
    assert len(seen) == 50
    assert all(
        re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", it)
        for it in seen
    )


async def test_a_stopping_gateway_finishes_what_runs_and_refuses_the_rest(rig):
    """The running exchange is answered with Connection: close; a request pipelined behind it gets 503 `stopping`."""
    rig.api.by_hand()
    caller, idle = await rig.caller(), await rig.caller()
    await caller.send(get() + get())
    connection = await rig.api.connection()
    await connection.request()
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 2)
    draining = rig.gateway.server.connections.spawn(_drain(rig))
    assert await idle.ended()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    answer = await caller.answer()
    assert (answer.body, answer.value("Connection")) == (b"ok", b"close")
    assert await caller.ended()
    caller.close()
    await draining


async def test_a_stopping_gateway_does_not_wait_for_a_caller_that_keeps_its_connection(rig):
    """An answer whose head said keep-alive before the signal: the connection is closed behind its body."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    await caller.stream.until(b"half")
    draining = rig.gateway.server.connections.spawn(_drain(rig))
    await eventually(lambda: rig.gateway.server.connections.stopping)
    await connection.send(b"rest")
    assert await caller.stream.exactly(4) == b"rest"
    assert await caller.ended()
    await draining


async def _drain(rig):
    assert not await rig.gateway.server.connections.drain(5)


async def test_a_request_behind_an_answer_that_promised_to_keep_the_connection_is_refused(rig):
    """It cannot be left without an answer, since its caller was never asked to send it elsewhere: 503 `stopping`."""
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get() + get())
    connection = await rig.api.connection()
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
    await caller.stream.until(b"half")
    draining = rig.gateway.server.connections.spawn(_drain(rig))
    await eventually(lambda: rig.gateway.server.connections.stopping)
    await connection.send(b"rest")
    assert await caller.stream.exactly(4) == b"rest"
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (503, "stopping", "not-sent")
    assert answer.value("Connection") == b"close"
    assert await caller.ended()
    await draining


async def test_a_head_that_has_begun_is_read_to_its_end_and_refused(rig):
    """A connection with half a head is in use: it gets its 503 instead of a reset."""
    caller, raw = await rig.caller(), post(b"declaration")
    await caller.send(raw[:40])
    (at,) = await _members(rig)
    await eventually(lambda: at.idle_since() is None)
    draining = rig.gateway.server.connections.spawn(_drain(rig))
    await eventually(lambda: rig.gateway.server.connections.stopping)
    await caller.send(raw[40:])
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.value("Connection")) == (503, "stopping", b"close")
    assert await caller.ended()
    await draining


@pytest.mark.parametrize("raw", [get(), get("/nobody/REST/x"), get().replace(b"localhost", b"evil.example")])
async def test_from_the_signal_on_every_answer_closes_its_connection(rig, raw):
    """Kept connections and new ones are served, each once more: relayed answers and refusals alike."""
    kept = await rig.caller()
    await kept.send(get())
    assert (await kept.answer()).value("Connection") is None
    rig.gateway.server.connections.close_after_responses()
    for caller in (kept, await rig.caller()):
        await caller.send(raw)
        assert (await caller.answer()).value("Connection") == b"close"
        assert await caller.ended()


async def _members(rig):
    await eventually(lambda: rig.connections)
    return rig.connections
