"""Data: fields of answers that are repaired, dropped, rewritten, or carried byte for byte."""

from __future__ import annotations

from tests.wire.vector import Failed, Relayed, ResponseVector, answer

LENGTH = b"Content-Length: 5"


def _bad(name: str, *lines: bytes, why: str = "RFC 9112 5") -> ResponseVector:
    return ResponseVector(f"field-{name}", why, answer(LENGTH, *lines, body=b"hello"), (Failed(),))


def _kept(name: str, *lines: bytes, why: str = "design: back untouched, in order and byte for byte") -> ResponseVector:
    raw = answer(LENGTH, *lines, body=b"hello")
    return ResponseVector(f"kept-{name}", why, raw, (Relayed(body=b"hello", has=lines),), reused=True)


def _dropped(name: str, *lines: bytes, lacks: tuple[bytes, ...], why: str, reused: bool = True) -> ResponseVector:
    expect = Relayed(body=b"hello", has=(b"X-Kept: 1",), lacks=lacks)
    raw = answer(LENGTH, *lines, b"X-Kept: 1", body=b"hello")
    return ResponseVector(f"dropped-{name}", why, raw, (expect,), reused=reused)


def _changed(name: str, line: bytes, shown: bytes, why: str, status: int = 200) -> ResponseVector:
    raw = answer(LENGTH, line, line=b"HTTP/1.1 %d X" % status, body=b"hello")
    lacks = (line.split(b":")[0].strip().lower(),) if shown.split(b":")[0].lower() not in line.lower() else ()
    return ResponseVector(f"changed-{name}", why, raw, (Relayed(status, b"hello", (shown,), lacks),), reused=True)


MALFORMED = (
    _bad("no-colon", b"nonsense"),
    _bad("empty-name", b": x"),
    _bad("space-in-name", b"X A: b"),
    _bad("latin1-in-name", b"X-\xe9: b"),
    _bad("nul-in-name", b"X-\x00: b"),
    *(
        _bad(
            f"{label}-in-{name.decode()}", name + b": a" + byte + b"b", why="RFC 9110 5.5: frames, routes, sets cookies"
        )
        for label, byte in (("nul", b"\x00"), ("cr", b"\r"), ("lf", b"\n"))
        for name in (b"Set-Cookie", b"Location", b"Content-Location", b"Connection", b"content-length")
    ),
    _bad("two-line-feeds", b"X-A: b\n\nX-B: c", why="RFC 9112 2.2: a tolerant reader sees the end of the head"),
    _bad("line-feed-at-the-end", b"X-A: b\n", why="RFC 9112 2.2: a tolerant reader sees the end of the head"),
    _bad("too-many", *[b"X-A: b"] * 101, why="RFC 9110 5.4: limits"),
    _bad("too-large", b"X-A: " + b"b" * 200_000, why="RFC 9110 5.4: limits"),
    _bad("too-large-by-a-little", b"X-A: " + b"b" * 66_000, why="design: head 64 KiB"),
    ResponseVector(
        "field-fold-first",
        "RFC 9112 2.2: white space behind the status line",
        answer(b" X-A: b", LENGTH, body=b"hello"),
        (Failed(),),
    ),
    ResponseVector("field-endless", "RFC 9110 5.4", answer()[:-2] + b"X-A: " + b"b" * 300_000, (Failed(),)),
)


def _blanked(name: str, line: bytes, shown: bytes, why: str, *, reused: bool) -> ResponseVector:
    raw = answer(LENGTH, line, body=b"hello")
    return ResponseVector(f"blanked-{name}", why, raw, (Relayed(body=b"hello", has=(shown,)),), reused=reused)


