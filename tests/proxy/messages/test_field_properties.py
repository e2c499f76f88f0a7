"""Header fields: what passes, passes byte for byte and in order; what must not pass never does, in no spelling."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from fla_gateway.http1.response import read_response_head
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.messages.location import Address
from fla_gateway.proxy.messages.request_fields import RequestFields, read_fields
from fla_gateway.proxy.messages.response_fields import rewrite_head
from tests.http1.strategies import FRAMING, cased, tokens, values
from tests.support.properties import BOUNDED
from tests.wire.vector import message

NAMES = frozenset((b"localhost",))
ADDRESS = Address(Upstream("api.example", 443), b"/employer")
BROWSER = {b"origin", b"referer", b"sec-fetch-site"}
Line = tuple[bytes, bytes]

HOSTILE = (
    b"Keep-Alive", b"Proxy-Connection", b"Proxy-Authorization", b"TE", b"Trailer", b"Upgrade", b"HTTP2-Settings",
    b"Authorization", b"X-Api-Key", b"X-Forwarded-For", b"X-Forwarded-New-Idea", b"Forwarded", b"X-HTTP-Method",
    b"X-HTTP-Method-Override", b"X-Method-Override", b"X-Original-URL", b"X-Rewrite-URL",
    b"X-Original-Method", b"X-Override-URL", b"Destination", b"X-Real-IP", b"True-Client-IP", b"X-Client-Cert",
    b"Client-Cert", b"Client-Cert-Chain", b"Proxy",
    b"X-SSL-Client-Cert", b"traceparent", b"tracestate",
    b"baggage", b"Fla-Gateway-Origin", b"Fla-Gateway-Anything", b"X_Forwarded_For", b"Content_Length",
)  # fmt: skip
PLAIN = (b"Accept", b"Content-Type", b"Cookie", b"X-A", b"X-B", b"Via", b"BelGov-Trace-Id", b"If-Match")
_dropped = re.compile(
    rb"keep-alive|proxy-connection|proxy-authorization|te|trailer|upgrade|http2-settings|authorization|x-api-key"
    rb"|x-forwarded-.*|forwarded|x-http-method.*|x-method-override|x-original-.*|x-rewrite-url|x-override-url"
    rb"|destination|x-real-ip|true-client-ip|x-client-cert"
    rb"|client-cert|client-cert-chain|proxy|x-ssl-client-.*|traceparent|tracestate"
    rb"|baggage|fla-gateway-.*|.*_.*|connection|host|expect|transfer-encoding|proxy-authenticate"
).fullmatch

names = st.one_of(st.sampled_from(HOSTILE + PLAIN).flatmap(cased), tokens).filter(
    lambda name: name.lower() not in FRAMING | BROWSER
)
field_lists = st.lists(st.tuples(names, values), max_size=8)
nominations = st.lists(
    st.sampled_from(PLAIN + HOSTILE + (b"close", b"Content-Length", b"Host")).flatmap(cased), max_size=3
)


def _read(fields: list[Line], nominated: list[bytes], *framing: bytes) -> RequestFields:
    lines = [name + b": " + value for name, value in fields]
    connection = [b"Connection: " + b", ".join(nominated)] if nominated else []
    return read_fields(message(b"Host: localhost", *lines, *connection, *framing), 1, NAMES)


def _pairs(block: bytes) -> list[Line]:
    pairs = [line.partition(b": ")[::2] for line in block.split(b"\r\n")[:-1]]
    return [(name, value) for name, value in pairs]


@BOUNDED
@given(field_lists, nominations)
def test_a_request_keeps_its_end_to_end_fields_and_nothing_else(fields: list[Line], nominated: list[bytes]) -> None:
    """What is neither dropped by the contract nor nominated is forwarded byte for byte and in order."""
    options = {name.lower() for name in nominated}
    kept = [line for line in fields if not _dropped(line[0].lower()) and line[0].lower() not in options]
    found = _read(fields, nominated)
    assert found.refusal is None
    assert _pairs(found.forwarded) == kept
    assert found.traced is any(name.lower() == b"belgov-trace-id" for name, _ in kept)


@BOUNDED
@given(field_lists, nominations, st.integers(0, 10**9), st.booleans())
def test_framing_is_written_once_and_cannot_be_nominated_away(
    fields: list[Line], nominated: list[bytes], length: int, chunked: bool
) -> None:
    """Whatever Connection names, a body's framing is forwarded exactly once, as it was derived."""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % length
    found = _read(fields, nominated, framing)
    written = [
        name + b": " + value
        for name, value in _pairs(found.forwarded)
        if name.lower() in {b"content-length", b"transfer-encoding"}
    ]
    assert written == [framing]
    assert found.length == (-1 if chunked else length)


