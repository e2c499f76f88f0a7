from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress, clash, is_loopback, parse_listen


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8480", TcpAddress("127.0.0.1", 8480)),
        ("127.0.0.1:0", TcpAddress("127.0.0.1", 0)),
        ("[::1]:8480", TcpAddress("::1", 8480)),
        ("[0:0:0:0:0:0:0:1]:8480", TcpAddress("::1", 8480)),
        ("LocalHost:65535", TcpAddress("localhost", 65535)),
        ("unix:/run/fla-gateway.sock", UnixAddress(Path("/run/fla-gateway.sock"))),
        ("unix:@fla-gateway", AbstractAddress("fla-gateway")),
        ("unix:@" + "x" * 107, AbstractAddress("x" * 107)),
    ],
)
def test_reads_addresses(text, address):
    """An address in one of the three notations is read into its parts."""
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "8480", ":8480", "*:8480", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٣",
        "::1:8480", "[::1]", "[127.0.0.1]:80", "[zz]:80", "256.1.1.1:80", "127.1:80", "a..b:80", "-a:80", "a b:80",
        "http://127.0.0.1:80", "unix:", "unix:/run/", "unix:/" + "x" * 103, "127.0.0.1:80\n", "unix:@", "unix:@a b",
        "unix:@a\0b", "unix:@" + "x" * 108, "@a",
    ],
)  # fmt: skip
def test_refuses_what_is_no_address(text):
    """Anything else is refused with a sentence."""
    with pytest.raises(ValueError, match=r"^(must|has) "):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:1", True), ("127.255.0.9:1", True), ("[::1]:1", True), ("localhost:1", True), ("unix:/x", True),
        ("unix:@x", True),
        ("[::ffff:127.0.0.1]:1", True), ("0.0.0.0:1", False), ("[::]:1", False), ("10.0.0.1:1", False),
        ("gateway:1", False), ("localhost.example:1", False), ("[::ffff:10.0.0.1]:1", False),
    ],
)  # fmt: skip
def test_knows_loopback(text, expected):
    """Only loopback addresses, the name localhost and unix sockets are out of other machines' reach."""
    assert is_loopback(parse_listen(text)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True), ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:0", "127.0.0.1:0", False), ("0.0.0.0:80", "127.0.0.1:80", True), ("[::]:80", "[::1]:80", True),
        ("[::]:80", "127.0.0.1:80", False), ("localhost:80", "127.0.0.1:80", True), ("localhost:80", "[::1]:80", True),
        ("gateway:80", "gateway:80", True), ("gateway:80", "127.0.0.1:80", False), ("unix:/x", "unix:/x", True),
        ("unix:/x", "unix:/y", False), ("unix:/x", "127.0.0.1:80", False), ("unix:@x", "unix:@x", True),
        ("unix:@x", "unix:@y", False), ("unix:@/x", "unix:/x", False), ("unix:@x", "127.0.0.1:80", False),
    ],
)  # fmt: skip
def test_knows_when_two_listeners_cannot_share(one, other, expected):
    """Two listeners clash when the system would refuse the second bind, whichever comes first."""
    assert clash(parse_listen(one), parse_listen(other)) is expected
    assert clash(parse_listen(other), parse_listen(one)) is expected


@given(st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda ip: f"[{ip}]")), st.integers(0, 65535))
def test_writes_what_it_reads(host, port):
    """The text of an address is read back as the same address."""
    address = parse_listen(f"{host}:{port}")
    assert parse_listen(str(address)) == address


@pytest.mark.parametrize("text", ["unix:/run/gateway.sock", "unix:@gateway"])
def test_writes_unix_sockets_as_it_reads_them(text):
    """The text of a unix socket, with a path or an abstract name, is that of the configuration."""
    assert str(parse_listen(text)) == text
