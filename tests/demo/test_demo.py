"""`fla-gateway demo` as a process, and its parts."""

import asyncio
import io
import os
import re
import shlex
import signal
import tomllib
from pathlib import Path

import aiohttp
import pytest

from fla_gateway.cli.demonstration.caller import Call, Caller, Flow
from fla_gateway.cli.demonstration.console import Console
from fla_gateway.cli.demonstration.environment import (
    Environment,
    NotReadyError,
    free_address,
    gateway_toml,
    running_gateway,
)
from fla_gateway.cli.demonstration.scenario import Scenario
from fla_gateway.cli.main import execute
from fla_gateway.sandbox import Sandbox
from tests.support.forked_process import fork_gateway

STEPS = ("does not ask who calls", "1. ", "2. ", "3. ", "4. ", "5. ", "Everything behaved.")


class Demo:
    """A demo in a process of its own, with its temporary files where the test can see them."""

    def __init__(self, place, *words):
        place.mkdir()
        self.place = place
        self.words = words

    async def start(self):
        self.process = await fork_gateway("demo", *self.words, environment={**os.environ, "TMPDIR": str(self.place)})

    async def until(self, sentence):
        output = ""
        async for line in self.process.stdout:
            output += line.decode()
            if sentence in output:
                return output
        raise AssertionError(output)

    def secrets(self):
        """Everything in the demo's directory that must not be printed."""
        files = [*self.place.rglob("control.secret"), *self.place.rglob("client.key.pem")]
        assert len(files) == 2
        return [line for file in files for line in file.read_text().splitlines() if "-----" not in line]


async def paste(line, place):
    """Run a printed line as a shell would, with aiohttp as curl; give status and body."""
    expanded = re.sub(r"\$\(cat (\S+)\)", lambda match: Path(match[1]).read_text().strip(), line)
    words = iter(shlex.split(expanded.removeprefix("$ curl")))
    method, url, fields, body = "GET", "", {}, None
    for word in words:
        match word:
            case "-i":
                pass
            case "-X":
                method = next(words)
            case "-H":
                name, _, fields_value = next(words).partition(": ")
                fields[name] = fields_value
            case "-d":
                body, method = next(words), method if method != "GET" else "POST"
            case _:
                url = word
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=fields, data=body) as answer:
        return answer.status, await answer.text()


async def test_demo_shows_the_main_job_and_stays_up(tmp_path):
    """`--once` ends with 0 after every step; without it the printed lines work until Ctrl-C, which ends with 0 too.

    Both run at the same time, to save the suite some seconds.
    """
    once, lasting = Demo(tmp_path / "once", "--once"), Demo(tmp_path / "lasting")
    await asyncio.gather(once.start(), lasting.start())
    try:
        (output, errors), shown = await asyncio.gather(once.process.communicate(), lasting.until("tail -f"))
        assert (once.process.returncode, errors) == (0, b""), output.decode()
        for text in (output.decode(), shown):
            assert [step for step in STEPS if step not in text] == []
            assert "\x1b" not in text
        secrets = lasting.secrets()
        assert not [secret for secret in secrets if secret in shown]

        invitation = shown[shown.index("Your turn") :]
        lines = [line.strip() for line in invitation.splitlines() if line.strip().startswith("$ curl")]
        answers = [await paste(line, lasting.place) for line in lines]
        assert [status for status, _ in answers] == [201, 200, 200, 200, 200], answers
        assert '"kind": "down"' in answers[2][1]

        lasting.process.send_signal(signal.SIGINT)
        _, errors = await lasting.process.communicate()
        assert (lasting.process.returncode, errors) == (0, b"")
    finally:
        for demo in (once, lasting):
            if demo.process.returncode is None:
                demo.process.kill()
    assert [*once.place.iterdir(), *lasting.place.iterdir()] == []


@pytest.fixture
async def sandbox():
    """Give a running sandbox."""
    running = Sandbox()
    await running.start()
    yield running
    await running.close()


async def test_configuration_of_the_demo_is_without_faults(sandbox, tmp_path, capsys):
    """`fla-gateway check` has nothing to say about the configuration and the key that the demo writes."""
    file = tmp_path / "gateway.toml"
    file.write_text(gateway_toml(sandbox, "127.0.0.1:8480", "127.0.0.1:8481"))
    assert tomllib.loads(file.read_text())["profiles"].keys() == {"employer"}
    assert await asyncio.to_thread(execute, ["check", "--config", str(file)]) == 0
    assert "all well" in capsys.readouterr().out


async def test_gateway_that_does_not_start_is_told_with_its_words(sandbox, tmp_path):
    """A gateway that ends before it is ready is an error that carries what it said."""
    configuration = tmp_path / "gateway.toml"
    configuration.write_text("profiles = 1")
    environment = Environment(sandbox, "http://127.0.0.1:9", "http://127.0.0.1:9", tmp_path / "log")
    with pytest.raises(NotReadyError, match="exit code 2") as caught:
        async with running_gateway(configuration, environment.admin, environment.log):
            pass
    assert "profiles" in str(caught.value)


async def test_story_without_a_gateway_fails(sandbox, tmp_path):
    """Where nothing answers as it should, the steps say so and count it; exit code 0 is out of reach."""
    environment = Environment(sandbox, sandbox.control_url, "", tmp_path / "log")
    said = io.StringIO()
    console = Console(said)
    async with aiohttp.ClientSession() as session:
        scenario = Scenario(environment, Caller(session), console)
        await scenario.declare()
        await scenario.poll("")
        await scenario.echo()
    assert console.failures == 5
    assert said.getvalue().count("FAILED") == 5


async def test_caller_without_an_answer_goes_on():
    """A connection that is refused is no answer, not the end of the demo."""
    flow, enough = Flow(), asyncio.Event()
    enough.set()
    async with aiohttp.ClientSession() as session:
        await Caller(session).keep_calling(Call("GET", f"http://{free_address(0)}/"), flow, enough)
    assert flow.summary == "1 calls: 1 x no answer"
    assert not flow.all_well


def test_curl_line_survives_a_shell():
    """A curl line means the same after a shell has split it."""
    line = Call("POST", "http://127.0.0.1:8480/x?a=1&b=%20", {"it's": "é"}).curl()
    words = shlex.split(line)
    assert words[:3] == ["curl", "-i", "http://127.0.0.1:8480/x?a=1&b=%20"]
    assert words[-1] == '{"it\'s": "\\u00e9"}'


def test_teller_paints_on_a_terminal_alone():
    """Colours are for terminals."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, painted in ((Terminal(), True), (io.StringIO(), False)):
        console = Console(stream)
        console.heading("Title", "Why " * 60)
        console.command("curl " + "x" * 300)
        console.verdict(False, "Sentence.")
        assert ("\x1b[" in stream.getvalue()) is painted
        assert console.failures == 1
        assert "x" * 300 in stream.getvalue()


async def test_port_that_is_taken_is_not_chosen():
    """Where the usual port is taken, the demo takes a free one."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert free_address(port) != f"127.0.0.1:{port}"
    server.close()
    await server.wait_closed()
    assert free_address(port) == f"127.0.0.1:{port}"
