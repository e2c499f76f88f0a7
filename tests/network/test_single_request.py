"""One request on a connection of its own: how the connection ends."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from fla_gateway.i18n.message import Text
from fla_gateway.network.close_notify import is_closed_by_peer
from fla_gateway.network.route import Destination, Route
from fla_gateway.network.single_request import send_request
from tests.support.raw_api import Api
from tests.support.raw_http import ok

ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def api(server_tls):
    """Start a server."""
    api = Api(server_tls)
    await api.start()
    yield api
    await api.close()


async def ask(caller, port):
    """Send one request."""
    caller.names["localhost"] = ("127.0.0.1",)
    route = Route(
        Destination("localhost", port, Text("API"), "api_base", Text("'ca_file'"), Text("Check the firewall.")), None
    )
    return await send_request(
        caller.dialer, route, caller.tls, ASKED, connect_seconds=4.0, largest=1000, time=caller.clock
    )


def in_a_loop_of_its_own(factory, work):
    """Run to the end of the loop; give what came, and what Python has to say about transports that are open."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        with asyncio.Runner(loop_factory=factory) as runner:
            found = runner.run(work)
        gc.collect()
    return found, [str(it.message) for it in said if issubclass(it.category, ResourceWarning)]


async def test_a_loop_that_ends_with_the_request_leaves_no_open_transport(caller, api):
    """The reply is returned once the connection has ended, although the server never ends its side."""
    api.by_hand()
    factory = type(asyncio.get_running_loop())
    asked = asyncio.create_task(asyncio.to_thread(in_a_loop_of_its_own, factory, ask(caller, api.port)))
    connection = await api.connection()
    await connection.request()
    connection.take_nothing()
    await connection.send(ok(b"{}"))
    reply, said = await asked
    assert (reply.response.body, said) == (b"{}", [])


async def test_a_connection_whose_response_was_read_ends_in_order(caller, api):
    """The server reads close_notify, not a cut line."""
    api.by_hand()
    asked = asyncio.create_task(ask(caller, api.port))
    connection = await api.connection()
    await connection.request()
    await connection.send(ok(b"{}"))
    assert (await asked).response.body == b"{}"
    assert await connection.ended()
    assert is_closed_by_peer(connection.writer.transport)
