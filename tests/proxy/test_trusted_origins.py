"""Pages of trusted origins, seen on the wire: preflights, answers they may read, and what stays refused."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from tests.support.raw_http import get, ok, post

KEY = "flagw_" + "0123456789abcdef" * 4
PAGE = "Origin: https://erp.example"
ASKS = "Access-Control-Request-Method: POST"
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{sha256(KEY.encode()).hexdigest()}" }}]
[callers.payroll.allow]
employer = ["POST /REST/**", "GET /REST/**"]
"""


@pytest.fixture
async def trusting(start):
    """Start a gateway that trusts one origin and knows one caller."""
    return await start(gateway='trusted_origins = ["https://erp.example"]', more=CALLERS)


def options(*fields, path="/employer/REST/x"):
    """Write an OPTIONS request."""
    return get(path, *fields, method="OPTIONS")


def lists(answer, name):
    """Give the members of a list field."""
    return {member.strip() for value in answer.values(name) for member in value.split(b",")}


@pytest.mark.parametrize("path", ["/employer/REST/x", "/nowhere/REST/x", "/employer/REST/oauth/v5/token"])
async def test_a_preflight_is_answered_before_anything_is_looked_up(trusting, path):
    """It carries no credential, and its answer tells nothing of profiles; nothing reaches the API."""
    wanted = "Access-Control-Request-Headers: x-api-key"
    answer = await trusting.call(options(PAGE, ASKS, wanted, "Sec-Fetch-Site: cross-site", path=path))
    assert answer.status == 200
    assert json.loads(answer.body)
    assert answer.value("Access-Control-Allow-Origin") == b"https://erp.example"
    assert answer.value("Access-Control-Allow-Headers") == b"x-api-key"
    assert b"POST" in lists(answer, "Access-Control-Allow-Methods")
    assert answer.value("Vary") == b"Origin"
    assert answer.value("Fla-Gateway-Origin") == b"gateway"
    assert not trusting.api.requests
    assert not trusting.tokens.fetches


async def test_a_preflight_is_recorded_as_a_strangers(trusting):
    """It is an answer and no refusal, and belongs to nobody."""
    caller = await trusting.caller()
    await caller.send(options(PAGE, ASKS))
    sent = len((await caller.answer()).body)
    record = await trusting.records.next()
    assert (record.profile, record.status, record.origin, record.code) == ("", 200, "gateway", "")
    assert (record.outcome, record.admission, record.sent) == ("answered", UNAUTHENTICATED, sent)
    await caller.send(post(b"{}", PAGE, f"X-Api-Key: {KEY}"))
    assert (await caller.answer()).status == 200, "the connection goes on"


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://erp.example:444"])
async def test_a_preflight_of_any_other_page_is_refused(trusting, origin):
    """Without the fields of CORS its browser sends nothing more."""
    answer = await trusting.call(options(f"Origin: {origin}", ASKS))
    assert (answer.status, answer.code) == (403, "browser-refused")
    assert not [name for name, _ in answer.fields if name.lower().startswith(b"access-control-")]


async def test_a_preflight_over_a_foreign_name_is_refused(trusting):
    """Host is judged first, for trusted pages as well."""
    raw = options(PAGE, ASKS).replace(b"Host: ", b"Host: evil.example\r\nX-Was: ")
    assert (await trusting.call(raw)).code == "wrong-host"


async def test_an_options_request_that_is_no_preflight_goes_to_the_api(start):
    """A page may ask what an API can do, as anybody may."""
    rig = await start(gateway='trusted_origins = ["https://erp.example"]')
    assert (await rig.call(options(PAGE))).body == b"ok"
    assert (await rig.call(get("/employer/REST/x", PAGE, ASKS))).body == b"ok"
    assert [one.method for one in rig.api.requests] == [b"OPTIONS", b"GET"]


async def test_an_answer_of_the_api_may_be_read_by_the_page(trusting):
    """The gateway's own rules about pages take the place of the API's; the page may read what programs look at."""
    theirs = ("Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true", "Vary: Accept", "X-A: 1")
    trusting.api.answer = lambda request: ok(b"{}", *theirs)
    answer = await trusting.call(post(b"{}", PAGE, f"X-Api-Key: {KEY}", "Sec-Fetch-Site: cross-site"))
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.value("Access-Control-Allow-Origin") == b"https://erp.example"
    assert answer.values("Access-Control-Allow-Credentials") == []
    assert lists(answer, "Vary") == {b"Accept", b"Origin"}
    exposed = {
        b"Fla-Gateway-Origin",
        b"Fla-Gateway-Upstream-Challenge",
        b"BelGov-Trace-Id",
        b"Location",
        b"Retry-After",
    }
    assert exposed <= lists(answer, "Access-Control-Expose-Headers")
    assert answer.value("X-A") == b"1"
    (sent,) = trusting.api.requests
    assert sent.value("Origin") == b"https://erp.example", "end-to-end fields are forwarded"


async def test_without_a_page_an_apis_own_rules_pass(trusting):
    """Programs get the API's fields byte for byte, and none of the gateway's about pages."""
    trusting.api.answer = lambda request: ok(b"{}", "Access-Control-Allow-Origin: *")
    answer = await trusting.call(post(b"{}", f"X-Api-Key: {KEY}"))
    assert answer.value("Access-Control-Allow-Origin") == b"*"
    assert answer.values("Vary") == answer.values("Access-Control-Expose-Headers") == []


async def test_a_page_without_a_key_is_told_so_and_no_password_is_asked_for(trusting):
    """Trust lets the page knock; the person at its browser is never asked for a password."""
    answer = await trusting.call(post(b"{}", PAGE))
    assert (answer.status, answer.code) == (401, "credentials-missing")
    assert answer.value("WWW-Authenticate") == b'Bearer realm="fla_gateway"'
    assert answer.value("Access-Control-Allow-Origin") == b"https://erp.example"
    assert answer.value("Vary") == b"Origin"


async def test_a_problem_within_an_exchange_may_be_read_by_the_page(trusting):
    """A page learns as much of a failure as any other caller."""
    trusting.api.answer = lambda request: b"nonsense\r\n\r\n"
    answer = await trusting.call(post(b"{}", PAGE, f"X-Api-Key: {KEY}"))
    assert answer.code == "api-malformed"
    assert answer.value("Access-Control-Allow-Origin") == b"https://erp.example"


async def test_one_block_of_fields_is_judged_for_each_door_alone(start):
    """Nothing is trusted where nothing is configured."""
    rig = await start()
    assert (await rig.call(post(b"{}", PAGE))).code == "browser-refused"
