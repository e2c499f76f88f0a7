"""Callers side by side: what one gets, and what is recorded of him, is never another's.

The gateway shares everything that it can share: connections to the API, connections of a caller that speaks for
several, memories of judged heads. None of it may show.
"""

from __future__ import annotations

import asyncio
import base64
import random
from hashlib import sha256

import pytest

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from tests.support.raw_http import TruncatedError, get, ok, post
from tests.support.waiting import eventually

KEYS = {"payroll": "flagw_" + "0123456789abcdef" * 4, "hr": "flagw_" + "fedcba9876543210" * 4}
PROFILES = ("employer", "second")
TALKERS = 12
REQUESTS = 24

CALLERS = """
[profiles.second]
environment = "stand-in"
client_id = "client-8"
key = { pem = "never-read.pem" }
""" + "".join(
    f"""
[callers.{name}]
keys = [{{ sha256 = "{sha256(key.encode()).hexdigest()}" }}]
[callers.{name}.allow]
employer = ["GET /REST/{name}/**", "POST /REST/{name}/**"]
second = ["GET /REST/{name}/**", "POST /REST/{name}/**"]
"""
    for name, key in KEYS.items()
)


def credential(dice, name):
    """Show a caller's key in one of the three places."""
    key = KEYS[name]
    basic = base64.b64encode(f"{dice.randrange(9)}:{key}".encode()).decode()
    return dice.choice([f"Authorization: Bearer {key}", f"Authorization: Basic {basic}", f"X-Api-Key: {key}"])


def draw(dice, tag):
    """Draw a request: its bytes, who sends it (or nobody), and where it leads, by whose name and which profile."""
    sender = dice.choice([*KEYS, *KEYS, ""])
    owner, profile = dice.choice(list(KEYS)), dice.choice(PROFILES)
    path = f"/{profile}/REST/{owner}/{profile}/{tag}"
    fields = [f"Fla-Gateway-Reference: {sender}-{tag}"]
    if sender:
        fields.append(credential(dice, sender))
    raw = get(path, *fields) if dice.random() < 0.5 else post(tag.encode(), *fields, path=path)
    return raw, sender, owner


async def converse(rig, dice, number, wrong):
    """Speak for both callers and for nobody on one connection, several requests ahead, and judge each answer."""
    caller = await rig.caller()
    waiting = []
    for turn in range(REQUESTS):
        tag = f"{number}-{turn}"
        raw, sender, owner = draw(dice, tag)
        await caller.send(raw)
        waiting.append((tag, sender, owner))
        while waiting and dice.random() < 0.7:
            await judge(caller, *waiting.pop(0), wrong)
    for tag, sender, owner in waiting:
        await judge(caller, tag, sender, owner, wrong)
    caller.close()


async def judge(caller, tag, sender, owner, wrong):
    """Read the next answer and compare it with the one that its request must get."""
    answer = await caller.answer()
    expected = 401 if not sender else 200 if sender == owner else 403
    own = answer.body.startswith(b"/REST/") and answer.body.split(b" ")[0].endswith(b"/" + tag.encode())
    if answer.status != expected or (expected == 200 and not own):
        wrong.append((tag, sender, owner, answer.status, answer.body))


class Slowly:
    """An API that repeats what it was asked, sooner or later, on the few connections that there are."""

    def __init__(self, rig, dice):
        self.rig, self.dice = rig, dice
        self.requests = []
        self.tasks = []

    async def run(self):
        """Serve every connection that the gateway opens."""
        while True:
            connection = await self.rig.api.connection()
            self.tasks.append(asyncio.create_task(self._serve(connection)))

    async def _serve(self, connection):
        try:
            while True:
                request = await connection.request()
                self.requests.append(request)
                for _ in range(self.dice.randrange(4)):
                    await asyncio.sleep(0)
                await connection.send(ok(request.target + b" " + request.body))
        except (TruncatedError, TimeoutError, OSError):
            connection.cut()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_interleaved_callers_never_meet(start, seed):
    """Two callers and a stranger, mixed on shared connections on both sides: answers, records, rules and tokens.

    Each answer repeats its own request; each record has the caller, the rule and the reference of its own; the token
    of one profile is never sent for the other.
    """
    rig = await start(gateway="[gateway.pool]\nconnections = 2\nqueue_seconds = 60\n", more=CALLERS)
    rig.api.by_hand()
    dice = random.Random(seed)  # noqa: S311 - a mixture that can be had again
    api = Slowly(rig, dice)
    serving = asyncio.create_task(api.run())
    wrong: list[object] = []
    await asyncio.gather(*(converse(rig, dice, number, wrong) for number in range(TALKERS)))
    await eventually(lambda: rig.running == 0)
    for task in (serving, *api.tasks):
        task.cancel()
    assert wrong == []
    assert rig.api.opened <= 2 * len(PROFILES) + 2
    await _judge_records(rig)
    bearers = {(it.target.split(b"/")[3], it.value("Authorization")) for it in api.requests}
    assert len(bearers) == len(PROFILES) == len({bearer for _, bearer in bearers})


