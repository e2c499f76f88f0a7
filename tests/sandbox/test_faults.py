"""Scripted faults and the control listener."""

import time
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from fla_gateway.sandbox import Sandbox, SandboxOptions
from tests.sandbox.stage import trusting

ECHO = "/REST/echo/v1"
DECLARATIONS = "/REST/dimona/v2/declarations"


async def script(stage, **faults):
    """Script faults through the control listener."""
    answer = await stage.control("PUT", "/faults", faults)
    assert answer.status == 200, answer.raw


@pytest.mark.parametrize("secret", ["", "wrong"])
async def test_control_needs_the_secret(stage, secret):
    """Without the secret nothing is shown and nothing changed."""
    answer = await stage.control("PUT", "/faults", {"token": "down"}, secret=secret)
    assert answer.status == 403
    assert (await stage.ask()).status == 200


async def test_token_server_down(stage):
    """`down` closes the connection without an answer, until it is lifted."""
    await script(stage, token="down")
    with pytest.raises(aiohttp.ClientConnectionError):
        await stage.ask()
    assert (await stage.control("DELETE", "/faults")).status == 200
    assert (await stage.ask()).status == 200
    assert stage.sandbox.state()["counters"]["token_faults"] == {"down": 1}


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("429", 429, b"tooManyRequests"),
        ("500", 500, b"internalServerError"),
        ("503", 503, b"serviceUnavailable"),
        ("invalid_client", 400, b"invalid_client"),
        ("empty", 200, b""),
        ("html", 502, b"<html>"),
        ("malformed", 200, b'{"access_token"'),
        ("line-break", 200, b"sand\\r\\nbox"),
        ("redirect", 302, b""),
    ],
)
async def test_token_server_answers_badly(stage, kind, status, body):
    """Each kind of bad answer is given as often as scripted."""
    await script(stage, token={"kind": kind, "count": 1})
    answer = await stage.ask()
    assert (answer.status, body in answer.raw) == (status, True)
    assert "sandbox" in answer.headers["Sandbox"]
    assert (await stage.ask()).status == 200


async def test_patience_and_status_are_scripted(stage):
    """Retry-After of 429 and the status of invalid_client are as asked for."""
    await script(stage, token={"kind": "429", "retry_after": 7})
    assert (await stage.ask()).headers["Retry-After"] == "7"
    await script(stage, token={"kind": "invalid_client", "status": 403})
    assert (await stage.ask()).status == 403


async def test_slow_answers_come_late_but_good(stage):
    """`slow` waits and then answers in earnest, on both sides."""
    await script(stage, token={"kind": "slow", "delay": 0.1}, api={"kind": "slow", "delay": 0.1})
    begin = time.monotonic()
    token = await stage.token()
    assert (await stage.call("GET", ECHO, token=token)).status == 200
    assert time.monotonic() - begin >= 0.2


async def test_wrong_clock_refuses_by_its_own_time_and_shows_it(stage):
    """With the server's clock an hour ahead, an honest assertion is expired and one by the Date field is good."""
    await script(stage, token="wrong-clock")
    answer = await stage.ask()
    assert answer.json["error"] == "invalid_client"
    server_time = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert 3_590 < server_time - stage.clock.wall() < 3_610
    assert (await stage.ask(stage.assertion(exp=int(server_time) + 100, iat=int(server_time)))).status == 200


async def test_expired_token_once(stage):
    """`401-expired` ends the token that is used; a new one is good, and the old one stays expired."""
    token = await stage.token()
    await script(stage, api="401-expired")
    answer = await stage.call("GET", ECHO, token=token)
    assert (answer.status, answer.json["type"]) == (401, "urn:problem-type:belgif:expiredAccessToken")
    assert (await stage.call("GET", ECHO, token=await stage.token())).status == 200
    assert (await stage.call("GET", ECHO, token=token)).status == 401


@pytest.mark.parametrize(
    ("kind", "status", "problem"),
    [
        ("401-storm", 401, "invalidAccessToken"),
        ("403-missing-scope", 403, "missingScope"),
        ("429", 429, "tooManyRequests"),
        ("500", 500, "internalServerError"),
        ("503", 503, "serviceUnavailable"),
    ],
)
async def test_api_answers_badly(stage, kind, status, problem):
    """Each kind of bad answer is given to every call until it is lifted."""
    token = await stage.token()
    await script(stage, api=kind)
    for _ in range(2):
        answer = await stage.call("GET", ECHO, token=token)
        assert (answer.status, answer.json["type"]) == (status, f"urn:problem-type:belgif:{problem}")
    await script(stage)
    assert (await stage.call("GET", ECHO, token=token)).status == 200


