"""Values: what the status page says for each word of a closed set.

Owns the English of codes, outcomes and reasons; each text can be translated. Refuses to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.catalog.rights import rights_for_service, tick
from fla_gateway.i18n.message import Text
from fla_gateway.problems import CURES

if TYPE_CHECKING:  # the values of the page take time to be made
    from fla_gateway.admin.status.call_status import Call

# RFC 9110, sections 15.5 and 15.6.
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""What changes nothing has no fate that could be unknown."""
_NEUTRAL: Final = {403: "not-permitted", 404: "not-found"}

ANSWER_CURES: Final[dict[int, Text]] = {
    401: Text("The API does not accept the token. See in ChaMan whether the account has the right for this API."),
    403: Text("The account lacks a right for this API. Have it added to the account in ChaMan."),
    429: Text("The API has asked for patience. Wait; see whether another program uses the same account."),
}
"""What to do about an answer of the API's, by its status."""
SERVER_ERROR_CURE: Final = Text(
    "The API has a failure. If something was declared, look it up before it is sent again. If it lasts, report it to "
    "the help desk of the social security."
)
OTHER_CURE: Final = Text("If something was declared, look it up with the API before it is sent again.")

NOT_PERMITTED: Final = Text(
    "The API refuses this call for this employer. If you act for another company: is the mandate for this employer and "
    "this service active in MAHIS?"
)
"""What to do about a 403 that is not about a scope: a matter of this one call."""
EMERGENCY_PROCEDURE: Final = "https://www.socialsecurity.be/site_nl/employer/applics/dimona/index.htm"
"""The portal's pages on Dimona. Its emergency procedure has two forms, one for the trouble and one for its end."""

OUTCOMES: Final[dict[str, Text]] = {
    "answered": Text("answered"),
    "refused": Text("refused by the gateway"),
    "not-sent": Text("not sent"),
    "unknown": Text("fate unknown"),
    "truncated": Text("answer cut off"),
    "caller-gone": Text("caller went away"),
}
ANSWERS: Final[dict[str, Text]] = {
    "no-answer": Text("no answer"),
    "not-permitted": Text("not permitted"),
    "not-found": Text("not there, or not yet"),
    "client-error": Text("refused by the API"),
    "server-error": Text("failure of the API"),
}
"""What is shown beside the status code of the API's response."""
DOUBTS: Final[dict[str, Text]] = {
    "no-outcome": Text("The gateway was ended before an answer was recorded."),
    "no-answer": Text("It was sent, but no answer came."),
    "caller-gone": Text("It was sent, but the caller went away before the answer."),
    "server-error": Text("The API answered with an error of its own (5xx)."),
}
PROOFS: Final[dict[str, Text]] = {
    "key": Text("API key"),
    "uid": Text("user of this machine"),
    "gid": Text("group of this machine"),
    "service-account": Text("Kubernetes service account"),
    "certificate": Text("client certificate"),
}
ENDS: Final[dict[str, Text]] = {
    "certificate": Text("Certificate of the key"),
    "listener-certificate": Text("Certificate of the listener"),
    "caller-key": Text("Key of the caller"),
    "admin-key": Text("Key of the status page"),
}
LEVELS: Final[dict[str, Text]] = {
    "good": Text("Works"),
    "attention": Text("Needs attention"),
    "bad": Text("Does not work"),
}
STATES: Final[dict[str, Text]] = {
    "starting": Text("The gateway is starting."),
    "loading": Text("The gateway is loading its keys."),
    "serving": Text("The gateway is running."),
    "no-profile": Text("The gateway is running, but profiles cannot be used."),
    "draining": Text("The gateway was asked to drain: it serves calls, and says that it should get no more of them."),
    "stopping": Text("The gateway is stopping and takes no further calls."),
}


def result(call: Call) -> Text:
    """Choose the words for how a call ended; a message, not translated."""
    if call.outcome == "unknown" and call.method in _READING:
        return ANSWERS["no-answer"]
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


def missing_right(service: str, granted: str) -> Text:
    """Say what to do where an API answers that the token lacks a scope, as a clause.

    Args:
        service: name of the API in its paths.
        granted: scopes of the latest token, as the token server wrote them; may be empty.
    """
    return tick(rights_for_service(load_catalogue(), service, granted.split()))


def cure(code: str, status: int) -> Text:
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
