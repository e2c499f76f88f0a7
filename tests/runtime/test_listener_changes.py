"""What becomes of listeners and their connections when another configuration takes over."""

from __future__ import annotations

import asyncio
import socket
import stat
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from fla_gateway.errors import ConfigurationError
from fla_gateway.runtime.composition.gateway import build
from fla_gateway.runtime.composition.resolved_config import read
from tests.support.addresses import free_port
from tests.support.raw_caller import connect
from tests.support.raw_http import get
from tests.support.waiting import eventually

HOLD = 'listen = ["127.0.0.1:0"]'


def configure(rig, folder, before, after):
    """Rewrite the configuration and prepare its listeners; give the generation and the change."""
    path = folder / "gateway.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    configured = read(path)
    change = rig.gateway.listener_set.prepare(configured)
    lasting = rig.gateway.lasting_with(change.addresses)
    return build(configured, {}, rig.around, lasting, before=rig.gateway.current), change


async def change(rig, folder, before, after):
    """Let a configuration take over."""
    gateway, prepared = configure(rig, folder, before, after)
    rig.gateway.publish(gateway, prepared)
    await rig.gateway.listeners.open()


async def is_closed(caller):
    """Wait for the end of a connection; whether it came as a FIN or as a reset."""
    with suppress(ConnectionError):
        return await caller.ended()
    return True


async def test_a_listener_that_stays_keeps_its_socket_and_its_connections(rig, tmp_path):
    """Whatever comes beside it: no connection notices anything."""
    caller = await rig.caller()
    sock = rig.gateway.bound[0].sock
    port = free_port()
    await change(rig, tmp_path, HOLD, f'listen = ["127.0.0.1:0", "127.0.0.1:{port}"]')
    assert rig.gateway.bound[0].sock is sock
    await caller.send(get())
    assert (await caller.answer()).status == 200
    assert (await rig.call(get())).status == 200
    second = await rig.caller(port)
    await second.send(get())
    assert (await second.answer()).status == 200


async def test_a_new_listener_accepts_only_after_publication(rig, tmp_path):
    """It is bound before, so that a caller waits in the kernel, and is served by the new generation alone."""
    port = free_port()
    gateway, prepared = configure(rig, tmp_path, HOLD, f'listen = ["127.0.0.1:0", "127.0.0.1:{port}"]')
    caller = await rig.caller(port)
    await caller.send(get())
    assert (await rig.call(get())).status == 200
    assert all(it._listener is rig.gateway.listener_set.listeners[0].served for it in rig.connections)
    rig.gateway.publish(gateway, prepared)
    await rig.gateway.listeners.open()
    assert (await caller.answer()).status == 200


async def test_a_listener_that_is_gone_serves_no_further_head(rig, tmp_path):
    """Idle connections close at once, those in use after the running exchange, whose answer says so."""
    port = free_port()
    both = f'listen = ["127.0.0.1:0", "127.0.0.1:{port}"]'
    await change(rig, tmp_path, HOLD, both)
    idle, busy = await rig.caller(port), await rig.caller(port)
    for caller in (idle, busy):
        await caller.send(get())
        assert (await caller.answer()).status == 200
    rig.api.gate.clear()
    await busy.send(get())
    await eventually(lambda: rig.pool.busy == 1)
    await change(rig, tmp_path, both, HOLD)
    assert await is_closed(idle)
    with pytest.raises(ConnectionRefusedError):
        await connect(port)
    rig.api.gate.set()
    answer = await busy.answer()
    assert answer.status == 200
    assert answer.value("connection") == b"close"
    assert await is_closed(busy)


async def test_a_head_that_comes_too_late_gets_a_truthful_answer(rig, tmp_path):
    """It is read when its listener is gone already: nothing of it is sent on, and the answer says so."""
    port = free_port()
    both = f'listen = ["127.0.0.1:0", "127.0.0.1:{port}"]'
    await change(rig, tmp_path, HOLD, both)
    rig.api.gate.clear()
    caller = await rig.caller(port)
    await caller.send(get() + get())
    await eventually(lambda: rig.pool.busy == 1)
    (served,) = {it._listener for it in rig.connections}
    served.retire()
    rig.api.gate.set()
    assert (await caller.answer()).status == 200
    answer = await caller.answer()
    assert (answer.status, answer.problem["delivery"]) == (503, "not-sent")
    assert answer.code == "stopping"
    assert await is_closed(caller)


async def test_a_port_that_is_taken_refuses_the_change_and_binds_nothing(rig, tmp_path):
    """All faults at once; what was bound for the change is released again."""
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            configure(rig, tmp_path, HOLD, f'listen = ["127.0.0.1:0", "127.0.0.1:{free}", "127.0.0.1:{taken}"]')
    (fault,) = caught.value.faults
    assert fault.place == "gateway.listen[2]"
    with pytest.raises(ConnectionRefusedError):
        await connect(free)
    assert (await rig.call(get())).status == 200


