"""Root: exchanges through the gateway's own objects, between transports without sockets.

``python -m benchmarks.exchanges guarded GET 2000`` does the given number of exchanges, in turns of eight at a time, and
prints the CPU time of one. Everything between the two connections is what `fla-gateway run` has; sockets, TLS, key and
token server are left out. Owns the construction. Refuses to count instructions; `instructions` does.

The gateway is imported here and, as it was at one earlier commit, in `exchanges_291031e`; in no other part of the
benchmarks.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

from benchmarks.exchange_turns import NEVER, PROFILE, Stand, SteppingClock, run, timed
from benchmarks.work import BEARER_LENGTH
from fla_gateway.clock import Clock
from fla_gateway.network.dialer import Dialer
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.observe.logs.output import open_output
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import CurrentConfiguration, read
from fla_gateway.runtime.data_path import open_data_path
from fla_gateway.runtime.monitoring.telemetry import observe
from fla_gateway.secret import Secret


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token source without network (`oauth.model.TokenSource`)."""

    clock: Clock
    token: Secret

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:  # noqa: ARG002 - the port's
        """Give the one token; it outlives the run."""
        return AccessToken(self.token, NEVER, self.clock.monotonic())


async def measure(configuration: Path, work: str, count: int) -> float:
    """Build a gateway, do the exchanges, and return the microseconds of CPU of one."""
    clock = SteppingClock()
    configured = read(configuration)
    current = CurrentConfiguration(configured)
    output = open_output(configured.settings.configuration.log, clock)
    output.start()
    observation = observe(current, clock, output)
    source = FixedToken(clock, Secret(secrets.token_urlsafe(BEARER_LENGTH * 3 // 4)))
    surroundings = ProcessContext(
        source, lambda _: SSLContext(PROTOCOL_TLS_CLIENT), clock, Dialer(clock.monotonic),
        observation.observer, observation.key, journal=observation.journal,
    )  # fmt: skip
    gateway = open_data_path(current, {}, surroundings)
    gateway.server.start(1000, sweep_seconds=NEVER)  # a sweep within the count would be one of chance
    try:
        pool = gateway.current.generation.profiles[PROFILE].pool
        protocols = gateway.server.protocol(gateway.listener_set.listeners[0].served)
        return await timed(Stand(pool, protocols, work), count)
    finally:
        gateway.listeners.close()
        await gateway.server.close()
        await gateway.tokens.close()
        observation.close()
        output.close(1)


if __name__ == "__main__":
    run(measure)
