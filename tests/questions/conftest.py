"""Fixtures: one journal of a real gateway under load, shared by all questions."""

from __future__ import annotations

import asyncio
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from fla_gateway.cli.main import execute
from tests.support.gateway_process import CONFIGURATION
from tests.support.journals import JournalBuilder
from tests.support.keys import write_identity
from tests.support.process import Government, run
from tests.support.raw_caller import connect
from tests.support.raw_http import OK, ok
from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures
from tests.support.waiting import eventually

CALLERS = 6
EACH = 15
PATH = "/REST/dimona/v2/declarations"
TWICE = b'{"declaration":"twice"}'
BROKEN = b'{"declaration":"broken"}'
LOST = b'{"declaration":"lost"}'
MORE = """
[audit]
path = "journal"
[profiles.closed]
environment = "nowhere"
client_id = "client-8"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
[environments.nowhere]
api_base = "https://localhost:1"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
"""


@dataclass
class Asked:
    """A journal of a real gateway, and what its callers know.

    Attributes:
        directory: of the journal.
        made: number of each declaration that was made, and the body that made it.
    """

    directory: Path
    made: dict[str, bytes] = field(default_factory=dict)


def posted(body: bytes, reference: str, profile: str = "employer") -> bytes:
    """Write a request that declares."""
    head = f"POST /{profile}{PATH} HTTP/1.1\r\nHost: localhost\r\nFla-Gateway-Reference: {reference}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def declare(asked: Asked, port: int, number: int) -> None:
    """Make declarations on one connection, and ask for each."""
    caller = await connect(port)
    for at in range(EACH):
        body = b'{"declaration":"%d-%d"}' % (number, at)
        await caller.send(posted(body, f"client-{number}"))
        answer = await caller.answer("POST")
        assert answer.status == 201
        where = (answer.value("Location") or b"").decode()
        asked.made[where.rpartition("/")[2]] = body
        await caller.send(f"GET {where} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert (await caller.answer()).status == 200
    caller.close()


async def make(folder: Path, root: Path, tls) -> Asked:
    """Let a gateway work under load, break off, be killed and start again."""
    government, numbers = Government(tls), count(85_073_003_328)
    asked = Asked(folder / "journal")

    def api(request):
        if request.method != b"POST":
            return OK
        if request.body == BROKEN:
            return ok(b"", status="500 Internal Server Error")
        return ok(b"", f"Location: {PATH}/{next(numbers)}", status="201 Created")

    government.api = api
    await government.start()
    write_identity(folder)
    path = folder / "gateway.toml"
    words = {"listen": '["127.0.0.1:0"]', "gateway": "", "admin": "127.0.0.1:0"}
    more = MORE.format(port=government.port, ca_file=root)
    path.write_text(CONFIGURATION.format(**words, more=more, port=government.port, ca_file=root))
    async with run(path) as process:
        await process.event("ready")
        await asyncio.gather(*(declare(asked, process.port(), number) for number in range(CALLERS)))
        for request in (posted(TWICE, "client-7"), posted(TWICE, "client-7"), posted(BROKEN, "client-8")):
            await process.call(request)
        assert (await process.call(posted(b"{}", "client-9", "closed"))).code == "api-unreachable"
        before = len(government.calls)
        government.gate.clear()
        caller = await process.caller()
        await caller.send(posted(LOST, "client-10"))
        await eventually(lambda: len(government.calls) > before)
        await process.kill()
        caller.close()
    government.gate.set()
    async with run(path) as process:
        await process.event("ready")
        await process.call(f"GET /employer{PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    await government.close()
    return asked


@pytest.fixture(scope="session")
def asked(tmp_path_factory, ca_file, api_tls):  # noqa: F811 - the fixtures
    """Make the journal, once for all tests of a session."""
    folder = tmp_path_factory.mktemp("asked")
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, make(folder, ca_file, api_tls)).result()


@pytest.fixture
def ask(capfd):
    """Ask a journal; give exit code, standard output, and standard error."""

    def run(directory, *words):
        code = execute(["audit", words[0], "--journal", str(directory), *words[1:]])
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def journal(tmp_path):
    """A journal that a test writes, with a key of masks beside it."""
    journal = JournalBuilder(tmp_path / "journal")
    (journal.directory / "mask.key").write_bytes(bytes(range(32)))
    return journal


def records(text):
    """Read lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]
