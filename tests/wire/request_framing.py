"""Data: requests whose length can be read in two ways, and chunked bodies that are broken."""

from __future__ import annotations

from tests.wire.vector import Reaches, Unfinished, Vector, chunked, get, message, post, refused

SMUGGLED = message(b"GET /employer/REST/smuggled HTTP/1.1", b"Host: localhost")
REACHES_HELLO = Reaches(b"POST", body=b"hello")
BROKEN = Unfinished()
CHUNKED_HELLO = b"5\r\nhello\r\n0\r\n\r\n"
CODING = (400, 501)


def _length(
    name: str, value: bytes, why: str = "RFC 9112 6.3: an invalid Content-Length is an unrecoverable error"
) -> Vector:
    return Vector(f"content-length-{name}", why, post(b"Content-Length:" + value, body=b"hello"), (refused(400),))


LENGTHS = (
    _length("plus", b" +5"),
    _length("minus", b" -5"),
    _length("minus-zero", b" -0"),
    _length("empty", b""),
    _length("blank", b"   "),
    _length("hex", b" 0x5"),
    _length("hex-digit", b" a"),
    _length("octal-prefix", b" 0o5"),
    _length("underscore", b" 1_0"),
    _length("fraction", b" 5.0"),
    _length("exponent", b" 5e0"),
    _length("two-numbers", b" 5 5"),
    _length("semicolon", b" 5;"),
    _length("comma", b" 5,"),
    _length("list-differing", b" 5, 6"),
    _length("list-identical", b" 5, 5", "RFC 9110 8.6: reject or replace; a caller of ours has no reason to send it"),
    _length("quoted", b' "5"'),
    _length("fullwidth", b" \xef\xbc\x95", "int() of a language takes digits that HTTP does not know"),
    _length("arabic-latin1", b" \xb5"),
    _length("superscript", b" \xb2", "str.isdigit() is true of it"),
    _length("vertical-tab", b" 5\x0b", "control bytes are not whitespace (RFC 9110 5.6.3)"),
    _length("form-feed", b" \x0c5", "control bytes are not whitespace (RFC 9110 5.6.3)"),
    _length("nul", b" 5\x00", "RFC 9110 5.5: NUL in a value"),
    _length("no-break-space", b" \xa05", "str.strip() removes it, RFC 9110 does not"),
    _length("64-bit", b" 18446744073709551621", "2**64 + 5: overflow to 5 (RFC 9110 8.6)"),
    _length("32-bit", b" 4294967301" + b"0" * 12, "RFC 9110 8.6: anticipate large numerals"),
    _length("5000-digits", b" " + b"9" * 5000, "a numeral that costs quadratic time to read"),
    Vector(
        "content-length-twice-differing",
        "RFC 9112 6.3; CVE-2026-34525",
        post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
        (refused(400),),
    ),
    Vector(
        "content-length-twice-identical",
        "RFC 9110 8.6: reject or replace",
        post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
        (refused(400),),
    ),
    Vector(
        "content-length-twice-differing-case",
        "RFC 9110 5.1: names are case-insensitive",
        post(b"Content-Length: 5", b"cOnTeNt-lEnGtH: 0", body=b"hello"),
        (refused(400),),
    ),
    Vector(
        "content-length-tabs",
        "RFC 9110 5.6.3: OWS is space and tab",
        post(b"Content-Length:\t5 \t", body=b"hello"),
        (REACHES_HELLO,),
    ),
    Vector(
        "content-length-leading-zeros",
        "RFC 9110 8.6: 1*DIGIT; an upstream may read octal",
        post(b"Content-Length: 0005", body=b"hello"),
        ((refused(400), Reaches(b"POST", body=b"hello", has=(b"Content-Length: 5",))),),
    ),
    Vector(
        "content-length-space-before-colon",
        "RFC 9112 5.1: MUST reject",
        post(b"Content-Length : 5", body=b"hello"),
        (refused(400),),
    ),
    Vector(
        "content-length-of-get",
        "RFC 9110 9.3.1: content of a GET has no meaning but a length",
        get(b"Content-Length: " + str(len(SMUGGLED)).encode()) + SMUGGLED,
        (Reaches(body=SMUGGLED),),
    ),
    Vector(
        "content-length-underscore-is-no-length",
        "CVE-2025-64484: `_` read as `-` behind us",
        post(b"Content_Length: 5", b"Content-Length: 0"),
        (Reaches(b"POST", lacks=(b"content_length",)),),
    ),
    Vector(
        "content-length-short-and-end",
        "RFC 9112 8: an incomplete request",
        post(b"Content-Length: 10", body=b"hello"),
        (Unfinished(silent=True),),
        fin=True,
    ),
)


