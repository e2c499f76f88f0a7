"""Adapter: a TLS listener, and its connections until their handshake is done.

Owns accepting there, and the handshakes: how many, how long, and what is logged of those that fail. Refuses to know the
protocol that follows. The event loop's own way (`create_server(ssl=...)`) reports a connection only after its
handshake, so that a flood of handshakes could be neither counted nor bounded.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

import structlog

from fla_gateway.listeners.scarcity import Scarcity
from fla_gateway.listeners.tls_alert import alert_on
from fla_gateway.listeners.tls_transport import TlsTransport

_LOG = structlog.get_logger()
MOST_HANDSHAKES: Final = 512
"""Handshakes that run at the same time; above that the oldest is cancelled. `max_connections` does not count them."""
HANDSHAKE_SECONDS: Final = 10.0
_AT_ONCE: Final = 64
"""Connections accepted in one turn of the loop, so that handshakes go on while many come at the same moment."""
_RETRY_SECONDS: Final = 0.5
_LOG_SECONDS: Final = 60.0
_NEVER: Final = 3600.0
"""The loop's time-out for the TLS shutdown, in effect none; `TlsTransport` has a better one."""

Protocols = Callable[[], asyncio.Protocol]


class Handshakes:
    """The handshakes of all TLS listeners of a gateway.

    Attributes:
        scarcity: where it is said that a connection waits for a descriptor.
    """

    def __init__(self, *, most: int = MOST_HANDSHAKES, seconds: float = HANDSHAKE_SECONDS) -> None:
        """Begin with none.

        Args:
            most: that run at the same time.
            seconds: that each may take.
        """
        self.scarcity = Scarcity()
        self._most = most
        self._seconds = seconds
        self._running: dict[asyncio.Task[None], None] = {}
        self._failures = 0
        self._reason = ""
        self._silence: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, sock: socket.socket, context: ssl.SSLContext, protocols: Protocols) -> None:
        """Run the handshake of a connection, then hand it over.

        Args:
            sock: the connection, accepted and non-blocking; closed here if the handshake fails.
            context: the server's side of TLS.
            protocols: factory of the protocol that follows.
        """
        if len(self._running) >= self._most:
            oldest = next(iter(self._running))
            del self._running[oldest]
            oldest.cancel()
        task = asyncio.get_running_loop().create_task(self._shake(sock, context, protocols))
        self._running[task] = None
        task.add_done_callback(lambda done: self._done(done, sock))

    def close(self) -> None:
        """End all that run."""
        for task in tuple(self._running):
            task.cancel()
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    async def ended(self, seconds: float) -> None:
        """Wait until all that run are done, then end those that are not."""
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=seconds)
        self.close()

    async def _shake(self, sock: socket.socket, context: ssl.SSLContext, protocols: Protocols) -> None:
        alert_on(sock)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: _Greeting(protocols),
            sock,
            ssl=context,
            ssl_handshake_timeout=self._seconds,
            ssl_shutdown_timeout=_NEVER,
        )

    def _done(self, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._running.pop(task, None)
        if task.cancelled():
            # Perhaps before its first step, when no transport owned the socket yet.
            sock.close()
            return
        error = task.exception()
        if isinstance(error, OSError):
            # ssl.SSLError, time-outs and resets are all of this family.
            self._failed(error)
        elif error is not None:
            _LOG.error("loop-fault", message="a handshake failed", error=type(error).__name__, exc_info=error)

    def _failed(self, error: OSError) -> None:
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            # Health checks of load balancers and orchestrators connect and disconnect.
            return
        self._failures += 1
        self._reason = _reason(error)
        if self._silence is None:
            self._log_failures()

    def _log_failures(self) -> None:
        self._silence = None
        if self._failures:
            _LOG.warning("tls-handshakes-failed", count=self._failures, last_reason=self._reason)
            self._failures = 0
            self._silence = asyncio.get_running_loop().call_later(_LOG_SECONDS, self._log_failures)


class TlsServer:
    """Accepts on a listening socket; the part of `asyncio.Server` that listeners need."""

    def __init__(
        self, sock: socket.socket, context: Callable[[], ssl.SSLContext], protocols: Protocols, handshakes: Handshakes
    ) -> None:
        """Accept from now on.

        Args:
            sock: listens; its owner is this object.
            context: returns the server's side of TLS, for each handshake.
            protocols: factory of the protocol that follows a handshake.
            handshakes: where they run.
        """
        sock.settimeout(0)
        self._sock = sock
        self._context = context
        self._protocols = protocols
        self._handshakes = handshakes
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._listen()

    def _listen(self) -> None:
        self._loop.add_reader(self._sock.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:
                # No descriptor or memory is free for the moment.
                self._handshakes.scarcity.note(error)
                self._loop.remove_reader(self._sock.fileno())
                self._retry = self._loop.call_later(_RETRY_SECONDS, self._listen)
                return
            sock.settimeout(0)
            self._handshakes.begin(sock, self._context(), self._protocols)

    def close(self) -> None:
        """Accept no more; handshakes that run go on."""
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()


_PLAIN_HTTP: Final = "plain HTTP came to an address that speaks TLS: call it with https://"


def _reason(error: OSError) -> str:
    """Return why a handshake failed, in OpenSSL's own words where they suffice; they quote nothing received."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "unknown"
        if reason == "HTTP_REQUEST":
            return _PLAIN_HTTP
        said = reason.lower().replace("_", " ")
        # What is wrong with a client certificate: expired, of another authority, made for something else.
        return f"{said}: {error.verify_message}" if isinstance(error, ssl.SSLCertVerificationError) else said
    return "it took too long" if isinstance(error, ConnectionAbortedError | TimeoutError) else type(error).__name__


class _Greeting(asyncio.Protocol):
    """The protocol of a connection during its handshake; replaced once that is done."""

    def __init__(self, protocols: Protocols) -> None:
        self._protocols = protocols

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection over to the caller's protocol: the handshake is done."""
        # uvloop's TLS transport has every method of asyncio.Transport, but is not one by inheritance.
        inner = cast("asyncio.Transport", transport)
        protocol = self._protocols()
        inner.set_protocol(protocol)
        protocol.connection_made(TlsTransport(inner))
