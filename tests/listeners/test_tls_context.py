"""The files of a TLS listener: which serve, and what is said of those that do not."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.gateway_tables import Listener, ListenerTls
from fla_gateway.errors import ConfigurationError
from fla_gateway.listeners.bind import bind
from fla_gateway.listeners.tls_context import server_context, tls_warnings
from fla_gateway.listeners.tls_handshakes import Handshakes, TlsServer
from tests.support.keys import NOW, certificate_pem, key_pem, make_certificate, make_ec, make_rsa, write_private
from tests.support.raw_caller import connect
from tests.support.raw_http import get
from tests.support.waiting import PATIENCE, eventually

PLACE = "gateway.listen[0].tls"


@pytest.fixture
def files(authority, tmp_path):
    """Write a certificate and its key."""
    certificate, key = authority.write_server(tmp_path)
    return ListenerTls(certificate=certificate, key=key)


def fault(tls):
    """Give the one fault that the files of a listener have."""
    with pytest.raises(ConfigurationError) as caught:
        server_context(tls, PLACE)
    (only,) = caught.value.faults
    return str(only)


def with_files(tls, **changed):
    """Change some of the files."""
    return replace(tls, **changed)


def test_what_is_agreed_on_is_narrow(files):
    """TLS 1.2 or newer, no renegotiation, no compression, and no roots of the system's."""
    context = server_context(files, PLACE)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    assert (context.verify_mode, context.get_ca_certs()) == (ssl.CERT_NONE, [])


def test_client_roots_are_the_configured_ones_alone(files, authority, tmp_path):
    """Nobody else can issue a caller; and a caller without a certificate is let through to other proofs."""
    context = server_context(with_files(files, client_ca=authority.write_root(tmp_path)), PLACE)
    assert (context.verify_mode, len(context.get_ca_certs())) == (ssl.CERT_OPTIONAL, 1)


@pytest.mark.parametrize("name", ["certificate", "key", "password_file", "client_ca"])
def test_a_missing_file_is_told(files, tmp_path, name):
    """With its place and path."""
    message = fault(with_files(files, **{name: tmp_path / "none.pem"}))
    assert message.startswith(f"{PLACE}.{name}: {tmp_path / 'none.pem'} does not exist")


def test_all_missing_files_are_told_at_once(tmp_path):
    """Whoever mends one need not start again to learn of the next."""
    missing = ListenerTls(certificate=tmp_path / "a", key=tmp_path / "b", client_ca=tmp_path / "c")
    with pytest.raises(ConfigurationError) as caught:
        server_context(missing, PLACE)
    assert len(caught.value.faults) == 3


def test_a_key_of_another_certificate_is_told(files, tmp_path):
    """In words, not in OpenSSL's."""
    other = write_private(tmp_path / "other.key", key_pem(make_ec()))
    assert f"{PLACE}.key: {other} does not belong to the certificate" in fault(with_files(files, key=other))
    rsa = write_private(tmp_path / "rsa.key", key_pem(make_rsa()))
    assert "does not belong to the certificate" in fault(with_files(files, key=rsa))


@pytest.mark.parametrize("name", ["certificate", "key", "client_ca"])
def test_a_file_with_something_else_is_told(files, tmp_path, name):
    """It must be PEM."""
    other = write_private(tmp_path / "other", "nothing of the kind")
    message = fault(with_files(files, **{name: other}))
    assert message.startswith(f"{PLACE}.{name}: {other} holds no ")
    assert "it must be PEM" in message


def test_an_encrypted_key_needs_its_password(authority, tmp_path):
    """Without one, and with a wrong one, it is told; nobody is asked on a terminal."""
    certificate, key = authority.issue()
    tls = ListenerTls(
        certificate=write_private(tmp_path / "server.crt", certificate_pem(certificate)),
        key=write_private(tmp_path / "server.key", key_pem(key, password="correct horse")),
    )
    assert "is protected by a password, and none is configured" in fault(tls)
    password = write_private(tmp_path / "server.pass", "\n")
    with_password = with_files(tls, password_file=password)
    assert "the one that is configured is empty" in fault(with_password)
    password.write_text("wrong horse")
    message = fault(with_password)
    assert message.startswith(f"{PLACE}.password_file: ")
    assert "horse" not in message
    password.write_text("correct horse\n")
    server_context(with_password, PLACE)


