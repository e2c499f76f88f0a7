"""Rule: which fields pass, which are dropped, which are set, in both directions (pure).

Owns the lists of design and RFC 9110, section 7.6. Refuses to know sockets; a token is revealed here, and nowhere else
on the data path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from fla_gateway.access.caller import Presented
from fla_gateway.access.credentials import presented
from fla_gateway.access.cross_origin import preflight, trusted_origin
from fla_gateway.access.guard import judge
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import FieldLine, field_lines, value_of
from fla_gateway.http1.request import frame_request
from fla_gateway.http1.response import ResponseFraming, ResponseHead, frame_response
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.notes import REFERENCE, read_notes, trace_id
from fla_gateway.proxy.record import NO_NOTES, Notes

# What is done with a field. Plain numbers: they are compared for every field of every message.
_KEEP: Final = 0
_LENGTH: Final = 1
_CODING: Final = 2
_CONNECTION: Final = 3
_DROP: Final = 4
_TRACE: Final = 5
_LOCATION: Final = 6
_CHALLENGE: Final = 7
_NOTE: Final = 8
"""Kept back for the records, and not forwarded."""

# RFC 9110, section 7.6.1, and what older software sends of the kind.
_HOP_BY_HOP: Final = (
    b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"upgrade",
)  # fmt: skip

_REQUEST_ACTIONS: Final[dict[bytes, int]] = dict.fromkeys(
    (
        *_HOP_BY_HOP,
        b"connection", b"transfer-encoding", b"host", b"expect", b"http2-settings",
        # The caller's credentials end here; the token is ours.
        b"authorization", b"x-api-key",
        # Fields that speak for a caller or rewrite a request, which an API might believe.
        b"forwarded", b"x-method-override", b"x-original-url", b"x-rewrite-url",
        # Belgif: W3C tracing does not cross the trust boundary.
        b"tracestate", b"baggage",
    ),
    _DROP,
) | {
    b"content-length": _LENGTH,
    b"belgov-trace-id": _TRACE,
    b"traceparent": _NOTE,
    REFERENCE: _NOTE,
}  # fmt: skip
_DROPPED_PREFIXES: Final = (b"x-forwarded-", b"x-http-method", b"fla-gateway-")

_RESPONSE_ACTIONS: Final[dict[bytes, int]] = dict.fromkeys(_HOP_BY_HOP, _DROP) | {
    b"content-length": _LENGTH,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
    b"location": _LOCATION,
    b"content-location": _LOCATION,
    b"www-authenticate": _CHALLENGE,
    b"belgov-trace-id": _TRACE,
}

_CHALLENGE_NAME: Final = b"Fla-Gateway-Upstream-Challenge"
_ABSOLUTE: Final = re.compile(rb"(https?)://([^/?#@\\]*+)(/[^\r\n]*+|)", re.IGNORECASE).fullmatch
# Name and port, zeros in front of the port left out (RFC 3986, section 3.2.3); what is no port stays with the name.
_AUTHORITY: Final = re.compile(rb"(.*?)(?::(?:0*+([0-9]{1,5}))?)?", re.DOTALL).fullmatch
# Connection's own options, and the field that frames: a peer that nominates it would have the body forwarded without
# its end.
_NEVER_NOMINATED: Final = frozenset((b"close", b"keep-alive", b"content-length"))
_TOKEN_ID_BYTES: Final = 8
_REMEMBERED_NAMES: Final = 1_024
_LONGEST_NAME: Final = 64
"""Bytes of the longest name that is remembered; both sides choose names freely, and all of them are kept for good."""


class _Actions:
    """Field name as written -> what is done with it; the few hundred names in use are remembered in their spelling."""

    def __init__(self, table: dict[bytes, int], prefixes: tuple[bytes, ...], *, underscores: bool) -> None:
        self._table = table
        self._prefixes = prefixes
        self._underscores = underscores
        self.known: dict[bytes, int] = {}

    def learn(self, name: bytes) -> int:
        """Decide on a name that is not in `known`."""
        lower = name.lower()
        action = self._table.get(lower, _KEEP)
        # Software behind the API may take X_Forwarded_For for X-Forwarded-For (CGI turns both into one variable).
        if (lower.startswith(self._prefixes) and action != _NOTE) or (b"_" in lower and not self._underscores):
            action = _DROP
        if len(name) <= _LONGEST_NAME:
            if len(self.known) >= _REMEMBERED_NAMES:
                # The eldest goes: names that somebody made up must not keep those in use out for ever.
                del self.known[next(iter(self.known))]
            self.known[name] = action
        return action


_REQUEST: Final = _Actions(_REQUEST_ACTIONS, _DROPPED_PREFIXES, underscores=False)
_RESPONSE: Final = _Actions(_RESPONSE_ACTIONS, (b"fla-gateway-",), underscores=True)


@dataclass(frozen=True, slots=True)
class RequestFields:
    """A request's field block, judged and rewritten; depends on nothing but the block and the listener.

    Attributes:
        length: bytes of body, or CHUNKED.
        keep_alive: whether the caller lets the connection be used again.
        expects_continue: whether the caller waits for 100.
        host: value of Host, for addresses in answers; None where there was none.
        forwarded: end-to-end fields as they are sent to the API, framing included.
        traced: whether BelGov-Trace-Id is among them.
        refusal: why nobody's request goes further, or None: the guard at the door.
        presented: the caller's credential, or None; a refusal where there are two. Not read where nobody is asked.
        notes: what it carries for the records.
        fault: why its sender's request goes no further, or None: what it carries cannot be recorded.
        origin: the trusted origin whose page caused it, or None.
        preflight: what the browser of that page is told, if the method is OPTIONS; else None.
    """

    length: int
    keep_alive: bool
    expects_continue: bool
    host: bytes | None
    forwarded: bytes
    traced: bool
    refusal: Refusal | None
    presented: Presented | Refusal | None
    notes: Notes
    fault: Refusal | None
    origin: bytes | None = None
    preflight: bytes | None = None


def read_fields(
    block: bytes,
    minor: int,
    names: frozenset[bytes] | None,
    *,
    guarded: bool = False,
    secure: bool = False,
    trusted: frozenset[bytes] = frozenset(),
) -> RequestFields:
    """Read, judge and rewrite the field block of a request.

    Args:
        block: everything after the request line, up to and with the empty line.
        minor: HTTP minor version.
        names: host names of the listener, None for a Unix socket.
        guarded: whether callers are configured, so that credentials count.
        secure: whether the listener speaks TLS.
        trusted: origins whose pages may call.

    Raises:
        ProtocolError: the block is malformed or too large.
    """
    lines = field_lines(block)
    if lines is None:
        raise ProtocolError("malformed-request", "a field line is not 'name: value' ended by CRLF")
    framing = frame_request(lines, minor)
    forwarded: list[bytes] = []
    noted: list[FieldLine] = []
    traced = False
    for line in lines:
        name = line[0]
        action = _REQUEST.known.get(name, -1)
        if action < 0:
            action = _REQUEST.learn(name)
        if action == _LENGTH:
            forwarded += (name, b": %d\r\n" % framing.length)
        elif action == _DROP or (framing.nominated and name.lower() in framing.nominated):
            continue
        elif action == _KEEP:
            forwarded += line
        else:
            noted.append((name.lower(), value_of(line[1])))
            if action == _TRACE:
                traced = True
                forwarded += line
    if framing.length < 0:
        forwarded.append(b"Transfer-Encoding: chunked\r\n")
    notes = read_notes(noted) if noted else NO_NOTES
    origin = trusted_origin(lines, trusted) if trusted else None
    return RequestFields(
        length=framing.length,
        keep_alive=framing.keep_alive,
        expects_continue=framing.expects_continue,
        host=framing.host,
        forwarded=b"".join(forwarded),
        traced=traced,
        refusal=judge(framing.host, lines, names, secure=secure, origin=origin),
        presented=presented(lines) if guarded else None,
        notes=NO_NOTES if isinstance(notes, Refusal) else notes,
        fault=notes if isinstance(notes, Refusal) else None,
        origin=origin,
        preflight=None if origin is None else preflight(lines, origin),
    )


def host_field(upstream: Upstream) -> bytes:
    """Write the end of the request line and the Host field, which stands first (RFC 9110, section 7.2)."""
    return b" HTTP/1.1\r\nHost: " + upstream.authority.encode() + b"\r\n"


def closing_fields(token: AccessToken, minor: int = 1) -> bytes:
    """Write the end of every request head: Via (RFC 9110, section 7.6.3), the token (RFC 6750, section 2.1).

    Args:
        token: as it was obtained.
        minor: HTTP minor version in which the request was received.
    """
    return b"Via: 1.%d fla-gateway\r\nAuthorization: Bearer %b\r\n\r\n" % (minor, token.value.reveal().encode())


def token_id(token: AccessToken, key: bytes) -> str:
    """Give the name under which a token stands in records: a keyed hash, from which nobody finds the token.

    Args:
        token: as it was obtained.
        key: random bytes of the gateway's own.
    """
    return blake2b(token.value.reveal().encode(), key=key, digest_size=_TOKEN_ID_BYTES).hexdigest()


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
        elif action <= _CONNECTION:
            before = framing_values[action]
            if action == _LENGTH and before is None:
                length_at = len(fields)
            framing_values[action] = _joined(before, rest)
        elif action == _TRACE:
            trace = trace_id(value_of(rest))
            fields += (name, rest)
        elif action == _LOCATION:
            fields += (name, b": %b\r\n" % rewrite_location(value_of(rest), address, host))
        elif action == _CHALLENGE:
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
