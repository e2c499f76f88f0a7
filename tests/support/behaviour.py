"""A gateway between a scripted API and raw callers, on the loop of the test.

The gateway is what `run` builds; the fakes stand at its ports: a source of tokens without network, a list of records,
a clock that can be moved forward. API and callers are real sockets, and the API speaks real TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from fla_gateway.i18n.message import NOTHING, Message
from fla_gateway.keys.model import Objection
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Lookup, Resolver, look_up
from fla_gateway.network.route import Egress
from fla_gateway.proxy.downstream.connection import CallerConnection
from fla_gateway.proxy.exchange.exchange import Exchange
from fla_gateway.proxy.records.exchange_record import Journal, PoolSnapshot
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.runtime.composition.served_profiles import Tls
from fla_gateway.runtime.data_path import DataPath, open_data_path
from tests.support.fakes import MovableClock, Records, Tokens
from tests.support.raw_api import Api
from tests.support.raw_caller import Caller, connect
from tests.support.raw_http import Answer
from tests.support.waiting import PATIENCE, eventually

T = TypeVar("T")

SWEEP_SECONDS = 0.02
HASH_KEY = bytes(32)

CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"{unix}]
{gateway}
[environments.stand-in]
api_base = "https://{name}:{port}"
token_url = "https://{name}:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stand-in"
client_id = "client-7"
key = {{ pem = "never-read.pem" }}
{profile}
"""


@dataclass(repr=False)
class Rig:
    """A gateway that runs, its API, and what the fakes know."""

    gateway: DataPath
    api: Api
    tokens: Tokens
    records: Records
    clock: MovableClock
    port: int
    around: ProcessContext
    callers: list[Caller] = field(default_factory=list)

    def __repr__(self) -> str:
        # Hypothesis writes it into a failure; the parts would show every byte that was ever sent.
        return f"Rig(port={self.port})"

    async def caller(self, port: int | None = None) -> Caller:
        """Connect to the gateway."""
        caller = await connect(port or self.port)
        self.callers.append(caller)
        return caller

    async def call(self, raw: bytes, method: str = "GET") -> Answer:
        """Send one request on a connection of its own and read the answer."""
        caller = await self.caller()
        await caller.send(raw)
        answer = await caller.answer(method)
        caller.close()
        return answer

    def hang_up(self) -> None:
        """Close what callers have left open."""
        for caller in self.callers:
            caller.close()

    @property
    def pool(self) -> PoolSnapshot:
        """The connections to the API at this moment."""
        return self.gateway.server.generation.pool_snapshots()[0]

    @property
    def connections(self) -> set[CallerConnection]:
        """Callers' connections that are open."""
        return cast("set[CallerConnection]", self.gateway.server.connections.members)

    @property
    def orphans(self) -> set[Exchange]:
        """Exchanges whose caller is gone."""
        return cast("set[Exchange]", self.gateway.server.connections.orphans)

    @property
    def running(self) -> int:
        """Exchanges that run."""
        return self.gateway.server.connections.door_snapshot().in_flight

    @property
    def held_back(self) -> bool:
        """Whether some connection to the API is not read, because a caller takes nothing."""
        exchanges = [it.exchange for it in self.connections if it.exchange is not None]
        return any(it._upstream is not None and not it._upstream.reading for it in exchanges)

    async def swept(self) -> None:
        """Wait for a sweep, by the clock as it is now, that finds no exchange further on than the one before it."""
        seen = None
        while seen != (found := self._progress()):
            seen = found
            await self._sweep()

    async def overdue(self, seconds: float, answer: Coroutine[Any, Any, T]) -> T:
        """Let a phase outlast its time limit, and give what a peer gets of it.

        A kernel's socket buffers grow while they are used: a peer that takes nothing seems to stand still, and some of
        what it was sent moves on all the same. So time passes until the limit is noticed, and not just once.

        Args:
            seconds: to let pass at a time, beyond the limit.
            answer: what the peer waits for.
        """
        waiting = asyncio.ensure_future(answer)
        async with asyncio.timeout(PATIENCE):
            while not waiting.done():
                await self.swept()
                self.clock.advance(seconds)
                await asyncio.wait([waiting], timeout=3 * SWEEP_SECONDS)
        return waiting.result()

    async def _sweep(self) -> None:
        connections = self.gateway.server.connections
        timer = connections._sweeper
        await eventually(lambda: connections._sweeper is not timer)

    def _progress(self) -> list[int]:
        seen = [it.exchange._progress for it in self.connections if it.exchange is not None]
        return [-1 if it is None else it.moved for it in seen]


