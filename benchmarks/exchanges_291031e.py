"""Root: the same exchanges as `exchanges` through the gateway as it was at commit 291031e, with which limits were set.

``PYTHON -m benchmarks.exchanges_291031e guarded GET 2000``, by a Python that has that commit installed. Owns the
construction as it was then; `own_part` runs it.
"""
# mypy: ignore-errors
# The names are those of a package of another time, which is not installed where types are checked.

from __future__ import annotations

import secrets
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

from fla_gateway.runtime.build import Surroundings, build
from fla_gateway.runtime.configured import read
from fla_gateway.runtime.observation import observe

from benchmarks.exchange_turns import NEVER, PROFILE, Stand, SteppingClock, run, timed
from benchmarks.work import BEARER_LENGTH
from fla_gateway.oauth.model import AccessToken
from fla_gateway.observe import logs
from fla_gateway.secret import Secret


class _FixedToken:
    """A token source without network."""

    def __init__(self, clock: SteppingClock) -> None:
        self._clock = clock
        self._token = Secret(secrets.token_urlsafe(BEARER_LENGTH * 3 // 4))

    async def fetch(self, _request: object) -> AccessToken:
        return AccessToken(self._token, NEVER, self._clock.monotonic(), None)


async def measure(configuration: Path, work: str, count: int) -> float:
    """Build a gateway, do the exchanges, and return the microseconds of CPU of one."""
    clock = SteppingClock()
    configured = read(configuration)
    logs.configure(configured.settings.configuration.log)
    observation = observe(configured, "0" * 16, clock)
    around = Surroundings(
        _FixedToken(clock), lambda _: SSLContext(PROTOCOL_TLS_CLIENT), clock, observation.observer, observation.key,
        journal=observation.journal,
    )  # fmt: skip
    gateway = build(configured, {}, around)
    gateway.service.start(1000)
    pool = gateway.service.accounts[PROFILE].pool
    protocols = gateway.listeners._doors[0][1]  # noqa: SLF001 - nothing public gave it
    try:
        return await timed(Stand(pool, protocols, work), count)
    finally:
        gateway.listeners.close()
        await gateway.service.close()
        await gateway.tokens.close()
        observation.close()


if __name__ == "__main__":
    run(measure)
