"""Adapter: the answers of the admin listener that are not about the gateway: refusals, and common fields.

Owns their form. Refuses to decide who gets which.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

from fla_gateway.admin import refusal_page
from fla_gateway.admin.aiohttp_server import web
from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.problems import PROBLEMS, problem_body

# No inline script or style, nothing from elsewhere, never in a frame (CSP level 3, W3C).
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECURITY_FIELDS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}
"""What every answer of the operator's surface carries, refusals included."""

_DETAILS: Final = {
    "browser-refused": Text("This address is for probes, monitoring and the operator, not for requests of web pages."),
    "wrong-host": Text(
        "This listener answers to loopback names: localhost, 127.0.0.1, [::1]. Beyond loopback, the status page is "
        "called by the listener's address, or by a name of 'hosts' under [gateway] in the configuration."
    ),
    "not-found": Text(
        "Here are /, /status, /livez, /readyz, /startupz and /metrics, and by POST /-/reload, /-/drain, /-/quit and "
        "/-/audit/settle."
    ),
    "internal-error": Text("The gateway could not put the answer together; its log says more."),
}
_CHALLENGE: Final = 'Basic realm="fla-gateway status", charset="UTF-8"'
_BEARER: Final = 'Bearer realm="fla-gateway actions"'
_UNAUTHORIZED: Final = 401


answering_in: Final[ContextVar[Spoken]] = ContextVar("answering_in", default=ENGLISH)
"""The language of the request that is being answered; set before anything is decided about it."""


def problem(
    code: str, detail: Text = NOTHING, retry_after: int = 0, further: Mapping[str, object] = MappingProxyType({})
) -> web.Response:
    """Make a problem (RFC 9457); 401 with a challenge, which makes a browser ask for user and password.

    Args:
        code: a code of `problems.PROBLEMS`.
        detail: what happened and what to do, where it is not the usual one.
        retry_after: seconds for Retry-After, or 0.
        further: members of this problem alone.
    """
    row = PROBLEMS[code]
    spoken = answering_in.get()
    body = problem_body(code, detail or _DETAILS[code], str(uuid.uuid4()), None, further=further, spoken=spoken)
    answer = web.Response(status=row.status, body=body, content_type="application/problem+json")
    answer.headers["Fla-Gateway-Origin"] = row.origin
    if spoken is not ENGLISH:
        answer.headers["Content-Language"] = spoken.language
    if row.status == _UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = _CHALLENGE
    if retry_after:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def shown_in_a_browser(answer: web.Response, code: str, detail: Text) -> web.Response:
    """Give a refusal of the status page another body: for a person, with the ways to the page.

    Args:
        answer: as `problem` made it; status and challenge stay.
        code: its code.
        detail: its detail.
    """
    answer.body = refusal_page.page(PROBLEMS[code].title, detail, answering_in.get())
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    return answer


def action_problem(
    code: str, detail: Text, further: Mapping[str, object] = MappingProxyType({}), *, retry_after: int = 0
) -> web.Response:
    """Make the problem that an action ends with; 401 with a challenge that no browser asks a person about.

    Args:
        code: a code of `problems.PROBLEMS`.
        detail: what happened and what to do.
        further: members of this problem alone.
        retry_after: seconds for Retry-After, or 0.
    """
    answer = problem(code, detail, retry_after, further)
    if answer.status == _UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = _BEARER
    return answer


def method_not_allowed(error: web.HTTPMethodNotAllowed) -> web.Response:
    """Make the answer to a method that an address does not have."""
    # RFC 9110, section 15.5.6, asks for Allow.
    allowed = ", ".join(sorted(error.allowed_methods))
    answer = problem("method-refused", Text("Here: {methods}.", methods=allowed))
    answer.headers["Allow"] = allowed
    return answer
