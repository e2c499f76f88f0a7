"""Values: what the status page says for each word of a closed set.

Owns the English of codes, outcomes and reasons; each text is a message for translators (gettext). Refuses to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fla_gateway.admin.status.gateway_status import Call

# RFC 9110, sections 15.5 and 15.6.
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_NEUTRAL: Final = {403: "not-permitted", 404: "not-found"}

# What to do about each problem, for a person who did not write the calling program. docs/errors.md has the cures for
# programmers; a test holds both lists to the same codes.
CURES: Final[dict[str, str]] = {
    "malformed-request": "Ask the maker of the calling program: what it sends is no correct HTTP request.",
    "malformed-body": "Ask the maker of the calling program: the content that it sends breaks off or is malformed.",
    "absolute-form": "In the calling program, enter the gateway as the address of the API, not as a proxy.",
    "ambiguous-path": "Ask the maker of the calling program: the path is to be written as the API's manual writes it.",
    "method-refused": "Ask the maker of the calling program: this kind of request is never forwarded.",
    "request-timeout": "See whether the calling program or its machine hangs; it did not finish its request.",
    "expectation-failed": "Ask the maker of the calling program: it expects something that no API of this kind offers.",
    "uri-too-long": "Ask the maker of the calling program: the address that it asks for is too long.",
    "length-required": "Ask the maker of the calling program: it has to say how long the content is that it sends.",
    "head-too-large": "Ask the maker of the calling program: the request has too many or too long fields.",
    "transfer-coding-unsupported": "Ask the maker of the calling program: the transfer coding is not supported.",
    "version-unsupported": "Set the calling program to HTTP/1.1.",
    "reference-malformed": "A reference may have up to 64 printable characters; shorten or correct it.",
    "body-too-large": "Send less at once, or have the limit raised in the configuration.",
    "credentials-ambiguous": "Configure one key in the calling program; it sends two different ones.",
    "credentials-missing": "Enter the key of this caller in the calling program; it sends none.",
    "credentials-refused": "Compare the key in the calling program with the configuration; it may have expired.",
    "caller-not-permitted": "If this caller should be allowed to do that, have its allow list extended.",
    "too-many-requests": "Nothing, if it passes. Else let the program send more slowly, or have its limits raised.",
    "api-throttled": "Wait: the API has asked for patience. See whether another program uses the same account.",
    "browser-refused": "Call from a program; web pages may not use the gateway.",
    "token-endpoint-refused": "Take the token request out of the calling program; the gateway gets the tokens itself.",
    "service-not-permitted": "If this API should be reachable, have it added to the services of the profile.",
    "not-found": "Compare the address in the calling program with the manual: it looks like /profile/REST/...",
    "unknown-profile": "Compare the name in the address with the profiles on this page.",
    "wrong-host": "Call the gateway by the name it is known by, or have the name added to its hosts.",
    "profile-unavailable": "Have the key or certificate of this profile repaired; the reason stands with the profile.",
    "profile-loading": "Nothing: the keys are loaded within seconds of a start. The program may send it again.",
    "overloaded": "See whether the API is slow just now; send fewer calls at once.",
    "callers-unverifiable": "Have it checked why the keys of the cluster cannot be fetched; see the log.",
    "journal-unavailable": "Make room on the disk of the journal, or restore the right to write there.",
    "actions-disabled": "Run the command as root or as the gateway's own user, on its machine.",
    "reload-refused": "Have the faults of the configuration repaired, and reload it again.",
    "stopping": "Nothing: the gateway was told to stop. Start it again if that was not intended.",
    "internal-error": "This is a fault of the gateway. Please report it with the lines of its log.",
    "token-unreachable": "Have the network checked: internet connection, name service, firewall, corporate proxy.",
    "token-timeout": "Wait; if it lasts, have the network checked.",
    "token-refused": "See in ChaMan whether the client id, the certificate and the rights of this account are valid.",
    "token-throttled": "Wait; see whether another program uses the same account.",
    "token-malformed": "Have it checked whether something else answers at the address of the token server.",
    "token-failed": "Wait: the token server has a failure. If it lasts, tell the help desk of the social security.",
    "token-unsigned": "Have the key of this profile checked with the command fla-gateway check.",
    "api-unreachable": "Have the network checked: internet connection, name service, firewall.",
    "api-untrusted": "Have it checked whether a firewall opens encrypted connections, and whether the clock is right.",
    "egress-refused": "Ask the administrator of the corporate proxy to let the gateway through.",
    "api-connect-timeout": "Have the network and the firewall checked.",
    "api-closed": "Look up with the API what became of the call before it is sent again.",
    "api-malformed": "Look up with the API what became of the call, and report it with its request id.",
    "api-timeout": "Look up with the API what became of the call before it is sent again.",
}

ANSWER_CURES: Final[dict[int, str]] = {
    401: "The API does not accept the token. See in ChaMan whether the account has the right for this API.",
    403: "The account lacks a right for this API. Have it added to the account in ChaMan.",
    429: "The API has asked for patience. Wait; see whether another program uses the same account.",
}
"""What to do about an answer of the API's, by its status."""
SERVER_ERROR_CURE: Final = (
    "The API has a failure. If something was declared, look it up before it is sent again. If it lasts, tell the help "
    "desk of the social security."
)
OTHER_CURE: Final = "If something was declared, look it up with the API before it is sent again."

