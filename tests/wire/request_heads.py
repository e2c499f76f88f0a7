"""Data: request lines, field lines and whole heads that the grammar does not know, and sequences of requests."""

from __future__ import annotations

from tests.wire.request_framing import SMUGGLED
from tests.wire.vector import Reaches, Unfinished, Vector, get, message, post, refused

ECHO = b"/employer/REST/echo"


def _line(name: str, line: bytes, *statuses: int, why: str = "RFC 9112 3") -> Vector:
    return Vector(f"line-{name}", why, message(line, b"Host: localhost"), (refused(*(statuses or (400,))),))


LINES = (
    _line("two-spaces", b"GET  " + ECHO + b" HTTP/1.1"),
    _line("two-spaces-before-version", b"GET " + ECHO + b"  HTTP/1.1"),
    _line("tab", b"GET\t" + ECHO + b"\tHTTP/1.1"),
    _line("trailing-space", b"GET " + ECHO + b" HTTP/1.1 "),
    _line("leading-space", b" GET " + ECHO + b" HTTP/1.1"),
    _line("space-in-target", b"GET " + ECHO + b" x HTTP/1.1"),
    _line("second-version", b"GET " + ECHO + b" HTTP/1.1 HTTP/1.1"),
    _line("no-target", b"GET HTTP/1.1"),
    _line("empty-target", b"GET  HTTP/1.1"),
    _line("only-method", b"GET"),
    _line("http-0.9", b"GET " + ECHO, 400, 505, why="RFC 9112 3: a request line has a version"),
    _line("is-a-status-line", b"HTTP/1.1 200 OK"),
    _line("form-feed", b"GET\x0c" + ECHO + b" HTTP/1.1"),
    _line("nul-in-target", b"GET " + ECHO + b"\x00 HTTP/1.1"),
    _line("bare-cr-in-target", b"GET " + ECHO + b"\rX: y HTTP/1.1"),
    _line("bare-lf-in-target", b"GET " + ECHO + b"\nX: y HTTP/1.1"),
    _line("non-ascii-target", b"GET /employer/REST/caf\xc3\xa9 HTTP/1.1", why="RFC 3986 2: a URI is ASCII"),
    _line("latin1-target", b"GET /employer/REST/caf\xe9 HTTP/1.1", why="RFC 3986 2: a URI is ASCII"),
    _line("delete-in-target", b"GET " + ECHO + b"\x7f HTTP/1.1"),
    _line("tab-in-target", b"GET " + ECHO + b"\tx HTTP/1.1"),
    _line("method-nul", b"GE\x00T " + ECHO + b" HTTP/1.1", why="RFC 9110 5.6.2: method is a token"),
    _line("method-parenthesis", b"GE(T " + ECHO + b" HTTP/1.1", why="RFC 9110 5.6.2: method is a token"),
    _line("method-colon", b"GET: " + ECHO + b" HTTP/1.1", why="RFC 9110 5.6.2: method is a token"),
    _line("method-empty", b" " + ECHO + b" HTTP/1.1", why="RFC 9110 5.6.2: method is a token"),
    _line("method-latin1", b"G\xc9T " + ECHO + b" HTTP/1.1", why="RFC 9110 5.6.2: method is a token"),
    _line("version-2.0", b"GET " + ECHO + b" HTTP/2.0", 505, why="RFC 9110 15.6.6"),
    _line("version-3", b"GET " + ECHO + b" HTTP/3", 400, 505, why="RFC 9110 15.6.6"),
    _line("version-0.9", b"GET " + ECHO + b" HTTP/0.9", 505, why="RFC 9110 15.6.6"),
    _line("version-9.9", b"GET " + ECHO + b" HTTP/9.9", 505, why="RFC 9110 15.6.6"),
    _line("version-1.10", b"GET " + ECHO + b" HTTP/1.10", 400, 505, why="RFC 9112 2.3: one digit"),
    _line("version-01.1", b"GET " + ECHO + b" HTTP/01.1", 400, 505, why="RFC 9112 2.3: one digit"),
    _line("version-1.", b"GET " + ECHO + b" HTTP/1.", 400, 505, why="RFC 9112 2.3"),
    _line("version-1", b"GET " + ECHO + b" HTTP/1", 400, 505, why="RFC 9112 2.3"),
    _line("version-1.1.1", b"GET " + ECHO + b" HTTP/1.1.1", 400, 505, why="RFC 9112 2.3"),
    _line("version-comma", b"GET " + ECHO + b" HTTP/1,1", 400, 505, why="RFC 9112 2.3"),
    _line("version-lower-case", b"GET " + ECHO + b" http/1.1", 400, 505, why="RFC 9112 2.3: case-sensitive"),
    _line("version-name", b"GET " + ECHO + b" HTCPCP/1.1", 400, 505, why="RFC 9112 2.3"),
    _line("version-space", b"GET " + ECHO + b" HTTP/ 1.1", why="RFC 9112 2.3"),
    _line("version-fullwidth", b"GET " + ECHO + b" HTTP/\xef\xbc\x91.1", 400, 505, why="str.isdigit() is true of it"),
    Vector(
        "line-version-1.2",
        "RFC 9110 2.5: served as the highest minor version known, or refused",
        message(b"GET " + ECHO + b" HTTP/1.2", b"Host: localhost"),
        ((refused(400, 505), Reaches()),),
    ),
    Vector(
        "line-http2-preface",
        "RFC 9113 3.4: HTTP/2 by prior knowledge",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        (refused(400, 505),),
    ),
    Vector(
        "line-tls-hello",
        "a caller that speaks TLS to the plain door",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x5a" * 32 + b"\r\n\r\n",
        (refused(400),),
    ),
    Vector("line-nothing-but-nul", "no HTTP", b"\x00" * 64 + b"\r\n\r\n", (refused(400),)),
    Vector(
        "method-lower-case",
        "RFC 9110 9.1: methods are case-sensitive: another method, never GET",
        message(b"get " + ECHO + b" HTTP/1.1", b"Host: localhost"),
        ((refused(400, 405, 501, closes=None), Reaches(b"get")),),
    ),
    Vector(
        "method-unknown",
        "RFC 9110 9.1: any token; the upstream decides",
        message(b"M-SEARCH!#$%&'*+.^_`|~09 " + ECHO + b" HTTP/1.1", b"Host: localhost"),
        (Reaches(b"M-SEARCH!#$%&'*+.^_`|~09"),),
    ),
    Vector(
        "method-trace",
        "RFC 9110 9.3.8: the upstream would show our bearer to the caller; a refusal is better",
        message(b"TRACE " + ECHO + b" HTTP/1.1", b"Host: localhost"),
        ((refused(400, 403, 405, 501, closes=None), Reaches(b"TRACE")),),
    ),
    Vector(
        "method-connect-authority",
        "RFC 9110 9.3.6: no tunnels",
        message(b"CONNECT www.socialsecurity.be:443 HTTP/1.1", b"Host: localhost"),
        (refused(405, code="method-refused"),),
    ),
    Vector(
        "method-connect-path",
        "RFC 9110 9.3.6: no tunnels",
        message(b"CONNECT " + ECHO + b" HTTP/1.1", b"Host: localhost"),
        (refused(400, 405),),
    ),
    Vector(
        "method-connect-then-request",
        "RFC 9110 9.3.6: what follows is not HTTP",
        message(b"CONNECT localhost:443 HTTP/1.1", b"Host: localhost") + SMUGGLED,
        (refused(405, code="method-refused"),),
    ),
    Vector(
        "method-options-asterisk",
        "RFC 9112 3.2.4: nothing of ours is there",
        message(b"OPTIONS * HTTP/1.1", b"Host: localhost"),
        (refused(400, 404, 405, closes=None),),
    ),
    Vector(
        "target-asterisk-get",
        "RFC 9112 3.2.4: only with OPTIONS",
        message(b"GET * HTTP/1.1", b"Host: localhost"),
        (refused(400, 404, closes=None),),
    ),
)


