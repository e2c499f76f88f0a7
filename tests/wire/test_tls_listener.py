"""A TLS listener on the wire: what it carries is the same as without TLS, and so is how it ends where TLS can."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from tests.support.caller import Caller, EndOfConnection
from tests.support.gateway import LoopThread, Rig, gateway_in_a_thread
from tests.support.keys import TlsAuthority
from tests.support.upstream import Scripted
from tests.support.waiting import PATIENCE
from tests.wire.conftest import LOOPS

GET = b"GET /REST/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = bytes(range(256)) * 24_576
"""6 MB: more than the kernel keeps for one who does not read."""


class TlsCaller(Caller):
    """A caller who speaks TLS."""

    def __init__(self, port: int, context: ssl.SSLContext, timeout: float = PATIENCE) -> None:
        super().__init__(port, timeout)
        try:
            # As strict as TLS is meant to be: an end without close_notify is an error.
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost", suppress_ragged_eofs=False)
        except BaseException:
            self.sock.close()
            raise

    def agreed(self) -> str | None:
        """Give the protocol that was agreed on."""
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.sock.selected_alpn_protocol()

    def farewell(self) -> None:
        """End TLS in peace, and wait for the gateway to do the same."""
        assert isinstance(self.sock, ssl.SSLSocket)
        self.sock.unwrap()


@pytest.fixture(scope="module", params=LOOPS)
def running(request, authority: TlsAuthority, tmp_path_factory) -> Iterator[tuple[Rig, LoopThread]]:
    """A gateway with a TLS listener on each kind of loop."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = authority.write_server(folder)
    own = f'{{ address = "127.0.0.1:0", tls = {{ certificate = "{certificate}", key = "{key}" }} }}'
    with gateway_in_a_thread(LOOPS[request.param], authority, folder, own=own) as found:
        yield found


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def context(request, authority: TlsAuthority) -> ssl.SSLContext:
    """A caller's side of TLS, of each version."""
    found = authority.client_context()
    found.minimum_version = found.maximum_version = ssl.TLSVersion[request.param]
    return found


@pytest.fixture
def call(rig: Rig, context: ssl.SSLContext):
    """Connect callers to the TLS listener."""

    @contextmanager
    def connect() -> Iterator[TlsCaller]:
        with TlsCaller(rig.own_port, context) as caller:
            yield caller

    return connect


def post(body: bytes, *lines: bytes) -> bytes:
    """Write a request with a body."""
    head = (b"POST /REST/x HTTP/1.1", b"Host: localhost", b"Content-Length: %d" % len(body), *lines)
    return b"\r\n".join((*head, b"", body))


def answered(body: bytes, *lines: bytes) -> Scripted:
    """Write an answer of the API's."""
    head = (b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *lines)
    return Scripted(b"\r\n".join((*head, b"", body)))


