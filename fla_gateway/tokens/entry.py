"""State: one token and everything that is known about getting the next one.

Owns the token between its deadlines, the one running fetch, the back-off and the brake of one token request. Refuses
to know other entries, and what a task is made of: its owner starts it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import structlog

from fla_gateway.clock import Clock
from fla_gateway.errors import ProblemError
from fla_gateway.oauth.model import AccessToken, TokenRequest, TokenSource
from fla_gateway.tokens.backoff import delay_seconds
from fla_gateway.tokens.brake import Brake, Verdict
from fla_gateway.tokens.freshness import Deadlines, Freshness, deadlines, freshness, soft_fraction
from fla_gateway.tokens.snapshot import TokenFailure, TokenSnapshot, shown_service

_NEVER: Final = Deadlines(-math.inf, -math.inf)

_LOG = structlog.get_logger()


class Owner(Protocol):
    """What an entry needs of the cache."""

    changed: asyncio.Event

    @property
    def wait_seconds(self) -> float:
        """How long `obtain` waits."""
        ...

    @property
    def fetch_seconds(self) -> float:
        """After how long a fetch is given up."""
        ...

    @property
    def closed(self) -> bool:
        """Whether no further token is fetched."""
        ...

    def start(self, fetching: Coroutine[Any, Any, AccessToken | None], name: str) -> asyncio.Task[AccessToken | None]:
        """Run a fetch."""
        ...


class TokenEntry:
    """The token for one request."""

    def __init__(
        self, request: TokenRequest, source: TokenSource, clock: Clock, owner: Owner, random: Callable[[], float]
    ) -> None:
        self.request = request
        self._source = source
        self._clock = clock
        self._owner = owner
        self._random = random
        self._fraction = soft_fraction(random())
        self._token: AccessToken | None = None
        self._limits = _NEVER
        self._soft = self._hard = -math.inf
        self._task: asyncio.Task[AccessToken | None] | None = None
        self._failure: ProblemError | None = None
        self._failures = 0
        self._last_failure: tuple[ProblemError, float] | None = None
        self._alarmed = False
        self._retry_at = -math.inf
        self._brake = Brake()
        self._mints: dict[str, int] = {}
        self._facts = {"environment": request.environment, "client_id": request.client_id, "key": request.key}

    def current(self, now: float) -> AccessToken | None:
        """Give the token if it can be used, at once; while it is stale, make sure that another one is fetched.

        This is on the path of every request: two comparisons while the token is fresh.

        Args:
            now: `Clock.monotonic`.

        Returns:
            The token, or None: then `obtain` is to be awaited.
        """
        if now < self._soft:
            return self._token
        if now < self._hard:
            self.renew(now)
            return self._token
        return None

    async def obtain(self) -> AccessToken:
        """Give a token, waiting for the one running fetch if need be.

        Raises:
            ProblemError: of origin ``token-server`` with a Retry-After of at least 1, if there is none to be had;
                ``stopping`` after the cache was closed.
        """
        now = self._clock.monotonic()
        token = self.current(now)
        if token is not None:
            return token
        self.renew(now)
        task = self._task
        if task is None:
            raise self._refusal(now)
        # `wait` leaves the task alone when this waiter is cancelled or runs out of time: others wait for it too.
        await asyncio.wait((task,), timeout=self._owner.wait_seconds)
        if not task.done():
            late = f"No token came within {self._owner.wait_seconds:g} s; the attempt goes on."
            raise ProblemError("token-timeout", late, 1)
        token = None if task.cancelled() else task.result()
        if token is None:
            raise self._refusal(self._clock.monotonic())
        return token

    def renew(self, now: float) -> None:
        """Start a fetch if the token is not fresh, none runs and no back-off lasts."""
        if now < self._soft or self._task is not None or now < self._retry_at or self._owner.closed:
            return
        self._task = self._owner.start(self._fetch(), f"token {self.request.environment} {self.request.client_id}")

    def due(self) -> float:
        """Tell when this entry is to be looked at again, as `Clock.monotonic`; infinite while a fetch runs."""
        if self._task is not None or self._owner.closed:
            return math.inf
        return max(self._soft, self._retry_at)

    def refused(self, token: AccessToken, profile: str, service: str, now: float) -> bool:
        """Take note that an API answered 401 to a token, whatever it said about it.

        The token is discarded only if it is the one in use, if its service is not under the brake, and if another
        one can be asked for: during a back-off the others may still get on with it.

        Args:
            token: the very token that was sent.
            profile: name of the profile.
            service: the API, by any name that is the same every time; path prefix, for example.
            now: `Clock.monotonic`.

        Returns:
            Whether asking again with another token makes sense.
        """
        if token is not self._token:
            waitable = self._token is not None or self._task is not None or now >= self._retry_at
            return waitable and not self._brake.remaining(profile, service, now)
        fresh = freshness(self._limits, now) is Freshness.FRESH
        if now < self._retry_at:
            self._set(self._token, Deadlines(now, self._hard))
            return False
        verdict = self._brake.judge(profile, service, now, fresh=fresh)
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

    def snapshot(self) -> TokenSnapshot:
        """Describe this entry as it is now, without the token."""
        now = self._clock.monotonic()
        token = self._token
        return TokenSnapshot(
            request=self.request,
            state="none" if token is None else freshness(self._limits, now).value,
            age_seconds=None if token is None else now - token.obtained,
            expires_in_seconds=None if token is None else token.expires - now,
            backoff_seconds=max(0.0, self._retry_at - now),
            mints=dict(self._mints),
            renewal_seconds=0.0 if self._task is not None else max(0.0, self._soft - now, self._retry_at - now),
            failures=self._failures,
            last_failure=self._described_failure(now),
            brakes=self._brake.held(now),
        )

    def _described_failure(self, now: float) -> TokenFailure | None:
        if self._last_failure is None:
            return None
        problem, at = self._last_failure
        return TokenFailure(problem.code, problem.detail, now - at)

    async def _fetch(self) -> AccessToken | None:
        try:
            async with asyncio.timeout(self._owner.fetch_seconds):
                token = await self._source.fetch(self.request)
        except ProblemError as problem:
            self._failed(problem)
        except TimeoutError:
            self._failed(ProblemError("token-timeout", f"No token came within {self._owner.fetch_seconds:g} s."))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not wedge the profile, nor show its text
            self._failed(ProblemError("token-failed", f"The token could not be asked for ({type(error).__name__})."))
        else:
            self._minted(token)
            return token
        finally:
            self._task = None
            self._owner.changed.set()
        return None

    def _minted(self, token: AccessToken) -> None:
        now = self._clock.monotonic()
        self._set(token, deadlines(token, now, self._fraction))
        self._count("ok")
        _LOG.info(
            "token-minted",
            **self._facts,
            lifetime_seconds=token.lifetime,
            seconds=round(now - token.obtained, 3),
            failures_before=self._failures,
        )
        self._failure, self._failures, self._alarmed, self._retry_at = None, 0, False, -math.inf

    def _failed(self, problem: ProblemError) -> None:
        self._failures += 1
        delay = delay_seconds(problem.code, self._failures, problem.retry_after, self._random())
        # The clock is read now: an attempt that took long must not have used up its own back-off.
        now = self._clock.monotonic()
        self._retry_at = now + delay
        self._failure = ProblemError(problem.code, problem.detail)
        self._last_failure = self._failure, now
        self._count(problem.code)
        facts = {**self._facts, "code": problem.code, "detail": problem.detail, "failures": self._failures}
        if problem.code == "token-refused" and not self._alarmed:
            self._alarmed = True
            _LOG.error("token-refused", **facts, retry_in_seconds=round(delay, 1))
        else:
            _LOG.warning("token-failed", **facts, retry_in_seconds=round(delay, 1))

    def _refusal(self, now: float) -> ProblemError:
        if self._owner.closed:
            return ProblemError("stopping", "The gateway is stopping and fetches no further token.", 1)
        failure = self._failure or ProblemError("token-failed", "The attempt to get a token was given up.")
        return ProblemError(failure.code, failure.detail, max(1, math.ceil(self._retry_at - now)))

    def _set(self, token: AccessToken | None, limits: Deadlines) -> None:
        self._token, self._limits = token, limits
        self._soft, self._hard = limits.soft, limits.hard
        self._owner.changed.set()

    def _count(self, result: str) -> None:
        self._mints[result] = self._mints.get(result, 0) + 1
