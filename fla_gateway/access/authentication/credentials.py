"""Rule: the fields of a request become the credential that it carries.

Owns the fields that may carry a credential, and its form. Refuses to know whether it is valid (`proofs`), and to repeat
a single character of it.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from fla_gateway.access.authentication.api_key import digest, is_key
from fla_gateway.access.authentication.caller import Presented
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.fields import FieldLine, value_of
from fla_gateway.i18n.message import Text
from fla_gateway.secret import Secret

LONGEST_TOKEN: Final = 8_192
"""Characters of a token; a longer one is none."""
# RFC 7515, section 7.1: three parts in base64url, without padding. What the parts say is not looked at here.
_JWS: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+").fullmatch

_UNREADABLE: Final = Presented()
_AMBIGUOUS: Final = Refusal(
    "credentials-ambiguous",
    Text(
        "The request carries two different credentials. Send one: as Authorization: Bearer, as the password of "
        "Authorization: Basic, or as X-Api-Key; an HTTP library may be adding the other by itself."
    ),
)


def read_credential(lines: list[FieldLine]) -> Presented | Refusal | None:
    """Read the credential of a request: Bearer or Basic in Authorization, or X-Api-Key.

    Basic carries it as the password, beside any user name (RFC 7617); many clients can do nothing else. The same
    credential in two places is one. A value of no known form is still a credential, one that is always refused: it is
    never passed over as if nothing had been sent.

    Args:
        lines: the request's fields.

    Returns:
        None if there is none; a refusal if there are two.
    """
    found: bytes | None = None
    bearer = False
    for name, rest in lines:
        # Nearly all names have another length, which is cheaper to see than the name.
        if len(name) not in {9, 13}:
            continue
        lower = name.lower()
        if lower == b"x-api-key":
            text = value_of(rest)
        elif lower == b"authorization":
            scheme, text = _authorization(value_of(rest))
            bearer = bearer or scheme == b"bearer"
        else:
            continue
        if found is not None and text != found:
            return _AMBIGUOUS
        found = text
    return None if found is None else _read(found, bearer=bearer)


def _read(text: bytes, *, bearer: bool) -> Presented:
    key = text.decode("latin-1")
    if is_key(key):
        return Presented(key_sha256=digest(key))
    if bearer and len(text) <= LONGEST_TOKEN and _JWS(text):
        return Presented(token=Secret(key))
    return _UNREADABLE


def _authorization(value: bytes) -> tuple[bytes, bytes]:
    """Return the scheme in lower case and the credential, or the whole field where they cannot be separated.

    RFC 9110, section 11.4: credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]. A key where the scheme should
    be is none; the field's name in front keeps it from being taken for one.
    """
    scheme, _, credentials = value.partition(b" ")
    scheme = scheme.lower()
    credentials = credentials.lstrip(b" ")
    if scheme == b"bearer":
        return scheme, credentials
    password = _password(credentials) if scheme == b"basic" else None
    return scheme, b"Authorization: " + value if password is None else password


def _password(credentials: bytes) -> bytes | None:
    """Return what follows the first colon (RFC 7617, section 2), or None where this is no user-pass.

    Some encoders leave the padding out. Blanks and line ends around the password are none of it, as those around the
    value of a field: a key that is read from a file often brings the file's last line end along.
    """
    try:
        user_pass = binascii.a2b_base64(credentials + b"=" * (-len(credentials) % 4), strict_mode=True)
    except binascii.Error:
        return None
    _, colon, password = user_pass.partition(b":")
    return password.strip(b" \t\r\n") if colon else None