async def _judge_records(rig):
    seen = 0
    while not rig.records.empty():
        record = await rig.records.next()
        sender = record.notes.reference.partition("-")[0]
        seen += 1
        if not sender:
            assert record.admission == UNAUTHENTICATED
            continue
        assert record.admission.caller == sender
        assert record.admission.proof == f"key:{sha256(KEYS[sender].encode()).hexdigest()[:8]}"
        method = record.method.decode()
        permitted = record.path.startswith(f"/REST/{sender}/".encode())
        assert record.admission.rule == (f"{method} /REST/{sender}/**" if permitted else "")
        assert record.outcome == ("answered" if permitted else "refused")
        assert record.path.endswith(record.notes.reference.partition("-")[2].encode())
    assert seen == TALKERS * REQUESTS


@pytest.mark.parametrize(
    "name", ["X_Api_Key", "x_api_key", "X-Api_Key", "X_API_KEY", "Fla_Gateway_Reference", "Fla-Gateway_Reference"]
)
async def test_a_name_with_an_underscore_is_no_credential_and_no_reference(start, name):
    """Software that takes `_` for `-` must not be able to smuggle a caller in, or out to the API."""
    rig = await start(more=CALLERS)
    assert (await rig.call(get("/employer/REST/hr/x", f"{name}: {KEYS['hr']}"))).status == 401
    assert (await rig.records.next()).notes.reference == ""
    both = get("/employer/REST/hr/x", f"X-Api-Key: {KEYS['hr']}", f"{name}: {KEYS['payroll']}")
    assert (await rig.call(both)).status == 200
    assert (await rig.records.next()).notes.reference == ""
    (request,) = rig.api.requests
    assert not [found for found, value in request.fields if b"_" in found or KEYS["payroll"].encode() in value]


@pytest.mark.parametrize("first", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_two_lines_of_authorization_are_one_only_if_they_are_equal(start, first):
    """A library that takes the first line and one that takes the last would let in two different callers."""
    rig = await start(more=CALLERS)
    lines = {name: f"Bearer {key}" for name, key in KEYS.items()}
    two = get("/employer/REST/hr/x", f"{first}: {lines['hr']}", f"Authorization: {lines['payroll']}")
    answer = await rig.call(two)
    assert (answer.status, answer.code) == (400, "credentials-ambiguous")
    joined = get("/employer/REST/hr/x", f"{first}: {lines['hr']}, {lines['payroll']}")
    assert (await rig.call(joined)).status == 401
    assert not rig.api.requests
    same = get("/employer/REST/hr/x", f"{first}: {lines['hr']}", f"Authorization: {lines['hr']}")
    assert (await rig.call(same)).status == 200


async def test_no_field_but_a_credential_makes_a_caller(start):
    """Fields in which other programs believe (a proxy's word for the user, for the address, for a health check)."""
    rig = await start(more=CALLERS)
    fields = (
        "X-Forwarded-User: hr", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1",
        "X-Remote-User: hr", "Remote-User: hr", "User-Agent: kube-probe/1.30", "From: hr",
        f"Cookie: key={KEYS['hr']}", f"Proxy-Authorization: Bearer {KEYS['hr']}", "X-Original-URL: /REST/hr/x",
        f"Api-Key: {KEYS['hr']}", f"X-Auth-Token: {KEYS['hr']}",
    )  # fmt: skip
    assert (await rig.call(get("/employer/REST/hr/x", *fields))).status == 401
    assert (await rig.call(get(f"/employer/REST/hr/x?api_key={KEYS['hr']}"))).status == 401
    caller = await rig.caller()
    await caller.send(get("/employer/REST/hr/x", f"X-Api-Key: {KEYS['hr']}"))
    assert (await caller.answer()).status == 200
    await caller.send(get("/employer/REST/hr/x"))
    assert (await caller.answer()).status == 401
    assert len(rig.api.requests) == 1
