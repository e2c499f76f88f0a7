"""What an adversary, or bad luck, does to files and listeners around a reload of a gateway that serves."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from urllib.parse import parse_qs

import pytest

from fla_gateway.errors import ReloadRefusedError
from tests.reliability.conftest import SHOWN
from tests.support.addresses import free_port
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, write_private
from tests.support.process import TOKEN_PATH, token_answer
from tests.support.raw_caller import Caller
from tests.support.raw_http import get, ok, post
from tests.support.reloading import settle
from tests.support.waiting import eventually

CALL = get("/employer/REST/x", SHOWN)
CALLER = "[callers.payroll]"
SETTING = 'listen = ["127.0.0.1:0"]\n'


def pipe(path):
    """Put a pipe without a writer in the place of a file."""
    path.unlink()
    os.mkfifo(path)


def directory(path):
    """Put a directory in the place of a file."""
    path.unlink()
    path.mkdir()


def loop_of_links(path):
    """Put a link that leads to itself in the place of a file."""
    path.unlink()
    path.symlink_to(path)


def bytes_of_no_text(path):
    """Write what no text is."""
    path.write_bytes(b"\xff\xfe\x00[gateway]\n" + bytes(range(256)) * 99)


def deep(path):
    """Write what a parser without a limit would follow too far."""
    path.write_text(f"x = {'[' * 100_000}", encoding="utf-8")


def huge(path):
    """Write a file that is larger than any configuration."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


def device(path):
    """Lead to a file without an end."""
    path.unlink()
    path.symlink_to("/dev/zero")


SPOILT = [pipe, directory, loop_of_links, bytes_of_no_text, deep, huge, device, os.unlink]


@pytest.mark.parametrize("spoil", SPOILT)
@pytest.mark.parametrize("cause", ["signal", "watch"])
async def test_a_configuration_that_is_no_file_of_text_is_refused(start, spoil, cause):
    """With a fault that names it; the former generation serves, and the next reload is not kept waiting."""
    running = await start()
    text = running.path.read_text(encoding="utf-8")
    spoil(running.path)
    with pytest.raises(ReloadRefusedError) as caught:
        async with asyncio.timeout(20):
            await running.reload(cause=cause)
    assert "gateway.toml" in caught.value.faults[0].place
    assert (await running.call(CALL)).status == 200
    if running.path.is_dir():
        running.path.rmdir()
    running.path.unlink(missing_ok=True)
    running.path.write_text(text, encoding="utf-8")
    settle(running.path)
    assert (await running.reload()).generation == 2


@pytest.mark.parametrize("name", ["acme.pem", "acme.cer"])
@pytest.mark.parametrize("spoil", SPOILT)
async def test_a_key_that_is_no_file_leaves_the_former_one(start, tmp_path, spoil, name):
    """Its profile is served on, and every other part of the reload is applied."""
    running = await start()
    spoil(tmp_path / name)
    running.rewrite(SETTING, f"{SETTING}drain_seconds = 3\n")
    settle(running.path)
    async with asyncio.timeout(20):
        assert (await running.reload()).applied
    assert running.gateway.current.generation.settings.drain_seconds == 3
    assert list(running.gateway.current.former_keys) == ["employer"]
    assert (await running.call(CALL)).status == 200


@pytest.mark.parametrize("spoil", SPOILT)
async def test_roots_that_are_no_file_refuse_the_reload(start, tmp_path, spoil):
    """Nothing else is applied."""
    running = await start()
    spoil(tmp_path / "roots.pem")
    with pytest.raises(ReloadRefusedError) as caught:
        async with asyncio.timeout(20):
            await running.reload()
    assert "ca_file" in caught.value.faults[0].place
    assert (await running.call(CALL)).status == 200