def wait_until(condition) -> None:
    """Wait for what another thread does and no event tells."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_requests_share_a_connection(rig, call):
    """Keep-alive, with and without bodies, and the protocol that was agreed on."""
    with call() as caller:
        assert caller.agreed() is None
        for number in range(3):
            caller.send(GET)
            assert (answer := caller.answer()).status == 200
            assert answer.body == b"%d" % (2 * number)
            caller.send(post(b"declaration"))
            assert caller.answer().complete
    assert [seen.body for seen in rig.upstream.seen] == [b"", b"declaration"] * 3
    assert rig.upstream.violations == []


def test_requests_sent_ahead_are_answered_in_their_order(rig, call):
    """Pipelining, in one TLS record, the bodies among it."""
    with call() as caller:
        caller.send((GET + post(b"abc")) * 8)
        assert [caller.answer().body for _ in range(16)] == [b"%d" % number for number in range(16)]
    assert len(rig.upstream.seen) == 16


def test_a_large_body_passes_both_ways(rig, call):
    """3 MB there and 3 MB back, byte for byte."""
    large = LARGE[: len(LARGE) // 2]
    rig.upstream.script.append(answered(large))
    with call() as caller:
        caller.send(post(large))
        assert caller.answer().body == large
    assert rig.upstream.seen[0].body == large


def test_a_slow_reader_gets_the_whole_last_answer(rig, call):
    """The end of the connection waits for who takes his time, longer than a farewell may."""
    rig.upstream.script.append(answered(LARGE))
    with call() as caller:
        caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        caller.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        wait_until(lambda: rig.upstream.seen)
        time.sleep(1.5)  # what is shown is that this much time does no harm
        answer = caller.answer()
        assert (answer.complete, answer.body) == (True, LARGE)
        assert caller.ended()
    wait_until(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


def test_a_caller_who_says_no_farewell_keeps_nothing(rig, call):
    """After Connection: close, and for one who never reads again, the connection is gone within a moment."""
    with call() as caller:
        caller.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert caller.answer().status == 200
        wait_until(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


def test_the_end_is_said(rig, call):
    """close_notify comes before FIN, so that a caller can tell an end from a cut."""
    with call() as caller:
        caller.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert caller.answer().status == 200
        assert caller.sock.recv(1) == b""


def test_a_caller_who_ends_in_peace_is_let_go(rig, call, caplog):
    """close_notify between requests, and in the middle of an exchange: no warning, no fault."""
    with call() as caller:
        caller.send(GET)
        caller.answer()
        caller.farewell()
    with call() as caller:
        caller.send(GET + GET)
        caller.answer()
        caller.sock.setblocking(False)
        # Whether the second answer has come by then is the race that this is about: its data instead of a farewell
        # is an error on the caller's side, and none on the gateway's.
        with suppress(ssl.SSLError):
            caller.farewell()
    wait_until(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_caller_who_ends_within_an_answer_is_recorded_as_gone(rig, call):
    """At once, although the rest of what was written is not read, which can keep the connection for a while."""
    rig.records.exchanges.clear()
    rig.upstream.script.append(answered(LARGE))
    with call() as caller:
        caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        caller.send(GET)
        assert caller.sock.recv(1) == b"H"
        caller.sock.setblocking(False)
        with suppress(ssl.SSLError):
            caller.farewell()
        wait_until(lambda: rig.records.exchanges)
        assert rig.records.exchanges[0].outcome == "caller-gone"
    wait_until(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


def test_an_abort_within_a_body_reaches_the_api_as_one(rig, call):
    """Half a body is never taken for a whole one, and is recorded as the caller's doing."""
    rig.records.exchanges.clear()
    with call() as caller:
        caller.send(post(b"x" * 100_000)[:50_000])
        wait_until(lambda: rig.upstream.seen)
    wait_until(lambda: rig.records.exchanges)
    assert rig.records.exchanges[0].outcome == "caller-gone"
    assert not rig.upstream.seen[0].complete
    wait_until(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)


def test_an_answer_that_is_cut_is_no_proper_end(rig, call):
    """A reset without close_notify, so that TLS does not take the end of the connection for the end of the answer."""
    rig.upstream.script.append(Scripted(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf", "cut"))
    with call() as caller:
        caller.send(GET.replace(b"HTTP/1.1", b"HTTP/1.0"))
        complete = False
        # What Python makes of a reset, in some of its versions; and a reset may overtake the head before it is read.
        with suppress(ssl.SSLEOFError, EndOfConnection):
            complete = caller.answer().complete
        assert not complete


def test_a_refused_body_does_not_cost_the_caller_his_answer(rig, call):
    """What he still sends is taken and thrown away: TLS cannot close one side alone."""
    with call() as caller:
        caller.send(post(LARGE[:2_000_000], b"Origin: https://evil.example"))
        answer = caller.answer("POST")
        assert (answer.code, answer.complete, answer.values(b"connection")) == ("browser-refused", True, [b"close"])
    wait_until(lambda: rig.gateway.server.connections.door_snapshot().connections == 0)
    assert rig.upstream.seen == []


def test_plain_http_is_not_answered(rig):
    """The connection ends; the next caller is served."""
    with capture_logs() as lines, Caller(rig.own_port) as caller:
        caller.send(GET)
        received = b""
        while data := _receive(caller.sock):
            received += data
        assert b"HTTP/" not in received
        wait_until(lambda: not len(rig.gateway.listeners._handshakes))
    assert all(line["event"] == "tls-handshakes-failed" for line in lines)


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(4096)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("alpn", [["http/1.1"], ["h2", "http/1.1"], []], ids=str)
def test_http_1_1_is_agreed_on(rig, authority, alpn):
    """Also with callers who would rather speak HTTP/2, and with those who do not say."""
    context = authority.client_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    with TlsCaller(rig.own_port, context) as caller:
        assert caller.agreed() == ("http/1.1" if alpn else None)
        caller.send(GET)
        assert caller.answer().status == 200


def test_old_tls_is_refused(rig, authority):
    """TLS 1.1 and older have no place here (RFC 8996)."""
    context = authority.client_context()
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        TlsCaller(rig.own_port, context)
