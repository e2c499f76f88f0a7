"""Rule: what went wrong on the way to a token server becomes one problem, with a sentence that says what to do.

Owns the problem codes of the token leg. Refuses to quote the server.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.errors import ProblemError
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.i18n.message import Text
from fla_gateway.network.broken_rule import broken_rule
from fla_gateway.network.connection_errors import NoConnectionError, Obstacle


def explain(error: NoConnectionError | ProtocolError, host: str) -> ProblemError:
    """Translate an error of the token leg.

    Args:
        error: of the connection, or of the response.
        host: the token server's host, for the sentence.
    """
    if isinstance(error, NoConnectionError):
        code = "token-timeout" if error.obstacle is Obstacle.LATE else "token-unreachable"
        may_pass = not error.final and error.obstacle is not Obstacle.UNTRUSTED
        return ProblemError(code, error.message, transient=may_pass)
    code, transient, sentence = _RESPONSES.get(error.code, _NO_HTTP)
    return ProblemError(code, sentence(host, broken_rule(error)), transient=transient)


def _missing(host: str, _: Text) -> Text:
    return Text("{host} closed the connection without an answer; the gateway tries again.", host=host)


def _tls_failed(host: str, rule: Text) -> Text:
    return Text("{host} gave no answer: {rule}. The gateway tries again.", host=host, rule=rule)


def _truncated(host: str, _: Text) -> Text:
    return Text("{host} broke off in the middle of its answer; the gateway tries again.", host=host)


def _too_large(host: str, rule: Text) -> Text:
    return Text("{host} sent too much: {rule}. Check token_url.", host=host, rule=rule)


def _malformed(host: str, rule: Text) -> Text:
    return Text("{host} sent a body that is not HTTP: {rule}. Check token_url.", host=host, rule=rule)


def _no_http(host: str, rule: Text) -> Text:
    return Text("{host} answered something that is not HTTP: {rule}. Check token_url.", host=host, rule=rule)


# Code, whether the next attempt may fare better, and the sentence.
_RESPONSES: Final = {
    "response-missing": ("token-failed", True, _missing),
    "tls-failed": ("token-failed", True, _tls_failed),
    "response-truncated": ("token-malformed", True, _truncated),
    "response-too-large": ("token-malformed", False, _too_large),
    "malformed-body": ("token-malformed", False, _malformed),
}
_NO_HTTP: Final = ("token-malformed", False, _no_http)
