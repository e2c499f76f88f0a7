"""A second generation, published by hand: nothing reloads by itself yet, but everything has its own lifetime."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import replace
from functools import partial

import pytest

from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message
from fla_gateway.runtime.composition.gateway import build
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.runtime.data_path import open_data_path
from tests.support.addresses import free_port
from tests.support.raw_http import get, post
from tests.support.waiting import eventually

CALLERS = 12
CALLS = 40
PUBLISHED = 5
LIMITS = "limits.concurrent = 8"


def publish(rig, folder, before, after):
    """Publish a generation of the same configuration with one text replaced by another; give the two."""
    path = folder / "gateway.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    old = rig.gateway.current
    new = build(read(path), {}, rig.around, rig.gateway.lasting, before=old)
    rig.gateway.publish(new)
    return old, new


async def test_no_call_is_lost_while_generations_are_published(rig, tmp_path):
    """Under load on kept connections every call is answered, on the same pool and with the same token."""
    statuses = []

    async def work():
        caller = await rig.caller()
        for number in range(CALLS):
            await caller.send(post(b"x" * 100) if number % 2 else get())
            statuses.append((await caller.answer()).status)

    def reached(calls):
        return len(statuses) > calls

    working = [asyncio.ensure_future(work()) for _ in range(CALLERS)]
    settings = "[gateway]\n"
    for number in range(PUBLISHED):
        await eventually(partial(reached, (number + 1) * 50))
        other = f"[gateway]\ndrain_seconds = {number + 1}\n"
        publish(rig, tmp_path, settings, other)
        settings = other
    assert not all(it.done() for it in working)
    await asyncio.gather(*working)
    assert statuses == [200] * (CALLERS * CALLS)
    assert rig.gateway.server.generation.settings.drain_seconds == PUBLISHED
    assert all(it._generation is rig.gateway.current.generation for it in rig.connections)
    assert rig.tokens.fetches == 1
    assert rig.pool.opened == len(rig.api._connections)


async def test_a_kept_connection_switches_at_its_next_head_and_what_runs_ends_as_it_began(rig, tmp_path):
    """The profile is renamed: the call that runs is answered and recorded under the old name, the next one is not."""
    kept, running = await rig.caller(), await rig.caller()
    await kept.send(get())
    assert (await kept.answer()).status == 200
    await rig.records.next()
    rig.api.gate.clear()
    await running.send(get())
    await eventually(lambda: rig.pool.busy == 1)
    old, _ = publish(rig, tmp_path, "[profiles.employer]", "[profiles.successor]")
    await kept.send(get())
    assert (await kept.answer()).status == 404
    assert (await rig.records.next()).outcome == "refused"
    rig.api.gate.set()
    assert (await running.answer()).status == 200
    assert (await rig.records.next()).profile == "employer"
    for caller in (kept, running):
        await caller.send(get("/successor/REST/x"))
        assert (await caller.answer()).status == 200
        assert (await rig.records.next()).profile == "successor"
    # Nothing has taken the old pool over, so that it has ended with the last exchange that used it.
    left = old.generation.profiles["employer"].pool.snapshot()
    assert (left.idle, left.busy, left.opening) == (0, 0, 0)


async def test_the_rest_of_a_head_that_has_begun_is_read_by_the_new_generation(rig, tmp_path):
    """What counts is the moment at which a head is complete."""
    caller = await rig.caller()
    head = get("/successor/REST/x")
    await caller.send(head[:20])
    await eventually(lambda: any(it._buffer for it in rig.connections))
    publish(rig, tmp_path, "[profiles.employer]", "[profiles.successor]")
    await caller.send(head[20:])
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("[gateway]\n", "[gateway]\ndrain_seconds = 3\n", {"pool", "limiter", "brake"}),
        ("[gateway]\n", "[gateway]\npool.connections = 3\n", {"limiter", "brake"}),
        ("[gateway]\n", "[gateway]\ntimeouts.connect = 3\n", {"limiter", "brake"}),
        (LIMITS, "limits.concurrent = 9", {"pool", "limiter", "brake"}),
        (LIMITS, "", {"pool", "brake"}),
        ("https://localhost:", "https://127.0.0.1:", {"limiter"}),
    ],
)
async def test_what_a_profile_of_the_same_name_takes_over(start, tmp_path, before, after, kept):
    """Pool, limiter and brake stay as long as what they are about stays the same."""
    rig = await start(profile=LIMITS)
    old, new = (it.generation.profiles["employer"] for it in publish(rig, tmp_path, before, after))
    assert {name for name in ("pool", "limiter", "brake") if getattr(old, name) is getattr(new, name)} == kept
    assert old is not new


@pytest.mark.parametrize("before", ["", "limits.concurrent = 8"])
async def test_other_limits_count_what_runs_already(start, tmp_path, before):
    """Whether there were limits before or not: two calls run, so that of a limit of three one is left."""
    rig = await start(profile=before + " # limits")
    rig.api.gate.clear()
    running = [await rig.caller(), await rig.caller()]
    for caller in running:
        await caller.send(get())
    await eventually(lambda: rig.pool.busy == 2)
    publish(rig, tmp_path, before + " # limits", "limits.concurrent = 3")
    third = await rig.caller()
    await third.send(get())
    await eventually(lambda: rig.pool.busy == 3)
    refused = await rig.caller()
    await refused.send(get())
    assert (await refused.answer()).status == 429
    rig.api.gate.set()
    for caller in (*running, third, refused):
        if caller is not refused:
            assert (await caller.answer()).status == 200
        await caller.send(get())
        assert (await caller.answer()).status == 200


async def test_callers_that_a_later_generation_knows_are_asked_on_open_connections(rig, tmp_path):
    """A connection that was accepted when nobody was asked is no way around a guard that came later."""
    caller = await rig.caller()
    await caller.send(get())
    assert (await caller.answer()).status == 200
    guard = (
        '[callers.payroll]\nkeys = [{ sha256 = "'
        + "5" * 64
        + '" }]\n[callers.payroll.allow]\nemployer = ["GET /REST/**"]\n'
    )
    publish(rig, tmp_path, "[profiles.employer]", guard + "[profiles.employer]")
    await caller.send(get())
    assert (await caller.answer()).status == 401


async def test_a_first_generation_that_cannot_be_built_leaves_nothing_bound(rig, tmp_path):
    """It is built before its listeners are bound."""

    def no_roots(_):
        raise ConfigurationError(
            (Fault("environments.stand-in.ca_file", Message("ca-file-unreadable", "cannot be read")),)
        )

    path, sock = tmp_path / "gateway.toml", tmp_path / "second.sock"
    path.write_text(path.read_text().replace('["127.0.0.1:0"', f'["unix:{sock}"'))
    with pytest.raises(ConfigurationError, match="ca_file"):
        open_data_path(read(path), {}, replace(rig.around, tls=no_roots))
    assert not sock.exists()


async def test_no_connection_is_accepted_before_the_first_generation_is_built(rig, tmp_path):
    """What takes long with many profiles is done by then, so that a caller whom the kernel accepts is answered soon."""
    path, sock = tmp_path / "gateway.toml", tmp_path / "second.sock"
    port = free_port()
    path.write_text(path.read_text().replace('["127.0.0.1:0"]', f'["127.0.0.1:{port}", "unix:{sock}"]'))
    seen = []

    def tls(ca_file):
        with socket.socket() as caller:
            seen.append((caller.connect_ex(("127.0.0.1", port)), sock.exists()))
        return rig.around.tls(ca_file)

    gateway = open_data_path(read(path), {}, replace(rig.around, tls=tls))
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    finally:
        for bound in gateway.bound:
            bound.release()
    assert seen
    assert set(seen) == {(errno.ECONNREFUSED, False)}
