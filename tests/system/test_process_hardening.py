"""What another process of the same user gets at: nothing of memory, environment and core files."""

from __future__ import annotations

import argparse
import ast
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import fla_gateway
from fla_gateway.cli.main import build_parser
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
PACKAGE = Path(fla_gateway.__file__).parent
linux = pytest.mark.skipif(sys.platform != "linux", reason="these switches are Linux's")

# Root may look at everybody: so both give up what lets him (CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON), and are
# equals then, as two processes of any other user are.
AS_EQUAL = """
import ctypes, os, sys
for capability in (19, 21, 38):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
# Where Yama lets only parents look, everybody is let look, so that it is not Yama that is proved here.
READY = "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1)); print('ready', flush=True)"
WAIT = f"{READY}; sys.stdin.read()"
HARDENED = f"import sys; from fla_gateway.system.process_hardening import undumpable; assert undumpable(); {WAIT}"
ORDINARY = f"import sys; {WAIT}"


def _as_equal(*words: str) -> list[str]:
    return [sys.executable, "-c", AS_EQUAL, *words]


class Running:
    """A process that waits until it is told to end."""

    def __init__(self, code: str, **options) -> None:
        self.process = subprocess.Popen(
            _as_equal(sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def readable(self, name: str) -> bool:
        """Tell whether another process of the same user can read from one of its files in /proc."""
        path = f"/proc/{self.process.pid}/{name}"
        looked = subprocess.run(_as_equal("head", "-c", "1", path), capture_output=True, timeout=PATIENCE, check=False)
        # Address 0 is mapped nowhere: who may open the memory gets an error of another kind.
        return b"Permission denied" not in looked.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=PATIENCE)


@linux
@pytest.mark.parametrize("name", ["environ", "mem"])
def test_memory_and_environment_are_closed_to_the_same_user(name):
    """They are open in any other process: the first shows passwords of `password_env`, the second keys and tokens."""
    with Running(ORDINARY) as process:
        assert process.readable(name)
    with Running(HARDENED) as process:
        assert not process.readable(name)


@linux
def test_a_hardened_process_can_still_look_at_itself():
    """Threads, open files, statistics and sockets, which probes and metrics ask for, also as an ordinary user."""
    code = (
        "import ctypes, os, sys; from fla_gateway.system.process_hardening import undumpable\n"
        "os.geteuid() or os.setuid(12345)\n"
        "assert undumpable(); os.listdir('/proc/self/task'); os.listdir('/proc/self/fd')\n"
        "[open('/proc/' + name).read() for name in ('self/stat', 'self/status', 'self/net/tcp', 'self/limits')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


@linux
@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGQUIT])
def test_no_core_is_left_behind(number, tmp_path):
    """Whatever the limits of the shell permit."""

    def status(code: str) -> int:
        limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY and os.geteuid() != 0:
            pytest.skip("the limit of core files cannot be raised here")
        raise_limit = f"import resource; resource.setrlimit(resource.RLIMIT_CORE, {limit}); "
        # Otherwise the signal is the interpreter's alone: faulthandler and the like are not on.
        running = Running(raise_limit + code, cwd=tmp_path)
        running.process.send_signal(number)
        _, found = os.waitpid(running.process.pid, 0)
        running.process.returncode = -os.WTERMSIG(found)
        running.process.communicate()
        return found

    if not os.WCOREDUMP(status(ORDINARY)):
        pytest.skip("this machine writes no core files anyway (/proc/sys/kernel/core_pattern)")
    assert not os.WCOREDUMP(status(HARDENED))


@linux
def test_signals_still_reach_a_hardened_process():
    """The same user can end it, and later ask it to read its configuration again."""
    code = (
        "import signal, sys; from fla_gateway.system.process_hardening import undumpable; undumpable()\n"
        # Waited for, not handled: a handler of Python's does not run while a read begins that never ends.
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])\n"
        f"{READY}; signal.sigwait([signal.SIGHUP]); print('again', flush=True); sys.stdin.read()"
    )
    with Running(code) as running:
        running.process.send_signal(signal.SIGHUP)
        assert running.process.stdout is not None
        assert running.process.stdout.readline() == "again\n"


def _options(parser: argparse.ArgumentParser):
    """Give the options that take a text; a path to a file is none, nor is a number, or one of a few words."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action.choices.values():
                yield from _options(choice)
        elif action.choices or action.metavar in {"FILE", "SECONDS"} or action.type in (int, float, Path):
            continue
        elif action.option_strings and action.nargs != 0:
            yield from action.option_strings


def test_no_option_takes_a_secret():
    """A command line is open to every user of the machine (ps), and is kept in the shell's history."""
    options = set(_options(build_parser()))
    assert options
    assert [it for it in options if any(word in it for word in ("pass", "secret", "key", "token", "credential"))] == []


def test_the_gateway_starts_no_program():
    """So no secret goes on in the environment of a child; the demo alone starts one, and it has no secrets."""
    found = set()
    words = ("os.exec", "os.fork", "os.spawn", "os.posix_spawn", "os.system", "os.popen", "create_subprocess")
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        # To parse all modules takes seconds.
        if not any(word in text for word in (*words, "subprocess", "multiprocessing")):
            continue
        names = {ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        modules = {
            alias.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        if any(word in name for name in names for word in words) or modules & {"subprocess", "multiprocessing"}:
            found.add(path.relative_to(PACKAGE).as_posix())
    # The workers that load keys are forks: they execute nothing, and are as undumpable as the process that made them.
    assert found == {"cli/demonstration/environment.py", "runtime/key_loading/worker_processes.py"}
