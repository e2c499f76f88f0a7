"""Listeners: what is bound, who may connect, and what happens at the limit."""

from __future__ import annotations

import asyncio
import errno
import grp
import os
import resource
import socket
import stat
import sys

import pytest
from structlog.testing import capture_logs

from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.values.address import uri_host
from fla_gateway.errors import ConfigurationError
from fla_gateway.listeners.bind import bind
from tests.support.raw_caller import Caller
from tests.support.raw_http import get
from tests.support.waiting import eventually


def unix(path, **options):
    """Ask for a unix socket."""
    return Listener(address=f"unix:{path}", **options)


def tcp(host, port=0):
    """Ask for a TCP address."""
    return Listener(address=f"{uri_host(host)}:{port}")


def close(bound):
    """Let go of bound sockets."""
    for it in bound:
        it.sock.close()


async def connect_unix(path):
    """Connect to a Unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, str(path))
    return Caller(sock)


def test_a_unix_socket_is_its_owners_alone(tmp_path):
    """Mode 0600 from the moment it exists."""
    path = tmp_path / "gateway.sock"
    bound = bind(unix(path), "gateway.listen[0]")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    close(bound)


def test_the_socket_of_a_gateway_that_was_killed_is_replaced(tmp_path):
    """Nobody answers there, so nobody loses anything."""
    path = tmp_path / "gateway.sock"
    close(bind(unix(path), "gateway.listen[0]"))
    assert path.exists()
    close(bind(unix(path), "gateway.listen[0]"))


def test_the_socket_of_a_gateway_that_runs_is_left_alone(tmp_path):
    """A second gateway is told, and the first keeps its callers."""
    path = tmp_path / "gateway.sock"
    first = bind(unix(path), "gateway.listen[0]")
    with pytest.raises(ConfigurationError) as caught:
        bind(unix(path), "gateway.listen[1]")
    assert "gateway.listen[1]" in str(caught.value)
    assert "another program listens there" in str(caught.value)
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(str(path)) == 0
    close(first)


def test_a_file_that_is_no_socket_is_never_removed(tmp_path):
    """A wrong path must not cost anybody a file."""
    path = tmp_path / "important"
    path.write_text("kept")
    with pytest.raises(ConfigurationError):
        bind(unix(path), "gateway.listen[0]")
    assert path.read_text() == "kept"


def test_a_directory_that_does_not_exist_is_told(tmp_path):
    """In words, with the place in the configuration."""
    with pytest.raises(ConfigurationError) as caught:
        bind(unix(tmp_path / "none/gateway.sock"), "gateway.listen[0]")
    assert "the directory of the socket does not exist" in str(caught.value)


@pytest.mark.parametrize("mode", ["600", "0660", "0220", "0666"])
def test_mode_and_group_are_as_asked(tmp_path, mode):
    """The group by its name or number."""
    for group in (str(os.getegid()), grp.getgrgid(os.getegid()).gr_name):
        path = tmp_path / "gateway.sock"
        (bound,) = bind(unix(path, mode=mode, group=group), "gateway.listen[0]")
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (int(mode, 8), os.getegid())
        bound.release()


def test_a_socket_is_never_wider_than_asked(tmp_path):
    """When its group is given, the group has no rights yet: the mode comes last, and only then it listens."""
    path = tmp_path / "gateway.sock"
    seen = []

    def watch(event, arguments):
        if event in {"os.chown", "os.chmod"} and os.fspath(arguments[0]) == str(path):
            with socket.socket(socket.AF_UNIX) as probe:
                seen.append((event, stat.S_IMODE(path.stat().st_mode), probe.connect_ex(str(path))))

    sys.addaudithook(watch)
    (bound,) = bind(unix(path, mode="0660", group=str(os.getegid())), "gateway.listen[0]")
    bound.release()
    refused = errno.ECONNREFUSED
    assert seen == [("os.chown", 0o600, refused), ("os.chmod", 0o600, refused)]


def test_a_group_that_does_not_exist_is_a_fault(tmp_path):
    """And no socket is left behind."""
    with pytest.raises(ConfigurationError) as caught:
        bind(unix(tmp_path / "s", group="no-such-group"), "gateway.listen[0]")
    assert str(caught.value).startswith("gateway.listen[0].group: there is no group 'no-such-group'")
    assert not (tmp_path / "s").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without the group")
def test_a_group_that_the_user_is_not_in_is_a_fault(open_folder):
    """And no socket is left behind, which would be another's to remove."""
    open_folder.chmod(0o1777)
    os.seteuid(12_345)
    try:
        with pytest.raises(ConfigurationError) as caught:
            bind(unix(open_folder / "s", group="54321"), "gateway.listen[0]")
    finally:
        os.seteuid(0)
    assert "the socket may not be given to group 54321" in str(caught.value)
    assert not (open_folder / "s").exists()


