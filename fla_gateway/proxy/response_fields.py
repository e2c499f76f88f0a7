"""Rule: which fields of an answer pass, which are dropped, which are rewritten (pure).

Owns the list for answers (RFC 9110, section 7.6), and what becomes of addresses and challenges in them. Refuses to know
sockets, and what the answer means.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from fla_gateway.http1.fields import value_of
from fla_gateway.http1.response import ResponseFraming, ResponseHead, frame_response
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.field_actions import (
    CHALLENGE,
    CODING,
    CONNECTION,
    DROP,
    HOP_BY_HOP,
    LENGTH,
    LOCATION,
    TRACE,
    Actions,
)
from fla_gateway.proxy.notes import trace_id

_RESPONSE_ACTIONS: Final[dict[bytes, int]] = dict.fromkeys(HOP_BY_HOP, DROP) | {
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"location": LOCATION,
    b"content-location": LOCATION,
    b"www-authenticate": CHALLENGE,
    b"belgov-trace-id": TRACE,
}

_CHALLENGE_NAME: Final = b"Fla-Gateway-Upstream-Challenge"
_ABSOLUTE: Final = re.compile(rb"(https?)://([^/?#@\\]*+)(/[^\r\n]*+|)", re.IGNORECASE).fullmatch
# Name and port, zeros in front of the port left out (RFC 3986, section 3.2.3); what is no port stays with the name.
_AUTHORITY: Final = re.compile(rb"(.*?)(?::(?:0*+([0-9]{1,5}))?)?", re.DOTALL).fullmatch
# Connection's own options, and the field that frames: a peer that nominates it would have the body forwarded without
# its end.
_NEVER_NOMINATED: Final = frozenset((b"close", b"keep-alive", b"content-length"))

_RESPONSE: Final = Actions(_RESPONSE_ACTIONS, (b"fla-gateway-",), underscores=True)


class Address(NamedTuple):
    """What turns an address of the API into one that the caller can use.

    Attributes:
        upstream: where the profile's requests go.
        prefix: ``/<profile>``, or nothing on a listener of the profile's own.
        scheme: of the listener.
    """

    upstream: Upstream
    prefix: bytes
    scheme: bytes = b"http"


def inbound(  # noqa: C901 - one pass over the fields, with one branch for each kind that is not merely passed on
    head: ResponseHead, address: Address, host: bytes | None, *, to_head: bool
) -> tuple[list[bytes], ResponseFraming, list[bytes], str]:
    """Judge and rewrite the head of an answer.

    Args:
        head: as it was read; any status.
        address: of the profile.
        host: the request's Host, by which the caller reaches the gateway.
        to_head: whether the request was a HEAD.

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
        elif action == TRACE:
            trace = trace_id(value_of(rest))
            fields += (name, rest)
        elif action == LOCATION:
            fields += (name, b": %b\r\n" % rewrite_location(value_of(rest), address, host))
        elif action == CHALLENGE:
            challenges.append(value_of(rest))
            # The challenge of a 401 is about our token; a client that saw it would ask a person for a password.
            fields += (_CHALLENGE_NAME if head.status == b"401" else name, rest)
    status = int(head.status)
    _, lengths, codings, connection = framing_values
    framing = frame_response(codings, lengths, connection, status=status, minor=head.minor, to_head=to_head)
    if framing.announced >= 0 and status >= 200 and status != 204:  # noqa: PLR2004 - RFC 9110, 8.6: no length there
        fields[length_at:length_at] = (b"Content-Length", b": %d\r\n" % framing.announced)
    if connection is not None:
        fields = _without(fields, framing.options - _NEVER_NOMINATED)
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
        host: the request's Host; without one (HTTP/1.0) a path is given.
    """
    if value.startswith(b"/REST/"):
        return address.prefix + value
    match = _ABSOLUTE(value)
    if match is None or not _is_origin(match[1], match[2], address.upstream):
        return value
    path = address.prefix + (match[3] or b"/")
    return path if not host else address.scheme + b"://" + host + path


def _is_origin(scheme: bytes, authority: bytes, upstream: Upstream) -> bool:
    name, port = _AUTHORITY(authority).groups(b"")  # type: ignore[union-attr]  # it matches whatever there is
    return (
        scheme.lower() == b"https"
        and name.lower().strip(b"[]").decode("latin-1") == upstream.host
        and (int(port) if port else 443) == upstream.port
    )
