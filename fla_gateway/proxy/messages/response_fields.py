"""Rule: which fields of an answer pass, which are dropped, which are rewritten (pure).

Owns the list for answers (RFC 9110, section 7.6); `location` and `set_cookie` rewrite values. Refuses to know sockets,
and what the answer means.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.http1.fields import value_of
from fla_gateway.http1.response import ResponseHead
from fla_gateway.http1.response_framing import ResponseFraming, frame_response
from fla_gateway.proxy.messages.browser_fields import could_run, restrain
from fla_gateway.proxy.messages.date_field import Dates
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
    FieldActions,
)
from fla_gateway.proxy.messages.location import Address, rewrite_location
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

_LOCATION_LENGTH: Final = len(b"location")
"""Content-Location is rewritten alike, but says nothing of what was made (RFC 9110, section 8.7)."""
_CHALLENGE_NAME: Final = b"Fla-Gateway-Upstream-Challenge"
# The field that frames: a peer that nominates it would have the body forwarded without its end.
_NEVER_NOMINATED: Final = frozenset((b"content-length",))

# RFC 9110, sections 15.3.5 and 15.4.5
_BODILESS: Final = (204, 304)

_RESPONSE: Final = FieldActions(_RESPONSE_ACTIONS, (b"fla-gateway-",), underscores=True)


def rewrite_head(
    head: ResponseHead,
    address: Address,
    host: bytes | None,
    *,
    to_head: bool,
    dates: Dates | None = None,
    browser_fields: bool = False,
) -> tuple[list[bytes], ResponseFraming, list[bytes], str, bytes]:
    """Judge and rewrite the head of an answer.

    Args:
        head: as it was read; any status.
        address: of the profile.
        host: the request's Host, by which the caller reaches the gateway.
        to_head: whether the request was a HEAD.
        dates: give a final response without Date one; None gives none.
        browser_fields: whether a response that a browser could run gets the gateway's own fields.

    Returns:
        The field lines that the caller gets (names and rests in turns; of the fields that frame a connection only
        Content-Length is among them), how the body ends, the values of WWW-Authenticate, BelGov-Trace-Id as it may be
        recorded, and Location as it came (the first, or nothing).

    Raises:
        ProtocolError: ``malformed-response``.
    """
    fields, framing_values, length_at, challenges, trace, location, dated, runs = _passed(head, address, host)
    status = head.code
    _, lengths, codings, connection = framing_values
    framing = frame_response(
        codings, lengths, connection, status=status, minor=head.minor, to_head=to_head, sound=head.sound
    )
    if framing.announced >= 0 and status >= 200 and status != 204:  # noqa: PLR2004 - RFC 9110, 8.6: no length there
        fields.insert(length_at, b": %d\r\n" % framing.announced)
        fields.insert(length_at, b"Content-Length")
    if framing.nominated:
        nominated = framing.nominated - _NEVER_NOMINATED
        fields = _without(fields, nominated)
        dated = dated and b"date" not in nominated
        runs = None if b"content-type" in nominated else runs
    if status >= 200:  # noqa: PLR2004 - a final response
        if not dated and dates is not None:
            # RFC 9110, section 6.6.1: a gateway that forwards a response without Date adds the time it was received.
            fields += (b"Date", dates.field_rest())
        # Of an empty body there is nothing to run, as of the 201 with which a declaration is answered.
        if browser_fields and runs is not False and framing.announced and status not in _BODILESS:
            fields = restrain(fields)
    return fields, framing, challenges, trace, location


def _passed(  # noqa: C901 - one branch for each kind of field
    head: ResponseHead, address: Address, host: bytes | None
) -> tuple[list[bytes], list[bytes | None], int, list[bytes], str, bytes, bool, bool | None]:
    """Pass over the fields once, with one branch for each kind that is not merely passed on.

    Returns:
        The field lines that pass, the values of those that frame by their action, where the length is to be inserted,
        challenges, trace id, Location, whether there is a Date, and whether a browser could run what Content-Type says
        (None: there is none).
    """
    fields: list[bytes] = []
    framing_values: list[bytes | None] = [None, None, None, None]
    length_at = 0
    challenges: list[bytes] = []
    trace = ""
    location = b""
    dated = False
    runs: bool | None = None
    known = _RESPONSE.known
    for name, rest in head.lines:
        action = known.get(name, -1)
        if action < 0:
            action = _RESPONSE.learn(name)
        if not action:
            # Two calls, since a tuple for each field would be made and thrown away.
            fields.append(name)
            fields.append(rest)
        elif action <= CONNECTION:
            before = framing_values[action]
            if action == LENGTH and before is None:
                length_at = len(fields)
            value = value_of(rest)
            # RFC 9110, section 5.3: lines of one name are one value, joined with commas.
            framing_values[action] = value if before is None else before + b", " + value
        elif action == DATE:
            dated = True
            fields.append(name)
            fields.append(rest)
        elif action == TYPE:
            runs = bool(runs) or could_run(rest)
            fields.append(name)
            fields.append(rest)
        elif action == TRACE:
            trace = trace_id(value_of(rest))
            fields += (name, rest)
        else:
            if action == CHALLENGE:
                challenges.append(value_of(rest))
            elif action == LOCATION and not location and len(name) == _LOCATION_LENGTH:
                location = value_of(rest)
            fields += _rewritten(action, name, rest, head.status, address, host)
    return fields, framing_values, length_at, challenges, trace, location, dated, runs


def _rewritten(
    action: int, name: bytes, rest: bytes, status: bytes, address: Address, host: bytes | None
) -> tuple[bytes, ...]:
    """Return the line of one of the rarer fields, or nothing where it is dropped."""
    if action == LOCATION:
        return name, b": %b\r\n" % rewrite_location(value_of(rest), address, host)
    if action == COOKIE:
        return name, b": %b\r\n" % confine_cookie(value_of(rest), address.prefix)
    if action == CHALLENGE:
        # The challenge of a 401 is about our token; a client that saw it would ask a person for a password.
        return _CHALLENGE_NAME if status == b"401" else name, rest
    return ()


def _without(fields: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return [part for name, rest in pairs if name.lower() not in names for part in (name, rest)]
