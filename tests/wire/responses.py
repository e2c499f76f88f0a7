"""Data: raw answers of an upstream, and what the caller may see of each."""

from __future__ import annotations

from tests.wire.response_fields import VECTORS as FIELDS
from tests.wire.vector import Failed, Relay, Relayed, ResponseVector, Truncated, answer

MALFORMED = (Failed(),)
LENGTH = b"Content-Length: 5"
CHUNKED = b"Transfer-Encoding: chunked"
HELLO = Relayed(body=b"hello")
CODED = b"5\r\nhello\r\n0\r\n\r\n"


def _bad(name: str, raw: bytes, why: str) -> ResponseVector:
    return ResponseVector(name, why, raw, MALFORMED)


def _line(name: str, line: bytes, why: str = "RFC 9112 4") -> ResponseVector:
    return _bad(f"line-{name}", answer(LENGTH, line=line, body=b"hello"), why)


def _fine(name: str, raw: bytes, why: str, *expect: Relay) -> ResponseVector:
    return ResponseVector(name, why, raw, expect or (HELLO,), reused=True)


LINES = (
    _bad(
        "another-protocol", b"SSH-2.0-OpenSSH_9.6\r\n", "RFC 9112 2.1: told at once, not after the time for an answer"
    ),
    _line("two-spaces", b"HTTP/1.1  200 OK"),
    _line("tab", b"HTTP/1.1\t200 OK"),
    _line("leading-space", b" HTTP/1.1 200 OK"),
    _line("no-status", b"HTTP/1.1"),
    _line("two-digits", b"HTTP/1.1 20 OK"),
    _line("four-digits", b"HTTP/1.1 2000 OK"),
    _line("letters", b"HTTP/1.1 2OO OK"),
    _line("minus", b"HTTP/1.1 -20 OK"),
    _line("zero", b"HTTP/1.1 000 OK"),
    _line("superscript", b"HTTP/1.1 \xb2\xb2\xb2 OK"),
    _line("http-2", b"HTTP/2 200 OK"),
    _line("http-2.0", b"HTTP/2.0 200 OK"),
    _line("http-0.9", b"HTTP/0.9 200 OK"),
    _line("lower-case", b"http/1.1 200 OK", "RFC 9112 2.3: case-sensitive"),
    _line("icy", b"ICY 200 OK", "shoutcast"),
    _line("nul-in-reason", b"HTTP/1.1 200 O\x00K"),
    _line("cr-in-reason", b"HTTP/1.1 200 O\rK"),
    _line("is-a-request", b"GET / HTTP/1.1"),
    _bad("line-blank-first", b"\r\n" + answer(LENGTH, body=b"hello"), "RFC 9112 2.2 speaks of requests alone"),
    _bad("line-html", b"<html>hello</html>\r\n\r\n", "HTTP/0.9"),
    _bad("line-bare-lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "RFC 9112 2.2: bare LF"),
    _bad("line-tls-alert", b"\x15\x03\x03\x00\x02\x02\x28\r\n\r\n", "no HTTP"),
    _fine("line-empty-reason", answer(LENGTH, line=b"HTTP/1.1 200 ", body=b"hello"), "RFC 9112 4"),
    _fine("line-missing-space", answer(LENGTH, line=b"HTTP/1.1 200", body=b"hello"), "design: real servers do"),
    _fine("line-latin1-reason", answer(LENGTH, line=b"HTTP/1.1 200 cr\xe9\xe9", body=b"hello"), "RFC 9112 4: obs-text"),
    _fine(
        "line-odd-status", answer(LENGTH, line=b"HTTP/1.1 299 X", body=b"hello"), "RFC 9110 15", Relayed(299, b"hello")
    ),
)

FRAMING = (
    _fine("length", answer(LENGTH, body=b"hello"), "RFC 9112 6.3"),
    _fine("length-twice-identical", answer(LENGTH, LENGTH, body=b"hello"), "RFC 9112 6.3"),
    _fine("length-list-identical", answer(b"Content-Length: 5, 5", body=b"hello"), "RFC 9112 6.3"),
    _bad("length-twice-differing", answer(LENGTH, b"Content-Length: 6", body=b"hello!"), "RFC 9112 6.3"),
    _bad("length-list-differing", answer(b"Content-Length: 5, 6", body=b"hello!"), "RFC 9112 6.3"),
    _bad("length-plus", answer(b"Content-Length: +5", body=b"hello"), "RFC 9110 8.6"),
    _bad("length-minus", answer(b"Content-Length: -5", body=b"hello"), "RFC 9110 8.6"),
    _bad("length-empty", answer(b"Content-Length:", body=b"hello"), "RFC 9110 8.6"),
    _bad("length-hex", answer(b"Content-Length: 0x5", body=b"hello"), "RFC 9110 8.6"),
    _bad("length-huge", answer(b"Content-Length: 18446744073709551621", body=b"hello"), "RFC 9110 8.6: overflow"),
    _bad("length-and-chunked", answer(LENGTH, CHUNKED, body=CODED), "RFC 9112 6.3: ought to be an error"),
    _bad("chunked-and-length", answer(CHUNKED, LENGTH, body=CODED), "RFC 9112 6.3: ought to be an error"),
    _bad("coding-gzip", answer(b"Transfer-Encoding: gzip", body=b"hello"), "RFC 9112 6.1: no TE was sent"),
    _bad(
        "coding-gzip-chunked", answer(b"Transfer-Encoding: gzip, chunked", body=CODED), "RFC 9112 6.1: no TE was sent"
    ),
    _bad("coding-chunked-gzip", answer(b"Transfer-Encoding: chunked, gzip", body=CODED), "RFC 9112 6.3"),
    _bad("coding-twice", answer(CHUNKED, CHUNKED, body=CODED), "RFC 9112 6.1"),
    _bad("coding-identity", answer(b"Transfer-Encoding: identity", body=b"hello"), "RFC 9112 7: removed in 2014"),
    _bad("coding-in-http-1.0", answer(CHUNKED, line=b"HTTP/1.0 200 OK", body=CODED), "RFC 9112 6.1: faulty framing"),
    _fine("chunked", answer(CHUNKED, body=CODED), "RFC 9112 7.1"),
    _fine("chunked-case", answer(b"transfer-ENCODING:\tChunked ", body=CODED), "RFC 9112 7: case-insensitive"),
    _fine("chunked-extension", answer(CHUNKED, body=b"5;a=b\r\nhello\r\n0;c\r\n\r\n"), "RFC 9112 7.1.1"),
    *(
        ResponseVector(
            f"chunked-odd-{name}", "RFC 9112 7.1: dropped, and nothing follows", answer(CHUNKED, body=body), (HELLO,)
        )
        for name, body in (
            ("extension", b"5;\r\nhello\r\n0\r\n\r\n"),
            ("extension-words", b"5;a b\r\nhello\r\n0\r\n\r\n"),
            ("last-extension", b'5\r\nhello\r\n0;a="b\r\n\r\n'),
            ("trailer", b"5\r\nhello\r\n0\r\nX-T : v\r\n\r\n"),
            ("trailer-nul", b"5\r\nhello\r\n0\r\nX-T: \x00\r\n\r\n"),
            ("trailer-fold", b"5\r\nhello\r\n0\r\nX-T: a\r\n b\r\n\r\n"),
        )
    ),
    _fine("chunked-quoted", answer(CHUNKED, body=b'5 ; a = "b;\\"c" ;d\r\nhello\r\n0\r\n\r\n'), "RFC 9112 7.1.1"),
    _fine("chunked-padded", answer(CHUNKED, body=b"5  \r\nhello\r\n0  \r\n\r\n"), "old servers pad their sizes"),
    _fine(
        "chunked-trailer",
        answer(CHUNKED, body=b"5\r\nhello\r\n0\r\nX-T: v\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\n\r\n"),
        "RFC 9110 6.5.1: trailers may be discarded",
        Relayed(body=b"hello", lacks=(b"x-t", b"set-cookie", b"trailer")),
    ),
    ResponseVector(
        "length-body-too-long",
        "bytes behind an answer belong to nothing",
        answer(LENGTH, body=b"helloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        (HELLO,),
    ),
    ResponseVector(
        "chunked-bytes-behind",
        "bytes behind an answer belong to nothing",
        answer(CHUNKED, body=CODED + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        (HELLO,),
    ),
)


def _cut(name: str, raw: bytes, why: str, *expect: Relay, ending: str = "close") -> ResponseVector:
    return ResponseVector(name, why, raw, expect, ending=ending)  # type: ignore[arg-type]


HALF = Truncated(b"he")
NOTHING = Truncated(b"")
CLOSED = Failed(frozenset(("api-closed", "api-malformed")))
BROKEN_CHUNKS = (
    ("size", b"g\r\nhello\r\n0\r\n\r\n"),
    ("size-minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    ("size-0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("size-huge", b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    ("size-bare-lf", b"5\nhello\r\n0\r\n\r\n"),
    ("size-endless", b"5;" + b"a" * 70_000),
    ("trailer-no-colon", b"0\r\nnonsense\r\n\r\n"),
    ("trailer-endless", b"0\r\nX-T: " + b"a" * 70_000),
)
ENDS = (
    *(
        _cut(
            f"broken-chunk-{name}", answer(CHUNKED, body=body), "RFC 9112 8: incomplete", NOTHING, CLOSED, ending="keep"
        )
        for name, body in BROKEN_CHUNKS
    ),
    _cut(
        "broken-chunk-data-too-long",
        answer(CHUNKED, body=b"2\r\nheX\r\n0\r\n\r\n"),
        "RFC 9112 8",
        HALF,
        NOTHING,
        CLOSED,
    ),
    _cut("end-in-length", answer(LENGTH, body=b"he"), "RFC 9112 8: incomplete", HALF),
    _cut("end-in-length-without-notify", answer(LENGTH, body=b"he"), "RFC 9112 8: incomplete", HALF, ending="cut"),
    _cut("end-in-chunk", answer(CHUNKED, body=b"5\r\nhe"), "RFC 9112 8: incomplete", HALF),
    _cut("end-before-last-chunk", answer(CHUNKED, body=b"2\r\nhe\r\n"), "RFC 9112 8: incomplete", HALF),
    _cut("end-in-last-chunk", answer(CHUNKED, body=b"2\r\nhe\r\n0\r\n"), "RFC 9112 8: incomplete", HALF),
    _cut("end-before-the-body", answer(LENGTH), "RFC 9112 8: incomplete", NOTHING, CLOSED),
    _cut("end-in-head", answer(LENGTH)[:-2], "RFC 9112 8: incomplete", CLOSED),
    _cut("end-in-line", b"HTTP/1.1 20", "RFC 9112 8: incomplete", CLOSED),
    _cut("end-in-head-reset", answer(LENGTH)[:-2], "RFC 9112 8: incomplete", CLOSED, ending="reset"),
    _cut("end-after-interim", answer(line=b"HTTP/1.1 103 Early Hints"), "RFC 9110 15.2: no final answer", CLOSED),
    _cut("end-until-close", answer(body=b"hello"), "RFC 9112 6.3: until close, with close_notify", HELLO),
    _cut("end-until-close-empty", answer(), "RFC 9112 6.3: until close, with close_notify", Relayed()),
    _cut(
        "end-until-close-http-1.0",
        answer(line=b"HTTP/1.0 200 OK", body=b"hello"),
        "RFC 9112 6.3: until close, with close_notify",
        HELLO,
    ),
    _cut(
        "end-until-close-without-notify",
        answer(body=b"hello"),
        "RFC 9112 9.8: without close_notify it is truncated",
        Truncated(b"hello"),
        ending="cut",
    ),
    _cut(
        "end-until-close-reset",
        answer(body=b"hello"),
        "RFC 9112 8",
        Truncated(b"hello"),
        NOTHING,
        CLOSED,
        ending="reset",
    ),
    *(
        ResponseVector(
            f"end-to-http-1.0-{name}",
            "RFC 9112 8: to a caller that reads until close, FIN would pass for the end: only a reset is honest",
            raw,
            (Truncated(b"hello"),),
            ending="cut",
            minor=0,
        )
        for name, raw in (
            ("in-chunk", answer(CHUNKED, body=b"9\r\nhello")),
            ("before-last-chunk", answer(CHUNKED, body=b"5\r\nhello\r\n")),
            ("in-length", answer(b"Content-Length: 9", body=b"hello")),
            ("until-close", answer(body=b"hello")),
        )
    ),
    ResponseVector(
        "end-before-head-get",
        "design: GET is sent once more when a reused connection died before any byte",
        b"",
        (Relayed(repeated=True),),
        ending="close",
    ),
    ResponseVector(
        "end-before-head-head",
        "design: HEAD is sent once more when a reused connection died before any byte",
        b"",
        (Relayed(repeated=True),),
        method=b"HEAD",
        ending="reset",
    ),
    *(
        ResponseVector(
            f"end-before-head-{label}",
            "design: nothing but GET and HEAD is ever sent twice",
            b"",
            (Failed(frozenset(("api-closed",))),),
            method=method,
            ending="close",
        )
        for label, method in (
            ("post", b"POST"),
            ("put", b"PUT"),
            ("patch", b"PATCH"),
            ("delete", b"DELETE"),
            ("options", b"OPTIONS"),
            ("lower-case-get", b"get"),
        )
    ),
)

BODILESS = (
    ResponseVector("204", "RFC 9110 15.3.5", answer(line=b"HTTP/1.1 204 No Content"), (Relayed(204),), reused=True),
    ResponseVector(
        "204-with-length",
        "RFC 9110 8.6: no Content-Length in 204",
        answer(LENGTH, line=b"HTTP/1.1 204 No Content"),
        (Relayed(204, lacks=(b"content-length",)),),
    ),
    ResponseVector(
        "204-with-length-0",
        "RFC 9110 8.6: no Content-Length in 204, but this one announces nothing",
        answer(b"Content-Length: 0", line=b"HTTP/1.1 204 No Content"),
        (Relayed(204, lacks=(b"content-length",)),),
        reused=True,
    ),
    *(
        ResponseVector(
            f"{name}-with-coding",
            "RFC 9112 6.1: a server that writes the coding may write a last chunk, too",
            answer(b"Transfer-Encoding: " + coding, line=line),
            (Relayed(int(line[9:12]), lacks=(b"transfer-encoding",)),),
            method=method,
        )
        for name, line, coding, method in (
            ("204", b"HTTP/1.1 204 No Content", b"chunked", b"DELETE"),
            ("204-unknown", b"HTTP/1.1 204 No Content", b"gzip, chunked", b"PUT"),
            ("304", b"HTTP/1.1 304 Not Modified", b"chunked", b"GET"),
            ("head-404", b"HTTP/1.1 404 Not Found", b"chunked", b"HEAD"),
        )
    ),
    ResponseVector(
        "204-with-two-framings",
        "RFC 9112 6.3: a 204 ends with its head, whatever stands there",
        answer(CHUNKED, LENGTH, line=b"HTTP/1.1 204 No Content"),
        (Relayed(204, lacks=(b"transfer-encoding", b"content-length")),),
        method=b"DELETE",
    ),
    ResponseVector(
        "204-with-body",
        "RFC 9112 6.3: bytes behind a 204 are no body",
        answer(LENGTH, line=b"HTTP/1.1 204 No Content", body=b"hello"),
        (Relayed(204),),
    ),
    ResponseVector(
        "204-with-chunked-body",
        "RFC 9112 6.3: bytes behind a 204 are no body",
        answer(CHUNKED, line=b"HTTP/1.1 204 No Content", body=CODED),
        (Relayed(204, lacks=(b"transfer-encoding",)),),
    ),
    ResponseVector(
        "304-with-length",
        "RFC 9110 15.4.5: the length of what is not sent",
        answer(LENGTH, b'ETag: "a"', line=b"HTTP/1.1 304 Not Modified"),
        (Relayed(304, has=(LENGTH, b'ETag: "a"')),),
        reused=True,
    ),
    ResponseVector(
        "304-with-body",
        "RFC 9112 6.3: bytes behind a 304 are no body",
        answer(LENGTH, line=b"HTTP/1.1 304 Not Modified", body=b"hello"),
        (Relayed(304),),
    ),
    ResponseVector(
        "head-with-length",
        "RFC 9110 9.3.2",
        answer(b"Content-Length: 123456"),
        (Relayed(has=(b"Content-Length: 123456",)),),
        method=b"HEAD",
        reused=True,
    ),
    ResponseVector("head-with-chunked", "RFC 9110 9.3.2", answer(CHUNKED), (Relayed(),), method=b"HEAD"),
    ResponseVector(
        "head-with-body",
        "RFC 9112 6.3: bytes behind an answer to HEAD are no body",
        answer(LENGTH, body=b"hello"),
        (Relayed(),),
        method=b"HEAD",
    ),
    ResponseVector(
        "post-empty",
        "RFC 9110 8.6",
        answer(b"Content-Length: 0", line=b"HTTP/1.1 201 Created"),
        (Relayed(201, has=(b"Content-Length: 0",)),),
        method=b"POST",
        reused=True,
    ),
)

FINAL = answer(LENGTH, body=b"hello")
HINTS = answer(b"Link: </a>; rel=preload", line=b"HTTP/1.1 103 Early Hints")
INTERIM = (
    _fine("interim-100", answer(line=b"HTTP/1.1 100 Continue") + FINAL, "design: the gateway answers Expect itself"),
    _fine("interim-103", HINTS + FINAL, "RFC 8297", Relayed(body=b"hello", interim=(103,))),
    _fine("interim-103-twice", HINTS + HINTS + FINAL, "RFC 8297", Relayed(body=b"hello", interim=(103, 103))),
    _fine(
        "interim-102",
        answer(line=b"HTTP/1.1 102 Processing") + FINAL,
        "RFC 9110 15.2: forwarded",
        Relayed(body=b"hello", interim=(102,)),
    ),
    ResponseVector(
        "interim-103-to-http-1.0", "RFC 9110 15.2: never to HTTP/1.0", HINTS + FINAL, (HELLO,), minor=0, reused=True
    ),
    _bad("interim-flood", HINTS * 1300 + FINAL, "interim answers without end"),
    _fine("interim-many", HINTS * 1000 + FINAL, "64 KiB of them", Relayed(body=b"hello", interim=(103,) * 1000)),
    *(
        ResponseVector(
            f"interim-with-{name}",
            "RFC 9112 6.1, RFC 9110 8.6: a server that announces a body may send it",
            answer(line, line=b"HTTP/1.1 103 Early Hints") + FINAL,
            (Relayed(body=b"hello", interim=(103,), lacks=(b"x",)),),
        )
        for name, line in (("length", LENGTH), ("coding", CHUNKED), ("close", b"Connection: close"))
    ),
    _bad("interim-with-body", answer(CHUNKED, line=b"HTTP/1.1 103 X", body=CODED) + FINAL, "no head begins like that"),
    _bad("interim-101", answer(b"Upgrade: h2c", line=b"HTTP/1.1 101 Switching Protocols"), "design: 502"),
    _bad("interim-101-websocket", answer(b"Connection: Upgrade", b"Upgrade: websocket", line=b"HTTP/1.1 101 X"), "502"),
    _bad("interim-malformed", answer(b"X A: b", line=b"HTTP/1.1 103 Early Hints") + FINAL, "RFC 9112 5"),
)

VECTORS = LINES + FRAMING + ENDS + BODILESS + INTERIM + FIELDS
