"""Rule: what may be quoted from a token server's answer, and what probably caused a refusal.

Owns the scrubbing of foreign text and the table of likely causes. Refuses to know how the quoted text was found.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.secret import Secret

_UNQUOTABLE: Final = re.compile(r"[^\x20-\x7E\u00A1-\u024F]+")
"""Everything but printable ASCII and the letters of the country's languages; bidirectional controls go as well."""
_JWT: Final = re.compile(r"eyJ[\w-]{4,}", re.ASCII)
"""The beginning of any JWT: the base64url of an opening brace and a quotation mark."""
_RUN: Final = re.compile(r"[\w-]{40,}|[\w\-./+=~]{64,}", re.ASCII)
"""Runs of characters that no sentence has, and that may be a token."""
_WINDOW: Final = 16
"""Characters in a row that a quotation may not share with the assertion."""

_CAUSES: Final = {
    "invalid_client": (
        "Likely cause: the certificate is not, or not yet, registered for this account in ChaMan (after an upload "
        "try again later), it does not belong to the key, the client id or the audience is that of another "
        "environment, this host's clock is wrong, or the token server does not take the algorithm (assertion.alg)."
    ),
    "invalid_scope": (
        "Likely cause: the account lacks the right in ChaMan that goes with the scope, or the scope is misspelt; "
        "leave scope out to get the account's own scopes."
    ),
    "unauthorized_client": "Likely cause: the account is not active for the REST channel in ChaMan, or lacks a right.",
    "access_denied": "Likely cause: a right is missing in ChaMan, or the account is blocked.",
    "invalid_request": "Likely cause: audience or assertion options do not fit this token server.",
    "invalid_grant": "Likely cause: audience of another environment, or this host's clock is wrong.",
    "unsupported_grant_type": "Likely cause: token_url is not the address of the token endpoint.",
    "tooManyFailedRequests": "Too many attempts were refused; the gateway now tries slowly.",
}
_BY_STATUS: Final = {
    400: "Likely cause: audience, client id or assertion options do not fit this token server.",
    401: _CAUSES["invalid_client"],
    403: "Likely cause: a right is missing in ChaMan, the account is blocked, or a proxy forbids the way.",
    404: "Likely cause: token_url is not the address of the token endpoint.",
    405: "Likely cause: token_url is not the address of the token endpoint.",
    407: "Likely cause: a proxy asks for credentials.",
    429: "The gateway waits as long as it is asked to.",
}


def likely_cause(status: int, error: str) -> str:
    """Say what a person should look at first.

    Args:
        status: status code of the refusal.
        error: OAuth error code or the last part of a problem type; empty without one.
    """
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return "The fault is the token server's; the gateway tries again."
    return _CAUSES.get(error) or _BY_STATUS.get(status, "Check token_url, audience and client id.")


def printable(text: object, most: int) -> str:
    """Make foreign text fit for one line: printable, single spaces, bounded; empty if it is no text."""
    if not isinstance(text, str):
        return ""
    return " ".join(_UNQUOTABLE.sub(" ", text[: 4 * most]).split())[:most]


def quotable(text: str, assertion: Secret) -> str:
    """Give the text back, or nothing at all if it might repeat the assertion or another secret."""
    squeezed = "".join(text.split())
    if _JWT.search(squeezed) or _RUN.search(text):
        return ""
    sent = assertion.reveal()
    pieces = (squeezed[at : at + _WINDOW] for at in range(len(squeezed) - _WINDOW + 1))
    return "" if any(piece in sent for piece in pieces) else text
