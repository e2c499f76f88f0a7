"""A configuration that changes while the gateway runs."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from urllib.parse import parse_qs

import pytest
from structlog.testing import capture_logs

from fla_gateway.errors import ReloadRefusedError
from fla_gateway.proxy.generation import Generation
from fla_gateway.runtime.changes.comparison import Change
from tests.support.addresses import free_port
from tests.support.fakes import MovableClock
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, make_rsa, write_private
from tests.support.process import TOKEN_PATH, token_answer
from tests.support.raw_http import get, post
from tests.support.reloading import reloading
from tests.support.waiting import eventually

KEY = "flagw_" + "0123456789abcdef" * 4
DIGEST = sha256(KEY.encode()).hexdigest()
SHOWN = f"X-Api-Key: {KEY}"
CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:1"
[log]
requests = false
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[keys.acme]
pem = "acme.pem"
certificate = "acme.cer"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = "acme"
[profiles.other]
environment = "stub"
client_id = "client-8"
key = {{ pem = "other.pem", certificate = "other.cer" }}
{more}
"""
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{DIGEST}" }}]
[callers.payroll.allow]
employer = ["GET /REST/**"]
"""


@pytest.fixture
def government(government):
    """Let each token be another one."""
    tokens = iter(range(1, 1000))
    government.token = lambda request: token_answer(f"token-{next(tokens)}")
    return government


@pytest.fixture
async def start(tmp_path, ca_file, government):
    """Start gateways that can be reloaded."""
    async with AsyncExitStack() as stack:

        async def begin(more="", clock=None, **how):
            for name in ("acme", "other"):
                write_key(tmp_path, name)
            roots = tmp_path / "roots.pem"
            roots.write_bytes(ca_file.read_bytes())
            path = tmp_path / "gateway.toml"
            path.write_text(CONFIGURATION.format(port=government.port, ca_file="roots.pem", more=more))
            return await stack.enter_async_context(reloading(path, clock, **how))

        yield begin


@pytest.fixture
async def running(start):
    """Start one without callers."""
    return await start()


def write_key(folder, name, key=None):
    """Write a key with its certificate."""
    key = key or make_ec()
    write_private(folder / f"{name}.pem", key_pem(key))
    (folder / f"{name}.cer").write_bytes(certificate_pem(make_certificate(key)))


def assertions(government):
    """Give the client assertions that were sent, with the client id of each request."""
    found = []
    for request in government.requests:
        if request.target == TOKEN_PATH:
            (assertion,) = parse_qs(request.body.decode())["client_assertion"]
            found.append(assertion)
    return found


async def test_an_unchanged_configuration_is_applied_and_changes_nothing(running, government):
    """The same token, the same connection to the API, the same connection of the caller."""
    caller = await running.caller()
    await caller.send(get())
    assert (await caller.answer()).status == 200
    await eventually(lambda: len(assertions(government)) == 2)
    pool = running.profiles["employer"].pool
    reloaded = await running.reload()
    assert (reloaded.applied, reloaded.generation, reloaded.changes) == (True, 2, ())
    assert running.profiles["employer"].pool is pool
    await caller.send(get())
    assert (await caller.answer()).status == 200
    assert government.calls[0].value("authorization") == government.calls[1].value("authorization")
    assert len(assertions(government)) == 2
    assert pool.snapshot().opened == 1


async def test_another_key_is_used_from_the_next_call_on(running, government, tmp_path):
    """It inherits no token; the profile whose key is the same keeps its own."""
    assert (await running.call(get())).status == 200
    await eventually(lambda: len(assertions(government)) == 2)
    write_key(tmp_path, "acme")
    reloaded = await running.reload()
    assert reloaded.changes == (Change("keys.acme.pem", "changed"), Change("keys.acme.certificate", "changed"))
    assert (await running.call(get())).status == 200
    assert len(assertions(government)) == 3
    first, second = (it.value("authorization") for it in government.calls)
    assert first != second
    assert len(running.gateway.tokens.entries()) == 2


async def test_a_key_that_cannot_be_used_leaves_its_profile_with_the_former_one(running, government, tmp_path):
    """Everything else changes; which profile it is, and why, is known until another key can be used."""
    assert (await running.call(get())).status == 200
    (tmp_path / "acme.pem").write_text("-----BEGIN PRIVATE KEY-----\nhalf")
    running.rewrite("[gateway]\n", "[gateway]\ndrain_seconds = 3\n")
    reloaded = await running.reload()
    assert reloaded.applied
    assert list(running.gateway.current.former_keys) == ["employer"]
    assert "acme.pem" in running.gateway.current.former_keys["employer"]
    assert (await running.call(get())).status == 200
    assert running.gateway.current.generation.settings.drain_seconds == 3
    await running.reload()
    assert list(running.gateway.current.former_keys) == ["employer"]
    write_key(tmp_path, "acme")
    await running.reload()
    assert running.gateway.current.former_keys == {}
    assert (await running.call(get())).status == 200


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('client_id = "client-7"', 'client_id = "client-9"'),
        ('key = "acme"', 'key = "acme"\naudience = "https://localhost/x"'),
    ],
)
async def test_a_former_key_is_never_used_for_another_client(running, tmp_path, before, after):
    """Where client id, environment, token server or audience is another one, the profile is not served."""
    assert (await running.call(get())).status == 200
    (tmp_path / "acme.pem").write_text("none")
    assert (await running.change(before, after)).applied
    answer = await running.call(get())
    assert (answer.status, answer.code) == (503, "profile-unavailable")
    assert (await running.call(get("/other/REST/x"))).status == 200


async def test_a_fault_leaves_everything_as_it_was(start, tmp_path):
    """It is said until it is cured, and so is what the refused configuration took away in vain."""
    running = await start(CALLERS)
    running.rewrite(
        "[callers.payroll]", '[callers.other]\nuid = 7\nallow.employer = ["GET /REST/**"]\n[callers.renamed]'
    )
    running.rewrite("callers.payroll.allow", "callers.renamed.allow")
    running.rewrite("client-8", 'client-8"\nenvironment_ = "x')
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload()
    assert [it.place for it in caught.value.faults] == ["gateway.toml: profiles.other.environment_"]
    state = running.reloader.state
    assert (state.generation, state.successful, state.faults) == (1, False, caught.value.faults)
    assert state.still_in_force == ("callers.payroll",)
    assert (await running.call(get("/employer/REST/x", SHOWN))).status == 200
    running.rewrite('environment_ = "x', "warm = true #")
    assert (await running.reload()).generation == 2
    assert running.reloader.state.faults == ()
    assert running.reloader.state.still_in_force == ()


async def test_a_revoked_key_is_named_while_the_configuration_that_revokes_it_is_refused(start):
    """The caller stays, one of its keys goes."""
    running = await start(CALLERS)
    running.rewrite(DIGEST, "5" * 64)
    running.rewrite("127.0.0.1:1", "127.0.0.1:2")
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload()
    assert [it.place for it in caught.value.faults] == ["admin.listen"]
    assert running.reloader.state.still_in_force == ("callers.payroll.keys[0]",)


async def test_a_dry_run_judges_and_changes_nothing(running):
    """Neither a generation nor a listener, nor what is known of the last reload."""
    port = free_port()
    running.rewrite('["127.0.0.1:0"]', f'["127.0.0.1:0", "127.0.0.1:{port}"]')
    before = running.reloader.state
    reloaded = await running.reload(dry_run=True)
    assert (reloaded.applied, reloaded.generation) == (False, 1)
    assert reloaded.changes == (Change("gateway.listen[1]", "added"),)
    with pytest.raises(ConnectionRefusedError):
        await running.caller(port)
    running.rewrite("[admin]", "[admin")
    with pytest.raises(ReloadRefusedError):
        await running.reload(dry_run=True)
    assert running.reloader.state == before


async def test_a_second_reload_waits_for_the_first(running):
    """Each has a generation of its own."""
    found = await asyncio.gather(*(running.reload() for _ in range(3)))
    assert [it.generation for it in found] == [2, 3, 4]


async def test_a_watch_does_not_apply_what_opens_more(start):
    """An explicit reload does."""
    running = await start(CALLERS)
    running.rewrite(CALLERS, "")
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload(cause="watch")
    assert [it.place for it in caught.value.faults] == ["callers"]
    assert (await running.call(get())).status == 401
    await running.reload(cause="signal")
    assert (await running.call(get())).status == 200


async def test_what_needs_a_restart_refuses_the_whole_reload(running):
    """Also what could change by itself."""
    running.rewrite("127.0.0.1:1", "127.0.0.1:2")
    running.rewrite("[gateway]\n", "[gateway]\ndrain_seconds = 3\n")
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload()
    assert [it.place for it in caught.value.faults] == ["admin.listen"]
    assert running.gateway.current.generation.settings.drain_seconds == 25


async def test_a_configuration_that_others_may_write_is_refused(running):
    """Whoever may write it would decide who may call."""
    running.path.chmod(0o666)
    with pytest.raises(ReloadRefusedError) as caught:
        await running.reload()
    assert "chmod o-w" in caught.value.faults[0].cure
    running.path.chmod(0o644)
    running.path.parent.chmod(0o777)
    with pytest.raises(ReloadRefusedError):
        await running.reload()
    running.path.parent.chmod(0o1777)
    assert (await running.reload()).applied


async def test_other_bytes_in_a_file_of_roots_open_new_connections(running, tmp_path, authority):
    """Trust that was taken away is not used any longer by connections that were made with it."""
    assert (await running.call(get())).status == 200
    pool, context = running.profiles["employer"].pool, running.gateway.current.way.tls
    roots = tmp_path / "roots.pem"
    roots.write_bytes(roots.read_bytes() + roots.read_bytes())
    reloaded = await running.reload()
    assert reloaded.changes == (Change("environments.stub.ca_file", "changed"),)
    assert running.profiles["employer"].pool is not pool
    assert running.gateway.current.way.tls != context
    assert (await running.call(get())).status == 200
    assert pool.snapshot().idle == 0


async def test_a_call_that_waits_for_a_token_of_a_key_that_was_replaced_gets_it(running, government, tmp_path):
    """Its entry is dropped and goes on without being renewed; the next call has the new key's token."""
    await eventually(lambda: len(assertions(government)) == 2)
    write_key(tmp_path, "acme")
    answering = government.answer
    government.by_hand()
    await running.reload()
    caller = await running.caller()
    await caller.send(get())
    upstream = await government.connection()
    await upstream.request()
    write_key(tmp_path, "acme")
    government.answer = answering
    await running.reload()
    assert len(running.gateway.tokens.requests()) == 3
    await running.reload()
    former = running.gateway.tokens.requests()[-1]
    assert former.key_id in running.client._keys
    await upstream.send(token_answer("token-of-the-former-key"))
    assert (await caller.answer()).status == 200
    assert government.calls[-1].value("authorization") == b"Bearer token-of-the-former-key"
    assert (await running.call(get())).status == 200
    assert government.calls[-1].value("authorization") != b"Bearer token-of-the-former-key"
    caller.close()
    await eventually(lambda: not running.gateway.server.connections.members)
    gc.collect()
    await running.reload()
    assert former.key_id not in running.client._keys


