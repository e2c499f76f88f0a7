"""What a caller may no longer do, when another configuration takes over while its requests wait."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.runtime.test_generations import publish
from tests.support.raw_http import get, post
from tests.support.waiting import eventually

KEY = "flagw_" + "0123456789abcdef" * 4
DIGEST = sha256(KEY.encode()).hexdigest()
OTHER = "5" * 64
ALLOWED = '["GET /REST/dimona/v2/**", "POST /REST/dimona/v2/**"]'
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{DIGEST}" }}]
[callers.payroll.allow]
employer = {ALLOWED}
"""
SHOWN = f"X-Api-Key: {KEY}"
CALL = get("/employer/REST/dimona/v2/x", SHOWN)
REFUSED = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer error="invalid_token"\r\nContent-Length: 0\r\n\r\n'

CHANGES = [
    pytest.param(DIGEST, OTHER, 401, "credentials-refused", id="another key"),
    pytest.param("callers.payroll", "callers.other", 200, "", id="another name, the same key"),
    pytest.param('"GET /REST/dimona/v2/**", "POST /REST/dimona/v2/**"', '"PUT /REST/x"', 403, "caller-not-permitted",
                 id="a narrower list"),
    pytest.param("environment =", 'services = ["/REST/other"]\nenvironment =', 403, "service-not-permitted",
                 id="other services"),
    pytest.param(f'{{ sha256 = "{DIGEST}" }}', f'{{ sha256 = "{DIGEST}", expires = 2020-01-01 }}', 401,
                 "credentials-refused", id="an expired key"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "status", "code"), CHANGES)
async def test_what_is_revoked_holds_from_the_next_head_on(start, tmp_path, before, after, status, code):
    """On a connection that has shown the same head before, whatever was remembered of it."""
    rig = await start(more=CALLERS)
    caller = await rig.caller()
    for _ in range(3):
        await caller.send(CALL)
        assert (await caller.answer()).status == 200
    publish_all(rig, tmp_path, before, after)
    await caller.send(CALL)
    answer = await caller.answer()
    assert answer.status == status
    assert not code or answer.code == code


@pytest.mark.parametrize(("before", "after", "status", "code"), CHANGES)
@pytest.mark.parametrize("call", [CALL, post(b"body", SHOWN)], ids=["GET", "POST"])
async def test_a_request_that_waits_for_its_token_is_judged_anew(start, tmp_path, call, before, after, status, code):
    """What the generation in force refuses is not sent, and the answer says so."""
    rig = await start(more=CALLERS)
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(call)
    await rig.tokens.asked.wait()
    publish_all(rig, tmp_path, before, after)
    rig.tokens.gate.set()
    answer = await caller.answer()
    assert answer.status == status
    record = await rig.records.next()
    if code:
        assert (answer.code, answer.problem["delivery"]) == (code, "not-sent")
        assert (record.outcome, record.attempts, rig.api.requests) == ("refused", 0, [])
        assert (rig.pool.busy, rig.pool.idle) == (0, 1), "the connection that was opened for it is free for others"


@pytest.mark.parametrize(("shown", "status"), [([SHOWN], 200), ([], 401)], ids=["with its key", "without"])
async def test_a_request_that_waits_while_callers_are_introduced_needs_its_key(start, tmp_path, shown, status):
    """Programs that send their key before callers are configured lose no call; an anonymous one is not sent."""
    rig = await start()
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(get("/employer/REST/dimona/v2/x", *shown))
    await rig.tokens.asked.wait()
    with (tmp_path / "gateway.toml").open("a") as file:
        file.write(CALLERS)
    publish(rig, tmp_path, "\n", "\n")
    rig.tokens.gate.set()
    answer = await caller.answer()
    assert answer.status == status
    if status != 200:
        assert (answer.code, answer.problem["delivery"]) == ("credentials-missing", "not-sent")


async def test_a_request_whose_profile_is_gone_is_not_sent(start, tmp_path):
    """It waits under the old generation, and is refused by the one in force."""
    rig = await start(more=CALLERS)
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(CALL)
    await rig.tokens.asked.wait()
    publish_all(rig, tmp_path, "employer", "successor")
    rig.tokens.gate.set()
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (404, "unknown-profile", "not-sent")
    assert rig.api.requests == []


async def test_a_request_is_not_sent_again_once_its_caller_is_revoked(start, tmp_path):
    """The API refused its token, and another one is waited for: what is refused meanwhile was not acted on."""
    rig = await start(more=CALLERS)
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(post(b"body", SHOWN))
    upstream = await rig.api.connection()
    await upstream.request()
    rig.tokens.gate.clear()
    rig.tokens.asked.clear()
    await upstream.send(REFUSED)
    await rig.tokens.asked.wait()
    publish_all(rig, tmp_path, DIGEST, OTHER)
    rig.tokens.gate.set()
    answer = await caller.answer()
    assert (answer.status, answer.problem["delivery"]) == (401, "not-sent")
    record = await rig.records.next()
    assert (record.outcome, record.attempts, record.refused.status) == ("refused", 1, 401)


async def test_what_was_sent_goes_on(start, tmp_path):
    """A revocation does not take back what the API has already."""
    rig = await start(more=CALLERS)
    rig.api.gate.clear()
    caller = await rig.caller()
    await caller.send(post(b"body", SHOWN))
    await eventually(lambda: rig.pool.busy == 1)
    publish_all(rig, tmp_path, DIGEST, OTHER)
    rig.api.gate.set()
    assert (await caller.answer()).status == 200


def publish_all(rig, folder, before, after):
    """Replace each occurrence of a text in the configuration, and publish it."""
    path = folder / "gateway.toml"
    path.write_text(path.read_text().replace(before, after) + "\n")
    publish(rig, folder, "\n", "\n")