async def test_a_caller_that_is_revoked_while_its_post_waits_for_a_token_sends_nothing(start, government):
    """The token comes after the reload was acknowledged: the answer says that nothing was sent."""
    government.by_hand()
    running = await start()
    caller = await running.caller()
    await caller.send(post(b"declaration", SHOWN, path="/employer/REST/x"))
    connection = await government.connection()
    await connection.request()
    running.rewrite(CALLER, "[callers.other]")
    running.rewrite("[callers.payroll.allow]", "[callers.other.allow]")
    running.rewrite('sha256 = "', f'sha256 = "{"5" * 64}" }}]\n# "')
    settle(running.path)
    assert (await running.reload()).applied
    government.answer = lambda request: ok(b"never asked")
    await connection.send(token_answer("late"))
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (401, "credentials-refused", "not-sent")
    assert government.calls == []


async def test_no_assertion_of_one_client_is_signed_by_the_key_of_another(start, tmp_path, government):
    """The key and its client change while a token is fetched: what is asked for later is the new client's alone."""
    government.by_hand()
    running = await start()
    caller = await running.caller()
    await caller.send(CALL)
    connection = await government.connection()
    first = await connection.request()
    new = make_ec()
    write_private(tmp_path / "acme.pem", key_pem(new))
    (tmp_path / "acme.cer").write_bytes(certificate_pem(make_certificate(new)))
    running.rewrite("client-7", "client-9")
    for path in tmp_path.iterdir():
        settle(path)
    assert (await running.reload()).applied
    government.answer = government._either
    government.token = lambda request: token_answer("of-" + client(request)[0])
    await connection.send(token_answer("of-client-7"))
    assert (await caller.answer()).status == 200
    assert (await running.call(CALL)).status == 200
    found = {client(it) for it in (first, *government.requests) if it.target == TOKEN_PATH}
    assert found == {("client-7", "RS256"), ("client-9", "ES384")}
    assert government.calls[-1].value("Authorization") == b"Bearer of-client-9"


def client(request):
    """Give the client that an assertion names, and the algorithm, which is another one for each of the two keys."""
    (assertion,) = parse_qs(request.body.decode())["client_assertion"]
    head, claims = (json.loads(_decoded(part)) for part in assertion.split(".")[:2])
    return claims["iss"], head["alg"]


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_port_that_another_process_has_refuses_the_reload(start):
    """Everything stays, and the reload is applied as soon as the port is free."""
    running = await start()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        running.rewrite('["127.0.0.1:0"]', f'["127.0.0.1:0", "127.0.0.1:{port}"]')
        with pytest.raises(ReloadRefusedError) as caught:
            await running.reload()
        assert [it.place for it in caught.value.faults] == ["gateway.listen[1]"]
        assert (await running.call(CALL)).status == 200
    assert (await running.reload()).applied
    assert (await running.call(CALL, port)).status == 200


async def test_a_port_that_was_left_can_be_taken_by_another_and_had_again(start):
    """A listener goes, another process has its port for a while, the listener comes back."""
    port = free_port()
    running = await start()
    two = f'["127.0.0.1:0", "127.0.0.1:{port}"]'
    for _ in range(3):
        await running.change('["127.0.0.1:0"]', two)
        assert (await running.call(CALL, port)).status == 200
        await running.change(two, '["127.0.0.1:0"]')
        with socket.create_server(("127.0.0.1", port)):
            running.rewrite('["127.0.0.1:0"]', two)
            with pytest.raises(ReloadRefusedError):
                await running.reload()
            running.rewrite(two, '["127.0.0.1:0"]')
    assert (await running.call(CALL)).status == 200