@asynccontextmanager
async def running(  # noqa: PLR0913 - each is what some test turns; all but the first four are given by name
    folder: Path,
    tls: Tls,
    ca_file: Path,
    api_tls: ssl.SSLContext | None,
    *,
    gateway: str = "",
    profile: str = "",
    more: str = "",
    journal: Journal | None = None,
    host: str = "127.0.0.1",
    name: str = "localhost",
    api_port: int | None = None,
    egress: Egress | None = None,
    lookup: Lookup = look_up,
    unix: Path | None = None,
    limit: int = 1024,
    unavailable: Mapping[str, str] | None = None,
) -> AsyncIterator[Rig]:
    """Run an API and a gateway on the loop of the test.

    Args:
        folder: for the configuration.
        tls: contexts for the way to the API.
        ca_file: root of the API's certificate.
        api_tls: the API's side of TLS; None for an API that speaks none.
        gateway: further TOML of `[gateway]` and its tables.
        profile: further TOML of the profile.
        more: further tables of TOML.
        journal: told of changing requests before they are sent.
        host: address that the API listens on.
        name: host name of the API in the configuration.
        api_port: where the gateway looks for the API, if not where it is.
        egress: the corporate proxy.
        lookup: the system's resolver.
        unix: path of a second listener.
        limit: callers' connections open at most.
        unavailable: why profiles cannot be served.
    """
    words = {"gateway": gateway, "profile": profile, "name": name, "unix": f', "unix:{unix}"' if unix else ""}
    clock, records = MovableClock(), Records()
    tokens = Tokens(clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_turns)
        api = Api(api_tls)
        await api.start(host)
        # From here on whatever fails has to end it: uvloop waits for ever for a server that nobody closes.
        stack.push_async_callback(api.close)
        port = api.port if api_port is None else api_port
        path = _configure(folder, CONFIGURATION.format(**words, port=port, ca_file=ca_file) + more)
        dialer = Dialer(clock.monotonic, Resolver(clock.monotonic, lookup=lookup))
        around = ProcessContext(tokens, tls, clock, dialer, records, HASH_KEY, egress, journal)
        reasons = {
            name: Objection(Message("unusable", reason), NOTHING) for name, reason in (unavailable or {}).items()
        }
        built = open_data_path(read(path), reasons, around)
        await _start(built, stack, limit)
        rig = Rig(built, api, tokens, records, clock, built.bound[0].sock.getsockname()[1], around)
        stack.callback(rig.hang_up)
        yield rig


def _configure(folder: Path, text: str) -> Path:
    """Write the configuration, and the key that it names."""
    (folder / "never-read.pem").touch()
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


async def _start(built: DataPath, stack: AsyncExitStack, limit: int) -> None:
    """Serve, until the stack is left."""
    stack.push_async_callback(built.tokens.close)
    built.server.start(limit, sweep_seconds=SWEEP_SECONDS)
    stack.push_async_callback(built.server.close)
    await built.listeners.start()
    stack.callback(built.listeners.close)


async def _turns() -> None:
    """Give turns to transports that were aborted, so that none is left to the garbage collector."""
    for _ in range(4):
        await asyncio.sleep(0)
