"""The rig of the reliability tests: a gateway's process under socket activation, its callers, and ways to reload it.

The test plays the service manager: it holds the listening sockets, passes them to one process after the other
(sd_listen_fds(3)), and starts the next one when the one before has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.reliability.callers import SteadyCaller, Witness
from tests.reliability.government import CountingGovernment
from tests.reliability.scene import Scene
from tests.support.forked_process import fork_gateway
from tests.support.keys import TlsAuthority
from tests.support.process import Process, run
from tests.support.raw_caller import connect
from tests.support.raw_http import Answer, get
from tests.support.waiting import PATIENCE, eventually

Way = Literal["signal", "endpoint", "command", "watch"]
WAYS: tuple[Way, ...] = ("signal", "endpoint", "command")
LEAVER = "leaver"
"""A caller that is revoked and comes back."""
_POST = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\n\r\n"
_RESULTS = {"reloaded": True, "reload-refused": False}


class Rig:
    """A gateway under load.

    Attributes:
        government: token server and API.
        scene: the gateway's files.
        witness: what the callers saw.
        reloads: how many were applied and refused, by way.
        resident: bytes of the process after each reload.
        late: calls of the revoked caller that began after its revocation was acknowledged.
    """

    def __init__(self, government: CountingGovernment, scene: Scene) -> None:
        self.government = government
        self.scene = scene
        self.witness = Witness()
        self.reloads: list[tuple[Way, bool]] = []
        self.resident: list[int] = []
        self.late: list[str] = []
        self._sockets = [(name, socket.create_server(("127.0.0.1", 0))) for name in ("callers", "admin")]
        self._stack = AsyncExitStack()
        self._process: Process
        self._read = 0
        self._results: list[tuple[str, bool]] = []
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._leaver = SteadyCaller(LEAVER, self.port, self.witness)
        self._may_leaver = True
        self._is_settled = True

    @property
    def port(self) -> int:
        """Where callers connect, whichever process there is."""
        return int(self._sockets[0][1].getsockname()[1])

    @property
    def process(self) -> Process:
        """The process that serves now."""
        return self._process

    # The process

    async def start(self) -> None:
        """Start a process on the sockets, and wait until it is ready."""
        self._process = await self._stack.enter_async_context(run(self.scene.path, sockets=self._sockets))
        self._read, self._results = 0, []
        await self._process.event("ready")

    async def restart(self) -> None:
        """End the process as a service manager does, and start another one when it has ended."""
        self._process.signal(signal.SIGTERM)
        code = await self._process.ended()
        assert code == 0, self._process.output[-3000:]
        await self.start()

    async def close(self) -> None:
        """End everything."""
        self._stop.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._leaver.hang_up()
        await self._stack.aclose()
        for _, sock in self._sockets:
            sock.close()

    # The load

    def begin(self, names: Sequence[str]) -> list[SteadyCaller]:
        """Let callers work from now on."""
        callers = [SteadyCaller(name, self.port, self.witness) for name in names]
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(it.work(self._stop)) for it in callers]
        self._tasks.append(loop.create_task(self._leaver_works()))
        return callers

    async def end_load(self) -> None:
        """Let every caller finish its call."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _leaver_works(self) -> None:
        """Call as fast as answers come; what may be answered depends on what was acknowledged when the call began."""
        while not self._stop.is_set():
            began = (self._may_leaver, self._is_settled)
            if began == (False, True):
                self.late.append(f"{LEAVER}-{self._leaver.begun + 1}")
            await self._leaver.call(partial(self._is_right, began))
            await asyncio.sleep(0.02)

    def _is_right(self, began: tuple[bool, bool], answer: Answer) -> bool:
        """Return whether an answer is right for a call that began when this was so."""
        may, settled = began
        if settled and began == (self._may_leaver, self._is_settled):
            return answer.status == (200 if may else 401)
        return answer.status in {200, 401}

    @contextlib.contextmanager
    def leaver_changes(self, *, may: bool) -> Iterator[None]:
        """Within, the reload that revokes the caller or lets it come back is asked for and acknowledged."""
        self._is_settled = False
        yield
        self._may_leaver, self._is_settled = may, True

    # Reloads

    async def reload(self, way: Way, *, applied: bool) -> None:
        """Have the files read again, wait until the result is acknowledged, and compare it."""
        found = await getattr(self, f"_by_{way}")()
        self.reloads.append((way, found))
        assert found == applied, (way, self._process.output[-3000:])
        self.resident.append(resident(self._process.pid))

    async def _by_signal(self) -> bool:
        before = len(self._of("signal"))
        self._process.signal(signal.SIGHUP)
        await eventually(lambda: len(self._of("signal")) > before)
        return self._of("signal")[before]

    async def _by_watch(self) -> bool:
        """Wait for the reload by the watch that was caused a moment ago; the fault before that may be seen, too."""
        before = len(self._of("watch"))
        await eventually(lambda: any(self._of("watch")[before:]))
        return True

    async def _by_endpoint(self) -> bool:
        caller = await connect(self._sockets[1][1].getsockname()[1])
        await caller.send(_POST.encode())
        answer = await caller.answer()
        caller.close()
        document = json.loads(answer.body)
        assert answer.status in {200, 422}, answer
        assert bool(document.get("faults")) == (answer.status == 422), document
        return answer.status == 200

    async def _by_command(self) -> bool:
        admin = f"127.0.0.1:{self._sockets[1][1].getsockname()[1]}"
        process = await fork_gateway("reload", "--config", str(self.scene.path), "--admin", admin)
        async with asyncio.timeout(PATIENCE):
            output = await process.communicate()
        assert process.returncode in {0, 2}, output
        return process.returncode == 0

    def _of(self, cause: str) -> list[bool]:
        """Give the results of the reloads of a cause, as the log has them."""
        lines = self._process.lines["stderr"]
        for line in lines[self._read :]:
            event = json.loads(line) if line.startswith("{") else {"event": ""}
            if event["event"] in _RESULTS:
                self._results.append((event["cause"], _RESULTS[event["event"]]))
        self._read = len(lines)
        return [result for found, result in self._results if found == cause]

    # Looks

    async def is_served(self, port: int) -> bool:
        """Return whether the gateway answers at a port; False if nothing listens there."""
        try:
            caller = await connect(port)
        except ConnectionRefusedError:
            return False
        await caller.send(get("/-/healthz"))
        answer = await caller.answer()
        caller.close()
        return answer.status > 0


def resident(pid: int) -> int:
    """Give the bytes of a process that are in memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None, status
    return int(found[1]) * 1024


@asynccontextmanager
async def rig(folder: Path, callers: Sequence[str], *, drain_delay: int, watch: bool) -> AsyncIterator[Rig]:
    """Start everything but the load."""
    government = CountingGovernment(folder, TlsAuthority())
    await government.start()
    scene = Scene(folder, government, [*callers, LEAVER], drain_delay=drain_delay, watch=watch)
    found = Rig(government, scene)
    try:
        await found.start()
        yield found
    finally:
        await found.close()
        await government.close()