def _field(name: str, *lines: bytes, why: str = "RFC 9112 5", statuses: tuple[int, ...] = (400,)) -> Vector:
    return Vector(f"field-{name}", why, get(*lines), (refused(*statuses),))


FIELDS = (
    _field("no-colon", b"nonsense"),
    _field("empty-name", b": x"),
    _field("only-colon", b":"),
    _field("space-before-colon", b"X-A : b", why="RFC 9112 5.1: MUST reject"),
    _field("tab-before-colon", b"X-A\t: b", why="RFC 9112 5.1: MUST reject"),
    _field("space-in-name", b"X A: b"),
    _field("parenthesis-in-name", b"X(A): b"),
    _field("slash-in-name", b"X/A: b"),
    _field("quote-in-name", b'"X-A": b'),
    _field("latin1-in-name", b"X-\xe9: b"),
    _field("utf8-in-name", b"X-\xc3\xa9: b"),
    _field("nul-in-name", b"X-\x00A: b"),
    _field("cr-in-name", b"X-\rA: b"),
    _field("lf-in-name", b"X-\nA: b"),
    _field("delete-in-name", b"X-\x7f: b"),
    _field("nul-in-value", b"X-A: b\x00c", why="CVE-2019-9900"),
    _field("cr-in-value", b"X-A: b\rc", why="RFC 9112 2.2: bare CR"),
    _field("lf-in-value", b"X-A: b\nc", why="RFC 9112 2.2: bare LF"),
    _field("lf-injects-a-field", b"X-A: b\nX-B: c", why="RFC 9112 2.2: bare LF"),
    _field("cr-at-end", b"X-A: b\r", why="RFC 9112 2.2: bare CR"),
    _field("bell-in-value", b"X-A: b\x07c", why="RFC 9110 5.5"),
    _field("escape-in-value", b"X-A: \x1b[31m", why="RFC 9110 5.5"),
    _field("vertical-tab-in-value", b"X-A: b\x0bc", why="RFC 9110 5.5"),
    _field("delete-in-value", b"X-A: b\x7fc", why="RFC 9110 5.5: field-vchar is VCHAR or obs-text"),
    _field("fold-space", b"X-A: b", b" c", why="RFC 9112 5.2: obs-fold in a request"),
    _field("fold-tab", b"X-A: b", b"\tc", why="RFC 9112 5.2: obs-fold in a request"),
    _field("fold-blank", b"X-A: b", b" ", why="RFC 9112 5.2: obs-fold in a request"),
    Vector(
        "field-space-before-the-first",
        "RFC 9112 2.2: whitespace between request line and fields",
        message(b"GET " + ECHO + b" HTTP/1.1", b" Host: localhost", b"Host: localhost"),
        (refused(400),),
    ),
    Vector(
        "head-bare-lf",
        "RFC 9112 2.2: bare LF as line end",
        b"GET " + ECHO + b" HTTP/1.1\nHost: localhost\n\n",
        (refused(400),),
    ),
    Vector(
        "head-bare-lf-in-the-first-line",
        "RFC 9112 2.2: bare LF as line end",
        b"GET " + ECHO + b" HTTP/1.1\nHost: localhost\r\n\r\n",
        (refused(400),),
    ),
    Vector(
        "head-ends-with-lf-crlf",
        "RFC 9112 2.2: bare LF as line end",
        b"GET " + ECHO + b" HTTP/1.1\r\nHost: localhost\n\r\n",
        (refused(400),),
    ),
    Vector(
        "head-ends-with-crlf-lf",
        "RFC 9112 2.2: bare LF as line end",
        b"GET " + ECHO + b" HTTP/1.1\r\nHost: localhost\r\n\n" + SMUGGLED,
        (refused(400),),
    ),
    Vector(
        "head-bare-cr",
        "RFC 9112 2.2: bare CR as line end",
        b"GET " + ECHO + b" HTTP/1.1\rHost: localhost\r\r" + b"\r\n\r\n",
        (refused(400),),
    ),
    Vector("head-huge-value", "RFC 9110 5.4: limits", get(b"X-A: " + b"a" * 66_000), (refused(431),)),
    Vector("head-huge-name", "RFC 9110 5.4: limits", get(b"a" * 66_000 + b": b"), (refused(431),)),
    Vector("head-many-fields", "RFC 9110 5.4: limits", get(*[b"X-A: b"] * 101), (refused(431),)),
    Vector("head-endless-line", "RFC 9112 3: limits", b"GET /employer/REST/" + b"a" * 70_000, (refused(414),)),
    Vector(
        "head-long-query", "RFC 9112 3: limits", get(target=b"/employer/REST/echo?q=" + b"a" * 70_000), (refused(414),)
    ),
    Vector(
        "head-long-target-that-fits",
        "RFC 9112 3: limits",
        get(target=b"/employer/REST/" + b"a" * 65_400),
        (Reaches(target=b"/REST/" + b"a" * 65_400),),
    ),
    Vector(
        "head-longest-target-and-long-fields",
        "RFC 9112 3: limits",
        get(b"X: " + b"b" * 9_000, target=b"/employer/REST/" + b"a" * 61_425),
        (refused(431),),
    ),
    Vector(
        "head-target-one-too-long-and-long-fields",
        "RFC 9112 3: limits",
        get(b"X: " + b"b" * 9_000, target=b"/employer/REST/" + b"a" * 61_426),
        (refused(414),),
    ),
    Vector("head-endless-method", "RFC 9112 3: limits", b"A" * 70_000, (refused(400, 431, 501),)),
    Vector("head-endless-field", "RFC 9110 5.4", get()[:-2] + b"X-A: " + b"a" * 70_000, (refused(431),)),
    Vector(
        "head-many-small-fields",
        "RFC 9110 5.4: limits",
        get(*[b"a:"] * 20_000),
        (refused(431),),
    ),
    Vector(
        "head-exactly-the-limit-of-fields", "RFC 9110 5.4", get(*[b"X-A: b"] * 99), (Reaches(has=(b"X-A: b",) * 99),)
    ),
    Vector(
        "head-unfinished-and-end",
        "RFC 9112 8",
        get()[:-2],
        (Unfinished(silent=True),),
        fin=True,
    ),
    Vector("head-nothing-and-end", "a probe of a load balancer", b"", (Unfinished(silent=True),), fin=True),
)

