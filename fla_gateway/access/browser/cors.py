"""Rule: what a page of a trusted origin may do, and the fields by which its browser learns of it (pure).

Owns the gateway's side of CORS (WHATWG Fetch, section "CORS protocol"). Refuses to know what a page asks for, and to
let a browser add credentials by itself: Access-Control-Allow-Credentials is never sent.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.http1.fields import FieldLine, value_of
from fla_gateway.http1.grammar import TOKEN

_ASKED_METHOD: Final = b"access-control-request-method"
_ASKED_FIELDS: Final = b"access-control-request-headers"
_ASKED_NETWORK: Final = b"access-control-request-private-network"
_IS_NAME: Final = re.compile(TOKEN + b"++").fullmatch
_MOST_FIELDS: Final = 64
_LONGEST_LIST: Final = 2_048
_CONTROL: Final = b"access-control-"

# Browsers show a page some seven fields of an answer from elsewhere; these are the others that programs look at.
_EXPOSED: Final = (
    b"Allow, BelGov-Trace-Id, Content-Disposition, Content-Location, Date, ETag, Fla-Gateway-Origin, "
    b"Fla-Gateway-Upstream-Challenge, Link, Location, Retry-After, Via, WWW-Authenticate"
)
# An answer may be remembered by the browser for so long; a configuration that changes is followed soon enough.
_ALLOWED: Final = (
    b"Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\nAccess-Control-Max-Age: 600\r\n"
)


def trusted_origin(lines: list[FieldLine], trusted: frozenset[bytes]) -> bytes | None:
    """Give the origin of the page that caused a request, if pages of that origin may call.

    Args:
        lines: the request's fields.
        trusted: origins as browsers write them; compared byte for byte.

    Returns:
        None for any other page, for a request that names two origins, and where no page is at work.
    """
    found = [value_of(rest) for name, rest in lines if name.lower() == b"origin"]
    return found[0] if len(found) == 1 and found[0] in trusted else None


def preflight(lines: list[FieldLine], origin: bytes) -> bytes | None:
    """Write the fields of the response to a preflight, by which a browser asks whether a page may send a request.

    Args:
        lines: fields of the request, which is a preflight only if its method is OPTIONS.
        origin: what `trusted_origin` returned.

    Returns:
        Field lines; None where the fields are not those of a preflight.
    """
    asked = False
    fields = b""
    network = False
    for name, rest in lines:
        lower = name.lower()
        if not lower.startswith(_CONTROL):
            continue
        if lower == _ASKED_METHOD:
            asked = True
        elif lower == _ASKED_FIELDS:
            fields += b"," + value_of(rest) if fields else value_of(rest)
        elif lower == _ASKED_NETWORK:
            network = value_of(rest).lower() == b"true"
    if not asked:
        return None
    answer = b"Access-Control-Allow-Origin: " + origin + b"\r\nVary: Origin\r\n" + _ALLOWED
    names = _names(fields)
    if names:
        answer += b"Access-Control-Allow-Headers: " + b", ".join(names) + b"\r\n"
    return answer + b"Access-Control-Allow-Private-Network: true\r\n" if network else answer


def _names(fields: bytes) -> list[bytes]:
    """Give the names that were asked for, or none at all where one of them is no name; what is sent was looked at."""
    names = [name.strip(b" \t") for name in fields.split(b",")] if len(fields) <= _LONGEST_LIST else []
    return names if len(names) <= _MOST_FIELDS and all(map(_IS_NAME, names)) else []


def cors_fields(origin: bytes) -> bytes:
    """Write the field lines with which a page of this origin may read an answer.

    Args:
        origin: what `trusted_origin` returned.
    """
    return (
        b"Access-Control-Allow-Origin: " + origin + b"\r\nVary: Origin\r\n"
        b"Access-Control-Expose-Headers: " + _EXPOSED + b"\r\n"
    )


def without_rules(fields: list[bytes]) -> list[bytes]:
    """Leave an API's own rules about pages out of an answer: they are about its origin, not the gateway's.

    Args:
        fields: names and rests in turns.
    """
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return [part for name, rest in pairs if not name.lower().startswith(_CONTROL) for part in (name, rest)]
