"""Terminals into which a person pastes, in a network of their own where the system allows that.

So the ports that a page names are free, whatever else runs on the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.waiting import PATIENCE

_UP = """
import sys
from tests.support.terminal import bring_up_loopback
bring_up_loopback()
print("up", flush=True)
sys.stdin.read()
"""
_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x41


def bring_up_loopback() -> None:
    """Bring up the loopback interface of a new network namespace."""
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _UP_AND_RUNNING))


@asynccontextmanager
async def own_network() -> AsyncIterator[Sequence[str]]:
    """Make a network namespace; give the words that run a program in it, or none where that is not allowed."""
    holder = await asyncio.create_subprocess_exec(
        *("unshare", "-rn", sys.executable, "-c", _UP),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        allowed = await holder.stdout.readline() == b"up\n"
        yield ("nsenter", "-t", str(holder.pid), "-U", "-n", "--preserve-credentials") if allowed else ()
    finally:
        with contextlib.suppress(OSError):
            holder.stdin.close()
        await holder.wait()


class Terminal:
    """A shell that reads what is pasted; standard output and error are one, as on a screen."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Event()
        self._marks = 0
        self.screen = ""
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while part := await self._process.stdout.read(65_536):
            self.screen += part.decode(errors="replace")
            self._changed.set()
        self._changed.set()

    async def paste(self, text: str, until: str = "") -> str:
        """Paste lines and give what appears until all of them have run, or until a text does.

        Args:
            text: lines for the shell.
            until: what a program prints that then stays up.
        """
        start = len(self.screen)
        self._marks += 1
        end = until or f"@{self._marks}@"
        self._write(f"{text.rstrip()}\n" if until else f"{text.rstrip()}\necho @{self._marks}@\n")
        try:
            async with asyncio.timeout(PATIENCE):
                while end not in self.screen[start:]:
                    assert not self._reader.done(), self.screen
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{end} has not appeared:\n{self.screen}") from None
        return self.screen[start:].partition(end)[0]

    async def interrupt(self) -> str:
        """Press Ctrl-C; give what appears until the program that stays up has ended."""
        os.killpg(self._process.pid, signal.SIGINT)
        return await self.paste("")

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())

    async def close(self) -> None:
        """End the shell and whatever runs in it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reader


@asynccontextmanager
async def terminal(prefix: Sequence[str], folder: Path, **environ: str) -> AsyncIterator[Terminal]:
    """Open a terminal in a folder.

    Args:
        prefix: what `own_network` gave.
        folder: where it opens.
        environ: its environment, with nothing else in it.
    """
    process = await asyncio.create_subprocess_exec(
        *(*prefix, "bash"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        start_new_session=True,
        env={"PATH": os.defpath + ":/usr/sbin:/usr/local/bin", "HOME": str(folder), **environ},
    )
    opened = Terminal(process)
    # As one that a person sits at: Ctrl-C ends what runs in it, and not the shell.
    await opened.paste("trap : INT")
    try:
        yield opened
    finally:
        await opened.close()
