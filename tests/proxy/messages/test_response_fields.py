"""Which fields of an answer reach the caller, and what becomes of addresses in them."""

from __future__ import annotations

import pytest

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.request import CHUNKED
from fla_gateway.http1.response import read_response_head
from fla_gateway.http1.response_framing import UNTIL_CLOSE
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.messages.location import Address, rewrite_location
from fla_gateway.proxy.messages.response_fields import rewrite_head

ADDRESS = Address(Upstream("api.example", 443), b"/employer")
OTHER_PORT = Address(Upstream("api.example", 9443), b"/employer")
OWN_DOOR = Address(Upstream("api.example", 443), b"")
V6 = Address(Upstream("::1", 9443), b"/employer")


def shown(*lines, status="200 OK", to_head=False, minor=1, host=b"localhost:8480"):
    """Read and rewrite a head."""
    raw = "".join(f"{line}\r\n" for line in [f"HTTP/1.{minor} {status}", *lines, ""]).encode("latin-1")
    return rewrite_head(read_response_head(raw), ADDRESS, host, to_head=to_head)[:3]


def written(*lines, **options):
    """Give the field block for the caller."""
    return b"".join(shown(*lines, **options)[0])


@pytest.mark.parametrize(
    "line",
    [
        "Connection: close", "Keep-Alive: timeout=5", "Proxy-Connection: close", "Proxy-Authenticate: Basic",
        "Proxy-Authorization: x", "TE: trailers", "Trailer: X", "Upgrade: h2c", "Transfer-Encoding: chunked",
        "Fla-Gateway-Origin: gateway", "fla-gateway-upstream-challenge: Bearer",
    ],
)  # fmt: skip
def test_what_is_hop_by_hop_or_ours_is_dropped(line):
    """Nothing from outside can speak for the gateway or for its connection."""
    assert written(line, "X: 1") == b"X: 1\r\n"


@pytest.mark.parametrize(
    "line",
    ["Set-Cookie: a=b", "X_Under: score", "Content-Encoding: gzip", "X: caf\xe9", "Server:  x ", "Authorization: x",
     "WWW-Authenticate2: x", "X-Forwarded-For: 1", "Retry-After: 5", "Date: now", "Via: 1.1 other"],
)  # fmt: skip
def test_every_other_field_comes_back_byte_for_byte(line):
    """Answers are the API's."""
    assert written(line) == f"{line}\r\n".encode("latin-1")


def test_a_nominated_field_ends_here_but_for_the_length():
    """Connection may take its own fields along, never the one that frames."""
    assert written("X-Hop: 1", "Content-Length: 4", "Connection: x-hop, content-length") == b"Content-Length: 4\r\n"


@pytest.mark.parametrize(
    "lines",
    [("Content-Length: 4", "Content-Length: 4"), ("Content-Length: 4, 4",), ("CONTENT-LENGTH: 4", "content-length: 4")],
)
def test_identical_lengths_are_written_once(lines):
    """Refusing them would turn a successful POST into an unknown one; repeating them would confuse the caller."""
    fields, framing, _ = shown("A: 1", *lines, "B: 2")
    assert b"".join(fields) == b"A: 1\r\nContent-Length: 4\r\nB: 2\r\n"
    assert framing.length == 4


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Content-Length: 5"), ("Content-Length: 4, 5",), ("Content-Length: -1",),
        ("Content-Length: 4", "Transfer-Encoding: chunked"), ("Transfer-Encoding: gzip",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), ("Content-Length: 0x4",), ("Content-Length:",),
    ],
)  # fmt: skip
def test_an_answer_with_two_ends_is_malformed(lines):
    """What two readers could end at two places is no answer."""
    with pytest.raises(ProtocolError) as caught:
        shown(*lines)
    assert caught.value.code == "malformed-response"


@pytest.mark.parametrize(
    ("status", "to_head", "lines", "block", "length"),
    [
        ("204 No Content", False, ("Content-Length: 0",), b"", 0),
        ("204 No Content", False, ("Content-Length: 5",), b"", 0),
        ("304 Not Modified", False, ("Content-Length: 5",), b"Content-Length: 5\r\n", 0),
        ("304 Not Modified", False, ("Transfer-Encoding: chunked",), b"", 0),
        ("200 OK", True, ("Content-Length: 5",), b"Content-Length: 5\r\n", 0),
        ("200 OK", True, (), b"", 0),
        ("200 OK", False, ("Content-Length: 0",), b"Content-Length: 0\r\n", 0),
        ("200 OK", False, ("Transfer-Encoding: Chunked",), b"", CHUNKED),
        ("200 OK", False, (), b"", UNTIL_CLOSE),
    ],
)
def test_the_length_stands_where_it_may(status, to_head, lines, block, length):
    """RFC 9110, section 8.6: none in a 204; in HEAD and 304 it says what would have come."""
    fields, framing, _ = shown(*lines, status=status, to_head=to_head)
    assert (b"".join(fields), framing.length) == (block, length)


