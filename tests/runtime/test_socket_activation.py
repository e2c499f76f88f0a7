"""Sockets that systemd passes: `listen = ["fd:NAME"]`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from contextlib import ExitStack

import pytest

from fla_gateway.config.gateway_tables import Gateway, Listener
from fla_gateway.config.rules.inherited_listeners import inherited_faults
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import ConfigurationError
from fla_gateway.listeners.socket_activation import InheritedSockets
from tests.support.forked_process import fork_gateway
from tests.support.keys import certificate_pem, key_pem, write_private
from tests.support.raw_caller import Caller, connect
from tests.support.raw_http import get

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])
BEYOND = "gateway.listen[0]: can be reached from other machines"
SECOND = """
[profiles.second]
environment = "stub"
client_id = "client-8"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
listen = {listen}
"""


@pytest.fixture
def keep():
    """Close sockets at the end."""
    with ExitStack() as stack:
        yield stack.enter_context


def tcp(host="127.0.0.1"):
    """Listen on a port of the system's choice."""
    return socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def unix(path, mode=0o600):
    """Listen on a file."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    path.chmod(mode)
    sock.listen()
    return sock


async def over_unix(path):
    """Connect to a file."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, str(path))
    return Caller(sock)


async def test_every_kind_of_listener_is_served_on_what_was_passed(begin, keep, tmp_path):
    """The gateway's, one of a profile and the admin listener; file and sockets stay when the process ends."""
    path = tmp_path / "second.sock"
    web, own, admin = keep(tcp()), keep(unix(path)), keep(tcp())
    sockets = [("web", web), ("own", own), ("admin", admin)]
    process = await begin(listen='["fd:web"]', admin="fd:admin", more=SECOND.format(listen='"fd:own"'), sockets=sockets)
    await process.event("ready")
    assert process.port() == web.getsockname()[1]
    assert (await process.call(get())).status == 200
    caller = await over_unix(path)
    await caller.send(get("/REST/x"))
    assert (await caller.answer()).status == 200
    caller.close()
    assert (await process.admin("/readyz")).status == 200
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert path.is_socket()
    # Nothing accepts now, and nothing is refused: the next process answers what waits.
    waiting = await connect(web.getsockname()[1])
    await waiting.send(get())
    await begin(listen='["fd:web"]', admin="fd:admin", more=SECOND.format(listen='"fd:own"'), sockets=sockets)
    assert (await waiting.answer()).status == 200
    waiting.close()


@pytest.fixture
async def passed(begin, keep, tmp_path):
    """Run a gateway all of whose listeners are sockets that were passed, and give what reloads it with other text."""
    sockets = [("web", keep(tcp())), ("own", keep(unix(tmp_path / "own.sock"))), ("admin", keep(tcp()))]
    process = await begin(listen='["fd:web"]', admin="fd:admin", more=SECOND.format(listen='"fd:own"'), sockets=sockets)
    await process.event("ready")
    path = tmp_path / "gateway.toml"

    async def change(*pairs, event="reloaded"):
        text = path.read_text()
        for before, after in pairs:
            assert before in text
            text = text.replace(before, after)
        path.write_text(text)
        number = len(process.events(event)) + 1
        process.signal(signal.SIGHUP)
        return await process.event(event, number)

    return process, change


async def test_listeners_on_passed_sockets_survive_a_reload(passed, tmp_path):
    """The gateway's, a profile's and the admin listener never blink: kept connections and new ones are answered."""
    process, change = passed
    kept, own = await process.caller(), await over_unix(tmp_path / "own.sock")
    over, calls = asyncio.Event(), []

    async def call():
        while not over.is_set():
            calls.append((await process.call(get())).status)

    calling = asyncio.ensure_future(call())
    for before, after in (("[gateway]\n", "[gateway]\ndrain_seconds = 3\n"), ("_seconds = 3", "_seconds = 4")):
        found = await change((before, after))
        assert found["changes"] == ["gateway.drain_seconds changed"]
    for caller, target in ((kept, "/employer/REST/x"), (own, "/REST/x")):
        await caller.send(get(target))
        assert (await caller.answer()).status == 200
        caller.close()
    assert (await process.admin("/readyz")).status == 200
    over.set()
    await calling
    assert set(calls) == {200}


