"""Whose process is at the other end, as the kernel tells it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from fla_gateway.admin.peer_uid import Endpoint, peer_uid, uid_of
from tests.support.waiting import PATIENCE

SERVER, CLIENT = Endpoint("127.0.0.1", 8481), Endpoint("127.0.0.1", 40_000)
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(local="0100007F:9C40", remote="0100007F:2121", state="01", uid=1000, inode=77):
    """Write a row as a little-endian kernel does."""
    return (
        f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0 20 4 30 10 -1\n"
    )


@pytest.fixture
def table(tmp_path):
    """Write a table; give what is found in it."""

    def find(*rows, client=CLIENT, server=SERVER):
        path = tmp_path / "tcp"
        path.write_text(HEAD + "".join(rows))
        return uid_of(client, server, (path, tmp_path / "missing"))

    return find


little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the rows are those of a little-endian kernel")


@little_endian
def test_the_clients_end_counts(table):
    """Of the two rows of a connection, the one whose local address is the client's tells the user."""
    mine = row(local="0100007F:2121", remote="0100007F:9C40", uid=0)
    assert table(mine, row(uid=1000)) == 1000
    assert table(mine) is None


@little_endian
@pytest.mark.parametrize("other", [{"local": "0100007F:9C41"}, {"remote": "0100007F:2122"}, {"local": "0200007F:9C40"}])
def test_other_connections_do_not_count(table, other):
    """Both addresses and both ports have to be those of this connection."""
    assert table(row(**other)) is None


@little_endian
@pytest.mark.parametrize("gone", [{"state": "06", "uid": 0}, {"state": "05", "uid": 0}, {"uid": 0, "inode": 0}])
def test_a_socket_without_a_process_is_nobodys(table, gone):
    """The kernel shows sockets that were closed as root's: whoever sends and closes must not pass for root."""
    assert table(row(**gone)) is None


@little_endian
def test_two_owners_are_none(table):
    """What cannot be is not guessed."""
    assert table(row(uid=1000), row(uid=1001)) is None
    assert table(row(uid=1000), row(uid=1000)) == 1000


@little_endian
def test_a_mapped_address_is_the_same_client(table):
    """A client on an IPv6 socket stands in the table with its mapped address."""
    mapped = row(local="0000000000000000FFFF00000100007F:9C40", remote="0000000000000000FFFF00000100007F:2121")
    assert table(mapped) == 1000


def test_tables_that_do_not_exist_tell_nothing(tmp_path):
    """On a system without them nobody is known."""
    assert uid_of(CLIENT, SERVER, (tmp_path / "missing",)) is None


@pytest.fixture
def listener():
    """A socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        yield server


def test_own_connection(listener):
    """A real connection of this very user is known as such, from an IPv4 and from an IPv6 socket."""
    port = listener.getsockname()[1]
    with closing(socket.create_connection(("127.0.0.1", port))), listener.accept()[0] as accepted:
        assert peer_uid(accepted) == os.getuid()
    with socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", port))
        with listener.accept()[0] as accepted:
            assert peer_uid(accepted) == os.getuid()


def test_a_client_that_has_closed_is_not_known(listener):
    """A real socket that was closed right after sending belongs to nobody, not to root."""
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with listener.accept()[0] as accepted:
        while accepted.recv(4096):
            pass
        assert peer_uid(accepted) is None


def test_own_unix_socket(tmp_path):
    """The kernel tells it for unix sockets as well."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        with server.accept()[0] as accepted:
            assert peer_uid(accepted) == os.getuid()


def connect_as(uid, port):
    """Start a process that becomes another user, connects and waits."""
    script = (
        f"import encodings.idna, os, socket, sys; os.setgroups([]); os.setgid({uid}); os.setuid({uid}); "
        f"s = socket.create_connection(('127.0.0.1', {port})); sys.stdin.read()"
    )
    return subprocess.Popen([sys.executable, "-ISc", script], stdin=subprocess.PIPE)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("uid", "expected"), [(12_345, 12_345), (65_534, None)])
def test_another_user(listener, uid, expected):
    """A process of another user is known; the overflow id, which stands for many, is nobody's."""
    with connect_as(uid, listener.getsockname()[1]) as process:
        with listener.accept()[0] as accepted:
            assert peer_uid(accepted) == expected
        process.communicate()
