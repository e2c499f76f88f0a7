"""Fixtures of the admin listener: a server that runs, a client, and a browser."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest

from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.server import AdminServer
from fla_gateway.clock import SystemClock
from fla_gateway.config.values.address import TcpAddress
from tests.admin import samples
from tests.support.browser import chromium, own_page, page  # noqa: F401 - fixtures


class State:
    """What the probes ask."""

    def __init__(self):
        self.answer = (True, "serving")

    def ready(self):
        """See `admin.probes.ReadinessState`."""
        return self.answer

    def identity(self):
        """See `admin.probes.ReadinessState`."""
        return {"pid": 1, "environments": ["sandbox"]}


class Shown:
    """What the page shows; a test changes it while the page is open."""

    def __init__(self):
        self.status = samples.calm()

    async def __call__(self, profile=""):
        """Give the state of this moment."""
        return self.status


class Gateway:
    """What the actions are done to; remembers them, in order."""

    def __init__(self):
        self.done = []
        self.reloaded = Reloaded(True, 2, ())
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.settlements = ()
        self.unsettled = None

    async def reload(self, *, dry_run):
        """See `admin.gateway_actions.GatewayActions`."""
        self.done.append("dry-run" if dry_run else "reload")
        await self.may_end.wait()
        if isinstance(self.reloaded, Exception):
            raise self.reloaded
        return self.reloaded

    async def settle(self, settlements):
        """See `admin.gateway_actions.GatewayActions`."""
        self.done.append("settle")
        self.settlements = settlements
        if self.unsettled is not None:
            raise self.unsettled

    def drain(self):
        """See `admin.gateway_actions.GatewayActions`."""
        self.done.append("drain")

    def quit(self):
        """See `admin.gateway_actions.GatewayActions`."""
        self.done.append("quit")


class Reloaded(NamedTuple):
    """See `admin.actions.Reloaded`."""

    applied: bool
    generation: int
    changes: tuple[Change, ...]


class Change(NamedTuple):
    """See `admin.actions.Change`."""

    path: str
    change: str


async def numbers():
    """Write the metrics."""
    return b"some_metric 1\n"


@pytest.fixture
def state():
    """A gateway that serves until told otherwise."""
    return State()


@pytest.fixture
def shown():
    """A calm gateway until told otherwise."""
    return Shown()


@pytest.fixture
def gateway():
    """A gateway that does as it is asked."""
    return Gateway()


@asynccontextmanager
async def serving(
    state, status, access=None, clock=None, *, address=None, refresh_seconds=5.0, kept_seconds=0.0, actions=None,
    language=None,
):  # fmt: skip
    """Run an admin server on a free port of loopback; give its port.

    Args:
        state: for the probes.
        status: for the page.
        access: who may see it; by default this very user.
        clock: the clocks.
        address: where the server is told that it listens.
        refresh_seconds: of the page.
        kept_seconds: how long what was made is shown.
        actions: what reloads, drains and ends.
        language: of the page, as a configuration has it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    own = access or AdminAccess(uid=os.getuid())
    admin = AdminServer(
        state, numbers, status, own, clock or SystemClock(), actions or Gateway(), refresh_seconds=refresh_seconds,
        kept_seconds=kept_seconds,
    )  # fmt: skip
    admin.follow(own, language)
    await admin.start(address or TcpAddress("127.0.0.1", port), [listener])
    try:
        yield port
    finally:
        await admin.close()


@pytest.fixture
async def client():
    """An HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session
