"""State: one token and everything that is known about getting the next one.

Owns the token between its deadlines, the one running fetch, the calls that wait for it and the brake of one token
request. Refuses to know other entries, what follows from a failure (`failure_streak`), and what a task is made of: its
owner starts it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

import structlog

from fla_gateway.catalog.model import shown_service
from fla_gateway.clock import Clock
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.model import AccessToken, TokenRequest, TokenSource
from fla_gateway.tokens.entry_owner import EntryOwner
from fla_gateway.tokens.failure_streak import FailureStreak
from fla_gateway.tokens.freshness import (
    MOST_ENDINGS,
    Deadlines,
    Freshness,
    deadlines,
    freshness,
    has_ended,
    soft_fraction,
)
from fla_gateway.tokens.snapshot import TokenSnapshot
from fla_gateway.tokens.token_brake import TokenBrake, Verdict

_NEVER: Final = Deadlines(-math.inf, -math.inf)

_LOG = structlog.get_logger()


class TokenEntry:
    """The token for one request."""

    # Slots: Python looks attributes up by name, for each exchange, in an object that has so many without them.
    __slots__ = (
        "__weakref__", "_brake", "_clock", "_endings", "_facts", "_former", "_fraction", "_hurried", "_limit",
        "_limits", "_mints", "_owner", "_quick", "_random", "_resumed", "_source", "_streak", "_task", "_token",
        "_waiting", "_wanted", "request", "warm",
    )  # fmt: skip

    def __init__(
        self, request: TokenRequest, source: TokenSource, clock: Clock, owner: EntryOwner, random: Callable[[], float]
    ) -> None:
        self.request = request
        self._source = source
        self._clock = clock
        self._owner = owner
        self._random = random
        self._fraction = soft_fraction(random())
        self._token: AccessToken | None = None
        self._former: AccessToken | None = None
        self._endings = 0
        """How many times in a row the token server has given a token that it counts down to nothing."""
        self._limits = _NEVER
        self._quick = -math.inf
        """Until then `current` returns the token without a second look."""
        self.warm = False
        """Whether the token is renewed although no call has used it."""
        self._wanted = True
        self._waiting = 0
        self._resumed: asyncio.Event | None = None
        self._task: asyncio.Task[AccessToken | None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._hurried = False
        self._streak = FailureStreak()
        self._brake = TokenBrake()
        self._mints: dict[str, int] = {}
        self._facts = {"environment": request.environment, "client_id": request.client_id, "key": request.key}

    def current(self, now: float) -> AccessToken | None:
        """Return the token if it can be used, at once; while it is stale, start the fetch of another one.

        This is on the path of every request: two comparisons while the token is fresh.

        Args:
            now: `Clock.monotonic`.

        Returns:
            The token, or None: then `obtain` is to be awaited.
        """
        if now < self._quick:
            return self._token
        if now < self._limits.hard:
            # The first use of a token, and each one after its soft deadline.
            self._wanted = True
            self._quick = self._limits.soft
            self.renew(now)
            return self._token
        return None

    async def obtain(self) -> AccessToken:
        """Return a token, waiting for the one running fetch, and through a back-off that may end in time.

        Raises:
            ProblemError: of origin ``token-server`` with a Retry-After of at least 1, if there is none to be had;
                ``stopping`` after the cache was closed.
        """
        self._wanted = True
        self._waiting += 1
        try:
            return await self._wait()
        finally:
            self._waiting -= 1

    def renew(self, now: float) -> None:
        """Start a fetch if the token is not fresh, none runs and no back-off lasts."""
        if now < self._limits.soft or self._task is not None or now < self._streak.retry_at or self._owner.closed:
            return
        self._task = self._owner.start(self._fetch(), self.request)
        self.wake()

    def wake(self) -> None:
        """Let the calls that wait through a back-off look again."""
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None

    def due(self) -> float:
        """Return when a fetch is to be started without a call, as `Clock.monotonic`.

        Infinite while a fetch runs, and for a token that no call has used, unless the entry is `warm`.
        """
        if self._task is not None or self._owner.closed or not (self._wanted or self.warm):
            return math.inf
        return max(self._limits.soft, self._streak.retry_at)

    def has_token(self, now: float) -> bool:
        """Return whether there is a token that can be used; does not count as a use."""
        return now < self._limits.hard

    def refused(self, token: AccessToken, profile: str, service: str, now: float, *, replays: bool = False) -> bool:
        """Take note that an API answered 401 to a token, whatever it said about it.

        The token is discarded only if it is the one in use, if its service is not under the brake, and if another
        one can be asked for: during a back-off the others may still get on with it.

        Args:
            token: the very token that was sent.
            profile: name of the profile.
            service: the API, by any name that is the same every time; path prefix, for example.
            now: `Clock.monotonic`.
            replays: whether the call is sent again at once if this returns True.

        Returns:
            Whether asking again with another token makes sense.
        """
        if token is not self._token:
            waitable = self._token is not None or self._task is not None or now >= self._streak.retry_at
            return waitable and not self._brake.remaining(profile, service, now)
        # That an API refuses a token whose server has just called it ended proves nothing against the API.
        fresh = freshness(self._limits, now) is Freshness.FRESH and not self._endings
        if now < self._streak.retry_at:
            self._set(self._token, Deadlines(now, self._limits.hard))
            return False
        verdict = self._brake.judge(profile, service, now, fresh=fresh, replays=replays)
        if verdict is Verdict.DISCARD:
            self._set(None, _NEVER)
            _LOG.warning("token-discarded", **self._facts, profile=profile, service=shown_service(service))
            return True
        if verdict is Verdict.BRAKE:
            seconds = self._brake.remaining(profile, service, now)
            _LOG.warning(
                "token-braked", **self._facts, profile=profile, service=shown_service(service), seconds=seconds
            )
        return False

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to get a token failed."""
        return self._streak.count > 0

    def snapshot(self) -> TokenSnapshot:
        """Describe this entry as it is now, without the token."""
        now = self._clock.monotonic()
        token = self._token
        return TokenSnapshot(
            request=self.request,
            state=self._state(now),
            age_seconds=None if token is None else now - token.obtained,
            expires_in_seconds=None if token is None else token.expires - now,
            backoff_seconds=max(0.0, self._streak.retry_at - now),
            mints=dict(self._mints),
            renewal_seconds=self._renewal_seconds(now),
            failures=self._streak.count,
            last_failure=self._streak.described(now),
            brakes=self._brake.held(now),
        )

    def _state(self, now: float) -> str:
        if self._token is None:
            return "none"
        state = freshness(self._limits, now)
        idle = state is Freshness.EXPIRED and not self._streak.count and math.isinf(self.due()) and self._task is None
        return "idle" if idle else state.value

    def _renewal_seconds(self, now: float) -> float | None:
        if self._task is not None:
            return 0.0
        due = self.due()
        return None if math.isinf(due) else max(0.0, due - now)

    async def _wait(self) -> AccessToken:
        loop = asyncio.get_running_loop()
        # The loop's clock stops while the machine sleeps, as that of the caller does.
        ends = loop.time() + self._owner.wait_seconds
        while True:
            now = self._clock.monotonic()
            token = self.current(now)
            if token is not None:
                return token
            self.renew(now)
            task, left = self._task, ends - loop.time()
            if task is None:
                await self._pause(now, left)
                continue
            if left <= 0:
                raise self._late()
            self._hurry()
            # `wait` leaves the task alone when this waiter is cancelled or runs out of time: others wait for it too.
            await asyncio.wait((task,), timeout=left)
            if task.cancelled():
                raise self._refusal(self._clock.monotonic())
            token = task.result() if task.done() else None
            if token is not None:
                return token

    async def _pause(self, now: float, left: float) -> None:
        """Wait until the back-off ends or another call starts a fetch; raises where that is too late or in vain."""
        seconds = self._streak.retry_at - now
        failure = self._streak.problem
        if self._owner.closed or failure is None or not failure.transient or seconds > left:
            raise self._refusal(now)
        if self._resumed is None:
            self._resumed = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._resumed.wait()
        except TimeoutError:
            return

    def _hurry(self) -> None:
        """Shorten the running attempt, which calls wait for now, if none of this streak has been shortened yet."""
        if self._hurried or self._limit is None or self._limit.expired():
            return
        self._hurried = True
        soon = asyncio.get_running_loop().time() + self._owner.first_seconds
        self._limit.reschedule(min(soon, self._limit.when() or soon))

    async def _fetch(self) -> AccessToken | None:
        # Only the first attempt is short: a token server that is always slow has to be given its time in the end.
        first = self._waiting > 0 and not self._hurried
        self._hurried = self._hurried or first
        try:
            async with asyncio.timeout(self._owner.fetch_seconds) as self._limit:
                token = await self._source.fetch(self.request, seconds=self._owner.first_seconds if first else None)
        except ProblemError as problem:
            self._failed(problem)
        except TimeoutError:
            self._failed(ProblemError("token-timeout", Text("The token server gave no token in time; trying again.")))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not wedge the profile, nor show its text
            text = Text("The token could not be asked for ({kind}).", kind=type(error).__name__)
            self._failed(ProblemError("token-failed", text, transient=False))
        else:
            return self._minted(token)
        finally:
            self._task = self._limit = None
            self._owner.changed.set()
        return None

    def _minted(self, token: AccessToken) -> AccessToken:
        now = self._clock.monotonic()
        # The calls that wait for it use it; otherwise the next life begins without a use.
        self._wanted = self._waiting > 0
        if self._endings < MOST_ENDINGS and has_ended(token, self._former):
            self._endings += 1
            token = AccessToken(token.value, 0.0, token.obtained, token.scope, over=True)
        else:
            self._endings, self._former = 0, token
        self._set(token, deadlines(token, now, self._fraction))
        self._count("ok")
        _LOG.info(
            "token-minted",
            **self._facts,
            lifetime_seconds=token.lifetime,
            seconds=round(now - token.obtained, 3),
            failures_before=self._streak.count,
        )
        self._streak.end()
        self._hurried = False
        return token

    def _failed(self, problem: ProblemError) -> None:
        delay = self._streak.add(problem, self._clock.monotonic(), self._random())
        self._count(problem.code)
        facts = {**self._facts, "code": problem.code, "detail": problem.detail, "failures": self._streak.count}
        if self._streak.is_new_refusal(problem.code):
            _LOG.error("token-refused", **facts, retry_in_seconds=round(delay, 1))
        else:
            _LOG.warning("token-failed", **facts, retry_in_seconds=round(delay, 1))

    def _refusal(self, now: float) -> ProblemError:
        if self._owner.closed:
            return ProblemError("stopping", Text("The gateway is stopping and fetches no further token."), 1)
        given_up = ProblemError("token-failed", Text("The attempt to get a token was given up."))
        return self._streak.refusal(now, given_up)

    def _late(self) -> ProblemError:
        text = Text("No token came within {seconds} s; the attempt goes on.", seconds=f"{self._owner.wait_seconds:g}")
        if self._streak.problem is not None:
            text = Text("{now} The one before failed: {before}", now=text, before=self._streak.problem.detail)
        return ProblemError("token-timeout", text, 1)

    def _set(self, token: AccessToken | None, limits: Deadlines) -> None:
        self._token, self._limits = token, limits
        self._quick = limits.soft if self._wanted else -math.inf
        self._owner.changed.set()

    def _count(self, result: str) -> None:
        self._mints[result] = self._mints.get(result, 0) + 1
