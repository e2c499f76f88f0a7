"""The commands that call a running gateway: what they ask, what they print, how they end, and whom they trust."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import sys
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout

import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.server import AdminServer
from fla_gateway.cli.main import execute
from fla_gateway.clock import SystemClock
from fla_gateway.config.values.address import UnixAddress
from fla_gateway.errors import Fault, ProblemError, ReloadRefusedError
from fla_gateway.i18n.message import Message, Text
from tests.admin.conftest import Change, Gateway, Reloaded, Shown, State, numbers, serving
from tests.support.forked_process import fork_gateway
from tests.support.keys import TlsAuthority
from tests.support.waiting import PATIENCE

KEY = new_key()
ROOT = os.getuid() == 0
NOBODYS = 4_000_000_000
NO_GATEWAY = 69
as_root = pytest.mark.skipif(not ROOT, reason="becomes another user")
# What the command needs is imported while this user may still read it.
AS_USER = (
    "import os, sys, encodings.ascii, encodings.idna, encodings.latin_1, http.client, json, pwd, ssl\n"
    "from fla_gateway.cli import check, drain, quit, reload\n"
    "from fla_gateway.cli.output import standard_streams\n"
    "from fla_gateway.cli.remote import action_result, admin_request\n"
    "from fla_gateway.cli.main import execute\n"
    "from fla_gateway.config import admin_address\n"
    "from fla_gateway.access.authentication import api_key\n"
    "from fla_gateway.keys.files import file_permissions\n"
    "from fla_gateway.observe.logs import log_values\n"
    "from fla_gateway.observe.logs import stack_trace\n"
    "import contextlib, io\n"
    "with contextlib.redirect_stderr(io.StringIO()): execute(['reload', '--admin', 'http://localhost:9'])\n"
    "uid = int(sys.argv[1])\n"
    "uid == os.getuid() or (os.setgroups([]), os.setgid(uid), os.setuid(uid))\n"
    "standard_streams.prepare()\n"
)
RUN = AS_USER + "sys.exit(standard_streams.close_output(execute(sys.argv[2:]), 'fla-gateway'))\n"
# Several commands, for one start: the exit code of each and what it said on standard error, as JSON.
RUN_EACH = AS_USER + (
    "ended = []\n"
    "for words in json.loads(sys.argv[2]):\n"
    "    with contextlib.redirect_stderr(io.StringIO()) as said: ended.append([execute(words), said.getvalue()])\n"
    "print(json.dumps(ended))\n"
)
# Takes the gateway's place: says yes to everything, and prints what it was sent.
IMPOSTOR = (
    "import encodings.idna, json, os, socket, sys\n"
    "uid = int(sys.argv[1])\n"
    "uid == os.getuid() or (os.setgroups([]), os.setgid(uid), os.setuid(uid))\n"
    "family, name = (socket.AF_UNIX, sys.argv[2]) if len(sys.argv) > 2 else (socket.AF_INET, ('127.0.0.1', 0))\n"
    "listener = socket.socket(family)\n"
    "listener.bind(name)\n"
    "listener.listen()\n"
    "print(json.dumps(listener.getsockname()), flush=True)\n"
    "connection = listener.accept()[0]\n"
    "received = b''\n"
    "while part := connection.recv(65536):\n"
    "    received += part\n"
    "    if b'\\r\\n\\r\\n' in received: break\n"
    'body = b\'{"applied": true, "generation": 2, "changes": []}\'\n'
    "try: connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)\n"
    "except OSError: pass\n"
    "connection.close()\n"
    "print(json.dumps(received.decode()), flush=True)\n"
)


def _execute(words):
    """Run a command in this process; give its exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code: object = execute(words)
        except SystemExit as end:  # from argparse
            code = end.code
    return code, out.getvalue(), err.getvalue()


