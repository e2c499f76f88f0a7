"""`fla-gateway try`: one call through a gateway that really runs, before a token server with an API."""

# ruff: noqa: F811 - fixtures are imported, and named as arguments

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.cli.main import execute
from fla_gateway.cli.trial.call import read_call
from fla_gateway.cli.trial.curl_line import curl_line, of_key_file
from fla_gateway.errors import ConfigurationError
from tests.support.gateway_process import begin, government  # noqa: F401 - fixtures
from tests.support.keys import write_private
from tests.support.raw_http import ok
from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures
from tests.support.waiting import PATIENCE, eventually

KEY = new_key()
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{digest(KEY)}" }}]
[callers.payroll.allow]
employer = ["GET /REST/**", "POST /REST/dimona/**"]
"""
PATH = "/REST/dimona/v2/declarations"


class Command:
    """The command in a folder with a configuration and a key."""

    def __init__(self, folder):
        self.folder = folder
        self.key = write_private(folder / "payroll.key", f"{KEY}\n")

    async def __call__(self, *words, config=True):
        """Run it; give exit code, standard output and standard error."""
        out, err = io.StringIO(), io.StringIO()
        where = ["--config", str(self.folder / "gateway.toml")] if config else []

        def work():
            with redirect_stdout(out), redirect_stderr(err):
                return execute(["try", "employer", *map(str, words), *where])

        async with asyncio.timeout(PATIENCE):
            code = await asyncio.to_thread(contextvars.copy_context().run, work)
        return code, out.getvalue(), err.getvalue()

    async def json(self, *words, **how):
        """Run it with --json; give exit code and document."""
        code, out, err = await self(*words, "--json", **how)
        assert out, err
        return code, json.loads(out)


@pytest.fixture
def command(tmp_path):
    """Give the command."""
    return Command(tmp_path)


@pytest.fixture
async def gateway(begin, tmp_path):
    """Start a gateway with one caller, on a port that the configuration names."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = await begin(more=CALLERS, listen=f'["127.0.0.1:{port}"]', admin=f"unix:{tmp_path}/admin.sock")
    await running.event("ready")
    return running


async def test_a_call_with_all_that_can_be_said_of_it(gateway, command, government):
    """Request, answer, times of both sides, trace ids, and no key anywhere; sent once."""
    government.api = lambda _: ok(b'{"id": 1}', "Content-Type: application/json", "BelGov-Trace-Id: theirs")
    body = write_private(command.folder / "declaration.json", b'{"employer": "0123456789"}')
    words = ("post", PATH, "-d", f"@{body}", "--key-file", command.key, "-H", "Fla-Gateway-Reference: batch-17")
    code, out, err = await command(*words)
    assert code == 0, err
    (call,) = government.calls
    assert (call.method, call.body) == (b"POST", b'{"employer": "0123456789"}')
    assert (call.value("content-type"), call.value("fla-gateway-reference")) == (b"application/json", None)
    sent = str(call.value("belgov-trace-id"), "ascii")
    assert "> POST http://127.0.0.1:" in out
    assert "< 200 OK" in out
    assert "< Fla-Gateway-Origin: upstream" in out
    assert '{"id": 1}' in out
    assert f"BelGov-Trace-Id: {sent}" in out
    assert "BelGov-Trace-Id: theirs" in out
    await eventually(lambda: gateway.requests)
    assert gateway.requests[0]["id"] in out
    assert "the API: " in out
    assert KEY not in out + err
    assert f"X-Api-Key: [key {digest(KEY)[:8]}]" in out

    code, document = await command.json(*words)
    assert code == 0
    timing = document["timing"]
    assert 0 < timing["gateway"]["upstream_seconds"] <= timing["gateway"]["seconds"] <= timing["answer_seconds"] + 1
    assert document["trace"]["received"] == "theirs"
    assert KEY not in json.dumps(document)
    assert len(government.calls) == 2

    said = "The answer is the API's own: token and the way there work."
    assert said not in out
    government.api = lambda _: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    code, out, _ = await command("GET", PATH, "--key-file", command.key)
    assert (code, said in out) == (1, True)