NOT_PERMITTED: Final = (
    "The API refuses this call for this employer. If you act for another company: is the mandate for this employer and "
    "this service active in MAHIS?"
)
"""What to do about a 403 that is not about a scope: a matter of this one call."""
EMERGENCY_PROCEDURE: Final = "https://www.socialsecurity.be/site_nl/employer/applics/dimona/index.htm"
"""The portal's pages on Dimona. Its emergency procedure has two forms, one for the trouble and one for its end."""

OUTCOMES: Final[dict[str, str]] = {
    "answered": "answered",
    "refused": "refused by the gateway",
    "not-sent": "not sent",
    "unknown": "fate unknown",
    "truncated": "answer cut off",
    "caller-gone": "caller went away",
}
ANSWERS: Final[dict[str, str]] = {
    "not-permitted": "not permitted",
    "not-found": "not there, or not yet",
    "client-error": "refused by the API",
    "server-error": "failure of the API",
}
"""What is shown beside the status code of the API's response."""
DOUBTS: Final[dict[str, str]] = {
    "no-outcome": "The gateway was ended before an answer was recorded.",
    "no-answer": "It was sent, but no answer came.",
    "caller-gone": "It was sent, but the caller went away before the answer.",
    "server-error": "The API answered with an error of its own (5xx).",
}
PROOFS: Final[dict[str, str]] = {
    "key": "API key",
    "uid": "user of this machine",
    "gid": "group of this machine",
    "service-account": "Kubernetes service account",
    "certificate": "client certificate",
}
ENDS: Final[dict[str, str]] = {
    "certificate": "Certificate of the key",
    "listener-certificate": "Certificate of the listener",
    "caller-key": "Key of the caller",
    "admin-key": "Key of the status page",
}
LEVELS: Final[dict[str, str]] = {"good": "Works", "attention": "Needs attention", "bad": "Does not work"}
STATES: Final[dict[str, str]] = {
    "starting": "The gateway is starting.",
    "loading": "The gateway is loading its keys.",
    "serving": "The gateway is running.",
    "no-profile": "The gateway is running, but profiles cannot be used.",
    "draining": "The gateway was told to drain: it serves calls, and says that it should get no more of them.",
    "stopping": "The gateway is stopping and takes no further calls.",
}


def messages() -> tuple[str, ...]:
    """Give every message of this module, in its order."""
    tables: tuple[dict[str, str], ...] = (CURES, OUTCOMES, ANSWERS, DOUBTS, PROOFS, ENDS, LEVELS, STATES)
    return (
        *(text for table in tables for text in table.values()),
        *ANSWER_CURES.values(),
        SERVER_ERROR_CURE,
        NOT_PERMITTED,
        OTHER_CURE,
    )


def result(call: Call) -> str:
    """Choose the words for how a call ended; a message, not translated."""
    if call.outcome != "answered" or call.status < _CLIENT_ERROR:
        return OUTCOMES[call.outcome]
    if kind(call) == "neutral":
        return ANSWERS[_NEUTRAL[call.status]]
    return ANSWERS["client-error" if call.status < _SERVER_ERROR else "server-error"]


def kind(call: Call) -> str:
    """Choose the mark of a call: ``good``, ``neutral``, ``attention`` or ``bad``.

    Neutral is what is asked in daily work and answered with no: a declaration that is not processed yet, an employer
    that the account does not act for.
    """
    if call.status >= _SERVER_ERROR or call.outcome not in {"answered", "refused"}:
        return "bad"
    if call.status < _CLIENT_ERROR:
        return "good"
    is_answer = call.outcome == "answered" and call.status in _NEUTRAL
    return "neutral" if is_answer and not call.missing_scope else "attention"


def cure(code: str, status: int) -> str:
    """Choose what to do about a failure; a message, not translated.

    Args:
        code: problem code, or empty where the API answered.
        status: status code of the answer.
    """
    if code:
        return CURES.get(code, OTHER_CURE)
    if status >= _SERVER_ERROR:
        return SERVER_ERROR_CURE
    return ANSWER_CURES.get(status, OTHER_CURE)
