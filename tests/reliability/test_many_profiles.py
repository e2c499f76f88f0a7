"""Hundreds of profiles change while callers call."""

from __future__ import annotations

import asyncio

from tests.reliability.conftest import SHOWN
from tests.support.raw_http import get
from tests.support.reloading import settle

PROFILES = 200
OTHERS = 50
PROFILE = """\
[profiles.p{number}]
environment = "stub"
client_id = "client-{number}"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""


def profiles(numbers):
    """Write profiles."""
    return "".join(PROFILE.format(number=number) for number in numbers)


async def test_hundreds_of_profiles_change_while_calls_are_answered(start):
    """Some go, others come; the others keep pool and token, and no call waits for the reload to end."""
    running = await start(more=profiles(range(PROFILES)))
    text = running.path.read_text(encoding="utf-8")
    kept = running.profiles["p100"].pool
    text = text.replace(profiles(range(OTHERS)), profiles(range(PROFILES, PROFILES + OTHERS)))
    running.path.write_text(text, encoding="utf-8")
    settle(running.path)
    assert (await running.call(get("/employer/REST/x", SHOWN))).status == 200
    reload = asyncio.ensure_future(running.reload())
    answered = 0
    while not reload.done():
        assert (await running.call(get("/employer/REST/x", SHOWN))).status == 200
        answered += not reload.done()
    changed = {it.path: it.change for it in (await reload).changes}
    gone = {f"profiles.p{number}": "removed" for number in range(OTHERS)}
    come = {f"profiles.p{number}": "added" for number in range(PROFILES, PROFILES + OTHERS)}
    assert changed == {**gone, **come}
    assert running.gateway.current.generation.profile_states() == {"served": PROFILES + 1}
    assert running.profiles["p100"].pool is kept
    assert answered
