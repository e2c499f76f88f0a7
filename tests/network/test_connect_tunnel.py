"""What a proxy's refusal says of the schemes it offers."""

from __future__ import annotations

import pytest

from fla_gateway.network.connect_tunnel import _offered_schemes


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