async def test_api_fault_for_one_service(stage):
    """A fault with a path hits that service alone."""
    token = await stage.token()
    await script(stage, api={"kind": "401-storm", "path": "/REST/dimona/"})
    assert (await stage.call("POST", DECLARATIONS, token=token, json={})).status == 401
    assert (await stage.call("GET", ECHO, token=token)).status == 200


async def test_cut_body_does_the_work_and_hides_it(stage):
    """`cut-body` does what was asked for, and closes in mid-body."""
    token = await stage.token()
    await script(stage, api={"kind": "cut-body", "count": 1})
    with pytest.raises(aiohttp.ClientPayloadError):
        await stage.call("POST", DECLARATIONS, token=token, json={})
    assert stage.sandbox.state()["held"]["declarations"] == 1


async def test_api_down(stage):
    """`down` closes the API's connection without an answer."""
    token = await stage.token()
    await script(stage, api={"kind": "down", "count": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await stage.call("POST", ECHO, token=token)


async def test_fault_ends_after_its_seconds(stage):
    """A fault with `seconds` ends by itself."""
    await script(stage, token={"kind": "503", "seconds": 5})
    assert (await stage.ask()).status == 503
    stage.clock.pass_by(5)
    assert (await stage.ask()).status == 200
    assert stage.sandbox.state()["faults"]["token"] is None


@pytest.mark.parametrize(
    "wishes",
    [
        {"token": "cut-body"},
        {"api": "wrong-clock"},
        {"api": {"count": 1}},
        {"api": {"kind": "slow", "delay": "long"}},
        {"api": {"kind": "429", "count": True}},
        {"api": {"kind": "slow", "delay": 10**9}},
        {"api": {"kind": "slow", "until": 1}},
        {"api": {"kind": "slow", "path": 1}},
        {"other": "down"},
        {"api": 1},
        [],
    ],
)
async def test_fault_that_is_not_understood(stage, wishes):
    """A wish that is not understood is refused with a sentence, and the API stays as it was."""
    answer = await stage.control("PUT", "/faults", wishes)
    assert (answer.status, answer.json["type"]) == (400, "urn:problem-type:belgif:badRequest")
    assert stage.sandbox.state()["faults"]["api"] is None


async def test_settings_change(stage):
    """Token life and processing time can be changed; tokens can be expired at once."""
    assert (await stage.control("PUT", "/settings", {"token_life": 5, "processing_seconds": 0})).status == 200
    answer = await stage.ask()
    assert answer.json["expires_in"] == 5
    token = answer.json["access_token"]
    made = await stage.call("POST", DECLARATIONS, token=token, json={})
    path = made.headers["Location"].removeprefix(stage.sandbox.url)
    assert (await stage.call("GET", path, token=token)).status == 200
    assert (await stage.control("DELETE", "/tokens")).status == 200
    assert (await stage.call("GET", path, token=token)).status == 401


@pytest.mark.parametrize(
    "wishes", [{"token_life": 0}, {"token_life": 1.5}, {"token_life": True}, {"processing_seconds": -1}, {"x": 1}]
)
async def test_setting_out_of_bounds(stage, wishes):
    """A setting out of bounds is refused and changes nothing."""
    assert (await stage.control("PUT", "/settings", wishes)).status == 400
    assert stage.sandbox.state()["settings"] == {"token_life": 300, "processing_seconds": 2.0}


async def test_state_counts_what_happened(stage):
    """/state shows mints, refusals by reason and calls by API."""
    token = await stage.token()
    await stage.ask("x")
    await stage.call("GET", ECHO, token=token)
    await stage.call("GET", ECHO, token="wrong")
    state = (await stage.control("GET", "/state")).json
    assert (state["minted"], state["refused"]) == (1, 1)
    assert state["counters"]["refused"] == {"malformed": 1}
    assert state["counters"]["bearer_refused"] == {"invalidAccessToken": 1}
    assert state["counters"]["calls"][f"{ECHO} 200"] == 1
    assert token not in str(state)
    assert "sandbox" in state["sandbox"]


async def test_control_knows_nothing_else(stage):
    """Another address of the control listener is 404."""
    assert (await stage.control("GET", "/")).status == 404


async def test_report_names_each_exchange_without_secrets():
    """`report` gets a line for each exchange, with the reason of a refusal and without query or identifiers."""
    lines: list[str] = []
    sandbox = Sandbox(SandboxOptions(client=False, report=lines.append))
    await sandbox.start()
    async with aiohttp.ClientSession() as session:
        url = f"{sandbox.url}{DECLARATIONS}/123?ssn=1"
        async with session.get(url, ssl=trusting(sandbox)):
            pass
    await sandbox.close()
    assert lines == [
        "401  GET    /REST/dimona/v2/declarations/{id}  No access token was sent in the Authorization field"
    ]
