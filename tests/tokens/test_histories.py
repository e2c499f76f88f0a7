"""Whatever happens, in whatever order, an entry keeps its promises."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.errors import ProblemError
from fla_gateway.tokens.cache import TokenCache
from tests.support.properties import BOUNDED
from tests.support.tokens import ScriptedSource, credentials_refused, token_request, unreachable
from tests.support.virtual_time import VirtualClock, VirtualLoop

LIFETIMES = st.sampled_from([0.0, 1.0, 30.0, 60.0, 600.0, 3600.0])
ANSWERS = st.one_of(
    LIFETIMES,
    st.sampled_from([None, 0, 5, 400]).map(unreachable),
    st.builds(credentials_refused),
    st.builds(RuntimeError, st.just("unexpected")),
)
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.3, 1.0, 9.0, 31.0, 290.0, 3000.0])),
    st.tuples(st.just("answer"), ANSWERS),
    st.tuples(st.just("call"), st.integers(1, 3)),
    st.tuples(st.just("refuse"), st.sampled_from(["dimona", "ebox", "fla"])),
)


class Counting(ScriptedSource):
    running = 0
    most = 0

    async def fetch(self, request, *, seconds=None):
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            return await super().fetch(request, seconds=seconds)
        finally:
            self.running -= 1


class History:
    """One entry, and the tokens that callers hold."""

    def __init__(self, random):
        self.clock = VirtualClock()
        self.source = Counting(self.clock, 60.0)
        self.cache = TokenCache(self.source, self.clock, random=lambda: random)
        self.entry = self.cache.entry(token_request())
        self.held = []

    async def wait(self, seconds):
        """Let time pass."""
        self.clock.advance(seconds)

    async def answer(self, step):
        """Prepare the source's next answer."""
        self.source.script.append(step)

    async def call(self, callers):
        """Let some callers ask at once; within 8 s each gets a token that lives, or a problem with Retry-After."""
        began = self.clock.monotonic()
        for outcome in await asyncio.gather(*(self.entry.obtain() for _ in range(callers)), return_exceptions=True):
            if isinstance(outcome, ProblemError):
                assert 1 <= (outcome.retry_after or 0) <= 300
                assert self.entry.current(self.clock.monotonic()) is None
                assert self.clock.monotonic() <= began + 8.001
            else:
                assert not isinstance(outcome, BaseException), outcome
                # At most the moment for which any token is used.
                assert self.clock.monotonic() < outcome.expires + 1.0
                self.held.append(outcome)

    async def refuse(self, service):
        """Let a service refuse the oldest token that a caller holds."""
        if not self.held:
            return
        token, now = self.held.pop(0), self.clock.monotonic()
        before = self.entry.current(now)
        again = self.entry.refused(token, "employer", service, now)
        after = self.entry.current(now)
        if before is not token:
            assert after is before
        elif before is not None:
            assert (after is None) == again

    async def end(self):
        """With a token server that works again, there is a token after the longest back-off."""
        self.source.script.clear()
        self.clock.advance(301)
        assert (await self.entry.obtain()).lifetime > -1
        await self.cache.close()
        assert self.source.most == 1


@BOUNDED
@given(st.lists(STEPS, max_size=40), st.sampled_from([0.0, 0.5, 0.999]))
def test_no_history_wedges_an_entry_or_breaks_a_promise(steps, random):
    """One fetch at a time, only living tokens, only the refused token discarded, and always a way back."""

    async def live():
        history = History(random)
        for name, value in steps:
            await getattr(history, name)(value)
        await history.end()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(live())