async def test_a_certificate_that_is_not_valid_yet_is_waited_for_across_reloads(start, tmp_path):
    """Its key is taken over with the moment from which it may be used, and its profile served then."""
    clock = MovableClock()
    running = await start(clock=clock)
    key = make_ec()
    later = datetime.now(UTC) + timedelta(hours=1)
    write_private(tmp_path / "acme.pem", key_pem(key))
    certificate = make_certificate(key, not_before=later, not_after=later + timedelta(days=365))
    (tmp_path / "acme.cer").write_bytes(certificate_pem(certificate))
    await running.change('client_id = "client-7"', 'client_id = "client-9"')
    for _ in range(2):
        assert (await running.call(get())).code == "profile-unavailable"
        await running.reload()
    clock.advance(3700)
    await running.reload()
    await eventually(lambda: running.profiles["employer"].state == "served")
    assert (await running.call(get())).status == 200


def write_early(folder, name):
    """Write a key whose certificate is valid in an hour."""
    key, later = make_ec(), datetime.now(UTC) + timedelta(hours=1)
    write_private(folder / f"{name}.pem", key_pem(key))
    certificate = make_certificate(key, not_before=later, not_after=later + timedelta(days=365))
    (folder / f"{name}.cer").write_bytes(certificate_pem(certificate))


