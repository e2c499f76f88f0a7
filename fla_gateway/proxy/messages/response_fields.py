"""Rule: which fields of an answer pass, which are dropped, which are rewritten (pure).

Owns the list for answers (RFC 9110, section 7.6), and how addresses and challenges in them are rewritten. Refuses to
know sockets, and what the answer means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from fla_gateway.http1.fields import value_of
from fla_gateway.http1.response import ResponseFraming, ResponseHead, frame_response
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.messages.browser_fields import could_run, restrain
from fla_gateway.proxy.messages.field_rules import (
    CHALLENGE,
    CODING,
    CONNECTION,
    COOKIE,
    DATE,
    DROP,
    HOP_BY_HOP,
    LENGTH,
    LOCATION,
    TRACE,
    TYPE,
    Actions,
)
from fla_gateway.proxy.messages.recorded_fields import trace_id
from fla_gateway.proxy.messages.set_cookie import confine_cookie

_RESPONSE_ACTIONS: Final[dict[bytes, int]] = dict.fromkeys(HOP_BY_HOP, DROP) | {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"location": LOCATION,
    b"content-location": LOCATION,
    b"www-authenticate": CHALLENGE,
    b"belgov-trace-id": TRACE,
    b"date": DATE,
    b"content-type": TYPE,
    b"set-cookie": COOKIE,
    b"set-cookie2": COOKIE,
}

_CHALLENGE_NAME: Final = b"Fla-Gateway-Upstream-Challenge"
_ABSOLUTE: Final = re.compile(rb"(https?)://([^/?#@\\]*+)(/[^\r\n]*+|)", re.IGNORECASE).fullmatch
# Another host in the eyes of a browser, which takes "\\" for "/" and leaves tabs out (WHATWG URL, section 4.4).
_OTHER_HOST: Final = re.compile(rb"/\t*+[/\\]").match
# Name and port, zeros in front of the port left out (RFC 3986, section 3.2.3); what is no port stays with the name.
_AUTHORITY: Final = re.compile(rb"(.*?)(?::(?:0*+([0-9]{1,5}))?)?", re.DOTALL).fullmatch
# Connection's own options, and the field that frames: a peer that nominates it would have the body forwarded without
# its end.
_NEVER_NOMINATED: Final = frozenset((b"close", b"keep-alive", b"content-length"))

# RFC 9110, sections 15.3.5 and 15.4.5
_BODILESS: Final = (204, 304)

_RESPONSE: Final = Actions(_RESPONSE_ACTIONS, (b"fla-gateway-",), underscores=True)


class Address(NamedTuple):
    """What is needed to rewrite an address of the API into one that the caller can use.

    Attributes:
        upstream: where the profile's requests are sent.
        prefix: ``/<profile>``, or nothing on a listener of the profile's own.
        scheme: of the listener.
    """

    upstream: Upstream
    prefix: bytes
    scheme: bytes = b"http"


def inbound(  # noqa: C901, PLR0912 - one pass over the fields, one branch for each kind that is not merely passed on
    head: ResponseHead,
    address: Address,
    host: bytes | None,
    *,
    to_head: bool,
    date: Callable[[], bytes] | None = None,
    browser_fields: bool = False,
) -> tuple[list[bytes], ResponseFraming, list[bytes], str]:
    """Judge and rewrite the head of an answer.

    Args:
        head: as it was read; any status.
        address: of the profile.
        host: the request's Host, by which the caller reaches the gateway.
        to_head: whether the request was a HEAD.
        date: returns the rest of a Date field, from the colon on, for a final response without one; None adds none.
        browser_fields: whether a response that a browser could run gets the gateway's own fields.

    Returns:
        The field lines that the caller gets (names and rests in turns; of the fields that frame a connection only
        Content-Length is among them), how the body ends, the values of WWW-Authenticate, and BelGov-Trace-Id as it
        may be recorded.

    Raises:
        ProtocolError: ``malformed-response``.
    """
    fields: list[bytes] = []
    framing_values: list[bytes | None] = [None, None, None, None]
    length_at = 0
    challenges: list[bytes] = []
    trace = ""
    dated = False
    runs: bool | None = None  # as the types say; None while there is none
    known = _RESPONSE.known.get
    for name, rest in head.lines:
        action = known(name, -1)
        if action < 0:
            action = _RESPONSE.learn(name)
        if not action:
            fields += (name, rest)
        elif action <= CONNECTION:
            before = framing_values[action]
            if action == LENGTH and before is None:
                length_at = len(fields)
            framing_values[action] = _joined(before, rest)
        elif action == DATE:
            dated = True
            fields += (name, rest)
        elif action == TYPE:
            runs = bool(runs) or could_run(rest)
            fields += (name, rest)
        elif action == TRACE:
            trace = trace_id(value_of(rest))
            fields += (name, rest)
        elif action == LOCATION:
            fields += (name, b": %b\r\n" % rewrite_location(value_of(rest), address, host))
        elif action == COOKIE:
            fields += (name, b": %b\r\n" % confine_cookie(value_of(rest), address.prefix))
        elif action == CHALLENGE:
            challenges.append(value_of(rest))
            # The challenge of a 401 is about our token; a client that saw it would ask a person for a password.
            fields += (_CHALLENGE_NAME if head.status == b"401" else name, rest)
    status = int(head.status)
    _, lengths, codings, connection = framing_values
    framing = frame_response(
        codings, lengths, connection, status=status, minor=head.minor, to_head=to_head, sound=head.sound
    )
    if framing.announced >= 0 and status >= 200 and status != 204:  # noqa: PLR2004 - RFC 9110, 8.6: no length there
        fields[length_at:length_at] = (b"Content-Length", b": %d\r\n" % framing.announced)
    if connection is not None:
        nominated = framing.options - _NEVER_NOMINATED
        fields = _without(fields, nominated)
        dated = dated and b"date" not in nominated
        runs = None if b"content-type" in nominated else runs
    if status >= 200:  # noqa: PLR2004 - a final response
        if not dated and date is not None:
            # RFC 9110, section 6.6.1: a gateway that forwards a response without Date adds the time it was received.
            fields += (b"Date", date())
        if browser_fields and runs is not False and status not in _BODILESS:
            fields = restrain(fields)
    return fields, framing, challenges, trace


def _joined(before: bytes | None, rest: bytes) -> bytes:
    # RFC 9110, section 5.3: lines of one name are one value, joined with commas.
    return value_of(rest) if before is None else before + b", " + value_of(rest)


def _without(fields: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    if not names:
        return fields
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return [part for name, rest in pairs if name.lower() not in names for part in (name, rest)]


def rewrite_location(value: bytes, address: Address, host: bytes | None) -> bytes:
    """Rewrite an address of the API into the address by which the caller reaches it.

    Absolute at the API's own origin (compared as parsed), or a path under /REST/; anything else stays as it is.

    Args:
        value: of Location or Content-Location.
        address: of the profile.
        host: the request's Host; without one (HTTP/1.0) a path is returned.
    """
    if value.startswith(b"/REST/"):
        return address.prefix + value
    match = _ABSOLUTE(value)
    if match is None or not _is_origin(match[1], match[2], address.upstream):
        return value
    path = address.prefix + (match[3] or b"/")
    if host:
        return address.scheme + b"://" + host + path
    # A path alone must not be read as another host; in that case the API's own address is kept.
    return value if _OTHER_HOST(path) else path


def _is_origin(scheme: bytes, authority: bytes, upstream: Upstream) -> bool:
    name, port = _AUTHORITY(authority).groups(b"")  # type: ignore[union-attr]  # it matches any text
    return (
        scheme.lower() == b"https"
        and name.lower().strip(b"[]").decode("latin-1") == upstream.host
        and (int(port) if port else 443) == upstream.port
    )
