"""Rule: which fields of a request pass, which are dropped, which are set (pure).

Owns the list for requests (RFC 9110, section 7.6, and fields that no caller may send to an API). Refuses to know
sockets; a token is revealed here, and nowhere else on the data path.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from fla_gateway.access.authentication.caller import Presented
from fla_gateway.access.authentication.credentials import read_credential
from fla_gateway.access.browser.cors import preflight, trusted_origin
from fla_gateway.access.browser.origin_guard import judge
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.explanations import explain_fields
from fla_gateway.http1.fields import FieldLine, field_lines, value_of
from fla_gateway.http1.request import RequestFraming, frame_request
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.messages.field_rules import DROP, HOP_BY_HOP, KEEP, LENGTH, NOTE, TRACE, FieldActions
from fla_gateway.proxy.messages.recorded_fields import REFERENCE, read_notes
from fla_gateway.proxy.records.exchange_record import NO_NOTES, Notes

_REQUEST_ACTIONS: Final[dict[bytes, int]] = dict.fromkeys(
    (
        *HOP_BY_HOP,
        b"connection", b"transfer-encoding", b"host", b"expect", b"http2-settings",
        # The caller's credentials end here; the token is ours.
        b"authorization", b"x-api-key",
        # Fields that speak for a caller or rewrite a request, which an API might believe.
        b"forwarded", b"x-method-override", b"x-rewrite-url", b"x-override-url", b"destination",
        b"x-real-ip", b"true-client-ip", b"x-client-ip", b"x-cluster-client-ip", b"cf-connecting-ip",
        b"fastly-client-ip", b"x-client-cert", b"x-arr-clientcert", b"x-remote-user", b"remote-user",
        # RFC 9440, section 4: a client that is not a TLS-terminating proxy must not get these through. CGI makes
        # HTTP_PROXY of Proxy, which programs take for their proxy's address.
        b"client-cert", b"client-cert-chain", b"proxy",
        # Belgif: W3C tracing does not cross the trust boundary.
        b"tracestate", b"baggage",
    ),
    DROP,
) | {
    b"content-length": LENGTH,
    b"belgov-trace-id": TRACE,
    b"traceparent": NOTE,
    REFERENCE: NOTE,
}  # fmt: skip
_TOKEN_ID_BYTES: Final = 8
_MAX_FORWARDS: Final = re.compile(rb"(?i)^(max-forwards:[ \t]*)[0-9]+[ \t]*\r\n", re.MULTILINE).sub
_DROPPED_PREFIXES: Final = (
    b"x-forwarded-",
    b"x-http-method",
    b"x-original-",
    b"x-ssl-client-",
    b"ssl-client-",
    b"fla-gateway-",
)

_REQUEST: Final = FieldActions(_REQUEST_ACTIONS, _DROPPED_PREFIXES, underscores=False)


class RequestFields:
    """A request's field block, judged and rewritten; depends on nothing but the block and the listener.

    One that was remembered is recognised by being the same object.

    Attributes:
        length: bytes of body, or CHUNKED.
        keep_alive: whether the caller lets the connection be used again.
        expects_continue: whether the caller waits for 100.
        host: value of Host, for addresses in answers; None where there was none.
        forwarded: end-to-end fields as they are sent to the API, framing included.
        traced: whether BelGov-Trace-Id is among them.
        refusal: why the request is rejected for any caller, or None: the result of the guard.
        presented: the caller's credential, or None; a refusal where there are two. Read without configured callers
            as well: another configuration may have some while the request waits.
        notes: what it carries for the records.
        fault: why the request is rejected once its caller is known, or None: what it carries cannot be recorded.
        origin: the trusted origin whose page caused it, or None.
        preflight: field lines of the answer to the browser of that page, if the method is OPTIONS; else None.
        size: bytes that it takes up where it is remembered, else 0.
        framed: whether there is Content-Length or Transfer-Encoding; see `http1.request.lacks_length`.
        typed: whether there is a Content-Type.
        max_forwards: how often an OPTIONS may be forwarded, or None where nothing says it.
    """

    __slots__ = (
        "expects_continue", "fault", "forwarded", "framed", "host", "keep_alive", "length", "max_forwards", "notes",
        "origin", "preflight", "presented", "refusal", "size", "traced", "typed",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - one for each attribute
        self,
        *,
        length: int,
        keep_alive: bool,
        expects_continue: bool,
        host: bytes | None,
        forwarded: bytes,
        traced: bool,
        refusal: Refusal | None,
        presented: Presented | Refusal | None,
        notes: Notes,
        fault: Refusal | None,
        origin: bytes | None,
        preflight: bytes | None,
        size: int = 0,
        framed: bool = False,
        typed: bool = False,
        max_forwards: int | None = None,
    ) -> None:
        self.length = length
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.host = host
        self.forwarded = forwarded
        self.traced = traced
        self.refusal = refusal
        self.presented = presented
        self.notes = notes
        self.fault = fault
        self.origin = origin
        self.preflight = preflight
        self.size = size
        self.framed = framed
        self.typed = typed
        self.max_forwards = max_forwards

    def forwarding(self, forwarded: bytes) -> RequestFields:
        """Return the same with other fields that are sent on."""
        return RequestFields(
            length=self.length,
            keep_alive=self.keep_alive,
            expects_continue=self.expects_continue,
            host=self.host,
            forwarded=forwarded,
            traced=self.traced,
            refusal=self.refusal,
            presented=self.presented,
            notes=self.notes,
            fault=self.fault,
            origin=self.origin,
            preflight=self.preflight,
            size=self.size,
            framed=self.framed,
            typed=self.typed,
            max_forwards=self.max_forwards,
        )


def after_hop(fields: RequestFields) -> RequestFields:
    """Return the fields of an OPTIONS that is forwarded: Max-Forwards is less by one (RFC 9110, section 7.6.2)."""
    hops = (fields.max_forwards or 1) - 1
    return fields.forwarding(_MAX_FORWARDS(rb"\g<1>%d\r\n" % hops, fields.forwarded))


def read_fields(
    block: bytes,
    minor: int,
    names: frozenset[bytes] | None,
    *,
    secure: bool = False,
    trusted: frozenset[bytes] = frozenset(),
    size: int = 0,
) -> RequestFields:
    """Read, judge and rewrite the field block of a request.

    Args:
        block: everything after the request line, up to and with the empty line.
        minor: HTTP minor version.
        names: host names of the listener, None for a Unix socket.
        secure: whether the listener speaks TLS.
        trusted: origins whose pages may call.
        size: bytes that the result takes up where it is remembered.

    Raises:
        ProtocolError: the block is malformed or too large.
    """
    lines = field_lines(block)
    if lines is None:
        raise explain_fields(block)
    framing = frame_request(lines, minor)
    forwarded, noted, traced = _sorted_out(lines, framing)
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
        presented=read_credential(lines),
        notes=NO_NOTES if isinstance(notes, Refusal) else notes,
        fault=notes if isinstance(notes, Refusal) else None,
        origin=origin,
        preflight=None if origin is None else preflight(lines, origin),
        size=size,
        framed=framing.framed,
        typed=framing.typed,
        max_forwards=framing.max_forwards,
    )


def _sorted_out(lines: list[FieldLine], framing: RequestFraming) -> tuple[list[bytes], list[FieldLine], bool]:
    """Separate the forwarded fields from those for the records; return whether BelGov-Trace-Id is among them."""
    forwarded: list[bytes] = []
    noted: list[FieldLine] = []
    traced = False
    for line in lines:
        name = line[0]
        action = _REQUEST.known.get(name, -1)
        if action < 0:
            action = _REQUEST.learn(name)
        if action == LENGTH:
            forwarded += (name, b": %d\r\n" % framing.length)
        elif action == DROP or (framing.nominated and name.lower() in framing.nominated):
            continue
        elif action == KEEP:
            forwarded += line
        else:
            noted.append((name.lower(), value_of(line[1])))
            if action == TRACE:
                traced = True
                forwarded += line
    if framing.length < 0:
        forwarded.append(b"Transfer-Encoding: chunked\r\n")
    return forwarded, noted, traced


def host_field(upstream: Upstream) -> bytes:
    """Write the end of the request line and the Host field, which is the first one (RFC 9110, section 7.2)."""
    return b" HTTP/1.1\r\nHost: " + upstream.authority.encode() + b"\r\n"


def closing_fields(token: AccessToken, minor: int = 1) -> bytes:
    """Write the end of every request head: Via (RFC 9110, section 7.6.3), the token (RFC 6750, section 2.1).

    Args:
        token: as it was obtained.
        minor: HTTP minor version in which the request was received.
    """
    return b"Via: 1.%d fla-gateway\r\nAuthorization: Bearer %b\r\n\r\n" % (minor, token.value.reveal().encode())


def token_id(token: AccessToken, key: bytes) -> str:
    """Return the name of a token in records: a keyed hash, from which the token cannot be recovered.

    Args:
        token: as it was obtained.
        key: random bytes of the gateway's own.
    """
    return blake2b(token.value.reveal().encode(), key=key, digest_size=_TOKEN_ID_BYTES).hexdigest()
