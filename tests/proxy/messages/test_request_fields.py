"""Which fields of a request reach the API."""

from __future__ import annotations

import pytest

from fla_gateway.http1.errors import ProtocolError
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.messages.request_fields import _REQUEST, closing_fields, host_field, read_fields
from fla_gateway.secret import Secret

NAMES = frozenset((b"localhost",))


def fields(*lines, minor=1, host="localhost"):
    """Read a block that begins with Host."""
    first = [f"Host: {host}"] if host else []
    return read_fields("".join(f"{line}\r\n" for line in [*first, *lines, ""]).encode("latin-1"), minor, NAMES)


@pytest.mark.parametrize(
    "name",
    [
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
        "Upgrade", "HTTP2-Settings", "Authorization", "X-Api-Key", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
        "X-Forwarded-Proto", "X-Forwarded-Uri", "X-Forwarded-", "X-HTTP-Method", "X-HTTP-Method-Override",
        "X-Method-Override", "X-Original-URL", "X-Original-Uri", "X-Original-Method", "X-Original-Host", "X-Original-",
        "X-Rewrite-URL", "X-Override-URL", "Destination", "X-Real-IP", "True-Client-IP", "X-Client-Cert",
        "X-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "Remote-User", "X-Remote-User",
        "X-ARR-ClientCert", "SSL-Client-Cert", "SSL-Client-Verify",
        "Client-Cert", "Client-Cert-Chain", "Proxy",
        "X-SSL-Client-Cert", "X-SSL-Client-S-DN", "X-SSL-Client-Verify", "traceparent", "tracestate", "baggage",
        "Fla-Gateway-Origin", "Fla-Gateway-Anything", "X_Forwarded_For", "Content_Length", "Some_Name", "_", "A_",
    ],
)  # fmt: skip
def test_a_field_that_ends_here_is_dropped(name):
    """What is hop-by-hop, a credential, a claim about a caller, or has an underscore, never reaches the API."""
    for spelling in (name, name.lower(), name.upper(), name.swapcase()):
        assert fields(f"{spelling}: upgrade", "Accept: a").forwarded == b"Accept: a\r\n"


@pytest.mark.parametrize(
    "line",
    [
        "Accept: */*", "accept:*/*", "X-Forwarder: a", "X-Forwarded: a", "Cookie: a=b; c=d", 'If-None-Match: "x"',
        "Accept-Encoding: gzip, br", "X-Api-Key2: a", "Cache-Control:  no-cache ", "X-Name: caf\xe9 \xff", "X-Empty:",
        "Content-Encoding: gzip", "Range: bytes=0-1", "Trace: 1", "X-Method: a",
        "X-Original: a", "X-SSL: a", "X-Client: a", "X-Destination: a", "Depth: 1",
    ],
)  # fmt: skip
def test_every_other_field_passes_byte_for_byte(line):
    """Name, case, spaces and bytes beyond ASCII reach the API as they came."""
    assert fields(line).forwarded == f"{line}\r\n".encode("latin-1")


def test_fields_keep_their_order_and_their_repetitions():
    """Neither sorting nor joining."""
    lines = ["B: 1", "A: 1", "b: 2", "A: 3"]
    assert fields(*lines, "Connection: close").forwarded == b"B: 1\r\nA: 1\r\nb: 2\r\nA: 3\r\n"


def test_a_nominated_field_ends_here():
    """What Connection names is hop-by-hop, in any case and over several lines (RFC 9110, section 7.6.1)."""
    found = fields("X-Hop: 1", "x-HOP: 2", "Other: 3", "Connection: x-hop, keep-alive", "Connection: OTHER", "Stay: 4")
    assert found.forwarded == b"Stay: 4\r\n"


@pytest.mark.parametrize("name", ["content-length", "Content-Length", "transfer-encoding", "host", "authorization"])
def test_what_frames_or_routes_cannot_be_nominated(name):
    """`Connection: content-length` must not forward a body without its length."""
    found = fields("Content-Length: 5", f"Connection: close, {name}")
    assert found.forwarded == b"Content-Length: 5\r\n"
    assert (found.length, found.host) == (5, b"localhost")