def test_what_was_read_with_the_configuration_is_what_is_served(files):
    """Also where other files are on the disk by now: OpenSSL, which reads files alone, does not read those."""
    read = FileSnapshot()
    read.read_ahead([files.certificate, files.key])
    files.key.write_bytes(b"half of a k")
    files.certificate.unlink()
    server_context(files, PLACE, read)


def test_without_files_in_memory_a_change_is_a_fault(files, authority, tmp_path, monkeypatch):
    """Where the system has none, OpenSSL reads the disk, which must have what was read before."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    read = FileSnapshot()
    read.read_ahead([files.certificate, files.key])
    server_context(files, PLACE, read)
    (tmp_path / "other").mkdir()
    for old, new in zip((files.certificate, files.key), authority.write_server(tmp_path / "other"), strict=True):
        new.rename(old)
    with pytest.raises(ConfigurationError, match="has changed meanwhile"):
        server_context(files, PLACE, read)


def test_a_certificate_too_weak_for_tls_is_told(tmp_path):
    """OpenSSL would refuse it at the first handshake, or at start with a code for a reason."""
    key = make_rsa(1024)
    tls = ListenerTls(
        certificate=write_private(tmp_path / "server.crt", certificate_pem(make_certificate(key))),
        key=write_private(tmp_path / "server.key", key_pem(key)),
    )
    assert "has a key that is too short for TLS" in fault(tls)


@pytest.mark.parametrize("days", [-1, 30])
def test_the_end_of_the_certificate_is_known(authority, tmp_path, days):
    """An expired one is served, since callers may know it all the same; the context says when it ends."""
    end = (NOW + timedelta(days=days, hours=1)).replace(microsecond=0)
    certificate, key = authority.write_server(tmp_path, not_before=NOW - timedelta(days=9), not_after=end)
    assert server_context(ListenerTls(certificate=certificate, key=key), PLACE).certificate_end == end


def test_a_certificate_of_the_future_is_a_warning(authority, tmp_path):
    """More often than not it is the clock that is wrong."""
    certificate, key = authority.write_server(tmp_path, not_before=NOW + timedelta(days=2))
    (warning,) = tls_warnings(ListenerTls(certificate=certificate, key=key), PLACE, NOW)
    assert "is valid only from" in str(warning)


def test_a_key_that_others_can_read_is_a_warning(files):
    """As for the keys that sign."""
    files.key.chmod(0o644)
    (warning,) = tls_warnings(files, PLACE, NOW)
    assert str(warning).startswith(f"{PLACE}.key: {files.key} can be read by other users")


def test_the_fault_of_a_listener_names_its_place(tmp_path):
    """Before anything is bound."""
    tls = ListenerTls(certificate=tmp_path / "a", key=tmp_path / "b")
    with pytest.raises(ConfigurationError) as caught:
        bind(Listener(address="127.0.0.1:0", tls=tls), "profiles.employer.listen")
    assert str(caught.value).startswith("profiles.employer.listen.tls.certificate: ")


class Greeted(asyncio.Protocol):
    """A protocol that is glad to have got this far."""

    def connection_made(self, transport):
        transport.write(b"welcome")


@pytest.fixture
async def served(files):
    """Serve with few handshakes and little time."""
    running = []

    def begin(**options):
        (bound,) = bind(Listener(address="127.0.0.1:0", tls=files), "gateway.listen[0]")
        context = bound.tls
        assert context is not None
        shaking = Handshakes(**options)
        server = TlsServer(bound.sock, lambda: context, Greeted, shaking)
        running.append((server, shaking))
        return bound.sock.getsockname()[1], shaking

    yield begin
    for server, shaking in running:
        server.close()
        shaking.close()
    for _ in range(3):
        await asyncio.sleep(0)


async def welcomed(port, authority):
    """Shake hands as a caller."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=authority.client_context())
        assert await reader.read(7) == b"welcome"
        writer.transport.abort()


