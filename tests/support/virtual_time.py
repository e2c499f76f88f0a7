"""Time that passes only while a test waits for it: a loop that jumps to its next timer, and a clock that follows."""

from __future__ import annotations

import asyncio
import selectors

from tests.support.tokens import HandClock


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop without sockets whose timers take no time."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """See `asyncio.AbstractEventLoop.time`."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self._loop.jump(timeout)
        return ready


class VirtualClock(HandClock):
    """Both clocks of the gateway: they follow the loop; `advance` is a sleep of the machine, which it does not see."""

    def wall(self) -> float:
        """See `Clock.wall`."""
        return super().wall() + _loop_time()

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return super().monotonic() + _loop_time()


def _loop_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0