async def test_the_key_comes_from_the_variable_and_without_one_the_problem_has_its_cure(
    gateway,
    command,
    government,
    monkeypatch,
):
    """401 with what to do, exit code 1; with FLAGW_KEY it is answered, and a refusal has its request id; sent once."""
    monkeypatch.delenv("FLAGW_KEY", raising=False)
    code, out, _ = await command("GET", PATH)
    assert (code, "Problem credentials-missing:" in out) == (1, True)
    assert "--key-file FILE, or from the variable FLAGW_KEY" in out
    assert government.calls == []
    code, document = await command.json("GET", PATH)
    assert document["problem"]["cure"] in out
    assert document["request"]["credential"] is None
    monkeypatch.setenv("FLAGW_KEY", KEY)
    code, document = await command.json("GET", PATH)
    assert (code, document["response"]["status"]) == (0, 200)
    assert '"$FLAGW_KEY"' in document["curl"]
    code, document = await command.json("DELETE", PATH)
    assert (code, document["problem"]["type"]) == (1, "urn:problem-type:fla-gateway:caller-not-permitted")
    assert document["trace"]["request_id"] == document["problem"]["instance"].removeprefix("urn:uuid:")
    assert len(government.calls) == 1


@pytest.mark.needs_program("curl")
async def test_the_curl_line_makes_the_same_call(gateway, command, government):
    """Run by a shell, with the key on curl's standard input: in no list of processes."""
    body = write_private(command.folder / "it's a body.json", b'{"employer": "0123456789"}')
    words = (
        "POST",
        f"{PATH}?a=%20[x]",
        "-d",
        str(body),
        "--key-file",
        command.key,
        "-H",
        "X-Other: a 'quoted' \"one\"",
    )
    code, document = await command.json(*words)
    assert code == 0
    assert KEY not in document["curl"]
    process = await asyncio.create_subprocess_exec(
        shutil.which("sh") or "sh", "-c", document["curl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert b"200 OK" in out, err
    ours, theirs = ([it.method, it.target, it.body, it.value("x-other"), it.value("content-type"),
                     it.value("belgov-trace-id")] for it in government.calls)  # fmt: skip
    assert ours == theirs


async def test_a_port_that_the_system_chose_is_found_by_asking_the_gateway(begin, command, government, tmp_path):
    """As is the user that is known there; --gateway needs no configuration, and says nothing of what it spent."""
    running = await begin(more=CALLERS, listen='["127.0.0.1:0"]', admin=f"unix:{tmp_path}/admin.sock")
    await running.event("ready")
    code, document = await command.json("GET", PATH, "--key-file", command.key)
    assert (code, document["timing"]["gateway"] is None) == (0, False)
    base = document["request"]["url"].partition("/employer/")[0]
    words = ("--key-file", command.key, "--gateway", base)
    code, document = await command.json("GET", PATH, *words, config=False)
    assert (code, document["timing"]["gateway"], document["response"]["status"]) == (0, None, 200)
    code, out, err = await command("POST", PATH, *words, config=False)
    assert (code, out) == (1, "")
    assert "without --config it is not known where. Nothing was sent" in err


async def test_on_a_unix_socket(begin, command, government, tmp_path):
    """No key; the curl line names the socket."""
    place = tmp_path / "gateway.sock"
    running = await begin(listen=f'["unix:{place}"]', admin=f"unix:{tmp_path}/admin.sock")
    await running.event("ready")
    code, document = await command.json("GET", PATH)
    assert (code, document["request"]["url"]) == (0, f"http://localhost/employer{PATH}")
    assert f"--unix-socket {place}" in document["curl"]
    assert document["timing"]["gateway"] is not None


async def test_on_a_listener_of_the_profile_and_over_tls(begin, command, government, authority, tmp_path):
    """No profile in the path of its own listener; with --gateway-ca-file a certificate is verified, and by its name."""
    place = tmp_path / "own.sock"
    certificate, key = authority.write_server(tmp_path)
    tls = f'{{ certificate = "{certificate}", key = "{key}" }}'
    listen = f'[{{ address = "127.0.0.1:0", tls = {tls} }}]'
    running = await begin(
        more=f'listen = "unix:{place}"\n{CALLERS}', listen=listen, admin=f"unix:{tmp_path}/admin.sock"
    )
    await running.event("ready")
    code, document = await command.json("GET", PATH, "--key-file", command.key)
    assert (code, document["request"]["url"]) == (0, f"http://localhost{PATH}")
    (port,) = [it["address"].partition(":")[2] for it in running.events("listening") if it["tls"]]
    roots = authority.write_root(tmp_path, "roots.pem")
    words = ("--key-file", command.key, "--gateway", f"https://localhost:{port}", "--gateway-ca-file", roots)
    code, document = await command.json("GET", PATH, *words)
    assert (code, document["request"]["url"]) == (0, f"https://localhost:{port}/employer{PATH}")
    assert f"--cacert {roots}" in document["curl"]


async def test_without_a_gateway(command, begin, government, tmp_path):
    """69 where none answers; what is sent directly is sent with a token of its own, by GET and HEAD alone."""
    running = await begin(more=CALLERS, listen=f'["unix:{tmp_path}/gateway.sock"]')
    await running.kill()
    code, _, err = await command("GET", PATH, "--key-file", command.key)
    assert (code, "no gateway answers" in err) == (69, True)
    government.api = lambda it: ok(
        b"your " + it.value("authorization"), "X-Seen: " + it.value("authorization").decode()
    )
    code, out, err = await command("GET", PATH, "--direct")
    assert (code, "your Bearer [token]" in out) == (0, True), err
    assert "token-of-the-stub" not in out + err
    assert "fla-gateway token employer --reveal" in out
    assert government.calls[-1].value("authorization") == b"Bearer token-of-the-stub"
    government.api = lambda _: ok(b"", "Content-Length: 5").replace(b"Content-Length: 0\r\n", b"")
    code, document = await command.json("HEAD", PATH, "--direct")
    assert (code, document["response"]["status"], document["response"]["body"]) == (0, 200, "")
    assert {"dns_seconds", "tcp_seconds", "tls_seconds", "token_seconds"} <= set(document["timing"])
    before = len(government.calls)
    for words in (("POST", PATH), ("GET", "/REST/oauth/v5/token"), ("GET", "/else"), ("GET", "/REST/a/%2e%2e/b")):
        code, _, err = await command(*words, "--direct")
        assert (code, len(government.calls)) == (2, before), err


async def test_an_answer_that_breaks_off_on_the_direct_way_is_none(begin, command, government, tmp_path):
    """Nothing, half a head or half a body: the code says that the API closed the connection, and nothing is shown."""
    await (await begin(more=CALLERS, listen=f'["unix:{tmp_path}/gateway.sock"]')).kill()
    either = government.answer
    for cut in (b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"):

        def half(_, cut=cut):
            government.by_hand()
            return cut

        government.answer, government.api = either, half
        running = asyncio.create_task(command("GET", PATH, "--direct"))
        (await government.connection()).close()
        code, out, err = await running
        assert (code, out, "api-closed: " in err) == (1, "", True), (cut, err)


async def test_a_change_in_production_asks_first(command, monkeypatch):
    """Without a terminal and without --yes nothing is sent, and that is said."""
    monkeypatch.setenv("FLAGW_KEY", KEY)
    write_private(
        command.folder / "gateway.toml",
        '[gateway]\nlisten = ["127.0.0.1:9"]\n[profiles.employer]\nenvironment = "production"\nclient_id = "c-1"\n'
        'key = { pem = "none.pem" }\n' + CALLERS,
    )
    code, out, err = await command("POST", PATH)
    assert (code, out) == (1, "")
    assert "changes real data in production. Nothing was sent; --yes sends it." in err
    assert (await command("POST", PATH, "--yes"))[0] == 69
    assert (await command("GET", PATH))[0] == 69


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 1, "broke off before its end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", 1, "broke off before its end"),
        (b"", 69, "the call may be done: look it up before it is sent again"),
        (b"not HTTP at all\r\n", 69, "gave no answer"),
    ],
)
async def test_an_answer_that_breaks_off_or_never_comes(answer, code, said, command):
    """What came is shown; without an answer it is not known what became of a change. It is sent once."""
    seen = []

    async def serve(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    found, out, err = await command("POST", PATH, "--gateway", address, "--yes", config=False)
    server.close()
    assert (found, said in out + err, len(seen)) == (code, True, 1), err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a listener of another user")
async def test_the_key_goes_to_no_other_users_process(command):
    """Another user listens at the gateway's address: exit code 1, and not a byte of the key is sent."""
    program = ("import os,socket,sys; os.setuid(65534); s=socket.create_server(('127.0.0.1', 0)); "
               "print(s.getsockname()[1], flush=True); print(s.accept()[0].recv(9999), flush=True)")  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    code, out, err = await command(
        "GET", PATH, "--key-file", command.key, "--gateway", f"http://127.0.0.1:{port}", config=False
    )
    assert (code, out) == (1, "")
    assert "--service-user" in err
    assert (await process.communicate())[0] == b"b''\n"


async def test_an_answer_is_bounded_and_harmless_to_a_terminal(gateway, command, government):
    """Control characters do not reach it; beyond 64 KiB a body is cut, and what is no text is counted."""
    government.api = lambda _: ok(b"a\x1b]0;x\x07b\n" + b"y" * 70_000)
    code, out, _ = await command("GET", PATH, "--key-file", command.key)
    assert (code, "\x1b" in out, "cut here: 65536 bytes are shown" in out) == (0, False, True)
    assert len(out) < 70_000
    government.api = lambda _: ok(b"\xff\xfe\x00" * 20)
    assert "(60 bytes that are no text)" in (await command("GET", PATH, "--key-file", command.key))[1]
    # An interim response, which the gateway passes on, is not the answer.
    government.api = lambda _: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"the answer")
    code, document = await command.json("GET", PATH, "--key-file", command.key)
    assert (code, document["response"]["status"], document["response"]["body"]) == (0, 200, "the answer")