def test_chunked_framing_survives_a_nomination():
    """`Connection: transfer-encoding` must not forward chunks as if they were requests."""
    found = fields("Transfer-Encoding: Chunked", "Connection: transfer-encoding")
    assert found.forwarded == b"Transfer-Encoding: chunked\r\n"


def test_the_length_is_written_anew():
    """Leading zeros and spaces are framing that somebody could read otherwise."""
    assert fields("content-length:  007 ").forwarded == b"content-length: 7\r\n"


@pytest.mark.parametrize(
    ("lines", "traced"),
    [
        ((), False),
        (("belgov-trace-id: mine",), True),
        (("BelGov-Trace-Id: mine", "Connection: belgov-trace-id"), False),
        (("BelGov_Trace_Id: mine",), False),
    ],
)
def test_a_trace_id_of_the_callers_own_is_noticed(lines, traced):
    """The gateway adds one exactly where none goes through."""
    found = fields(*lines)
    assert found.traced is traced
    assert (b"mine" in found.forwarded) is traced


@pytest.mark.parametrize(
    ("minor", "lines", "keep_alive", "expects"),
    [
        (1, (), True, False),
        (1, ("Connection: Close",), False, False),
        (1, ("Connection: x, close",), False, False),
        (1, ("Content-Length: 1", "Expect: 100-Continue"), True, True),
        (1, ("Expect: 100-continue",), True, False),
        (0, (), False, False),
        (0, ("Connection: Keep-Alive",), True, False),
        (0, ("Connection: keep-alive, close",), False, False),
        (0, ("Content-Length: 1", "Expect: 100-continue"), False, False),
    ],
)
def test_what_the_connection_needs_to_know(minor, lines, keep_alive, expects):
    """Keep-alive is asked for in HTTP/1.0 and given in HTTP/1.1; an expectation counts with a body alone."""
    found = fields(*lines, minor=minor)
    assert (found.keep_alive, found.expects_continue) == (keep_alive, expects)
    assert b"xpect" not in found.forwarded


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("Bad Name: 1",), "malformed-request"),
        (("Name : 1",), "malformed-request"),
        (("A: b\r\n folded",), "malformed-request"),
        (("Content-Length: 1", "Content-Length: 1"), "malformed-request"),
        (("Content-Length: 1", "Transfer-Encoding: chunked"), "malformed-request"),
        (("Transfer-Encoding: gzip, chunked",), "transfer-coding-unsupported"),
        (("Expect: 200-ok",), "expectation-failed"),
        (tuple(f"N{number}: 1" for number in range(100)), "head-too-large"),
    ],
)
def test_a_block_that_can_be_read_in_two_ways_is_refused(lines, code):
    """The reader's errors come through with their codes."""
    with pytest.raises(ProtocolError) as caught:
        fields(*lines)
    assert caught.value.code == code


def test_our_own_fields_end_the_head():
    """Via and the token are ours, and stand once."""
    token = AccessToken(Secret("abc.def"), 60, 0)
    assert closing_fields(token) == b"Via: 1.1 fla-gateway\r\nAuthorization: Bearer abc.def\r\n\r\n"


def test_via_names_the_version_in_which_the_request_came():
    """RFC 9110, section 7.6.3: the received protocol."""
    assert closing_fields(AccessToken(Secret("abc"), 60, 0), 0).startswith(b"Via: 1.0 fla-gateway\r\n")


@pytest.mark.parametrize(
    ("host", "port", "written"),
    [("api.example", 443, b"api.example"), ("localhost", 9443, b"localhost:9443"), ("::1", 443, b"[::1]")],
)
def test_host_is_the_apis(host, port, written):
    """Host names the API, with its port unless that is 443."""
    assert host_field(Upstream(host, port)) == b" HTTP/1.1\r\nHost: " + written + b"\r\n"


def test_names_that_callers_make_up_are_not_remembered_without_bound():
    """Neither many nor long ones: what is kept for good is bounded, and goes on taking in the names in use."""
    for number in range(3_000):
        fields(f"X-{number}: 1", f"X-{number}-{'a' * 30_000}: 1")
    fields("X-In-Use: 1")
    assert sum(map(len, _REQUEST.known)) < 100_000
    assert b"X-In-Use" in _REQUEST.known