async def over(path):
    """Call over the file of a socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, str(path))
    caller = Caller(sock)
    await caller.send(CALL)
    answer = await caller.answer()
    caller.close()
    return answer.status


async def test_the_path_of_a_socket_moves_and_comes_back(start, tmp_path):
    """Each file exists as long as a configuration names it; a refused one leaves none behind."""
    first, second = tmp_path / "a.sock", tmp_path / "b.sock"
    running = await start()
    for path, other in ((first, second), (second, first), (first, second)):
        text = running.path.read_text(encoding="utf-8").splitlines()
        text[1] = f'listen = ["127.0.0.1:0", "unix:{path}"]'
        running.path.write_text("\n".join(text), encoding="utf-8")
        assert (await running.reload()).applied
        assert await over(path) == 200
        assert not other.exists()
        text[1] = f'listen = ["127.0.0.1:0", "unix:{other}", "unix:/absent/directory/x.sock"]'
        running.path.write_text("\n".join(text), encoding="utf-8")
        with pytest.raises(ReloadRefusedError):
            await running.reload()
        assert not other.exists()
        assert await over(path) == 200


async def test_included_files_come_and_go(start, tmp_path):
    """A caller in a file of its own may call from the reload that finds the file until the one that misses it."""
    running = await start()
    (tmp_path / "callers.d").mkdir()
    running.path.write_text('include = ["callers.d/*.toml"]\n' + running.path.read_text(encoding="utf-8"), "utf-8")
    assert (await running.reload()).applied
    for number in range(3):
        path = tmp_path / "callers.d" / f"{number}.toml"
        path.write_text(f"[callers.c{number}]\nuid = {number}\nallow.employer = ['GET /REST/**']\n", encoding="utf-8")
        settle(path)
        assert f"callers.c{number}" in {it.path for it in (await running.reload()).changes}
        os.mkfifo(tmp_path / "callers.d" / "pipe.toml")
        with pytest.raises(ReloadRefusedError):
            async with asyncio.timeout(20):
                await running.reload()
        (tmp_path / "callers.d" / "pipe.toml").unlink()
        path.unlink()
        assert f"callers.c{number}" in {it.path for it in (await running.reload()).changes}
    assert set(running.reloader.in_force.settings.configuration.callers) == {"payroll"}


async def test_a_body_that_is_under_way_goes_on(start, government):
    """Half of a POST is sent, the configuration changes three times, the other half follows: it arrives once, whole."""
    running = await start()
    caller = await running.caller()
    raw = post(b"x" * 100_000, SHOWN, path="/employer/REST/x")
    await caller.send(raw[:50_000])
    await eventually(lambda: government.opened > 1)
    for seconds in (3, 4, 5):
        running.rewrite(SETTING, f"{SETTING}drain_seconds = {seconds}\n")
        settle(running.path)
        await running.reload()
        running.rewrite(f"{SETTING}drain_seconds = {seconds}\n", SETTING)
    await caller.send(raw[50_000:])
    assert (await caller.answer()).status == 200
    assert [len(it.body) for it in government.calls if it.method == b"POST"] == [100_000]


async def test_reloads_of_all_causes_at_once_come_one_after_the_other(start):
    """Thirty at once, some of them dry: each has its own generation, and the last one is in force."""
    running = await start()
    settle(running.path)
    causes = ["signal", "admin", "watch"] * 10
    found = await asyncio.gather(
        *(running.reload(cause=it, dry_run=number % 5 == 4) for number, it in enumerate(causes))
    )
    assert [it.generation for it in found if it.applied] == list(range(2, 26))
    assert running.reloader.state.generation == 25
    assert (await running.call(CALL)).status == 200


async def test_a_flood_of_changes_ends_in_the_last_one(start):
    """A thousand, as fast as the disk takes them, while the files are watched: some reloads, and calls are served."""
    running = await start(gateway="watch = true")
    watch = asyncio.get_running_loop().create_task(running.reloader.watch())
    text = running.path.read_text(encoding="utf-8")

    def flood():
        for number in range(1_000):
            part = text.replace(SETTING, f"{SETTING}drain_seconds = {number % 100 + 1}\n")
            running.path.write_text(part if number % 3 else part[: len(part) // 2], encoding="utf-8")
        running.path.write_text(text.replace(SETTING, f"{SETTING}drain_seconds = 77\n"), encoding="utf-8")

    flooding = asyncio.ensure_future(asyncio.to_thread(flood))
    while not flooding.done():
        assert (await running.call(CALL)).status == 200
        # Without a pause the calls would take the time of the flood, which shares the interpreter with them.
        await asyncio.wait([flooding], timeout=0.05)
    await flooding
    await eventually(lambda: running.gateway.current.generation.settings.drain_seconds == 77)
    assert running.reloader.state.generation < 20
    assert running.reloader.state.successful
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
