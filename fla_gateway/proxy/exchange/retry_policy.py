"""Rule: which answers and connection failures lead to a second attempt, and what a challenge says (pure).

Owns the two cases in which anything is sent twice. Refuses to know how it is sent.
"""

from __future__ import annotations

import re
from typing import Final

SAFE_TO_REPEAT: Final = frozenset((b"GET", b"HEAD"))
"""Methods sent once more when a reused connection dies before any byte of an answer (RFC 9110, section 9.2.2)."""

READING: Final = frozenset((b"GET", b"HEAD", b"OPTIONS"))
"""Methods that change nothing (RFC 9110, section 9.2.1); the intent of every other one is written before it is sent."""

CHANGING: Final = frozenset((b"POST", b"PUT", b"PATCH", b"DELETE"))
"""Methods whose answer is read to its end although the caller is gone, so that the outcome of a change is known."""

# RFC 9110, section 11.6.1: a challenge is a scheme and its parameters. A parameter is consumed with its quoted text, so
# that nothing within quotes can be taken for a scheme or for another parameter; single quotes are no quotes there, but
# a good many servers write them.
_TCHAR: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_PART: Final = re.compile(
    rb"(?P<name>" + _TCHAR + rb"++)[ \t]*+=[ \t]*+(?P<value>\"(?:[^\"\\]|\\.)*+\"|'[^']*+'|" + _TCHAR + rb"++)"
    rb"|(?P<scheme>" + _TCHAR + rb"++)"
).finditer
_REFUSALS: Final = (b"invalid_token", b'"invalid_token"', b"'invalid_token'")
_SCOPES: Final = (b"insufficient_scope", b'"insufficient_scope"', b"'insufficient_scope'")


def refuses_token(challenges: list[bytes]) -> bool:
    """Return whether a 401 says that the token itself is not accepted (RFC 6750, section 3.1).

    Args:
        challenges: values of WWW-Authenticate.
    """
    return any(_has_error(challenge, _REFUSALS) for challenge in challenges)


def may_replay(challenges: list[bytes], *, attempts: int, whole: bool) -> bool:
    """Return whether a request whose token was refused is sent again with another one.

    Args:
        challenges: values of WWW-Authenticate.
        attempts: times that it was sent, this one included.
        whole: whether all of its body is there to be sent again.
    """
    return attempts == 1 and whole and refuses_token(challenges)


def may_resend(method: bytes, *, died_idle: bool, attempts: int, whole: bool) -> bool:
    """Return whether a request is sent again whose connection was lost (RFC 9110, section 9.2.2).

    Args:
        method: as written.
        died_idle: whether the connection had been used before, and not a byte of an answer has come.
        attempts: times that it was sent, this one included.
        whole: as for `may_replay`.
    """
    return died_idle and method in SAFE_TO_REPEAT and attempts == 1 and whole


def lacks_scope(challenges: list[bytes]) -> bool:
    """Return whether a 403 says that the token lacks a scope (RFC 6750, section 3.1).

    Args:
        challenges: values of WWW-Authenticate.
    """
    return any(_has_error(challenge, _SCOPES) for challenge in challenges)


def _has_error(challenge: bytes, errors: tuple[bytes, ...]) -> bool:
    scheme = b""
    for part in _PART(challenge):
        if part["scheme"] is not None:
            scheme = part["scheme"].lower()
        elif scheme == b"bearer" and part["name"].lower() == b"error" and part["value"].lower() in errors:
            return True
    return False