@BOUNDED
@given(field_lists, st.sampled_from((b"Origin", b"Referer", b"Sec-Fetch-Site")).flatmap(cased), nominations, st.data())
def test_a_page_is_noticed_wherever_its_field_stands(
    fields: list[Line], name: bytes, nominated: list[bytes], data: st.DataObject
) -> None:
    """A browser's field in any case and at any place, nominated or not, is refused."""
    place = data.draw(st.integers(0, len(fields)))
    found = _read([*fields[:place], (name, b"https://evil.example/"), *fields[place:]], [*nominated, name])
    assert found.refusal is not None
    assert found.refusal.code == "browser-refused"


@BOUNDED
@given(st.binary(max_size=20).filter(lambda host: host.lower() != b"localhost"))
def test_no_other_bytes_pass_for_the_listeners_name(host: bytes) -> None:
    """Only the listener's own name is accepted as Host; anything else is malformed or foreign."""
    if not re.fullmatch(rb"[0-9A-Za-z.\-_]*", host):
        return
    found = read_fields(message(b"Host: " + host), 1, NAMES)
    assert found.refusal is not None
    assert found.refusal.code == "wrong-host"


RESPONSE_HOSTILE = (
    b"Keep-Alive", b"Proxy-Connection", b"Proxy-Authenticate", b"TE", b"Trailer", b"Upgrade", b"Fla-Gateway-Origin",
    b"Fla-Gateway-Upstream-Challenge",
)  # fmt: skip
RESPONSE_PLAIN = (b"Content-Type", b"Set-Cookie", b"ETag", b"X-A", b"X_B", b"Server", b"Date", b"Via")
_response_dropped = re.compile(
    rb"keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|upgrade|fla-gateway-.*|connection"
).fullmatch
_special = {
    b"location",
    b"content-location",
    b"www-authenticate",
    b"connection",
    b"content-length",
    b"transfer-encoding",
}
response_names = st.one_of(st.sampled_from(RESPONSE_HOSTILE + RESPONSE_PLAIN).flatmap(cased), tokens).filter(
    lambda name: name.lower() not in _special
)


@BOUNDED
@example(fields=[], nominated=[], status=204)
@example(fields=[], nominated=[], status=304)
@given(
    st.lists(st.tuples(response_names, values), max_size=8),
    st.lists(st.sampled_from((b"X-A", b"set-cookie", b"close", b"keep-alive", b"content-length")), max_size=3),
    st.integers(200, 599),
)
def test_an_answer_keeps_its_end_to_end_fields_and_nothing_else(
    fields: list[Line], nominated: list[bytes], status: int
) -> None:
    """What is neither hop-by-hop nor the gateway's own comes back byte for byte and in order, with its length."""
    lines = [name + b": " + value for name, value in fields]
    connection = [b"Connection: " + b", ".join(nominated)] if nominated else []
    raw = message(b"HTTP/1.1 %d X" % status, *lines, *connection, b"Content-Length: 5")
    shown, framing, *_ = rewrite_head(read_response_head(raw), ADDRESS, b"localhost", to_head=False)
    options = {name.lower() for name in nominated}
    kept = [line for line in fields if not _response_dropped(line[0].lower()) and line[0].lower() not in options]
    length = [] if status == 204 else [(b"Content-Length", b"5")]
    assert _pairs(b"".join(shown)) == kept + length
    # A 204 has no length: where it says one, bytes may follow that are no answer to the next request.
    assert framing.persistent is (b"close" not in options and status != 204)


@BOUNDED
@given(st.binary(max_size=40).map(lambda value: bytes(byte for byte in value if byte >= 0x21 and byte != 0x7F)))
def test_no_location_is_rewritten_to_a_foreign_place(value: bytes) -> None:
    """A Location is either what the upstream wrote or an address of this gateway under the profile's own name."""
    for written in (value, b"https://api.example" + value, b"/REST/" + value, b"https://" + value):
        raw = message(b"HTTP/1.1 201 X", b"Location: " + written, b"Content-Length: 0")
        fields, *_ = rewrite_head(read_response_head(raw), ADDRESS, b"localhost", to_head=False)
        shown = _pairs(b"".join(fields))[0][1]
        assert shown == written or shown.startswith((b"http://localhost/employer/", b"/employer/REST/"))
