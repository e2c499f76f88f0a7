"""What the admin listener shows is made at most once a second for everybody."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.response_cache import ResponseCache
from tests.admin import samples
from tests.admin.conftest import serving


class Made:
    """Makes a body, numbered, when it is let."""

    def __init__(self):
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = 0
        self.most = 0

    async def __call__(self):
        self.count += 1
        number = self.count
        self.running += 1
        self.most = max(self.most, self.running)
        await self.gate.wait()
        self.running -= 1
        return str(number).encode()


@pytest.fixture
def now():
    """A time that a test moves."""
    return [100.0]


@pytest.fixture
def cache(now):
    """A cache by that time."""
    return ResponseCache(lambda: now[0])


async def test_within_a_second_it_is_the_same(cache, now):
    """And from then on another one, counted from when it was made."""
    make = Made()
    assert [await cache.get("x", make) for _ in range(3)] == [b"1", b"1", b"1"]
    now[0] += 0.999
    assert await cache.get("x", make) == b"1"
    now[0] += 0.001
    assert await cache.get("x", make) == b"2"


async def test_after_a_change_it_is_made_anew(cache):
    """What was made before is not shown, nor is what was being made; those who asked for that get it."""
    make = Made()
    assert await cache.get("x", make) == b"1"
    cache.forget()
    make.gate.clear()
    asked_before = asyncio.create_task(cache.get("x", make))
    for _ in range(3):
        await asyncio.sleep(0)
    assert make.running
    cache.forget()
    asked_after = asyncio.create_task(cache.get("x", make))
    await asyncio.sleep(0)
    make.gate.set()
    assert (await asked_before, await asked_after, await cache.get("x", make)) == (b"2", b"3", b"3")


async def test_whoever_asks_meanwhile_waits_for_the_one_that_is_being_made(cache):
    """Twenty askers are one making, also if the first of them goes away."""
    make = Made()
    make.gate.clear()
    first, *others = [asyncio.ensure_future(cache.get("x", make)) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    make.gate.set()
    assert await asyncio.gather(*others) == [b"1"] * 19
    assert make.count == 1


async def test_never_are_two_made_at_the_same_time(cache):
    """Metrics, status and page in every language queue behind each other: a processor has other things to do."""
    make = Made()
    make.gate.clear()
    asking = [asyncio.ensure_future(cache.get(key, make)) for key in range(5)]
    await asyncio.sleep(0)
    make.gate.set()
    await asyncio.gather(*asking)
    assert (make.count, make.most) == (5, 1)


async def test_a_failure_is_for_those_who_waited(cache):
    """The next one tries again at once."""

    async def fail():
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - the very one
        await cache.get("x", fail)
    assert await cache.get("x", Made()) == b"1"


async def test_what_is_kept_is_bounded(cache):
    """Whatever is asked for."""
    make = Made()
    for number in range(100):
        await cache.get(number, make)
    assert len(cache._kept) <= 33


async def test_who_may_see_it_is_judged_for_every_request(state):
    """What the right key was shown a moment ago is not shown without it, nor with another one."""
    made = []

    async def status(_):
        made.append(1)
        return samples.calm()

    key, other = new_key(), new_key()
    access = AdminAccess(key_sha256=digest(key), uid=os.getuid())
    async with serving(state, status, access, kept_seconds=60) as port, aiohttp.ClientSession() as client:

        async def ask(**fields):
            async with client.get(f"http://127.0.0.1:{port}/status", headers=fields) as answer:
                return answer.status

        assert [await ask(**{"X-Api-Key": key}) for _ in range(3)] == [200] * 3
        assert (await ask(), await ask(**{"X-Api-Key": other})) == (401, 401)
    assert len(made) == 1


async def test_an_action_is_seen_at_once(state):
    """What was shown a moment before a reload is not shown after it: a program that asked for it looks then."""
    made = []

    async def status(_):
        made.append(1)
        return samples.calm()

    key = new_key()
    access = AdminAccess(key_sha256=digest(key), actions=True, uid=os.getuid())
    async with serving(state, status, access, kept_seconds=60) as port, aiohttp.ClientSession() as client:

        async def ask(method, path):
            async with client.request(method, f"http://127.0.0.1:{port}{path}", headers={"X-Api-Key": key}) as answer:
                return answer.status

        asked = [("GET", "/status"), ("GET", "/status"), ("POST", "/-/reload"), ("GET", "/status")]
        assert [await ask(*it) for it in asked] == [200] * 4
    assert len(made) == 2
