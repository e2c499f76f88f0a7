"""That a test may take a forked process of `fla-gateway` for one that was started."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support.forked_process import fork_gateway
from tests.support.raw_http import get

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])


def seen(process):
    """What of a gateway's process its start decides, as the kernel has it."""
    at = Path(f"/proc/{process.pid}")
    return {
        "status": re.findall(r"^(?:SigBlk|SigIgn|SigCgt|Umask):.*", (at / "status").read_text(), re.MULTILINE),
        "folder": (at / "cwd").readlink(),
        "session": (os.getsid(process.pid), os.getpgid(process.pid)),
        "priority": os.getpriority(os.PRIO_PROCESS, process.pid),
    }


async def test_a_forked_gateway_is_seen_and_answers_like_a_started_one(begin):
    """The same signals, folder, session, events, answer and end."""
    found = []
    for program in (True, False):
        process = await begin(program=program)
        await process.event("ready")
        answer = await process.call(get())
        fields = [name for name, _ in answer.fields]
        state = seen(process)
        process.signal(signal.SIGTERM)
        code = await process.ended()
        names = sorted(json.loads(line)["event"] for line in process.lines["stderr"])
        found.append({**state, "answer": (answer.status, fields), "code": code, "events": names})
    assert found[0] == found[1]


@pytest.mark.parametrize("words", [("check", "--config", "/nowhere/gateway.toml"), ("catalog",), ("run", "--nonsense")])
async def test_a_forked_command_prints_and_ends_like_a_started_one(words):
    """Output, error and exit code are those of the program."""
    forked = await fork_gateway(*words)
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fla_gateway", *words), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    printed = await asyncio.gather(forked.communicate(), started.communicate())
    assert (printed[0], forked.returncode) == (printed[1], started.returncode)


async def test_each_fork_has_a_folder_and_an_environment_of_its_own(tmp_path, monkeypatch):
    """Nothing of one process is left for the next one."""
    printed = []
    for name, further in (("one", {"GIVEN_ONCE": "client"}), ("two", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gateway.toml").write_text('[profiles.p]\nclient_id = "${GIVEN_ONCE}"\n')
        monkeypatch.chdir(tmp_path / name)
        process = await fork_gateway("check", "--config", "gateway.toml", environment={**os.environ, **further})
        out, err = await process.communicate()
        printed.append("takes an environment variable that is not set" in (out + err).decode())
    assert printed == [False, True]


async def test_the_output_of_a_fork_ends_with_it(begin):
    """Another one that runs on has nothing of its streams."""
    first = await begin()
    await first.event("ready")
    second = await begin(listen='["127.0.0.1:0"]')
    await second.event("ready")
    first.signal(signal.SIGTERM)
    assert await first.ended() == 0
    assert (await second.call(get())).status == 200