async def test_a_caller_who_is_silent_is_let_go(served, authority):
    """A handshake has a time, and holds nobody up meanwhile."""
    port, shaking = served(seconds=0.1)
    silent = await connect(port)
    await welcomed(port, authority)
    with capture_logs() as lines:
        assert await silent.ended()
        await eventually(lambda: not len(shaking))
    assert [line["last_reason"] for line in lines] == ["it took too long"]
    silent.close()


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_a_connection_that_is_lost_before_its_farewell_is_over_is_no_fault(files, authority, version):
    """The end is looked at a moment after the close: a caller that has answered by then left nothing to look at."""
    (bound,) = bind(Listener(address="127.0.0.1:0", tls=files), "gateway.listen[0]")
    tls = bound.tls
    assert tls is not None
    lost = asyncio.get_running_loop().create_future()

    class Leaving(Greeted):
        def connection_made(self, transport):
            self.transport = transport
            transport.write(b"welcome")
            transport.close()

        def connection_lost(self, exc):
            lost.set_result(self.transport)

    server = TlsServer(bound.sock, lambda: tls, Leaving, Handshakes())
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion[version]
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("localhost", bound.sock.getsockname()[1], ssl=context)
            assert await reader.read() == b"welcome"
            writer.close()
            transport = await lost
    finally:
        server.close()
    assert transport.get_extra_info("socket") is None
    transport._part()


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
@pytest.mark.parametrize("ends", ["gateway", "caller"])
async def test_a_caller_that_does_not_read_its_last_answer_is_let_go(files, authority, ends):
    """Whichever end says close_notify first; as long as anything of the answer is taken, the connection stays."""
    (bound,) = bind(Listener(address="127.0.0.1:0", tls=files), "gateway.listen[0]")
    tls = bound.tls
    assert tls is not None
    loop = asyncio.get_running_loop()
    made, ended, lost = loop.create_future(), asyncio.Event(), asyncio.Event()

    class Talking(asyncio.Protocol):
        def connection_made(self, transport):
            transport.write(bytes(20_000_000))
            made.set_result(transport)

        def eof_received(self):
            ended.set()

        def connection_lost(self, exc):
            lost.set()

    def shake_hands():
        sock = socket.create_connection(bound.sock.getsockname(), timeout=PATIENCE)
        return authority.client_context().wrap_socket(sock, server_hostname="localhost")

    server = TlsServer(bound.sock, lambda: tls, Talking, Handshakes())
    async with asyncio.timeout(PATIENCE):
        caller = await asyncio.to_thread(shake_hands)
        transport = await made
        if ends == "caller":
            caller.settimeout(0)
            with suppress(ssl.SSLError):
                caller.unwrap()
            await ended.wait()
        transport.close()
        for part in range(91):
            # What it takes within a minute is enough.
            if part in {30, 31}:
                transport._left -= 1
            transport._part()
        await asyncio.sleep(0)
        assert not lost.is_set()
        transport._part()
        await lost.wait()
    caller.close()
    server.close()


async def test_many_silent_callers_keep_nobody_out(served, authority):
    """The eldest handshakes make room for the newest."""
    port, shaking = served(most=4)
    silent = [await connect(port) for _ in range(12)]
    await welcomed(port, authority)
    assert len(shaking) <= 4
    assert await silent[0].ended()
    for caller in silent:
        caller.close()
    await eventually(lambda: not len(shaking))


async def test_garbage_is_told_once_a_minute(served, authority, caplog):
    """A scanner fills no disk; who only looks whether the port is open is not worth a word."""
    port, shaking = served()
    with capture_logs() as lines:
        for number in range(20):
            caller = await connect(port)
            if number % 2:
                await caller.send(get() if number % 4 == 1 else bytes(range(256)))
                assert await caller.ended() or caller.stream.buffer
            caller.close()
        await eventually(lambda: not len(shaking))
    assert [line["event"] for line in lines] == ["tls-handshakes-failed"]
    assert caplog.records == []
    with capture_logs() as lines:
        shaking._log_failures()
    assert [line["count"] for line in lines] == [9]
    await welcomed(port, authority)


async def test_accepting_goes_on_although_descriptors_are_short(served, authority):
    """Where none is free at that moment, it is tried again until one is."""
    port, _ = served()
    with socket.socket() as sock:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with capture_logs() as lines:
                sock.connect(("127.0.0.1", port))
                await eventually(lambda: lines)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert lines[0]["event"] == "accepting-delayed"
    await welcomed(port, authority)


async def test_the_end_of_the_listeners_ends_handshakes(served):
    """Nobody is left waiting in a door that is shut."""
    port, shaking = served()
    caller = await connect(port)
    await eventually(lambda: len(shaking))
    shaking.close()
    assert await caller.ended()
    caller.close()


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD", b"PUT"])
async def test_plain_http_is_named(served, method):
    """A caller that uses http:// gets no answer, since it would read none; the log says what it did."""
    port, shaking = served()
    plain = await connect(port)
    with capture_logs() as lines:
        await plain.send(method + b" /employer/REST/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await plain.ended()
        await eventually(lambda: not len(shaking))
    plain.close()
    assert [line["last_reason"] for line in lines] == [
        "plain HTTP came to an address that speaks TLS: call it with https://"
    ]