def call(method="GET", path=PATH, *fields, body=None, content_type=None, api="services.socialsecurity.be"):
    """Make a call of arguments."""
    return read_call("employer", method, path, fields, body=body, content_type=content_type, api=api)


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}?a=b", f"/employer{PATH}?a=b", f"https://services.socialsecurity.be{PATH}?a=b",
        f"http://127.0.0.1:8480/employer{PATH}?a=b",
    ],
)  # fmt: skip
def test_a_path_may_come_as_it_is_copied(path):
    """From the manual, from a caller's configuration, from a browser: path and query are the same bytes."""
    assert call(path=path).target == f"{PATH}?a=b"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"path": "REST/x"}, "must begin with /"),
        ({"path": "/REST/é x"}, "/REST/%C3%A9%20x"),
        ({"path": "/REST/x#y"}, "percent-encode"),
        ({"path": "https://example.org/REST/x"}, "of another host"),
        ({"path": "https://[::1/REST/x"}, "no address that can be read"),
        ({"body": __file__, "content_type": "text/plain\r\nHost: x"}, "no type"),
        ({"method": "G T"}, "no method"),
        ({"fields": ["X-Api-Key: flagw_1"]}, "--key-file"),
        ({"fields": ["Authorization: Bearer x"]}, "--key-file"),
        ({"fields": ["Host: x"]}, "set by this command"),
        ({"fields": ["no colon"]}, "NAME: VALUE"),
        ({"fields": ["X: a\r\nY: b"]}, "NAME: VALUE"),
        ({"body": '{"insz": "85073003328"}'}, "other users can read the arguments"),
        ({"body": "/no/such/file"}, "cannot be read"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(words, said):
    """With a cure, and without repeating a body or a field."""
    words = dict(words)
    with pytest.raises(ConfigurationError, match=r".+") as caught:
        call(words.pop("method", "GET"), words.pop("path", PATH), *words.pop("fields", ()), **words)
    assert said in str(caught.value)
    assert "85073003328" not in str(caught.value)
    assert "flagw_1" not in str(caught.value)


def test_the_words_of_curl_are_quoted(tmp_path):
    """Odd names of files and values stay one word each, and an empty value is one."""
    made = call("PUT", f"{PATH}/a[1]/./x", "X-Empty:", "X: it's; rm -rf $HOME")
    line = curl_line(
        made, f"http://localhost{made.target}", credential=of_key_file(tmp_path / "my 'key"), socket="@name"
    )
    assert "| curl -sS -i --noproxy '*' --abstract-unix-socket name -g --path-as-is -H @- -X PUT" in line
    assert "-H 'X-Empty;'" in line
    shell = subprocess.run(["/bin/sh", "-n", "-c", line], capture_output=True, check=False)
    assert shell.returncode == 0