async def test_a_passed_socket_goes_on_under_the_rules_of_another_configuration(passed, tmp_path, authority):
    """Two that change their places serve each other's paths; with TLS from now on, what speaks none is let go."""
    process, change = passed
    plain = await process.caller()
    await change(
        ('["fd:web"]', '["fd:later"]'), ('"fd:own"', '"fd:web"'), ('["fd:later"]', '["fd:own"]'),
    )  # fmt: skip
    await plain.send(get("/REST/x"))
    assert (await plain.answer()).status == 200
    own = await over_unix(tmp_path / "own.sock")
    await own.send(get("/employer/REST/x"))
    assert (await own.answer()).status == 200
    certificate, key = authority.write_server(tmp_path, "localhost")
    tls = f'{{ certificate = "{certificate}", key = "{key}" }}'
    await change(('listen = "fd:web"', f'listen = {{ address = "fd:web", tls = {tls} }}'))
    assert await plain.ended()
    plain.close()
    context = authority.client_context()
    reader, writer = await asyncio.open_connection("localhost", process.port(), ssl=context)
    writer.write(get("/REST/x"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    await own.send(get("/employer/REST/x"))
    assert (await own.answer()).status == 200
    own.close()


async def test_a_passed_socket_that_no_listener_has_any_more_refuses_the_reload(passed):
    """Its callers would wait for ever: the socket unit has to go first, and the process with it."""
    process, change = passed
    refused = await change(('listen = "fd:own"', ""), event="reload-fault")
    assert (refused["place"], "no listener accepts on it" in refused["fault"]) == ("LISTEN_FDNAMES", True)
    assert (await process.call(get())).status == 200


async def test_tls_is_spoken_on_a_socket_that_was_passed(begin, keep, tmp_path, authority):
    """The service manager binds; the gateway has certificate and key."""
    certificate, key = authority.issue()
    write_private(tmp_path / "server.key", key_pem(key))
    (tmp_path / "server.pem").write_bytes(certificate_pem(certificate))
    listen = '[{ address = "fd:web", tls = { certificate = "server.pem", key = "server.key" } }]'
    web = keep(tcp())
    process = await begin(listen=listen, sockets=[("web", web)])
    await process.event("ready")
    context = ssl.create_default_context(cadata=authority.pem.decode())
    reader, writer = await asyncio.open_connection("localhost", web.getsockname()[1], ssl=context)
    writer.write(get())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


def datagram():
    """A socket that has no connections."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def silent():
    """A socket that does not listen."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


@pytest.mark.parametrize(
    ("name", "make", "fault"),
    [
        ("other", tcp, "gateway.listen[0]: no socket of the name web was passed (passed are: other;"),
        ("web", lambda: tcp("0.0.0.0"), BEYOND),  # noqa: S104 - to be refused
    ],
    ids=["unknown", "beyond"],
)
async def test_what_was_passed_is_judged(begin, keep, name, make, fault):
    """By what it is for and by all rules of a configured address: exit code 2 and a sentence."""
    process = await begin(listen='["fd:web"]', sockets=[(name, keep(make()))])
    assert await process.ended() == 2
    assert fault in process.output
    assert "Traceback" not in process.output


@pytest.mark.parametrize(
    ("passed", "fault"),
    [
        ({"web": "127.0.0.1:8080", "more": "127.0.0.1:8081"}, "LISTEN_FDNAMES: a socket of the name more was passed"),
        ({"web": "[::]:8080"}, BEYOND),
    ],
    ids=["unmatched", "beyond by IPv6"],
)
async def test_every_name_and_address_is_judged(passed, fault):
    """Nobody waits on a socket that nothing accepts on, and IPv6 is judged as IPv4 is."""
    configuration = Configuration(gateway=Gateway(listen=[Listener(address="fd:web")]))
    sockets = {name: Listener(address=address) for name, address in passed.items()}
    found = [str(one) for one in inherited_faults(configuration, sockets)]
    assert any(one.startswith(fault) for one in found), found


@pytest.mark.parametrize(
    ("sockets", "fault"),
    [
        ([("web", tcp), ("web", tcp)], "LISTEN_FDNAMES: two sockets have the name web"),
        ([("web", datagram)], "what was passed as web is no stream socket that listens"),
        ([("web", silent)], "what was passed as web is no stream socket that listens"),
    ],
    ids=["doubled", "datagram", "deaf"],
)
async def test_every_socket_is_judged_by_what_it_is(keep, sockets, fault):
    """A name leads to one socket, and that one can be accepted on."""
    inherited = InheritedSockets()
    for name, make in sockets:
        inherited._add(keep(make()).fileno(), name)
    with pytest.raises(ConfigurationError, match=fault):
        inherited.described(wanted=True)


@pytest.mark.parametrize(
    ("pid", "number", "fault"),
    [("1", "1", "LISTEN_PID: LISTEN_PID names another process"), (None, "7", "LISTEN_FDNAMES: 1 names for 7 sockets")],
    ids=["pid", "number"],
)
async def test_the_variables_are_judged(pid, number, fault):
    """They are for this process, and agree with each other."""
    inherited = InheritedSockets()
    inherited.take({"LISTEN_PID": pid or str(os.getpid()), "LISTEN_FDS": number, "LISTEN_FDNAMES": "web"})
    with pytest.raises(ConfigurationError, match=fault):
        inherited.described(wanted=True)


async def test_the_mode_of_a_passed_file_is_judged(begin, keep, tmp_path):
    """Without callers a socket that lets other users in would make each of them the employer."""
    web = keep(unix(tmp_path / "web.sock", 0o666))
    process = await begin(listen='["fd:web"]', sockets=[("web", web)])
    assert await process.ended() == 2
    assert "gateway.listen[0].mode: lets other users in" in process.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
async def test_the_owner_of_a_passed_file_is_judged(begin, keep, tmp_path):
    """With mode 0600 another user than root and the service's own could connect, and only that one."""
    web = keep(unix(tmp_path / "web.sock"))
    os.chown(tmp_path / "web.sock", 4242, -1)
    process = await begin(listen='["fd:web"]', sockets=[("web", web)])
    assert await process.ended() == 2
    assert "gateway.listen[0].mode: lets other users in" in process.output


async def test_sockets_for_nothing_of_the_configuration_are_left_alone_where_they_are_for_another(begin, keep):
    """Variables that a parent left over, with its process id, keep no gateway from starting."""
    process = await begin(sockets=[("web", keep(tcp()))], environment={"LISTEN_PID": "1"})
    await process.event("ready")


async def test_check_needs_no_sockets(begin, keep, tmp_path):
    """The configuration alone is right; what is passed is judged by `run`."""
    process = await begin(listen='["fd:web"]', sockets=[("web", keep(tcp()))])
    await process.event("ready")
    check = await fork_gateway("check", "--config", str(tmp_path / "gateway.toml"))
    printed = await check.communicate()
    assert check.returncode == 0, printed


async def test_the_variables_are_gone_afterwards():
    """They are about this process alone."""
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web", "PATH": "/bin"}
    InheritedSockets().take(environ)
    assert environ == {"PATH": "/bin"}


@pytest.mark.needs_program("systemd-socket-activate")
async def test_systemds_own_program_starts_it_at_the_first_connection(begin, keep):
    """Names and numbers as systemd itself writes them; what connected first is answered."""
    with tcp() as taken:
        port = taken.getsockname()[1]
    listen = ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=web"]
    process = await begin(listen='["fd:web"]', before=listen)
    caller = await eventually_connected(port)
    await caller.send(get())
    assert (await caller.answer()).status == 200
    caller.close()
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


async def eventually_connected(port):
    """Connect as soon as something listens."""
    while True:
        try:
            return await connect(port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
