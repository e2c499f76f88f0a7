"""What a proxy answers to CONNECT: interim responses, a tunnel or a refusal, and the schemes that a 407 offers."""

from __future__ import annotations

import asyncio
import socket

import pytest

from fla_gateway.network.connect_tunnel import TunnelRefusedError, _offered_schemes, open_tunnel
from fla_gateway.network.route import Egress


@pytest.mark.parametrize(
    ("fields", "schemes"),
    [
        ("Proxy-Authenticate: Basic realm=x", ["Basic"]),
        ("proxy-authenticate:Negotiate\r\nPROXY-AUTHENTICATE: NTLM TlRMTVNTUAAC==", ["Negotiate", "NTLM"]),
        ('Proxy-Authenticate: Digest realm="a, NTLM \\", b", nonce = x, qop="auth", Basic', ["Digest", "Basic"]),
        ("Proxy-Authenticate: , Basic ,, Basic", ["Basic"]),
        ("Proxy-Authenticate: <b>x</b>, a\tb, \u00e9, x/y, Basic", ["a", "Basic"]),
        (
            "Proxy-Authenticate: " + "s0,s1,s2,s3,s4,s5,s6,s7,s8,s9",
            ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"],
        ),
        ("Proxy-Authenticate: " + "x" * 33, []),
        ("Proxy-Authenticate:", []),
        ("WWW-Authenticate: Basic", []),
        ("not a field", []),
    ],
)
def test_the_schemes_of_a_407(fields, schemes):
    """Names of schemes alone are read, never a parameter, a quoted text or what is no name."""
    answer = f"HTTP/1.1 407 No\r\n{fields}\r\n\r\npage".encode("latin-1")
    assert list(_offered_schemes(answer)) == schemes


async def _asked(answer: bytes) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            open_tunnel(near, Egress(host="proxy", port=3128), "api:443"), loop.sock_sendall(far, answer)
        )


@pytest.mark.parametrize(
    "before", ["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.0 102 Processing\r\nX: y\r\n\r\n" * 40]
)
async def test_interim_responses_are_no_refusal(before):
    """A tunnel may be announced by any number of them that is within reason."""
    await _asked(before.encode() + b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("HTTP/1.1 102 Processing\r\n\r\n" * 3_000, "did not answer CONNECT with an HTTP head"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "with 101"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n", "with 403"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello", "bytes of its own"),
        ("HTTP/1.1 200 OK\n\n", "did not answer CONNECT with an HTTP head"),
    ],
    ids=["flood", "101", "403 after 100", "late bytes after 100", "bare line feeds"],
)
async def test_what_is_no_tunnel_is_refused_at_once(answer, says):
    """A flood ends, and nothing is waited for that cannot come."""
    with pytest.raises(TunnelRefusedError, match=says):
        await _asked(answer.encode())