def test_a_directory_that_everybody_may_write_to_is_a_fault(tmp_path):
    """Another user could put a socket of his own there and read declarations; with the sticky bit he cannot."""
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError) as caught:
        bind(unix(tmp_path / "s"), "gateway.listen[0]")
    assert f"every user may write to {tmp_path}" in str(caught.value)
    tmp_path.chmod(0o1777)
    close(bind(unix(tmp_path / "s"), "gateway.listen[0]"))


def test_a_link_is_not_followed(tmp_path):
    """Neither it nor the stale socket that it leads to is removed."""
    close(bind(unix(tmp_path / "stale"), "gateway.listen[0]"))
    (tmp_path / "link").symlink_to(tmp_path / "stale")
    with pytest.raises(ConfigurationError) as caught:
        bind(unix(tmp_path / "link"), "gateway.listen[0]")
    assert "exists and is no socket" in str(caught.value)
    assert (tmp_path / "stale").exists()


def test_the_socket_of_a_successor_is_not_removed(tmp_path):
    """Whose file it is tells its inode, not its path."""
    path = tmp_path / "s"
    (first,) = bind(unix(path), "gateway.listen[0]")
    path.unlink()
    (successor,) = bind(unix(path), "gateway.listen[0]")
    first.release()
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(str(path)) == 0
    successor.release()
    assert not path.exists()


def test_an_abstract_name_leaves_no_file(tmp_path, monkeypatch):
    """It is bound, told when it is taken, and gone with its socket."""
    monkeypatch.chdir(tmp_path)
    name = f"@fla-gateway-test-{os.getpid()}"
    (bound,) = bind(unix(name), "gateway.listen[0]")
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex("\0" + name[1:]) == 0
    with pytest.raises(ConfigurationError) as caught:
        bind(unix(name), "gateway.listen[1]")
    assert "another program listens there" in str(caught.value)
    bound.release()
    assert list(tmp_path.iterdir()) == []
    close(bind(unix(name), "gateway.listen[0]"))


