"""Data: fields that a proxy must drop, must not believe, or must carry byte for byte."""

from __future__ import annotations

from tests.wire.vector import Reaches, Vector, get, message, post, refused


def _dropped(name: str, *lines: bytes, lacks: tuple[bytes, ...], why: str) -> Vector:
    return Vector(f"dropped-{name}", why, get(*lines), (Reaches(lacks=lacks),))


def _one(line: bytes, why: str) -> Vector:
    name = line.split(b":", 1)[0].lower()
    return _dropped(name.decode(), line, b"X-Kept: 1", lacks=(name,), why=why)


HOP = "RFC 9110 7.6.1: hop-by-hop"
TRUST = "CVE-2026-40575: only a proxy in front of us could know, and there is none"
DROPPED = (
    _one(b"Keep-Alive: timeout=5", HOP),
    _one(b"Proxy-Connection: keep-alive", HOP),
    _one(b"Proxy-Authorization: Basic eDp5", HOP),
    _one(b"TE: trailers, gzip", HOP),
    _one(b"Trailer: X-T", HOP),
    _one(b"X-Api-Key: secret-of-the-caller", "design"),
    _one(b"X-Forwarded-For: 10.0.0.1", TRUST),
    _one(b"X-Forwarded-Host: evil.example", TRUST),
    _one(b"X-Forwarded-Proto: https", TRUST),
    _one(b"X-Forwarded-Uri: /REST/oauth", TRUST),
    _one(b"X-Forwarded-Anything-New: 1", TRUST),
    _one(b"Forwarded: for=10.0.0.1", TRUST),
    _one(b"X-HTTP-Method: DELETE", "a second method"),
    _one(b"X-HTTP-Method-Override: DELETE", "a second method"),
    _dropped(
        "method-override-case", b"x-http-method-OVERRIDE: PUT", lacks=(b"x-http-method-override",), why="as above"
    ),
    _one(b"X-Method-Override: DELETE", "a second method"),
    _one(b"X-Original-URL: /REST/oauth/v5/token", "a second target"),
    _one(b"X-Rewrite-URL: /REST/oauth/v5/token", "a second target"),
    _one(b"X-Original-Method: DELETE", "a second method"),
    _one(b"X-Original-Anything-New: /x", "a second target"),
    _one(b"X-Override-URL: /x", "a second target"),
    _one(b"Destination: /REST/x", "a second target (RFC 4918, section 10.3)"),
    _one(b"X-Real-IP: 10.0.0.1", TRUST),
    _one(b"True-Client-IP: 10.0.0.1", TRUST),
    _one(b"X-Client-Cert: MIIB", TRUST),
    _one(b"Client-Cert: :MIIB:", TRUST),
    _one(b"Client-Cert-Chain: :MIIB:, :MIIB:", TRUST),
    _one(b"Proxy: http://192.0.2.1", TRUST),
    _one(b"X-SSL-Client-Cert: MIIB", TRUST),
    _one(b"x-ssl-client-s-dn: CN=a", TRUST),
    _one(b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "design"),
    _one(b"tracestate: a=b", "design"),
    _one(b"baggage: a=b", "design"),
    _one(b"Fla-Gateway-Origin: upstream", "design: ours alone"),
    _one(b"fla-gateway-anything: x", "design: ours alone"),
    _one(b"X_Api_Key: a", "CVE-2025-64484: underscore names"),
    _one(b"_: a", "CVE-2025-64484: underscore names"),
    _one(b"Authorization_: a", "CVE-2025-64484: underscore names"),
    _dropped(
        "connection-named",
        b"Connection: x-secret, X-Other",
        b"X-Secret: 1",
        b"x-other: 2",
        lacks=(b"x-secret", b"x-other", b"connection"),
        why=HOP,
    ),
    _dropped(
        "connection-twice",
        b"Connection: keep-alive",
        b"Connection: x-secret",
        b"X-Secret: 1",
        lacks=(b"x-secret", b"connection"),
        why=HOP,
    ),
    _dropped(
        "connection-named-twice",
        b"X-Secret: 1",
        b"Connection: ,, x-secret ,",
        b"X-Secret: 2",
        lacks=(b"x-secret", b"connection"),
        why=HOP,
    ),
    _dropped(
        "upgrade-h2c",
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        lacks=(b"upgrade", b"http2-settings", b"connection"),
        why="design: Java clients offer h2c; served as HTTP/1.1",
    ),
    _dropped(
        "upgrade-h2c-not-nominated",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        lacks=(b"upgrade", b"http2-settings"),
        why="h2c smuggling",
    ),
    _dropped(
        "upgrade-websocket",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        lacks=(b"upgrade", b"connection"),
        why="CVE-2024-23326: a tunnel by upgrade",
    ),
)