async def test_an_address_becomes_wider_on_the_same_port(rig, tmp_path):
    """The old socket has the port until publication, and the new one is bound beside it."""
    port = free_port()
    narrow, wide = f'listen = ["127.0.0.1:{port}"]', f'listen = ["0.0.0.0:{port}"]\nunsafe_allow_anonymous = true'
    await change(rig, tmp_path, HOLD, narrow)
    caller = await rig.caller(port)
    await caller.send(get())
    assert (await caller.answer()).status == 200
    await change(rig, tmp_path, narrow, wide + "\nunsafe_cleartext = true\nhosts = []")
    assert await is_closed(caller)
    later = await rig.caller(port)
    await later.send(get())
    assert (await later.answer()).status == 200


async def test_another_mode_of_a_socket_ends_the_connections_of_the_old_one(rig, tmp_path):
    """Also those that wait to be accepted; the socket's file stays the same."""
    path = tmp_path / "g.sock"
    wide = f'listen = ["127.0.0.1:0", {{ address = "unix:{path}", mode = "0666" }}]\nunsafe_allow_anonymous = true'
    await change(rig, tmp_path, HOLD, wide)
    inode = path.stat().st_ino
    rig.gateway.listeners.pause()
    with socket.socket(socket.AF_UNIX) as queued:
        queued.connect(str(path))
        await change(rig, tmp_path, wide, f'listen = ["127.0.0.1:0", "unix:{path}"]')
        assert queued.recv(1) == b""
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_ino) == (0o600, inode)
    rig.gateway.listeners.resume()
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(get())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_group_that_a_socket_cannot_have_leaves_every_socket_as_it_was(rig, tmp_path):
    """Those that came before it, and its own file: a refused change neither lets more callers in nor shuts any out."""
    first, second = tmp_path / "first.sock", tmp_path / "second.sock"
    narrow = f'{{ address = "unix:{first}" }}, {{ address = "unix:{second}", mode = "0660" }}'
    wide = f'{{ address = "unix:{first}", mode = "0666" }}, {{ address = "unix:{second}", group = "no-such-group" }}'
    anonymous = "\nunsafe_allow_anonymous = true"
    before = f'listen = ["127.0.0.1:0", {narrow}]{anonymous}'
    await change(rig, tmp_path, HOLD, before)
    with pytest.raises(ConfigurationError) as caught:
        await change(rig, tmp_path, before, f'listen = ["127.0.0.1:0", {wide}]{anonymous}')
    assert caught.value.faults[0].place == "gateway.listen[2].group"
    assert [stat.S_IMODE(it.stat().st_mode) for it in (first, second)] == [0o600, 0o660]
    reader, writer = await asyncio.open_unix_connection(second)
    writer.write(get())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_the_file_of_a_socket_goes_with_its_listener(rig, tmp_path):
    """And comes with the next one."""
    path = tmp_path / "g.sock"
    unix = f'listen = ["127.0.0.1:0", "unix:{path}"]'
    for _ in range(2):
        await change(rig, tmp_path, HOLD, unix)
        assert path.exists()
        await change(rig, tmp_path, unix, HOLD)
        assert not path.exists()


async def test_a_listener_that_pauses_takes_part_in_a_change(rig, tmp_path):
    """What is new accepts when the others do."""
    port = free_port()
    rig.gateway.listeners.pause()
    await change(rig, tmp_path, HOLD, f'listen = ["127.0.0.1:0", "127.0.0.1:{port}"]')
    caller = await rig.caller(port)
    await caller.send(get())
    assert not rig.connections
    rig.gateway.listeners.resume()
    assert (await caller.answer()).status == 200


async def over(path):
    """Send a request on a Unix socket, and give the first line of the answer, and the connection."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(get())
    return await reader.readline(), writer


async def test_a_unix_socket_whose_file_is_removed_is_made_again(start, tmp_path):
    """With its mode; what is connected goes on, and neither a restart nor a reload is needed."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    mode = path.stat().st_mode
    _, before = await over(path)
    path.unlink()
    with capture_logs() as lines:
        await rig.gateway.listener_set.restore_files()
        await rig.gateway.listener_set.restore_files()
    assert [line["event"] for line in lines] == ["socket-made-again"]
    assert path.stat().st_mode == mode
    status, after = await over(path)
    assert status == b"HTTP/1.1 200 OK\r\n"
    assert len(rig.connections) == 2
    before.close()
    after.close()


async def test_what_another_program_has_put_in_the_place_of_a_socket_is_left_alone(start, tmp_path):
    """It may be a gateway that has taken over; the log says so once. When it is gone, the socket is made again."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    path.unlink()
    path.touch()
    with capture_logs() as lines:
        await rig.gateway.listener_set.restore_files()
        await rig.gateway.listener_set.restore_files()
        path.unlink()
        await rig.gateway.listener_set.restore_files()
    assert [line["event"] for line in lines] == ["socket-missing", "socket-made-again"]
    status, writer = await over(path)
    assert status == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_no_socket_is_made_again_by_a_gateway_that_stops(start, tmp_path):
    """Its successor may be about to bind it."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    rig.gateway.listeners.stop_accepting()
    await rig.gateway.listener_set.restore_files()
    assert not path.exists()
