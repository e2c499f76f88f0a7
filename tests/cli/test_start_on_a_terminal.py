"""A person who starts the gateway in a terminal reads where it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import sys

from tests.support.configurations import EMPLOYER
from tests.support.waiting import PATIENCE

SENTENCE = re.compile(
    r"Serving http://127\.0\.0\.1:\d+/employer/REST/\.\.\.; status: http://127\.0\.0\.1:\d+/ or `fla-gateway status`; "
)


async def test_the_start_ends_in_a_sentence(tmp_path):
    """On a terminal the last line of the start says what is served where, and where the status is."""
    path = tmp_path / "gateway.toml"
    path.write_text(EMPLOYER + '[gateway]\nlisten = ["127.0.0.1:0"]\n[admin]\nlisten = "127.0.0.1:0"\n')
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fla_gateway", "run", "--config", str(path)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    screen = b""
    os.set_blocking(ours, False)
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, readable.set)
    try:
        async with asyncio.timeout(PATIENCE):
            while b"Ctrl-C ends it." not in screen:
                await readable.wait()
                readable.clear()
                with contextlib.suppress(BlockingIOError):
                    screen += os.read(ours, 65_536)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        process.kill()
        await process.wait()
    assert SENTENCE.search(screen.decode())
