"""The snippets of docs/clients.md, as they are on the page: each declares, and asks for what became of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from tests.docs.pages import ROOT, blocks
from tests.support.gateway import Rig, gateway_in_a_thread
from tests.support.keys import TlsAuthority
from tests.support.upstream import Scripted

pytestmark = pytest.mark.source

PAGE = ROOT / "docs/clients.md"
KEY = "flagw_" + "5e" * 32
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}" }}]
[callers.payroll.allow]
employer = ["POST /REST/dimona/v2/declarations", "GET /REST/dimona/v2/declarations/*"]
"""
DECLARED = (
    "HTTP/1.1 201 Created\r\n"
    "Location: https://{authority}/REST/dimona/v2/declarations/437231019502\r\n"
    "Content-Length: 0\r\n\r\n"
)
PROBLEM = b'{"title": "Resource Not Found", "status": 404}'
PENDING = Scripted(
    b"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%b"
    % (len(PROBLEM), PROBLEM)
)

Command = list[str]

JAVA: Command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""Less work for a program that runs for a moment."""


class Snippet(NamedTuple):
    """How a snippet of the page is run.

    Attributes:
        language: of its fence.
        file: where it is written to.
        programs: what has to be there; the first one is the test's name.
        commands: what is run, in its folder; the last one is the program.
        part: a text that this one, among those of its language, contains.
        asks: whether it asks for the result as well.
        probe: a command that fails where a library is missing.
    """

    language: str
    file: str
    programs: tuple[str, ...]
    commands: tuple[Command, ...]
    part: str = ""
    asks: bool = True
    probe: tuple[str, ...] = ()


SNIPPETS = (
    Snippet("sh", "declare.sh", ("sh", "curl"), (["sh", "declare.sh"],), part="curl", asks=False),
    Snippet(
        "cobol", "declare.cob", ("cobc", "curl"), (["cobc", "-x", "-free", "declare.cob"], ["./declare"]), asks=False
    ),
    Snippet("python", "declare.py", ("python3",), (["python3", "declare.py"],)),
    Snippet("java", "Declare.java", ("javac",), ([*JAVA, "Declare.java"],), part="HttpClient"),
    Snippet("java", "DeclareOld.java", ("javac",), ([*JAVA, "DeclareOld.java"],), part="HttpURLConnection"),
    Snippet("php", "declare.php", ("php",), (["php", "declare.php"],), probe=("php", "-r", "curl_init();")),
    Snippet("perl", "declare.pl", ("perl",), (["perl", "declare.pl"],), probe=("perl", "-MLWP::UserAgent", "-e1")),
    Snippet("ruby", "declare.rb", ("ruby",), (["ruby", "declare.rb"],)),
    Snippet("javascript", "declare.mjs", ("node",), (["node", "declare.mjs"],)),
    Snippet("go", "declare.go", ("go",), (["go", "run", "declare.go"],)),
    Snippet(
        "csharp",
        "declare.cs",
        ("mono", "mcs"),
        (["mcs", "-r:System.Net.Http.dll", "declare.cs"], ["mono", "declare.exe"]),
    ),
    Snippet("tcl", "declare.tcl", ("tclsh",), (["tclsh", "declare.tcl"],)),
    Snippet("lua", "declare.lua", ("lua",), (["lua", "declare.lua"],), probe=("lua", "-e", "require 'socket.http'")),
    Snippet("pascal", "declare.pas", ("fpc",), (["fpc", "-v0", "declare.pas"], ["./declare"])),
)


SKIPPED_IN_CI = {"go", "mono", "mcs"}
"""Large, and no language of an ERP system that needs a gateway; they are run where they are."""


def _skip_if_missing(snippet: Snippet) -> None:
    missing = [name for name in snippet.programs if shutil.which(name) is None]
    if not missing and snippet.probe and subprocess.run(snippet.probe, capture_output=True, check=False).returncode:
        missing = [" ".join(snippet.probe)]
    if missing and os.environ.get("CI") == "true" and not SKIPPED_IN_CI & set(missing):
        pytest.fail(f"{missing} is missing, see .ci/run", pytrace=False)
    if missing:
        pytest.skip(f"{missing} is missing")


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """A gateway in a thread of its own, with one caller."""
    folder = tmp_path_factory.mktemp("snippets")
    with gateway_in_a_thread(uvloop.new_event_loop, TlsAuthority(), folder, settings=CALLERS) as (running, _):
        yield running


@pytest.fixture
def ran(rig: Rig, tmp_path: Path) -> Callable[[Snippet, str], str]:
    """Run a snippet with a key against the gateway; return what it printed."""

    def run(snippet: Snippet, key: str) -> str:
        (text,) = (text for text in blocks(PAGE, snippet.language) if snippet.part in text)
        (tmp_path / snippet.file).write_text(text.replace("8480", str(rig.port)))
        (tmp_path / "declaration.json").write_text('{"employer": "0123456789"}')
        (tmp_path / "caller.curl").write_text(f'user = "payroll:{key}"\n')
        proxies = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
        environment = {name: value for name, value in os.environ.items() if name not in proxies}
        environment |= {"FLAGW_KEY": key, "GOCACHE": str(tmp_path / "go"), "HOME": str(tmp_path)}
        printed = ""
        for command in snippet.commands:
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stdout + done.stderr
            printed = done.stdout
        return printed

    return run


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda it: it.file)
def test_a_snippet_declares_and_asks_for_the_result(snippet, ran, rig):
    """Its POST arrives once, as JSON and without the key; what it asks next is where Location leads."""
    _skip_if_missing(snippet)
    before = len(rig.upstream.seen)
    created = Scripted(DECLARED.format(authority=rig.upstream.authority).encode())
    rig.upstream.script.extend([created, PENDING] if snippet.asks else [created])
    printed = ran(snippet, KEY)
    declared, *asked = rig.upstream.seen[before:]
    assert (declared.method, declared.target) == (b"POST", b"/REST/dimona/v2/declarations")
    assert declared.body.replace(b" ", b"") == b'{"employer":"0123456789"}'
    assert declared.values(b"content-type")[0].startswith(b"application/json")
    assert KEY.encode() not in b"".join(value for _, value in declared.fields)
    assert [(it.method, it.target) for it in asked] == [
        (b"GET", b"/REST/dimona/v2/declarations/437231019502")
    ] * snippet.asks
    assert rig.upstream.violations == []
    assert not rig.upstream.script
    assert KEY not in printed


def test_every_language_of_the_page_is_run_or_marked():
    """A snippet that no test runs says so in the text before it."""
    text = PAGE.read_text(encoding="utf-8")
    for language in ("vb", "powershell", "openedge"):
        before = text[: text.index(f"```{language}\n")].rpartition("```\n")[2]
        assert "*not run*" in before, language
    run = {snippet.language for snippet in SNIPPETS}
    fences = {line[3:] for line in text.splitlines() if line.startswith("```") and line[3:]}
    assert fences - run == {"vb", "powershell", "openedge"}
