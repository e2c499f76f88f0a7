"""Port: TCP connections of a TLS listener, until they are callers'.

Owns the handshakes that run: how many, how long, and what is said of those that fail. Refuses to know what is spoken
afterwards. The loops' own way (`create_server(ssl=...)`) tells nobody of a connection before its handshake is done, so
that a flood of them could not be counted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, cast

import structlog

from fla_gateway.runtime.tls_transport import TlsTransport

_LOG = structlog.get_logger()
MOST_HANDSHAKES: Final = 512
"""Handshakes that run at the same time; beyond, the eldest makes room. They are not among `max_connections`."""
HANDSHAKE_SECONDS: Final = 10.0
_LOG_SECONDS: Final = 60.0
_NEVER: Final = 3600.0
"""For the loop's time-out of the end of TLS; `TlsTransport` has a better one."""

Protocols = Callable[[], asyncio.Protocol]


class Handshakes:
    """The handshakes of all listeners of a gateway."""

    def __init__(self, *, most: int = MOST_HANDSHAKES, seconds: float = HANDSHAKE_SECONDS) -> None:
        """Begin with none.

        Args:
            most: that run at the same time.
            seconds: that each may take.
        """
        self._most = most
        self._seconds = seconds
        self._running: dict[asyncio.Task[None], asyncio.Transport] = {}
        self._failures = 0
        self._reason = ""
        self._silence: asyncio.TimerHandle | None = None

    def stage(self, context: ssl.SSLContext, protocols: Protocols) -> Protocols:
        """Give the factory of a listener's TCP connections.

        Args:
            context: the server's side.
            protocols: factory of what is spoken once a handshake is done.
        """
        return lambda: _Arrived(lambda transport: self._begin(transport, context, protocols))

    def close(self) -> None:
        """End all that run."""
        for task in tuple(self._running):
            task.cancel()
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _begin(self, below: asyncio.Transport, context: ssl.SSLContext, protocols: Protocols) -> None:
        if len(self._running) >= self._most:
            next(iter(self._running)).cancel()
        task = asyncio.get_running_loop().create_task(self._shake(below, context, protocols))
        self._running[task] = below
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        # Also one that was cancelled before its first step.
        below = self._running.pop(task)
        if task.cancelled():
            below.abort()

    async def _shake(self, below: asyncio.Transport, context: ssl.SSLContext, protocols: Protocols) -> None:
        early = _Early()
        try:
            inner = await asyncio.get_running_loop().start_tls(
                below,
                early,
                context,
                server_side=True,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=_NEVER,
            )
        except OSError as error:
            # ssl.SSLError, time-outs and resets are all of this family.
            below.abort()
            self._failed(error)
            return
        if inner is None or early.ended:
            # Whoever says farewell with his first bytes waits for no answer.
            below.abort()
            return
        protocol = protocols()
        inner.set_protocol(protocol)
        protocol.connection_made(TlsTransport(inner, below))
        if early.received:
            protocol.data_received(b"".join(early.received))

    def _failed(self, error: OSError) -> None:
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            # Health checks of load balancers and orchestrators connect and go.
            return
        self._failures += 1
        self._reason = _reason(error)
        if self._silence is None:
            self._tell()

    def _tell(self) -> None:
        self._silence = None
        if self._failures:
            _LOG.warning("tls-handshakes-failed", count=self._failures, last_reason=self._reason)
            self._failures = 0
            self._silence = asyncio.get_running_loop().call_later(_LOG_SECONDS, self._tell)


def _reason(error: OSError) -> str:
    """Name why a handshake failed, in OpenSSL's own words, which quote nothing of what came."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unknown").lower().replace("_", " ")
    return "it took too long" if isinstance(error, ConnectionAbortedError | TimeoutError) else type(error).__name__


class _Arrived(asyncio.Protocol):
    """A TCP connection whose first bytes are still to be read."""

    def __init__(self, begin: Callable[[asyncio.Transport], None]) -> None:
        self._begin = begin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Leave the first bytes to TLS."""
        below = cast("asyncio.Transport", transport)
        below.pause_reading()
        self._begin(below)


class _Early(asyncio.Protocol):
    """Keeps what arrives with the last bytes of a handshake: it comes before `start_tls` has returned."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.ended = False

    def data_received(self, data: bytes) -> None:
        """Keep it; the loop reads no more than once before the connection is handed over."""
        self.received.append(data)

    def eof_received(self) -> None:
        """Note the end."""
        self.ended = True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Note the end."""
        self.ended = True
