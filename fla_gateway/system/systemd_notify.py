"""Adapter: reports the state of the service to systemd (sd_notify(3)), and feeds its watchdog.

Owns the socket and the grammar of its messages. Refuses to know when a state is reached. Without a service manager, and
where one does not listen any more, nothing is sent and nothing fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final, Self

_SEND_SECONDS: Final = 0.2
"""How long a message may wait for room in the queue of the service manager."""
_VARIABLES: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """The service manager that started this process, if any."""

    def __init__(self, sock: socket.socket | None, watchdog_seconds: float | None) -> None:
        """Take a connected datagram socket, and how often the watchdog expects a sign of life."""
        self._socket = sock
        self._watchdog_seconds = watchdog_seconds

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Self:
        """Connect as the environment says, and take the variables out of it: no other process is meant by them.

        Connected at once, since a process that Landlock confines may reach no further socket.
        """
        address, usec, pid = (environ.pop(name, "") for name in _VARIABLES)
        mine = usec.isdecimal() and pid in {"", str(os.getpid())}
        seconds = int(usec) / 1_000_000 if mine else 0.0
        return cls(_connected(address) if address[:1] in {"/", "@"} else None, seconds or None)

    def ready(self, status: str) -> None:
        """Say that the start, or a reload, is done."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that a reload begins; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Reloading")

    def status(self, status: str) -> None:
        """Say a state in words."""
        self._send(f"STATUS={status}")

    def stopping(self, seconds: float, status: str) -> None:
        """Say that the end has begun, and how long it may take; a shorter limit of the unit is extended to that."""
        self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}", f"STATUS={status}")

    def keep_watchdog_quiet(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on give signs of life from the loop itself, as often as is asked for: one that hangs gives none."""
        if self._watchdog_seconds is not None and self._socket is not None:
            self._send("WATCHDOG=1")
            loop.call_later(self._watchdog_seconds / 2, self.keep_watchdog_quiet, loop)

    def _send(self, *lines: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send("\n".join(lines).encode())


def _connected(address: str) -> socket.socket | None:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(_SEND_SECONDS)
    try:
        # A name in the abstract namespace is written with @ in the place of its NUL byte.
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError:
        sock.close()
        return None
    return sock
