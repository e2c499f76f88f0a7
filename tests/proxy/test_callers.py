"""Who may call, seen on the wire: credentials, refusals, and what reaches the API of them."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from fla_gateway.access.authentication.caller import ANONYMOUS, UNAUTHENTICATED
from tests.support.raw_http import get, post, post_chunked

KEY = "flagw_" + "0123456789abcdef" * 4
OTHER = "flagw_" + "fedcba9876543210" * 4
EXPIRED = "flagw_" + "00" * 32
DIGEST = sha256(KEY.encode()).hexdigest()

CALLERS = f"""
[profiles.second]
environment = "stand-in"
client_id = "client-8"
key = {{ pem = "never-read.pem" }}

[callers.payroll]
keys = [
    {{ sha256 = "{DIGEST}", expires = 2099-12-31 }},
    {{ sha256 = "{sha256(EXPIRED.encode()).hexdigest()}", expires = 2020-01-01 }},
]
[callers.payroll.allow]
employer = ["GET /REST/dimona/v2/**", "POST /REST/dimona/v2/declarations", "GET /REST/exact"]
"""


def basic(password, user="anybody"):
    """Write the value of Authorization with a key as the password."""
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
async def guarded(start):
    """Start a gateway that knows one caller."""
    return await start(more=CALLERS)


@pytest.mark.parametrize(
    "field",
    [f"Authorization: Bearer {KEY}", f"authorization: bearer {KEY}", basic(KEY), basic(KEY, ""), f"X-Api-Key: {KEY}",
     f"x-api-key:{KEY}"],
)  # fmt: skip
async def test_a_key_is_accepted_in_three_places(guarded, field):
    """Bearer, the password of Basic beside any user, and X-Api-Key."""
    answer = await guarded.call(get("/employer/REST/dimona/v2/x", field))
    assert answer.status == 200
    record = await guarded.records.next()
    assert record.admission == ("payroll", f"key:{DIGEST[:8]}", "GET /REST/dimona/v2/**", False)


async def test_no_credential_of_a_caller_reaches_the_api(guarded):
    """What goes out is the gateway's token and nothing of the caller's key, wherever it stood."""
    for field in (f"Authorization: Bearer {KEY}", basic(KEY), f"X-Api-Key: {KEY}"):
        await guarded.call(get("/employer/REST/dimona/v2/x", field))
    for request in guarded.api.requests:
        assert request.value("Authorization") == b"Bearer token-1"
        assert request.value("X-Api-Key") is None
        assert KEY.encode() not in b"".join(value for _, value in request.fields)


async def test_without_a_credential_basic_is_asked_for(guarded):
    """Many clients send Basic only when they are asked; nothing is sent to the API, and no profile is named."""
    answer = await guarded.call(get("/employer/REST/dimona/v2/x"))
    assert (answer.status, answer.problem["type"]) == (401, "urn:problem-type:fla-gateway:credentials-missing")
    assert answer.value("WWW-Authenticate") == b'Basic realm="fla_gateway", charset="UTF-8"'
    assert answer.problem["delivery"] == "not-sent"
    assert answer.problem["profile"] is None
    assert not guarded.api.requests
    assert (await guarded.records.next()).admission == UNAUTHENTICATED


async def test_a_client_that_waits_to_be_asked_is_served_on_the_same_connection(guarded):
    """The connection outlives the challenge, so that the second attempt costs no new one."""
    caller = await guarded.caller()
    await caller.send(post(b"{}", path="/employer/REST/dimona/v2/declarations"))
    assert (await caller.answer()).status == 401
    await caller.send(post(b"{}", basic(KEY), path="/employer/REST/dimona/v2/declarations"))
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize("key", [OTHER, EXPIRED, KEY.upper(), KEY[:-1], "", "flagw_", "password"])
async def test_a_wrong_key_is_refused(guarded, key):
    """Unknown, expired and misshapen keys all get the same answer, which quotes nothing."""
    answer = await guarded.call(get("/employer/REST/dimona/v2/x", f"X-Api-Key: {key}"))
    assert (answer.status, answer.problem["type"]) == (401, "urn:problem-type:fla-gateway:credentials-refused")
    assert answer.value("WWW-Authenticate") is not None
    assert not key or key.encode() not in answer.body
    assert not guarded.api.requests


@pytest.mark.parametrize(
    "fields",
    [
        (f"X-Api-Key: {KEY}", f"Authorization: Bearer {OTHER}"),
        (f"X-Api-Key: {KEY}", basic("another")),
        (f"X-Api-Key: {KEY}", f"X-Api-Key: {OTHER}"),
        (f"Authorization: Bearer {KEY}", basic(OTHER)),
        (f"X-Api-Key: {KEY}", "Authorization: Negotiate abc"),
    ],
)
async def test_two_different_credentials_are_refused(guarded, fields):
    """Which of them counts would be a guess."""
    answer = await guarded.call(get("/employer/REST/dimona/v2/x", *fields))
    assert (answer.status, answer.problem["type"]) == (400, "urn:problem-type:fla-gateway:credentials-ambiguous")
    assert not guarded.api.requests


async def test_the_same_credential_twice_is_one(guarded):
    """Libraries that set both fields from one setting are no attack."""
    fields = (f"X-Api-Key: {KEY}", basic(KEY), f"Authorization: Bearer {KEY}")
    assert (await guarded.call(get("/employer/REST/dimona/v2/x", *fields))).status == 200


@pytest.mark.parametrize(
    "path", ["/employer/REST/dimona/v2/x", "/nobody/REST/x", "/", "/-/x", "/employer/REST/oauth/v5/token"]
)
async def test_a_stranger_learns_nothing_of_the_addresses(guarded, path):
    """Whether a profile or a path exists is no business of one who has not said who he is."""
    answer = await guarded.call(get(path))
    assert (answer.status, answer.problem["type"]) == (401, "urn:problem-type:fla-gateway:credentials-missing")


async def test_a_page_gets_no_challenge(guarded):
    """A browser that is asked for Basic would ask its user; a page gets 403, with a key as without."""
    for fields in ((), (f"X-Api-Key: {KEY}",)):
        answer = await guarded.call(get("/employer/REST/dimona/v2/x", "Origin: https://evil.example", *fields))
        assert (answer.status, answer.problem["type"]) == (403, "urn:problem-type:fla-gateway:browser-refused")
        assert answer.value("WWW-Authenticate") is None


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/REST/dimona/v2/a/b", 200, ""),
        ("HEAD", "/REST/dimona/v2/a", 200, ""),
        ("GET", "/REST/dimona/v2/a?x=/../%2F", 200, ""),
        ("GET", "/REST/exact", 200, ""),
        ("POST", "/REST/dimona/v2/declarations", 200, ""),
        ("GET", "/REST/dimona/v2/", 403, "caller-not-permitted"),
        ("GET", "/REST/dimona/v2", 403, "caller-not-permitted"),
        ("GET", "/REST/exact/more", 403, "caller-not-permitted"),
        ("GET", "/REST/%65xact", 403, "caller-not-permitted"),
        ("get", "/REST/exact", 403, "caller-not-permitted"),
        ("PUT", "/REST/dimona/v2/declarations", 403, "caller-not-permitted"),
        ("POST", "/REST/dimona/v2/x", 403, "caller-not-permitted"),
        ("GET", "/REST/dimona/v2/a%2Fb", 400, "ambiguous-path"),
        ("GET", "/REST/dimona/v2/a%5cb", 400, "ambiguous-path"),
        ("GET", "/REST/dimona/v2/a;b", 400, "ambiguous-path"),
        ("GET", "/REST/dimona/v2/a//b", 400, "ambiguous-path"),
        ("GET", "/REST/dimona/v2/../v1", 400, "ambiguous-path"),
        ("GET", "/REST/oauth/v5/token", 403, "token-endpoint-refused"),
    ],
)
async def test_a_caller_may_do_what_his_list_says(guarded, method, path, status, code):
    """Method and path are matched on the bytes that are forwarded; what is not listed is refused."""
    raw = get(
        f"/employer{path}",
        f"X-Api-Key: {KEY}",
        *(["Content-Length: 0"] if method in {"POST", "PUT"} else []),
        method=method,
    )
    answer = await guarded.call(raw, method)
    assert answer.status == status
    if code:
        assert answer.problem["type"] == f"urn:problem-type:fla-gateway:{code}"
        assert not guarded.api.requests
        record = await guarded.records.next()
        assert (record.admission.caller, record.outcome) == ("payroll", "refused")


async def test_a_profile_that_is_not_listed_is_refused(guarded):
    """Deny by default, once any caller exists."""
    answer = await guarded.call(get("/second/REST/dimona/v2/x", f"X-Api-Key: {KEY}"))
    assert (answer.status, answer.problem["type"]) == (403, "urn:problem-type:fla-gateway:caller-not-permitted")


async def test_a_caller_learns_of_its_own_profiles_alone(guarded):
    """An address without a profile is answered with the names of those that this caller may use."""
    answer = await guarded.call(get("/emploier/REST/x", f"X-Api-Key: {KEY}"))
    assert (answer.status, answer.code) == (404, "unknown-profile")
    assert "The nearest is 'employer'. Profiles for this caller: employer." in answer.problem["detail"]
    assert "second" not in answer.problem["detail"]


@pytest.mark.parametrize(
    "path", ["/employer/REST/oauth/v5/token", "/employer/REST/%2e%2e/x", "/employer/REST/dimona/v9/x"]
)
async def test_the_recorded_path_has_no_profile_whatever_became_of_the_request(guarded, path):
    """One form in log, journal and page, so that the lines about one address can be found."""
    await guarded.call(get(path, f"X-Api-Key: {KEY}"))
    assert (await guarded.records.next()).path == path.removeprefix("/employer").encode()
    await guarded.call(get(path))
    assert (await guarded.records.next()).path == path.removeprefix("/employer").encode()


async def test_without_callers_credentials_are_dropped_and_nobody_is_asked(rig):
    """A gateway that knows no callers takes a leftover Authorization for what it is."""
    answer = await rig.call(get("/employer/REST/x", "Authorization: Bearer whatever", "X-Api-Key: something-else"))
    assert answer.status == 200
    assert (await rig.records.next()).admission == ANONYMOUS


async def test_while_observing_the_path_policy_alone_is_relaxed(start):
    """What the list would refuse is let through and marked; identity, profile and ambiguity are judged as ever."""
    rig = await start(more=CALLERS.replace("[callers.payroll]", "[callers.payroll]\nobserve_until = 2099-01-01"))
    key = f"X-Api-Key: {KEY}"
    assert (await rig.call(get("/employer/REST/else", key))).status == 200
    assert (await rig.records.next()).admission == ("payroll", f"key:{DIGEST[:8]}", "", True)
    assert (await rig.call(get("/employer/REST/else"))).status == 401
    assert (await rig.call(get("/second/REST/else", key))).status == 403
    assert (await rig.call(get("/employer/REST/a%2Fb", key))).status == 400


async def test_the_body_of_a_refused_request_is_not_taken_for_a_request(guarded):
    """A body that is still to come is thrown away within bounds, and the connection ends."""
    caller = await guarded.caller()
    inner = get("/employer/REST/dimona/v2/x", f"X-Api-Key: {KEY}")
    await caller.send(get("/employer/REST/x", f"Content-Length: {len(inner) + 5}", method="POST") + b"12345")
    answer = await caller.answer()
    assert (answer.status, answer.value("Connection")) == (401, b"close")
    await caller.send(inner)
    caller.fin()
    assert await caller.ended()
    assert not guarded.api.requests


async def test_a_refused_request_with_a_whole_body_leaves_the_connection_usable(guarded):
    """A chunked body that came with its head is read to its end."""
    caller = await guarded.caller()
    await caller.send(post_chunked(b"one", b"two"))
    answer = await caller.answer()
    assert (answer.status, answer.value("Connection")) == (401, None)
    await caller.send(get("/employer/REST/dimona/v2/x", f"X-Api-Key: {KEY}"))
    assert (await caller.answer()).status == 200


async def test_an_expiry_is_noticed_while_the_gateway_runs(start):
    """A key that was good a moment ago is refused once its time is over."""
    rig = await start(more=CALLERS)
    key = f"X-Api-Key: {KEY}"
    caller = await rig.caller()
    await caller.send(get("/employer/REST/exact", key))
    assert (await caller.answer()).status == 200
    rig.clock.advance(80 * 365 * 86_400)
    answer = await rig.call(get("/employer/REST/exact", key))
    assert answer.status == 401


async def test_a_refusal_by_the_address_is_counted_for_its_profile(start):
    """Whoever looks at a profile sees what was refused in it; a caller is told its name, a stranger never."""
    rig = await start(profile='services = ["dimona"]', more=CALLERS)
    answer = await rig.call(get("/employer/REST/other/v1/x", f"X-Api-Key: {KEY}"))
    assert (answer.code, answer.problem["profile"]) == ("service-not-permitted", "employer")
    assert (await rig.records.next()).profile == "employer"
    assert (await rig.call(get("/employer/REST/other/v1/x"))).problem["profile"] is None
    assert (await rig.call(get("/nobody/REST/x", f"X-Api-Key: {KEY}"))).problem["profile"] is None


async def test_calls_without_a_valid_key_are_reported_and_others_are_not(guarded):
    """Missing and wrong keys are; a good key, and a refusal of another kind, are not."""
    found = []
    guarded.gateway.server.connections.on_unknown_caller = lambda code, transport: found.append(code)
    await guarded.call(get("/employer/REST/dimona/v2/x"))
    await guarded.call(get("/employer/REST/dimona/v2/x", f"X-Api-Key: {OTHER}"))
    await guarded.call(get("/employer/REST/dimona/v2/x", f"X-Api-Key: {KEY}"))
    await guarded.call(get("/employer/REST/other", f"X-Api-Key: {KEY}"))
    assert found == ["credentials-missing", "credentials-refused"]