async def command(*words, uid=None, **environ):
    """Run a command, and one of a user or with an environment as a process; give its exit code and what it printed."""
    if uid is None and not environ:
        async with asyncio.timeout(8 * PATIENCE):
            with capture_logs():  # the gateway of the test writes its events to this process's standard output
                return await asyncio.to_thread(_execute, [*map(str, words)])
    process = await _start([*map(str, words)], {**os.environ, **environ}, uid)
    async with asyncio.timeout(8 * PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def _start(words, environment, uid, program=RUN):
    if uid is None:
        return await fork_gateway(*words, environment=environment)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(uid), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip


@asynccontextmanager
async def running(gateway, access=None):
    """Run an admin listener; give the value of ``--admin``."""
    async with serving(State(), Shown(), access or AdminAccess(uid=os.getuid()), actions=gateway) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def impostor(uid, *path):
    """Let a process of a user take the gateway's place; give its address, and what reads what it was sent."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPOSTOR, str(uid), *path, stdout=asyncio.subprocess.PIPE
    )
    output = process.stdout
    assert output is not None
    address = json.loads(await output.readline())

    async def received():
        return json.loads(await output.readline())

    try:
        yield (f"unix:{address}" if path else f"http://127.0.0.1:{address[1]}"), received
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def gateway():
    """A gateway that does as it is asked."""
    return Gateway()


async def test_reload_applies_and_names_what_changed(gateway):
    """Exit code 0, each key with what became of it."""
    gateway.reloaded = Reloaded(
        True, 7, (Change("callers.payroll", "added"), Change("profiles.employer.key", "changed"))
    )
    async with running(gateway) as admin:
        code, out, err = await command("reload", "--admin", admin)
    assert (code, err) == (0, "")
    assert out == "applied; generation 7 serves\n  added    callers.payroll\n  changed  profiles.employer.key\n"
    assert gateway.done == ["reload"]


@pytest.mark.parametrize("words", [("reload", "--dry-run"), ("check", "--against-running")])
async def test_a_dry_run_changes_nothing(gateway, words):
    """It is asked for in two ways, and both end with 0 where it could be applied."""
    gateway.reloaded = Reloaded(False, 6, ())
    async with running(gateway) as admin:
        code, out, _ = await command(*words, "--admin", admin)
    assert code == 0
    assert out == "can be applied; nothing was changed; generation 6 serves\n  nothing differs from what is in force\n"
    assert gateway.done == ["dry-run"]


@pytest.mark.parametrize("words", [("reload",), ("reload", "--dry-run"), ("check", "--against-running")])
async def test_a_refusal_prints_every_fault_as_check_does(gateway, words):
    """Exit code 2, the faults on standard error, a line each."""
    faults = (
        Fault("admin.listen", Message("new", "needs a restart"), Text("restart"), "gateway.toml", 12),
        Fault("", Message("malformed", "is not valid TOML"), file="more.toml"),
    )
    gateway.reloaded = ReloadRefusedError(faults)
    async with running(gateway) as admin:
        code, out, err = await command(*words, "--admin", admin)
    assert (code, out) == (2, "")
    assert err.splitlines() == [fault.located for fault in faults]
    assert err.startswith("gateway.toml:12: admin.listen: ")


@pytest.mark.parametrize(("word", "done"), [("drain", "drain"), ("quit", "quit")])
async def test_drain_and_quit_are_accepted(gateway, word, done):
    """Exit code 0 and a line."""
    async with running(gateway) as admin:
        code, out, _ = await command(word, "--admin", admin)
    assert (code, out.startswith("accepted: ")) == (0, True)
    assert gateway.done == [done]


async def test_json_is_the_gateways_answer(gateway):
    """What was answered, on standard output, also where it is a refusal."""
    gateway.reloaded = ReloadRefusedError(
        (Fault("audit.path", Message("new", "needs a restart"), Text("restart"), "gateway.toml"),)
    )
    async with running(gateway) as admin:
        code, out, err = await command("reload", "--json", "--admin", admin)
    assert (code, err) == (2, "")
    assert json.loads(out)["faults"] == [
        {
            "code": "new",
            "path": "audit.path",
            "file": "gateway.toml",
            "line": None,
            "message": "needs a restart",
            "cure": "restart",
        }
    ]


async def test_texts_of_an_answer_are_harmless_in_a_terminal(gateway):
    """Control characters are shown, not sent."""
    gateway.reloaded = Reloaded(True, 7, (Change("profiles.\x1b[31m", "changed"),))
    async with running(gateway) as admin:
        _, out, _ = await command("reload", "--admin", admin)
    assert "\x1b" not in out


@pytest.mark.parametrize("words", [("reload",), ("check", "--against-running"), ("drain",), ("quit",)])
async def test_without_a_gateway_the_address_is_named(words, tmp_path):
    """Exit code 69, with the address and where it was read; one of each command is a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = tmp_path / "gateway.toml"
    file.write_text(f'admin.listen = "0.0.0.0:{port}"\n')
    code, _, err = await command(*words, "--config", file, uid=os.getuid())
    assert code == NO_GATEWAY
    assert f"no gateway answers at http://127.0.0.1:{port}" in err
    assert "[admin] listen" in err
    code, _, err = await command(*words, "--admin", f"unix:{tmp_path}/none.sock")
    assert code == NO_GATEWAY
    assert f"unix:{tmp_path}/none.sock" in err


@pytest.mark.parametrize("body", [b"ok", b"{}"])
async def test_a_server_that_is_no_gateway_is_none(tmp_path, body):
    """Whatever it answers that has not our form: nothing is called done for it."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code, _, err = await command("reload", "--admin", f"http://127.0.0.1:{port}")
    assert code == NO_GATEWAY
    assert "is no fla-gateway" in err


async def test_a_gateway_that_ends_is_no_longer_there(gateway):
    """It answers 503."""
    gateway.reloaded = ProblemError("stopping", Text("The gateway is stopping."))
    async with running(gateway) as admin:
        code, _, err = await command("reload", "--admin", admin)
    assert (code, err) == (NO_GATEWAY, "stopping: The gateway is stopping.\n")


@pytest.mark.parametrize(
    "text",
    [
        '[admin]\nlisten = "{address}"\n[profiles.employer]\nenvironment = "nowhere"\nkey = 7\n',
        '[admin]\nlisten = "{address}"\nkey = "nothing"\n',
        'include = ["missing.toml", "broken.toml"]\nadmin.listen = {{ address = "{address}" }}\n',
    ],
    ids=["profiles", "admin.key", "include"],
)
async def test_a_faulty_configuration_still_says_where_the_gateway_is(gateway, tmp_path, text):
    """What is wrong with it is for the gateway to judge."""
    (tmp_path / "broken.toml").write_text("][")
    async with running(gateway) as admin:
        file = tmp_path / "gateway.toml"
        file.write_text(text.format(address=admin.removeprefix("http://")))
        code, out, err = await command("reload", "--config", file)
    assert (code, err) == (0, f"configuration: {file}\n")
    assert out.startswith("applied")


async def test_the_address_may_be_in_an_included_file(gateway, tmp_path):
    """As for the gateway itself, also by a variable of the environment."""
    async with running(gateway) as admin:
        (tmp_path / "gateway.toml").write_text('include = ["conf.d/*.toml"]\n')
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "admin.toml").write_text('[admin]\nlisten = "${ADMIN_ADDRESS}"\n')
        code, *_ = await command(
            "reload", "--config", tmp_path / "gateway.toml", ADMIN_ADDRESS=admin.removeprefix("http://")
        )
    assert code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("][", "not valid TOML"),
        ('include = ["broken.toml"]\n', "not valid TOML"),
        ("admin.listen = 7\n", "admin.listen"),
        ('admin.listen = "127.0.0.1:0"\n', "--admin"),
        ('admin.listen = "${NO_SUCH_VARIABLE}"\n', "admin.listen"),
    ],
)
async def test_an_address_that_cannot_be_read_is_said(tmp_path, text, words):
    """Exit code 2: another address is not guessed."""
    (tmp_path / "broken.toml").write_text("][")
    (tmp_path / "gateway.toml").write_text(text)
    code, _, err = await command("reload", "--config", tmp_path / "gateway.toml")
    assert (code, words in err) == (2, True)


@as_root
async def test_another_user_is_not_permitted(gateway):
    """Exit code 1, and the gateway's reason, of each command."""
    words = (["reload"], ["check", "--against-running"], ["drain"], ["quit"])
    async with running(gateway) as admin:
        process = await _start(
            [json.dumps([[*it, "--admin", admin] for it in words])], dict(os.environ), 12_345, RUN_EACH
        )
        async with asyncio.timeout(8 * PATIENCE):
            out, _ = await process.communicate()
    assert [(code, err.startswith("actions-disabled: ")) for code, err in json.loads(out)] == [(1, True)] * len(words)
    assert gateway.done == []


@as_root
@pytest.mark.parametrize("file", [True, False], ids=["file", "variable"])
async def test_the_key_is_taken_from_a_file_or_the_environment(gateway, open_folder, file):
    """It is sent to root's gateway, and acts where it may."""
    access = AdminAccess(key_sha256=digest(KEY), actions=True, uid=NOBODYS)
    path = open_folder / "key"
    path.write_text(KEY + "\n")
    path.chmod(0o644)
    async with running(gateway, access) as admin:
        words = ("--admin-key-file", path) if file else ()
        environ = {} if file else {"FLA_GATEWAY_ADMIN_KEY": KEY}
        code, out, err = await command("reload", "--admin", admin, *words, uid=12_345, **environ)
    assert (code, out.startswith("applied")) == (0, True)
    assert KEY not in out + err


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
async def test_a_key_that_others_may_read_is_warned_of(gateway, tmp_path, mode, warned):
    """As of every file with a secret: a warning with its cure, and the command does its work."""
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    async with running(gateway) as admin:
        code, _, err = await command("reload", "--admin", admin, "--admin-key-file", path)
    warning = f"warning: --admin-key-file: {path} can be read by other users of this machine (chmod 600 {path})\n"
    assert (code, err) == (0, warning if warned else "")


@pytest.mark.parametrize("text", ["secret", "flagw_12", "0" * 64])
async def test_what_is_no_key_is_not_repeated(tmp_path, text):
    """Exit code 2; people paste other secrets here."""
    (tmp_path / "key").write_text(text)
    code, out, err = await command("quit", "--admin", "http://127.0.0.1:9", "--admin-key-file", tmp_path / "key")
    assert (code, "holds no key" in err) == (2, True)
    assert text not in out + err


@as_root
@pytest.mark.parametrize("local", [True, False], ids=["unix", "tcp"])
async def test_another_user_who_holds_the_place_gets_no_key(open_folder, local):
    """While the gateway is down, any user of the machine may take its port: nothing is sent there, and it is said."""
    open_folder.chmod(0o777)
    path = [str(open_folder / "admin.sock")] if local else []
    async with impostor(12_346, *path) as (admin, received):
        if local:
            (open_folder / "admin.sock").chmod(0o777)
        code, out, err = await command("quit", "--admin", admin, uid=12_345, FLA_GATEWAY_ADMIN_KEY=KEY)
        assert await received() == ""
    assert (code, out) == (1, "")
    assert "user 12346" in err
    assert "--service-user" in err


@as_root
async def test_without_a_key_another_user_is_not_believed_either():
    """A gateway of another user would not act for this one: whoever says so is none."""
    async with impostor(12_346) as (admin, received):
        code, out, err = await command("reload", "--admin", admin, uid=12_345)
        assert await received() == ""
    assert (code, out) == (1, "")
    assert "user 12346" in err


@as_root
async def test_root_sends_no_key_to_a_user_it_does_not_know():
    """It acts by its user id, and prints who answered."""
    async with impostor(12_346) as (admin, received):
        code, out, _ = await command("reload", "--admin", admin, FLA_GATEWAY_ADMIN_KEY=KEY)
        sent = await received()
    assert code == 0
    assert "answered by a process of user 12346" in out
    assert "POST /-/reload" in sent
    assert "flagw_" not in sent


@as_root
@pytest.mark.parametrize(("named", "code"), [("12346", 0), ("12347", 1), ("daemon", 1)])
async def test_root_may_name_the_user_that_it_expects(named, code):
    """Then another one is refused, and that one gets the key."""
    async with impostor(12_346) as (admin, received):
        found, _, _ = await command("reload", "--admin", admin, "--service-user", named, FLA_GATEWAY_ADMIN_KEY=KEY)
        sent = await received()
    assert found == code
    assert (KEY in sent) is (code == 0)


@as_root
async def test_an_operator_names_the_gateways_user():
    """The key goes to that user, though it is neither root nor the one who asks."""
    async with impostor(12_346) as (admin, received):
        code, *_ = await command(
            "reload", "--admin", admin, "--service-user", "12346", uid=12_345, FLA_GATEWAY_ADMIN_KEY=KEY
        )
        assert KEY in await received()
    assert code == 0


async def test_over_a_unix_socket(gateway, tmp_path):
    """The address is the configuration's."""
    path = tmp_path / "admin.sock"
    (tmp_path / "gateway.toml").write_text('admin.listen = "unix:admin.sock"\n')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        admin = AdminServer(State(), numbers, Shown(), AdminAccess(uid=os.getuid()), SystemClock(), gateway)
        await admin.start(UnixAddress(path), [listener])
        code, _, err = await command("drain", "--config", tmp_path / "gateway.toml")
        await admin.close()
    named = f"configuration: {tmp_path / 'gateway.toml'}\n"
    assert (code, err, gateway.done) == (0, named, ["drain"])


@asynccontextmanager
async def encrypted(directory):
    """Answer yes over TLS with a certificate of localhost; give the port, the roots, and what reads what was sent."""
    authority = TlsAuthority()
    roots = authority.write_root(directory)
    received: asyncio.Queue[str] = asyncio.Queue()

    async def answer(reader, writer):
        received.put_nowait((await reader.readuntil(b"\r\n\r\n")).decode())
        body = b'{"accepted": "drain"}'
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    async with await asyncio.start_server(
        answer, "127.0.0.1", 0, ssl=authority.server_context(directory, "localhost")
    ) as server:
        yield server.sockets[0].getsockname()[1], roots, received


@pytest.mark.parametrize("verified", [True, False])
async def test_over_tls(tmp_path, verified):
    """With the roots the certificate is verified; on the machine itself root or the own user is believed without."""
    async with encrypted(tmp_path) as (port, roots, received):
        words = ["--ca-file", roots] if verified else []
        code, _, err = await command("drain", "--admin", f"https://localhost:{port}", *words, FLA_GATEWAY_ADMIN_KEY=KEY)
        assert (code, err) == (0, "")
        assert KEY in received.get_nowait()


async def test_a_certificate_of_another_name_gets_nothing(tmp_path):
    """With roots to verify it by, it has to fit."""
    async with encrypted(tmp_path) as (port, roots, received):
        code, _, err = await command(
            "drain", "--admin", f"https://127.0.0.1:{port}", "--ca-file", roots, FLA_GATEWAY_ADMIN_KEY=KEY
        )
        assert (code, "not trusted" in err) == (1, True)
        assert received.empty()


async def test_strict_and_against_running_exclude_each_other():
    """One is about the files here, the other about what the gateway says."""
    code, _, err = await command("check", "--strict", "--against-running")
    assert (code, "not allowed with" in err) == (2, True)