async def test_a_key_that_cannot_be_read_when_its_time_has_come_is_read_later(start, tmp_path):
    """A disk that failed for a moment, or a limit, keeps no profile away for good."""
    clock = MovableClock()
    running = await start(clock=clock, pause=0.02)
    write_early(tmp_path, "acme")
    await running.change('client_id = "client-7"', 'client_id = "client-9"')
    assert running.profiles["employer"].state == "unavailable"
    away = (tmp_path / "acme.pem").rename(tmp_path / "away.pem")
    with capture_logs() as events:
        clock.advance(3700)
        await eventually(lambda: [it for it in events if it["event"] == "profile-unavailable"])
        away.rename(tmp_path / "acme.pem")
        await eventually(lambda: running.profiles["employer"].state == "served")
    of_keys = [it["event"] for it in events if it["event"] in {"profile-unavailable", "certificate-valid"}]
    assert of_keys == ["profile-unavailable", "certificate-valid"]


async def test_the_time_to_reload_for_a_key_is_said(start, tmp_path):
    """A profile keeps its former key until then; nothing is applied that was not asked for."""
    clock = MovableClock()
    running = await start(clock=clock, pause=0.02)
    write_early(tmp_path, "acme")
    await running.reload()
    assert running.profiles["employer"].state == "served"
    with capture_logs() as events:
        clock.advance(3700)
        await eventually(lambda: [it for it in events if it["event"] == "certificate-valid"])
        await running.reload()
    assert [it["kept_former"] for it in events if it["event"] == "certificate-valid"] == [["employer"]]
    assert not [it for it in events if it["event"] == "former-key-kept"]