SEQUENCES = (
    Vector(
        "sequence-two",
        "RFC 9112 9.3.2: pipelining",
        get() + get(target=b"/employer/REST/b"),
        (Reaches(), Reaches(target=b"/REST/b")),
    ),
    Vector(
        "sequence-twenty",
        "RFC 9112 9.3.2: pipelining, answered in order",
        b"".join(get(target=b"/employer/REST/%d" % n) for n in range(20)),
        tuple(Reaches(target=b"/REST/%d" % n) for n in range(20)),
    ),
    Vector(
        "sequence-bodies",
        "RFC 9112 9.3.2: pipelining with bodies",
        post(b"Content-Length: 5", body=b"hello")
        + post(b"Transfer-Encoding: chunked", body=b"2\r\nab\r\n0\r\n\r\n")
        + get(),
        (Reaches(b"POST", body=b"hello"), Reaches(b"POST", body=b"ab"), Reaches()),
    ),
    Vector(
        "sequence-hidden-in-a-body",
        "CL: the body must stay a body",
        post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
        (Reaches(b"POST", body=SMUGGLED),),
    ),
    Vector(
        "sequence-body-without-length",
        "RFC 9112 6.3: neither length nor coding: no body; what follows is the next request",
        post(body=b"hello=world\r\n\r\n"),
        (Reaches(b"POST"), refused(400)),
    ),
    Vector(
        "sequence-extra-bytes",
        "RFC 9112 9.3: bytes behind a request are the next one",
        get() + b"\x01\x02garbage\r\n\r\n",
        (Reaches(), refused(400)),
    ),
    Vector(
        "sequence-body-longer-than-its-length",
        "CL: the rest is the next request",
        post(b"Content-Length: 5", body=b"helloGARBAGE\r\n\r\n"),
        (Reaches(b"POST", body=b"hello"), refused(400)),
    ),
    Vector(
        "sequence-refused-ends-it",
        "after a malformed head nothing more is believed",
        get() + get(b"X A: b") + SMUGGLED,
        (Reaches(), refused(400)),
    ),
    Vector(
        "sequence-close-ends-it",
        "RFC 9112 9.6: nothing is served after close",
        get(b"Connection: close") + SMUGGLED,
        (Reaches(closes=True),),
    ),
    Vector(
        "sequence-http-1.0-ends-it",
        "RFC 9112 9.3: HTTP/1.0 without keep-alive",
        message(b"GET " + ECHO + b" HTTP/1.0") + SMUGGLED,
        (Reaches(closes=True),),
    ),
    Vector(
        "sequence-http-1.0-kept-alive",
        "RFC 9112 9.3: HTTP/1.0 with keep-alive",
        message(b"GET " + ECHO + b" HTTP/1.0", b"Connection: Keep-Alive") + get(),
        (Reaches(closes=None), Reaches()),
    ),
    Vector(
        "sequence-http-1.0-kept-alive-and-close",
        "RFC 9112 9.3: close wins",
        message(b"GET " + ECHO + b" HTTP/1.0", b"Connection: keep-alive, close") + SMUGGLED,
        (Reaches(closes=True),),
    ),
    Vector("sequence-leading-crlf", "RFC 9112 2.2: one empty line is ignored", b"\r\n" + get(), (Reaches(),)),
    Vector(
        "sequence-crlf-between",
        "RFC 9112 2.2: one empty line is ignored",
        post(b"Content-Length: 5", body=b"hello") + b"\r\n" + get(),
        (Reaches(b"POST", body=b"hello"), Reaches()),
    ),
    Vector(
        "sequence-many-leading-crlf",
        "RFC 9112 2.2: at least one is ignored; an endless row of them is an attack",
        b"\r\n" * 10_000 + get(),
        (refused(400),),
    ),
    Vector("sequence-leading-lf", "RFC 9112 2.2: bare LF", b"\n" + get(), (refused(400),)),
    Vector("sequence-leading-cr", "RFC 9112 2.2: bare CR", b"\r" + get(), (refused(400),)),
    Vector(
        "sequence-half-closed-after-a-request",
        "RFC 9112 9.6: FIN after a complete request is no reason to stop",
        get(),
        (Reaches(closes=None),),
        fin=True,
    ),
)

VECTORS = LINES + FIELDS + SEQUENCES