AUTHORITY = (
    Vector(
        "authorization-replaced",
        "design: the gateway's own bearer alone",
        get(b"Authorization: Bearer of-the-caller", b"Authorization: Basic eDp5"),
        (Reaches(has=(b"Authorization: {BEARER}",)),),
    ),
    Vector(
        "connection-names-authorization",
        "CVE-2025-48865: nominated Authorization",
        get(b"Connection: authorization", b"Authorization: Bearer x"),
        (Reaches(has=(b"Authorization: {BEARER}",)),),
    ),
    Vector(
        "connection-names-host",
        "RFC 9110 7.6.1: names that route can never be nominated",
        get(b"Connection: host"),
        (Reaches(has=(b"Host: {API}",)),),
    ),
    Vector(
        "connection-names-via",
        "strip first, then set our own",
        get(b"Connection: via, belgov-trace-id", b"Via: 1.1 evil"),
        (Reaches(),),
    ),
    Vector(
        "connection-names-content-length",
        "hazards: the textbook strip forwards a body without its length",
        post(b"Connection: content-length", b"Content-Length: 5", body=b"hello"),
        (Reaches(b"POST", body=b"hello"),),
    ),
    Vector(
        "connection-names-transfer-encoding",
        "hazards: the textbook strip forwards a body without its framing",
        post(b"Connection: transfer-encoding", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (Reaches(b"POST", body=b"hello"),),
    ),
    Vector(
        "connection-names-close-and-length",
        "hazards",
        post(b"Connection: close, Content-Length", b"Content-Length: 5", body=b"hello"),
        (Reaches(b"POST", body=b"hello", closes=True),),
    ),
    Vector(
        "connection-malformed",
        "RFC 9110 7.6.1: options are tokens",
        get(b"Connection: x secret, (, close"),
        ((refused(400), Reaches(closes=True), Reaches(closes=False)),),
    ),
    Vector(
        "connection-close-case",
        "RFC 9110 7.6.1: options are case-insensitive",
        get(b"connection: CLOSE"),
        (Reaches(closes=True, lacks=(b"connection",)),),
    ),
)

EXPECTATIONS = (
    Vector(
        "expect-continue",
        "RFC 9110 10.1.1: answered by us, not forwarded",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        (Reaches(b"POST", body=b"hello", lacks=(b"expect",)),),
    ),
    Vector(
        "expect-continue-case",
        "RFC 9110 10.1.1: case-insensitive",
        post(b"Expect: 100-Continue", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (Reaches(b"POST", body=b"hello", lacks=(b"expect",)),),
    ),
    Vector("expect-without-body", "RFC 9110 10.1.1", get(b"Expect: 100-continue"), (Reaches(lacks=(b"expect",)),)),
    Vector(
        "expect-unknown",
        "RFC 9110 10.1.1: 417",
        post(b"Expect: 200-ok", b"Content-Length: 5", body=b"hello"),
        (refused(417, code="expectation-failed", closes=None),),
    ),
    Vector(
        "expect-list",
        "RFC 9110 10.1.1: one unknown member is enough",
        post(b"Expect: 100-continue, magic", b"Content-Length: 5", body=b"hello"),
        (refused(417, code="expectation-failed", closes=None),),
    ),
    Vector(
        "expect-in-http-1.0",
        "RFC 9110 10.1.1: ignored in HTTP/1.0",
        message(b"POST /employer/REST/echo HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        (Reaches(b"POST", body=b"hello", lacks=(b"expect",), closes=True),),
    ),
)


def _kept(name: str, *lines: bytes, why: str = "design: end-to-end fields in order and byte for byte") -> Vector:
    return Vector(f"kept-{name}", why, get(*lines), (Reaches(has=lines),))


KEPT = (
    _kept("case", b"x-LoWeR: 1", b"X-UPPER: 2"),
    _kept("order-and-duplicates", b"X-A: 1", b"X-B: 2", b"X-A: 3", b"X-A: 1"),
    _kept("latin1", b"X-A: caf\xe9"),
    _kept("utf8", b"X-A: caf\xc3\xa9"),
    _kept("all-obs-text", b"X-A: " + bytes(range(0x80, 0x100))),
    _kept("tab-inside", b"X-A: a\tb  c"),
    _kept("empty-value", b"X-A: "),
    _kept("all-token-bytes", b"X!#$%&'*+-.^`|~09azAZ: 1"),
    _kept("cookies", b"Cookie: a=1", b"Cookie: b=2"),
    _kept("content-coding", b"Accept-Encoding: gzip", b"Accept: application/json, */*;q=0.1"),
    _kept("trace-id", b"BelGov-Trace-Id: 0af76519-16cd-43dd-8448-eb211c80319c", why="design: set when absent"),
    _kept("quoted-commas", b'X-A: "a, b", c'),
    _kept("value-like-a-field", b"X-A: Content-Length: 5"),
    _kept("value-like-a-line", b"X-A: GET / HTTP/1.1"),
    _kept("long-value", b"X-A: " + b"a" * 30_000),
    Vector(
        "kept-body-of-every-byte",
        "design: the body comes untouched",
        post(b"Content-Encoding: gzip", b"Content-Length: 256", body=bytes(range(256))),
        (Reaches(b"POST", body=bytes(range(256)), has=(b"Content-Encoding: gzip",)),),
    ),
    Vector(
        "kept-zero-length",
        "RFC 9110 8.6: a POST without content says so",
        post(b"Content-Length: 0"),
        (Reaches(b"POST", has=(b"Content-Length: 0",)),),
    ),
    Vector(
        "kept-whitespace-around-a-value",
        "RFC 9112 5: OWS is not part of the value",
        get(b"X-A: \t a \t"),
        (Reaches(has=(b"X-A: a",)),),
    ),
)

VECTORS = DROPPED + AUTHORITY + EXPECTATIONS + KEPT