@pytest.mark.parametrize("error", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
@pytest.mark.parametrize(("host", "is_fault"), [("::1", False), ("::", False), ("2001:db8::1", True)])
def test_a_machine_without_ipv6_is_no_fault(monkeypatch, host, is_fault, error):
    """Loopback and any address are left out; an address of another machine is a mistake, not a missing protocol."""

    def without_ipv6(*_, **__):
        raise OSError(error, "no")

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    if is_fault:
        with pytest.raises(ConfigurationError):
            bind(tcp(host), "gateway.listen[1]")
    else:
        assert bind(tcp(host), "gateway.listen[1]") == []


def test_an_address_in_use_is_a_fault():
    """With its place and what may be the matter."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigurationError) as caught:
        bind(tcp("127.0.0.1", taken.getsockname()[1]), "gateway.listen[0]")
    assert str(caught.value).startswith("gateway.listen[0]: cannot listen on 127.0.0.1:")


async def test_callers_of_a_unix_socket_need_no_name(start, tmp_path):
    """Any Host will do, a page still will not; the address in a Location is by the name that was used."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    caller = await connect_unix(path)
    rig.api.answer = lambda request: b"HTTP/1.1 201 Created\r\nLocation: /REST/x/7\r\nContent-Length: 0\r\n\r\n"
    await caller.send(get().replace(b"localhost", b"anything.example"))
    answer = await caller.answer()
    assert (answer.status, answer.value("Location")) == (201, b"/employer/REST/x/7")
    await caller.send(get("/employer/REST/x", "Origin: https://evil.example"))
    assert (await caller.answer()).code == "browser-refused"
    caller.close()


async def test_a_unix_socket_is_removed_at_the_end(start, tmp_path):
    """So that the next start, and whoever looks, finds nothing stale."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    assert path.exists()
    rig.gateway.listeners.close()
    assert not path.exists()


async def test_an_end_that_is_told_twice_leaves_a_successors_socket_alone(start, tmp_path):
    """The next gateway may have bound the path while this one was still draining."""
    path = tmp_path / "gateway.sock"
    rig = await start(unix=path)
    rig.gateway.listeners.close()
    (successor,) = bind(unix(path), "gateway.listen[0]")
    rig.gateway.listeners.close()
    assert path.exists()
    successor.release()


async def test_a_profiles_own_door_has_no_name_in_its_paths(start):
    """There /REST/ is the first segment; addresses in answers are that door's."""
    rig = await start(profile='listen = "127.0.0.1:0"')
    rig.api.answer = lambda request: (
        b"HTTP/1.1 201 Created\r\nLocation: https://localhost:%d/REST/x/7\r\nContent-Length: 0\r\n\r\n" % rig.api.port
    )
    port = rig.gateway.bound[1].sock.getsockname()[1]
    caller = await rig.caller(port)
    await caller.send(get("/REST/x").replace(b"localhost", b"localhost:%d" % port))
    answer = await caller.answer()
    assert answer.value("Location") == b"http://localhost:%d/REST/x/7" % port
    assert rig.api.requests[0].target == b"/REST/x"
    await caller.send(get("/employer/REST/x"))
    assert (await caller.answer()).code == "not-found"
    await caller.send(get("/REST/x").replace(b"localhost", b"localhost:%d" % rig.port))
    assert (await caller.answer()).code == "wrong-host"
    common = await rig.caller()
    await common.send(get("/REST/x"))
    assert (await common.answer()).code == "unknown-profile"


async def test_at_the_limit_callers_wait_until_there_is_room(start):
    """Nobody is refused: who comes too many queues in the kernel, and is served when somebody goes."""
    rig = await start(limit=2)
    first, second = await rig.caller(), await rig.caller()
    for caller in (first, second):
        await caller.send(get())
        assert (await caller.answer()).status == 200
    assert rig.gateway.server.connections.door_snapshot().limited
    third, fourth = await rig.caller(), await rig.caller()
    await third.send(get())
    await fourth.send(get())
    await first.send(get())
    assert (await first.answer()).status == 200
    assert rig.gateway.server.connections.door_snapshot().connections == 2
    assert (third.stream.buffer, len(rig.api.requests)) == (b"", 3)
    first.close()
    assert (await third.answer()).status == 200
    second.close()
    third.close()
    assert (await fourth.answer()).status == 200
    await eventually(lambda: not rig.gateway.server.connections.door_snapshot().limited)


async def test_at_the_limit_idle_callers_make_way(start):
    """A connection that is only kept for later is closed after a second, so that who waits is answered."""
    rig = await start(limit=1)
    keeper = await rig.caller()
    await keeper.send(get())
    assert (await keeper.answer()).status == 200
    newcomer = await rig.caller()
    await newcomer.send(get())
    rig.clock.advance(1.5)
    assert await keeper.ended()
    assert (await newcomer.answer()).status == 200


async def test_the_limit_is_reached_and_left_many_times(start):
    """Pausing and going on loses no caller."""
    rig = await start(limit=1)
    for _ in range(20):
        callers = [await rig.caller() for _ in range(3)]
        for caller in callers:
            await caller.send(get("/employer/REST/x", "Connection: close"))
        for caller in callers:
            assert (await caller.answer()).status == 200
            caller.close()
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


@pytest.fixture
def faults():
    """Collect what nobody caught on the running loop."""
    return []


async def test_room_that_comes_after_the_end_opens_nothing(start, faults):
    """A caller that leaves a gateway which was full when it stopped does not make it accept again."""
    rig = await start(limit=1)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    caller = await rig.caller()
    await caller.send(get())
    assert (await caller.answer()).status == 200
    rig.gateway.listeners.close()
    caller.close()
    await eventually(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)
    with pytest.raises(ConnectionRefusedError):
        await rig.caller()
    assert faults == []


async def test_accepting_goes_on_although_descriptors_are_short(start, faults):
    """Where none is free at that moment, it is tried again until one is; who waits is served then."""
    rig = await start(limit=1)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    first, second = await rig.caller(), await rig.caller()
    for caller in (first, second):
        await caller.send(get())
    assert (await first.answer()).status == 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        first.close()
        await eventually(lambda: not rig.gateway.server.connections.door_snapshot().limited)
        await asyncio.sleep(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (await second.answer()).status == 200
    assert faults == []


async def test_callers_wait_for_descriptors_and_are_not_reset(start):
    """A process that has none left accepts nothing: the event loop would take the connection and reset it."""
    rig = await start(limit=10)
    waiting = socket.socket()
    waiting.setblocking(False)
    address = rig.gateway.bound[0].sock.getsockname()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with capture_logs() as lines:
            rig.gateway.listeners.look_for_room()
            rig.gateway.listeners.look_for_room()
        await asyncio.get_running_loop().sock_connect(waiting, address)
        caller = Caller(waiting)
        await caller.send(get())
        for _ in range(10):
            await asyncio.sleep(0)
        assert caller.stream.buffer == b""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (await caller.answer()).status == 200
    assert [it["event"] for it in lines] == ["accepting-delayed"]
    caller.close()


async def test_a_pause_while_doors_are_being_opened_closes_none_for_good(start):
    """All listeners are open afterwards, whenever it came."""
    rig = await start(profile='listen = "127.0.0.1:0"')
    listeners = rig.gateway.listeners
    for turns in range(8):
        listeners.pause()
        listeners.resume()
        for _ in range(turns):
            await asyncio.sleep(0)
        listeners.pause()
        listeners.resume()
        for bound in rig.gateway.bound:
            caller = await rig.caller(bound.sock.getsockname()[1])
            await caller.send(get())
            assert (await caller.answer()).status in {200, 404}