def _coding(name: str, value: bytes, why: str = "RFC 9112 6.1: only `chunked`, once, last") -> Vector:
    raw = post(b"Transfer-Encoding:" + value, body=CHUNKED_HELLO)
    return Vector(f"transfer-encoding-{name}", why, raw, (refused(*CODING),))


CODINGS = (
    _coding("unknown", b" xchunked"),
    _coding("identity", b" identity"),
    _coding("gzip", b" gzip"),
    _coding("gzip-chunked", b" gzip, chunked"),
    _coding("chunked-gzip", b" chunked, gzip", "RFC 9112 6.3: chunked not last: 400"),
    _coding("chunked-identity", b" chunked, identity"),
    _coding("chunked-twice", b" chunked, chunked"),
    _coding("empty", b""),
    _coding("quoted", b' "chunked"'),
    _coding("parameter", b" chunked;q=1"),
    _coding("vertical-tab", b" \x0bchunked", "TE.TE: a control byte that one side strips"),
    _coding("nul", b" chunked\x00", "TE.TE: a control byte that one side strips"),
    _coding("two-words", b" chunked foo"),
    _coding("no-break-space", b" \xa0chunked", "TE.TE: a byte that str.strip() removes"),
    _coding("kelvin", b" chun\xe2\x84\xaaed", "str.lower() of the Kelvin sign is k"),
    _coding("bare-cr", b" \rchunked", "RFC 9112 2.2: bare CR"),
    _coding("bare-lf", b"\nchunked", "RFC 9112 2.2: bare LF"),
    _coding("folded", b"\r\n chunked", "RFC 9112 5.2: obs-fold"),
    _coding("folded-x", b" x\r\n chunked", "RFC 9112 5.2: obs-fold"),
    Vector(
        "transfer-encoding-twice",
        "RFC 9112 6.1: chunked applied twice",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKED_HELLO),
        (refused(*CODING),),
    ),
    Vector(
        "transfer-encoding-twice-identity",
        "TE.TE",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=CHUNKED_HELLO),
        (refused(*CODING),),
    ),
    Vector(
        "transfer-encoding-space-before-colon",
        "RFC 9112 5.1; TE.TE",
        post(b"Transfer-Encoding : chunked", body=CHUNKED_HELLO),
        (refused(400),),
    ),
    Vector(
        "transfer-encoding-name-tab",
        "RFC 9112 5.1; TE.TE",
        post(b"Transfer-Encoding\t: chunked", body=CHUNKED_HELLO),
        (refused(400),),
    ),
    Vector(
        "transfer-encoding-hidden-by-a-fold",
        "RFC 9112 5.2; TE.TE",
        post(b"X-Nothing: x", b" Transfer-Encoding: chunked", body=CHUNKED_HELLO),
        (refused(400),),
    ),
    Vector(
        "transfer-encoding-hidden-by-a-bare-lf",
        "RFC 9112 2.2; TE.TE",
        post(b"X-Nothing: x\nTransfer-Encoding: chunked", body=CHUNKED_HELLO),
        (refused(400),),
    ),
    Vector(
        "transfer-encoding-and-content-length",
        "RFC 9112 6.1: CL.TE",
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKED_HELLO),
        (refused(400),),
    ),
    Vector(
        "content-length-after-transfer-encoding",
        "RFC 9112 6.1: TE.CL with a request behind",
        post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
        (refused(400),),
    ),
    Vector(
        "transfer-encoding-in-http-1.0",
        "RFC 9112 6.1: faulty framing",
        message(b"POST /employer/REST/echo HTTP/1.0", b"Transfer-Encoding: chunked", body=CHUNKED_HELLO),
        (refused(*CODING),),
    ),
    Vector(
        "transfer-encoding-in-http-1.0-kept-alive",
        "RFC 9112 6.1: faulty framing",
        message(
            b"POST /employer/REST/echo HTTP/1.0",
            b"Host: localhost",
            b"Connection: keep-alive",
            b"Transfer-Encoding: chunked",
            body=CHUNKED_HELLO + SMUGGLED,
        ),
        (refused(*CODING),),
    ),
    Vector(
        "transfer-encoding-case",
        "RFC 9112 7: codings are case-insensitive",
        post(b"TRANSFER-ENCODING: ChUnKeD", body=CHUNKED_HELLO),
        (REACHES_HELLO,),
    ),
    Vector(
        "transfer-encoding-tab",
        "RFC 9110 5.6.3: OWS is space and tab",
        post(b"Transfer-Encoding:\tchunked\t", body=CHUNKED_HELLO),
        (REACHES_HELLO,),
    ),
    Vector(
        "transfer-encoding-empty-member",
        "RFC 9110 5.6.1: empty list members mean nothing",
        post(b"Transfer-Encoding: , chunked", body=CHUNKED_HELLO),
        ((refused(*CODING), REACHES_HELLO),),
    ),
    Vector(
        "transfer-encoding-underscore-is-none",
        "CVE-2025-64484: `_` read as `-` behind us",
        post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"hello"),
        (Reaches(b"POST", body=b"hello", lacks=(b"transfer_encoding",)),),
    ),
    Vector(
        "transfer-encoding-of-get",
        "RFC 9112 6: framing does not depend on the method",
        get(b"Transfer-Encoding: chunked") + CHUNKED_HELLO,
        (Reaches(body=b"hello"),),
    ),
)