async def test_former_generations_leave_nothing_behind(running):
    """Ten reloads later there is one generation, and one entry for each token."""
    for _ in range(3):
        assert (await running.call(get())).status == 200
        await running.reload()
    await eventually(lambda: not running.gateway.server.connections.members)
    gc.collect()
    observer = running.gateway.current.generation.observer
    assert sum(isinstance(it, Generation) and it.observer is observer for it in gc.get_objects()) == 1
    assert len(running.gateway.tokens.requests()) == 2


def _are_more(calls, number):
    return len(calls) > number


async def test_a_reload_under_load_fails_no_call(running, tmp_path, government):
    """Valid and faulty ones in turn, with keys that rotate; every POST arrives once."""
    calls, sent, stop = [], [], asyncio.Event()

    async def work(number):
        caller = await running.caller()
        count = 0
        while not stop.is_set():
            nonce = f"{number}-{count}".encode()
            count += 1
            sent.append(nonce)
            await caller.send(post(nonce, path="/employer/REST/x") if count % 2 else get("/other/REST/x"))
            calls.append((await caller.answer()).status)

    workers = [asyncio.ensure_future(work(number)) for number in range(8)]
    for number in range(6):
        seen = len(calls)
        await eventually(partial(_are_more, calls, seen + 8))
        if number % 3 == 1:
            running.rewrite("[gateway]\n", "[gateway]\ndrain = 3\n")
            with pytest.raises(ReloadRefusedError):
                await running.reload()
            running.rewrite("[gateway]\ndrain = 3\n", "[gateway]\n")
        else:
            write_key(tmp_path, "acme", make_rsa())
            assert (await running.reload()).applied
    stop.set()
    await asyncio.gather(*workers)
    assert set(calls) == {200}
    bodies = [it.body for it in government.calls if it.method == b"POST"]
    assert len(bodies) == len(set(bodies))