BLANKED = (
    _blanked("nul", b"X-A: b\x00c", b"X-A: b c", "RFC 9110 5.5, CVE-2019-9900", reused=False),
    _blanked("cr", b"X-A: b\rSet-Cookie: evil=1", b"X-A: b Set-Cookie: evil=1", "RFC 9112 2.2", reused=False),
    _blanked("lf", b"X-A: b\nSet-Cookie: evil=1", b"X-A: b Set-Cookie: evil=1", "RFC 9112 2.2", reused=False),
    _blanked("escape", b"X-A: b\x1b[2Jc", b"X-A: b [2Jc", "RFC 9110 5.5", reused=True),
    _blanked("delete", b"X-A: b\x7fc", b"X-A: b c", "RFC 9110 5.5", reused=True),
    _blanked("in-a-cookie", b"Set-Cookie: a=b\x01c", b"Set-Cookie: a=b c", "RFC 9110 5.5", reused=True),
    _blanked("folded", b"X-A: b\x01\r\n \x02c", b"X-A: b   c", "RFC 9112 5.2, RFC 9110 5.5", reused=True),
    ResponseVector(
        "blanked-reason",
        "RFC 9110 5.5: nothing raw reaches the caller",
        answer(LENGTH, line=b"HTTP/1.1 200 O\x1bK", body=b"hello"),
        (Relayed(body=b"hello"),),
        reused=True,
    ),
    ResponseVector(
        "blanked-framing",
        "RFC 9110 5.5: the answer is relayed, and the connection not used again",
        answer(b"Transfer-Encoding: \x0bchunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (Relayed(body=b"hello"),),
    ),
)

REPAIRED = (
    _changed("space-before-colon", b"X-A : b", b"X-A: b", "RFC 9112 5.1: a proxy removes it"),
    _changed("tab-before-colon", b"X-A\t: b", b"X-A: b", "RFC 9112 5.1: a proxy removes it"),
    _changed("fold", b"X-A: b\r\n c", b"X-A: b c", "RFC 9112 5.2: a proxy unfolds it"),
    _changed("fold-tabs", b"X-A: b\r\n\t \tc\r\n d", b"X-A: b c d", "RFC 9112 5.2: a proxy unfolds it"),
    _changed("fold-like-a-field", b"X-A: b\r\n Set-Cookie: c", b"X-A: b Set-Cookie: c", "RFC 9112 5.2"),
    ResponseVector(
        "changed-length-space-before-colon",
        "RFC 9112 5.1: a proxy removes it before it frames",
        answer(b"Content-Length : 5", body=b"hello"),
        (Relayed(body=b"hello", has=(LENGTH,)),),
        reused=True,
    ),
    ResponseVector(
        "changed-chunked-space-before-colon",
        "RFC 9112 5.1: a proxy removes it before it frames",
        answer(b"Transfer-Encoding : chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (Relayed(body=b"hello"),),
        reused=True,
    ),
)

KEPT = (
    _kept("case", b"x-LoWeR: 1", b"X-UPPER: 2"),
    _kept("order-and-duplicates", b"X-A: 1", b"X-B: 2", b"X-A: 3"),
    _kept("cookies", b"Set-Cookie: a=1; Secure", b"Set-Cookie: b=2", b"Set-Cookie: a=1; HttpOnly"),
    _kept("latin1", b"X-A: caf\xe9", why="hazards: header bytes outside ASCII"),
    _kept("all-obs-text", b"X-A: " + bytes(range(0x80, 0x100)), why="hazards: header bytes outside ASCII"),
    _kept("empty", b"X-A: "),
    _kept("tab-inside", b"X-A: a\tb"),
    _kept("underscore", b"X_Request_Id: 1"),
    _kept("coding", b"Content-Encoding: gzip", b"Content-Type: application/json", why="hazards: no body is rewritten"),
    _kept("type-twice", b"Content-Type: a/b", b"Content-Type: c/d"),
    _kept("server-and-date", b"Server: canary", b"Date: Tue, 15 Nov 1994 08:12:31 GMT"),
    _kept("retry-after", b"Retry-After: 120"),
    _kept("a-hundred", *[b"X-A: b"] * 99),
    _kept(
        "challenge-of-no-401", b'WWW-Authenticate: Basic realm="x"', why="design: only that of a 401 is about our token"
    ),
)

UNTOUCHED_LOCATIONS = (
    (b"foreign", b"https://elsewhere.example/REST/a"),
    (b"suffix", b"https://{API}.evil.example/REST/a"),
    (b"userinfo", b"https://user@{API}/REST/a"),
    (b"as-userinfo", b"https://{API}@evil.example/REST/a"),
    (b"other-port", b"https://localhost:1/REST/a"),
    (b"no-port", b"https://localhost/REST/a"),
    (b"cleartext", b"http://{API}/REST/a"),
    (b"no-scheme-elsewhere", b"//elsewhere.example/REST/a"),
    (b"other-path", b"/elsewhere/a"),
    (b"segment", b"/RESTful/a"),
    (b"relative", b"a/b"),
    (b"empty", b""),
    (b"mail", b"mailto:a@example.com"),
)
REWRITTEN_LOCATIONS = (
    (b"absolute", b"https://{API}/REST/a?b=c#d", b"http://localhost/employer/REST/a?b=c#d"),
    (b"scheme-case", b"HTTPS://{API}/REST/a", b"http://localhost/employer/REST/a"),
    (b"host-case", b"https://LOCALHOST:{PORT}/REST/a", b"http://localhost/employer/REST/a"),
    (b"port-zeros", b"https://localhost:0{PORT}/REST/a", b"http://localhost/employer/REST/a"),
    (b"no-scheme", b"//{API}/REST/a", b"http://localhost/employer/REST/a"),
    (b"bytes", b"https://{API}/REST/caf%C3%A9%2F", b"http://localhost/employer/REST/caf%C3%A9%2F"),
)

REWRITTEN = (
    _changed(
        "cookie-path", b"Set-Cookie: a=1; Path=/; Secure", b"Set-Cookie: a=1; Path=/employer/; Secure", "RFC 6265 5.2.4"
    ),
    _changed(
        "cookie-domain", b"Set-Cookie: a=1; domain=.example; Secure", b"Set-Cookie: a=1; Secure", "RFC 6265 5.2.3"
    ),
    *(
        _kept(f"location-{name.decode()}", b"Location: " + value, why="design: not at the profile's api_base")
        for name, value in UNTOUCHED_LOCATIONS
    ),
    *(
        _changed(
            f"location-{name.decode()}", b"Location: " + value, b"Location: " + shown, "design: parsed origins", 201
        )
        for name, value, shown in REWRITTEN_LOCATIONS
    ),
    _changed(
        "content-location",
        b"content-LOCATION: https://{API}/REST/a",
        b"content-LOCATION: http://localhost/employer/REST/a",
        "design",
    ),
    _changed("location-path", b"Location: /REST/a/b", b"Location: /employer/REST/a/b", "design: path-absolute", 201),
    _changed(
        "challenge",
        b'WWW-Authenticate: Basic realm="x"',
        b'Fla-Gateway-Upstream-Challenge: Basic realm="x"',
        "design: it is about our token",
        401,
    ),
)

HOP = "RFC 9110 7.6.1: hop-by-hop"
DROPPED = (
    _dropped("keep-alive", b"Keep-Alive: timeout=5", b"Connection: keep-alive", lacks=(b"keep-alive",), why=HOP),
    _dropped("nominated", b"Connection: x-hop", b"X-Hop: 1", lacks=(b"x-hop",), why=HOP),
    _dropped(
        "nominated-later",
        b"X-Hop: 1",
        b"Connection: X-HOP, x-other",
        b"x-other: 1",
        lacks=(b"x-hop", b"x-other"),
        why=HOP,
    ),
    _dropped("close", b"Connection: close", lacks=(), why="RFC 9112 9.6: not used again", reused=False),
    _dropped("upgrade", b"Upgrade: h2", b"Connection: upgrade", lacks=(b"upgrade",), why=HOP),
    _dropped("te-and-trailer", b"TE: trailers", b"Trailer: X-T", lacks=(b"te", b"trailer"), why=HOP),
    _dropped("proxy", b"Proxy-Connection: close", b"Proxy-Authenticate: Basic", lacks=(b"proxy-connection",), why=HOP),
    _dropped(
        "ours",
        b"Fla-Gateway-Upstream-Challenge: evil",
        b"fla-gateway-anything: evil",
        lacks=(b"fla-gateway-upstream-challenge", b"fla-gateway-anything"),
        why="design: Fla-Gateway-* from outside",
    ),
    _dropped(
        "ours-origin", b"Fla-Gateway-Origin: gateway", lacks=(), why="design: an upstream cannot pass for the gateway"
    ),
    ResponseVector(
        "dropped-nominated-length",
        "hazards: a nominated length is a body without its end",
        answer(b"Connection: content-length", LENGTH, body=b"hello"),
        (Relayed(body=b"hello", has=(LENGTH,)),),
        reused=True,
    ),
    ResponseVector(
        "dropped-nominated-coding",
        "hazards: nominated framing",
        answer(b"Connection: transfer-encoding", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
        (Relayed(body=b"hello"),),
        reused=True,
    ),
)

VECTORS = MALFORMED + BLANKED + REPAIRED + KEPT + REWRITTEN + DROPPED
