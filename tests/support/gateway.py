"""The real gateway in the test's own process: built by the composition root, with fakes at two ports.

Tokens come from a source without network, and finished exchanges go into a list. Everything else is what `run` uses.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from fla_gateway.clock import SystemClock
from fla_gateway.network.dialer import Dialer
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.proxy.records.exchange_record import ExchangeRecord
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import read
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.data_path import DataPath, open_data_path
from fla_gateway.secret import Secret
from tests.support.keys import TlsAuthority
from tests.support.upstream import Upstream
from tests.support.waiting import PATIENCE

T = TypeVar("T")

OWN = '"127.0.0.1:0"'
CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0", "unix:gateway.sock"]
{gateway}
[keys.acme]
pem = "acme.pem"
[environments.canary]
api_base = "https://{authority}"
token_url = "https://{authority}/REST/oauth/v5/token"
ca_file = "ca.pem"
[profiles.employer]
listen = {own}
environment = "canary"
client_id = "canary"
key = "acme"
[profiles.narrow]
environment = "canary"
client_id = "canary"
key = "acme"
services = ["/REST/dimona/v2"]
"""


class CanaryTokens:
    """A token source without network; the upstream is told of each token, so that it knows a foreign one."""

    def __init__(self, bearers: set[bytes]) -> None:
        self._bearers = bearers
        self.fetches = 0

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:
        """Give a new token, good for an hour."""
        self.fetches += 1
        value = f"canary-token-{self.fetches}"
        self._bearers.add(b"Bearer " + value.encode())
        return AccessToken(Secret(value), 3600, SystemClock().monotonic())


@dataclass
class Records:
    """Keeps the records of finished exchanges."""

    exchanges: list[ExchangeRecord] = field(default_factory=list)

    def exchange(self, record: ExchangeRecord) -> None:
        """See `proxy.records.exchange_record.Observer`."""
        self.exchanges.append(record)


@dataclass(repr=False)
class Rig:
    """A gateway that runs, between a canary upstream and raw callers.

    Attributes:
        port: of the common listener.
        socket: the common listener's Unix socket.
        own_port: of the listener that the profile employer has for itself.
    """

    gateway: DataPath
    upstream: Upstream
    tokens: CanaryTokens
    records: Records
    port: int
    socket: Path
    own_port: int

    def __repr__(self) -> str:
        # Hypothesis writes it into a failure; the parts would show every byte that was ever sent.
        return f"Rig(port={self.port})"


@asynccontextmanager
async def running_gateway(
    authority: TlsAuthority, folder: Path, *, settings: str = "", own: str = OWN, listeners: int = 1024
) -> AsyncIterator[Rig]:
    """Run upstream and gateway on the running loop.

    Args:
        authority: signs the upstream's certificate.
        folder: for the configuration and the files it names.
        settings: further TOML of the table `[gateway]` and its tables.
        own: TOML of the listener that the profile employer has for itself.
        listeners: callers' connections open at most.
    """
    authority.write_root(folder)
    (folder / "acme.pem").write_text("never read: the source of tokens is a fake")
    path = folder / "gateway.toml"
    async with AsyncExitStack() as stack:
        # A turn for the transports that were aborted.
        stack.push_async_callback(asyncio.sleep, 0)
        upstream = Upstream(authority.server_context(folder))
        await upstream.start()
        # From here on whatever fails has to end it: uvloop waits for ever for a server that nobody closes.
        stack.push_async_callback(upstream.close)
        path.write_text(CONFIGURATION.format(gateway=settings, own=own, authority=upstream.authority))
        tokens, records = CanaryTokens(upstream.bearers), Records()
        around = ProcessContext(
            tokens, Trust().context, SystemClock(), Dialer(SystemClock().monotonic), records, bytes(32)
        )
        gateway = open_data_path(read(path), {}, around)
        stack.push_async_callback(gateway.tokens.close)
        gateway.server.start(listeners)
        stack.push_async_callback(gateway.server.close)
        await gateway.listeners.start()
        stack.callback(gateway.listeners.close)
        common, unix, door = (bound.sock.getsockname() for bound in gateway.bound)
        yield Rig(gateway, upstream, tokens, records, common[1], Path(unix), door[1])


class LoopThread:
    """A loop in a thread of its own, so that a test can use blocking sockets."""

    def __init__(self, factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.loop = factory()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __repr__(self) -> str:
        return f"LoopThread({type(self.loop).__module__})"

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


@contextmanager
def gateway_in_a_thread(
    factory: Callable[[], asyncio.AbstractEventLoop],
    authority: TlsAuthority,
    folder: Path,
    *,
    settings: str = "",
    own: str = OWN,
) -> Iterator[tuple[Rig, LoopThread]]:
    """Run upstream and gateway on a loop of this kind, in a thread."""
    with LoopThread(factory) as thread:
        running = running_gateway(authority, folder, settings=settings, own=own)
        rig = thread.call(running.__aenter__())
        try:
            yield rig, thread
        finally:
            thread.call(_leave(running))


async def _leave(running: Any) -> None:
    await running.__aexit__(None, None, None)
