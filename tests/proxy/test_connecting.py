"""Opening connections to the API: names, addresses, TLS, and the words for what goes wrong."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta

import pytest

from tests.support.addresses import address
from tests.support.keys import NOW, TlsAuthority
from tests.support.raw_http import get, post


def not_sent(answer, status, code):
    """Check what every failure to connect has in common."""
    assert (answer.status, answer.code) == (status, code)
    assert answer.problem["origin"] == "network"
    assert (answer.problem["delivery"], answer.problem["retryable"]) == ("not-sent", True)
    return answer.problem["detail"]


@pytest.mark.parametrize("first", ["127.0.0.2", "::1"])
async def test_addresses_are_tried_in_turn(start, first):
    """An address that refuses is passed over for the next one."""
    rig = await start(lookup=lambda _: [address(first), address("127.0.0.1")])
    assert (await rig.call(post(b"{}"))).status == 200


async def test_nobody_listens(start):
    """502 api-unreachable: host and port are named, and the system's own word for it, on whatever event loop."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        rig = await start(api_port=port)
        detail = not_sent(await rig.call(post(b"{}")), 502, "api-unreachable")
        assert detail == f"No connection to localhost:{port}: connection refused."


async def test_a_name_that_has_no_address(start):
    """502 api-unreachable, and the name is said to be the matter."""
    rig = await start(name="api.invalid")
    assert "api.invalid" in not_sent(await rig.call(get()), 502, "api-unreachable")


async def test_a_certificate_of_an_unknown_authority(start, tmp_path):
    """502 api-untrusted with a cure; the request never leaves."""
    rig = await start(api_tls=TlsAuthority("another").server_context(tmp_path))
    detail = not_sent(await rig.call(post(b"{}")), 502, "api-untrusted")
    assert "ca_file" in detail
    assert rig.api.requests == []


async def test_a_certificate_that_has_expired(start, authority, tmp_path):
    """502 api-untrusted, and the clock is mentioned."""
    times = {"not_before": NOW - timedelta(days=9), "not_after": NOW - timedelta(days=1)}
    rig = await start(api_tls=authority.server_context(tmp_path, **times))
    detail = not_sent(await rig.call(get()), 502, "api-untrusted")
    assert "expired" in detail
    assert "clock" in detail


async def test_a_certificate_for_another_name(start, authority, tmp_path):
    """502 api-untrusted: the host name is verified."""
    rig = await start(api_tls=authority.server_context(tmp_path, "other.example"))
    detail = not_sent(await rig.call(get()), 502, "api-untrusted")
    assert "localhost" in detail
    assert ".." not in detail


async def test_tls_1_1_is_refused(start, authority, tmp_path):
    """TLS 1.2 is the least."""
    context = authority.server_context(tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    rig = await start(api_tls=context)
    not_sent(await rig.call(get()), 502, "api-unreachable")


async def test_the_name_is_sent_to_the_server(start, authority, tmp_path):
    """SNI carries the API's host."""
    context = authority.server_context(tmp_path)
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    rig = await start(api_tls=context)
    assert (await rig.call(get())).status == 200
    assert names == ["localhost"]


async def test_a_server_that_speaks_no_tls(start):
    """502 api-unreachable, and the plain server sees no byte of a request."""
    rig = await start(api_tls=None)
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(post(b"canary"))
    connection = await rig.api.connection()
    await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    not_sent(await caller.answer(), 502, "api-unreachable")
    assert b"canary" not in await _rest(connection)


async def test_a_server_that_hangs_up_during_the_handshake(start):
    """502 api-unreachable; GET is not tried again behind the caller's back either."""
    rig = await start(api_tls=None)
    rig.api.by_hand()
    caller = await rig.caller()
    await caller.send(get())
    (await rig.api.connection()).reset()
    not_sent(await caller.answer(), 502, "api-unreachable")
    assert rig.api.unasked() == 0


async def test_a_server_that_never_answers_the_handshake(start):
    """504 api-connect-timeout after `connect` seconds."""
    rig = await start(api_tls=None, gateway="[gateway.timeouts]\nconnect = 0.1")
    rig.api.by_hand()
    detail = not_sent(await rig.call(post(b"{}")), 504, "api-connect-timeout")
    assert "0.1 s" in detail


async def test_a_server_that_accepts_nothing(start):
    """A full backlog: the connection itself is not made in time."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        rig = await start(api_port=port, gateway="[gateway.timeouts]\nconnect = 0.1")
        not_sent(await rig.call(get()), 504, "api-connect-timeout")
        for filler in fillers:
            filler.close()


async def test_no_connection_is_left_behind_by_a_failure(start):
    """After many failures, the API's side has no connection of ours left, however far each of them came."""
    rig = await start(api_tls=None, gateway="[gateway.timeouts]\nconnect = 0.05")
    rig.api.by_hand()
    seen = 0
    while seen < 5:  # the time may also be over before there is a connection at all
        await rig.call(get())
        while rig.api.unasked():
            await _rest(await rig.api.connection())
            seen += 1
    assert (rig.pool.busy, rig.pool.opening, rig.pool.idle) == (0, 0, 0)


async def _rest(connection):
    try:
        return await connection.stream.rest()
    except ConnectionError:
        return b""
