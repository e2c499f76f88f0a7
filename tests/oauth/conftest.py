"""A token server over real TLS: aiohttp's for answers that are HTTP, a raw one for those that are not."""

from __future__ import annotations

import asyncio
import contextlib
import importlib

import pytest
from aiohttp import web

from fla_gateway.clock import SystemClock
from fla_gateway.keys.signers.local import RsaSigner
from fla_gateway.oauth.assertion import SigningKey
from fla_gateway.oauth.client import TokenClient
from tests.support.keys import TlsAuthority, make_rsa
from tests.support.token_server import PATH, TokenServer


def pytest_asyncio_loop_factories(config, item):
    """Run everything on both loops: their TLS and their errors differ, and `run` uses uvloop where it exists."""
    factories = {"asyncio": asyncio.new_event_loop}
    with contextlib.suppress(ImportError):
        factories["uvloop"] = importlib.import_module("uvloop").new_event_loop
    return factories


@pytest.fixture(scope="session")
def authority():
    """A certificate authority for the whole session."""
    return TlsAuthority()


@pytest.fixture(scope="session")
def server_tls(authority, tmp_path_factory):
    """A server's context for localhost."""
    return authority.server_context(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="session")
def keys():
    """One RSA key under the name acme."""
    return {"acme": SigningKey(RsaSigner(make_rsa()))}


@pytest.fixture
async def server(aiohttp_server, server_tls):
    """A running token server with `request`, `url` and what it saw."""
    scripted = TokenServer()
    application = web.Application()
    application.router.add_post(PATH, scripted.answer)
    running = await aiohttp_server(application, ssl=server_tls)
    scripted.url = f"https://localhost:{running.port}{PATH}"
    return scripted


@pytest.fixture
async def clients(authority, keys):
    """Make token clients that trust the authority; all are closed at the end."""
    made: list[TokenClient] = []

    def make(**options):
        tls = options.pop("tls", None) or (lambda _: authority.client_context())
        client = TokenClient(options.pop("keys", keys), tls, options.pop("clock", None) or SystemClock(), **options)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
async def raw_server(server_tls):
    """Start servers that speak TLS (or not) and then do what a function says; closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(behave, *, tls=True, context=None):
            async def serve(reader, writer):
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await behave(reader, writer)
                writer.close()
                with contextlib.suppress(ConnectionError, OSError):
                    await writer.wait_closed()

            listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=(context or server_tls) if tls else None)
            stack.push_async_callback(listening.wait_closed)
            stack.callback(listening.close)
            return listening.sockets[0].getsockname()[1]

        yield start
