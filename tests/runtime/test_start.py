"""What has happened when a gateway begins to read keys, and what no longer holds it up when it ends."""

from __future__ import annotations

import ast
import asyncio
import json
import keyword
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import fla_gateway
from fla_gateway.cli.main import COMMANDS, READ_KEYS
from fla_gateway.runtime.default_executor import UnwaitedExecutor
from tests.support.landlock import confined
from tests.support.waiting import PATIENCE

PACKAGE = Path(fla_gateway.__file__).parent
linux = pytest.mark.skipif(sys.platform != "linux", reason="these switches are Linux's")

# An audit hook sees what is called, without changing it: which threads there are whenever Landlock is given a path, and
# which modules and files came before the process was closed to its own user.
THREADS = """
import json, os, sys, threading
seen = []
def look(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_PATH:
        seen.append([thread.name for thread in threading.enumerate()] + [len(os.listdir("/proc/self/task"))])
sys.addaudithook(look)
from fla_gateway.runtime.startup import serve
try:
    serve(__import__("pathlib").Path(sys.argv[1]), strict=True)
except Exception as error:
    print(json.dumps([type(error).__name__, seen]))
"""
CONFIGURATION = """
[security]
landlock = true
[profiles.employer]
environment = "simulation"
client_id = "client-7"
key = { pem = "damaged.pem" }
"""
# One start for all commands: each runs in a fork, and ends when it has closed its memory.
FIRST = """
import json, os, sys
from fla_gateway.cli.main import main
steps = []
def look(event, arguments):
    if event in ("import", "ctypes.dlsym"):
        steps.append(arguments[0] if event == "import" else arguments[1])
    if steps and steps[-1] == "prctl":
        end()
def end():
    print(json.dumps([sys.argv[1], steps]), flush=True)
    os._exit(0)
for words in json.loads(sys.argv[1]):
    if not os.fork():
        sys.argv[1:] = words
        sys.addaudithook(look)
        try:
            main()
        finally:
            end()
    os.wait()
"""


@confined
def test_no_thread_runs_when_landlock_is_switched_on(tmp_path):
    """It would not be confined: at every path that is allowed, the main thread is alone."""
    (tmp_path / "damaged.pem").write_text("nothing")
    (tmp_path / "gateway.toml").write_text(CONFIGURATION)
    words = [sys.executable, "-c", THREADS, str(tmp_path / "gateway.toml")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
    error, seen = json.loads(ended.stdout)
    assert error == "ConfigurationError"
    assert {tuple(threads) for threads in seen} == {("MainThread", 1)}
    assert '"landlock"' in ended.stderr, "events of that time are written all the same"


@pytest.fixture(scope="module")
def first_steps():
    """Give what each command imports and calls until its memory is closed."""
    commands = [[it, *(["x"] if it == "token" else []), "--config", "/nowhere/none.toml"] for it in READ_KEYS]
    words = [sys.executable, "-c", FIRST, json.dumps(commands)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return dict(json.loads(line) for line in ended.stdout.splitlines())


@linux
@pytest.mark.parametrize("command", READ_KEYS)
def test_closing_the_memory_is_the_first_thing(command, first_steps):
    """Before arguments are understood, a configuration is read, or anything heavy is imported."""
    before = first_steps[command][: first_steps[command].index("prctl")]
    # Nothing but what the call itself takes.
    allowed = ("fla_gateway.runtime", "resource", "ctypes", "_ctypes", "struct", "_struct", "functools", "collections")
    modules = {name for name in before if not name.startswith(allowed)}
    assert not {"argparse", "structlog", "asyncio", "ssl", "cryptography", "tomllib"} & modules, modules


def test_every_command_that_loads_keys_is_one_of_them():
    """A command is known by what it calls, not by a list alone."""
    loading = {
        "load_keys",
        "load_all",
        "serve",
        "fetch_once",
        "diagnose",
        "new_pair",
        "try_channels",
        "call_directly",
        "lead",
    }
    found = set()
    for name in COMMANDS:
        # `try` is a keyword, so that its module has another name.
        path = f"{'/'.join(f'{it}_' if keyword.iskeyword(it) else it for it in name.split())}.py"
        tree = ast.parse((PACKAGE / "cli" / path).read_text(encoding="utf-8"))
        imported = {it.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for it in node.names}
        if imported & loading:
            found.add(name.partition(" ")[0])
    assert found == set(READ_KEYS)


def test_a_loop_does_not_wait_for_a_thread_that_hangs():
    """A disk of a dead file server never answers: asyncio would wait for it when the loop is closed."""
    release = threading.Event()
    began = time.monotonic()
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())

        async def leave():
            runner.get_loop().run_in_executor(None, release.wait, 60)

        runner.run(leave())
    assert not release.is_set()
    assert time.monotonic() - began < 50
    release.set()


def test_the_process_does_not_wait_for_a_thread_that_hangs():
    """Neither for one of an executor, nor for another: it ends with its exit code."""
    code = (
        "import sys, threading; from concurrent.futures import ThreadPoolExecutor\n"
        "from fla_gateway.cli import main\n"
        "ThreadPoolExecutor(1).submit(threading.Event().wait)\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "sys.argv = ['fla-gateway', 'catalog']; main.main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "dimona" in ended.stdout


def test_processes_that_load_keys_begin_before_the_rest_is_imported():
    """What serves callers is a third of the imports, and would keep one processor idle of two for as long."""
    code = (
        "import sys, fla_gateway.runtime.startup, fla_gateway.runtime.key_loading.loader\n"
        "parts = ('proxy', 'network', 'admin', 'tokens', 'runtime.process', 'runtime.assembly')\n"
        "print([it for it in sys.modules if it.startswith(tuple(f'fla_gateway.{part}' for part in parts))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ended.stdout == "[]\n"


def test_what_only_a_reload_needs_is_imported_after_the_start():
    """Nor is what libraries name for features that no gateway has: all of it would come before the first answer."""
    code = (
        "import sys; sys.modules['rich'] = None\n"
        "from fla_gateway.cli import run\n"
        "run.find_config = lambda _: sys.exit()\n"
        "try: run.run(None)\n"
        "except SystemExit: import fla_gateway.runtime.assembly, fla_gateway.runtime.reload\n"
        "heavy = ('fla_gateway.runtime.reload_preparation', 'fla_gateway.runtime.changes.widening', 'uuid')\n"
        "print([it for it in heavy if it in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ended.stdout == "[]\n"