def _chunks(name: str, body: bytes, why: str = "RFC 9112 7.1") -> Vector:
    return Vector(f"chunk-{name}", why, chunked(body), (BROKEN,))


def _good(name: str, body: bytes, why: str, seen: bytes = b"hello") -> Vector:
    return Vector(f"chunk-{name}", why, chunked(body), (Reaches(b"POST", body=seen, lacks=(b"trailer", b"x-t")),))


CHUNKS = (
    _chunks("size-minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-underscore", b"0_5\r\nhello\r\n0\r\n\r\n", "int() of Python takes it"),
    _chunks("size-leading-space", b" 5\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-not-hex", b"g\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-empty", b"\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-only-extension", b";a=b\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-two", b"5 5\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-comma", b"5,\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-nul", b"5\x00\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-fullwidth", b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n"),
    _chunks("size-64-bit", b"10000000000000005\r\nhello\r\n0\r\n\r\n", "RFC 9112 7.1: overflow"),
    _chunks("size-64-bit-minus-one", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "RFC 9112 7.1: overflow"),
    _chunks("size-5000-digits", b"f" * 5000 + b"\r\nhello\r\n0\r\n\r\n", "RFC 9112 7.1: overflow"),
    _chunks("size-5000-zeros", b"0" * 5000 + b"5\r\nhello\r\n0\r\n\r\n", "a size line without end"),
    _chunks("size-bare-lf", b"5\nhello\r\n0\r\n\r\n", "RFC 9112 2.2; CL.TE by line ends"),
    _chunks("size-bare-cr", b"5\rhello\r\n0\r\n\r\n", "RFC 9112 2.2"),
    _chunks("size-cr-cr-lf", b"5\r\r\nhello\r\n0\r\n\r\n", "RFC 9112 2.2"),
    _chunks("last-bare-lf", b"5\r\nhello\r\n0\n\r\n", "RFC 9112 2.2"),
    _chunks("last-then-bare-lf", b"5\r\nhello\r\n0\r\n\n" + SMUGGLED, "RFC 9112 2.2"),
    _chunks("data-too-long", b"5\r\nhelloX\r\n0\r\n\r\n"),
    _chunks("data-too-short", b"5\r\nhel\r\n0\r\n\r\n"),
    _chunks("data-end-bare-lf", b"5\r\nhello\n0\r\n\r\n", "RFC 9112 2.2"),
    _chunks("data-end-missing", b"5\r\nhello0\r\n\r\n"),
    _chunks("data-end-two-bytes", b"5\r\nhelloXX0\r\n\r\n", "a parser that skips two bytes unseen"),
    _chunks(
        "extension-bare-lf", b"5;a\nb\r\nhello\r\n0\r\n\r\n", "a line end inside an extension (2025 class TERM.EXT)"
    ),
    _chunks("extension-bare-cr", b"5;a\rb\r\nhello\r\n0\r\n\r\n", "a line end inside an extension (2025 class)"),
    _chunks("extension-nul", b"5;a=\x00\r\nhello\r\n0\r\n\r\n"),
    _chunks("extension-huge", b"5;" + b"a" * 70_000 + b"\r\nhello\r\n0\r\n\r\n", "RFC 9112 7.1.1: limit extensions"),
    _chunks("extension-endless", b"5;" + b"a" * 200_000, "RFC 9112 7.1.1: limit extensions"),
    _chunks("trailer-no-colon", b"0\r\nnonsense\r\n\r\n", "RFC 9112 7.1.2"),
    _chunks("trailer-space-before-colon", b"0\r\nX-T : v\r\n\r\n", "RFC 9112 5.1"),
    _chunks("trailer-empty-name", b"0\r\n: v\r\n\r\n"),
    _chunks("trailer-fold", b"0\r\nX-T: v\r\n w\r\n\r\n", "RFC 9112 5.2"),
    _chunks("trailer-nul", b"0\r\nX-T: \x00\r\n\r\n"),
    _chunks("trailer-bare-lf", b"0\r\nX-T: v\nX-U: v\r\n\r\n", "RFC 9112 2.2"),
    _chunks("trailer-huge", b"0\r\nX-T: " + b"v" * 70_000 + b"\r\n\r\n", "CVE-2026-22815"),
    _chunks("trailer-many", b"0\r\n" + b"X-T: v\r\n" * 10_000 + b"\r\n", "CVE-2026-22815"),
    _chunks("trailer-endless", b"0\r\nX-T: " + b"v" * 200_000, "CVE-2026-22815"),
    _good("plain", CHUNKED_HELLO, "RFC 9112 7.1"),
    _good("size-upper-hex", b"A\r\n0123456789\r\n0\r\n\r\n", "RFC 9112 7.1", b"0123456789"),
    _good("size-leading-zeros", b"0005\r\nhello\r\n000\r\n\r\n", "RFC 9112 7.1: 1*HEXDIG, last-chunk 1*`0`"),
    _good("extension", b'5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n', "RFC 9112 7.1.1: ignore unknown extensions"),
    _good("trailer", b"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n", "RFC 9110 6.5.1: trailers may be discarded"),
    _good(
        "trailer-framing",
        b"5\r\nhello\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\nX-T: v\r\n\r\n",
        "RFC 9110 6.5.1: framing fields of a trailer mean nothing",
    ),
    _good(
        "trailer-authority",
        b"5\r\nhello\r\n0\r\nHost: evil.example\r\nAuthorization: Bearer stolen\r\nX-T: v\r\n\r\n",
        "RFC 9110 6.5.1: routing and authentication fields of a trailer mean nothing",
    ),
    Vector(
        "chunk-size-trailing-space",
        "RFC 9112 7.1.1: BWS stands only before an extension",
        chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
        ((BROKEN, REACHES_HELLO),),
    ),
    Vector(
        "chunk-data-is-a-request",
        "TE.CL: the body must stay a body",
        chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
        (Reaches(b"POST", body=SMUGGLED),),
    ),
    Vector(
        "chunk-missing-last-and-end",
        "RFC 9112 8: an incomplete request",
        chunked(b"5\r\nhello\r\n"),
        (Unfinished(silent=True),),
        fin=True,
    ),
    Vector(
        "chunk-missing-last-line-and-end",
        "RFC 9112 8: an incomplete request",
        chunked(b"5\r\nhello\r\n0\r\n"),
        (Unfinished(silent=True),),
        fin=True,
    ),
)

NO_LENGTH = (
    Vector(
        "no-length-but-a-type",
        "RFC 9112 6.3: a server MAY reject with 411; the body must never be a request",
        post(b"Content-Type: application/json", body=SMUGGLED),
        (refused(411, code="length-required"),),
    ),
    Vector(
        "no-length-in-http-1.0-and-a-body",
        "RFC 1945 7.2.2: a length is needed for every body",
        message(b"POST /employer/REST/echo HTTP/1.0", b"Connection: keep-alive", body=SMUGGLED),
        (refused(411, code="length-required"),),
    ),
    Vector(
        "no-length-in-http-1.0-and-a-type",
        "RFC 1945 7.2.2: a length is needed for every body",
        message(b"POST /employer/REST/echo HTTP/1.0", b"Content-Type: text/plain"),
        (refused(411, code="length-required"),),
    ),
    *(
        Vector(
            f"no-length-and-content-behind-{name}",
            "RFC 9112 6.3: a server MAY reject with 411; the API must not be asked for less than the client meant",
            message(method + b" /employer/REST/echo HTTP/1.1", b"Host: localhost", *typed, body=b'{"id": 1}'),
            (refused(411, code="length-required"),),
        )
        for name, method, typed in (
            ("delete", b"DELETE", ()),
            ("typed-delete", b"DELETE", (b"Content-Type: application/json",)),
            ("post", b"POST", ()),
        )
    ),
    Vector(
        "no-length-and-no-sign-of-a-body",
        "RFC 9112 6.3: a request without framing fields has no body",
        post(b"Accept: a"),
        (Reaches(b"POST"),),
    ),
    Vector(
        "length-zero-and-a-type",
        "RFC 9110 8.6: what clients send for an empty body",
        post(b"Content-Type: application/json", b"Content-Length: 0"),
        (Reaches(b"POST"),),
    ),
    Vector(
        "type-without-body-on-get",
        "RFC 9110 9.3.1: many clients set a type on every request",
        get(b"Content-Type: application/json"),
        (Reaches(has=(b"Content-Type: application/json",)),),
    ),
)

VECTORS = LENGTHS + CODINGS + CHUNKS + NO_LENGTH