def test_the_challenge_of_a_401_is_renamed():
    """It is about our token; a client that saw it would ask a person for a password."""
    fields, _, challenges = shown("WWW-Authenticate: Bearer a", "www-authenticate: Basic b", status="401 No")
    assert b"".join(fields) == (
        b"Fla-Gateway-Upstream-Challenge: Bearer a\r\nFla-Gateway-Upstream-Challenge: Basic b\r\n"
    )
    assert challenges == [b"Bearer a", b"Basic b"]


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "407 Proxy Authentication Required"])
def test_a_challenge_elsewhere_stays(status):
    """Only the 401 is renamed."""
    assert b"WWW-Authenticate: Bearer a\r\n" in written("WWW-Authenticate: Bearer a", status=status)


@pytest.mark.parametrize(
    ("value", "address", "host", "expected"),
    [
        ("/REST/dimona/v2/7", ADDRESS, "localhost:8480", "/employer/REST/dimona/v2/7"),
        ("/REST/a?b=%2F#c", ADDRESS, "localhost", "/employer/REST/a?b=%2F#c"),
        ("/REST/a", OWN_DOOR, "localhost", "/REST/a"),
        ("https://api.example/REST/a?b=c", ADDRESS, "localhost:8480", "http://localhost:8480/employer/REST/a?b=c"),
        ("https://api.example/REST/a", OWN_DOOR, "localhost:8490", "http://localhost:8490/REST/a"),
        ("HTTPS://API.Example:443/REST/a", ADDRESS, "localhost", "http://localhost/employer/REST/a"),
        ("https://api.example:/REST/a", ADDRESS, "localhost", "http://localhost/employer/REST/a"),
        ("https://api.example:9443/REST/a", OTHER_PORT, "localhost", "http://localhost/employer/REST/a"),
        ("https://[::1]:9443/REST/a", V6, "[::1]:8480", "http://[::1]:8480/employer/REST/a"),
        ("https://api.example/REST/a", ADDRESS, None, "/employer/REST/a"),
        ("//api.example/REST/a?b", ADDRESS, "localhost:8480", "http://localhost:8480/employer/REST/a?b"),
        ("//API.example:9443", OTHER_PORT, None, "/employer/"),
        ("https://api.example", ADDRESS, "localhost", "http://localhost/employer/"),
        ("https://api.example/elsewhere", ADDRESS, "localhost", "http://localhost/employer/elsewhere"),
    ],
)  # fmt: skip
def test_an_address_of_the_api_becomes_the_callers(value, address, host, expected):
    """Absolute at the profile's origin, or a path under /REST/: rewritten to the address that the caller used."""
    found = rewrite_location(value.encode(), address, host and host.encode())
    assert found == expected.encode()


@pytest.mark.parametrize(
    "value",
    [
        "https://elsewhere.example/REST/a", "http://api.example/REST/a", "https://api.example:8443/REST/a",
        "https://api.example.evil.example/REST/a", "https://user@api.example/REST/a", "//api.example:80/REST/a",
        "https://api.example@evil.example/REST/a", "/other/a", "/RESTful/a", "REST/a", "../a", "", "?a=b", "#a",
        "https:api.example/REST/a", "https:///REST/a", "https://api.example\\@evil.example/REST/a",
        "https://api.example?/REST/a", "//elsewhere.example/REST/a", "///REST/a", "caf\xe9",
        f"https://api.example:{'9' * 5_000}/REST/a",
    ],
)  # fmt: skip
def test_an_address_of_somebody_else_stays(value):
    """Nothing that a parser could take for another origin is touched."""
    assert rewrite_location(value.encode("latin-1"), ADDRESS, b"localhost:8480") == value.encode("latin-1")


@pytest.mark.parametrize("name", ["Location", "location", "Content-Location"])
def test_both_fields_that_point_are_rewritten(name):
    """Location and Content-Location, in the API's spelling of their names."""
    assert written(f"{name}:  https://api.example/REST/a ") == b"%b: http://localhost:8480/employer/REST/a\r\n" % (
        name.encode()
    )


def test_other_fields_with_addresses_stay():
    """Link, Refresh and bodies are not rewritten; docs/http.md says so."""
    assert written("Link: </REST/a>; rel=next", "Refresh: 1; url=/REST/a") == (
        b"Link: </REST/a>; rel=next\r\nRefresh: 1; url=/REST/a\r\n"
    )
