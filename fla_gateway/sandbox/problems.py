"""Answers of the APIs: JSON, and problems as the Belgif REST guide has them (RFC 9457).

Owns the shape of a problem and the challenge that goes with it (RFC 6750, section 3). Refuses to know when one
arises. Types and titles follow https://www.belgif.be/specification/rest/api-guide/ (section error handling).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from fla_gateway.sandbox.authorization_server.issued_tokens import Refusal
from fla_gateway.sandbox.options import STATEMENT

REALM: Final = "fla-gateway sandbox"
STATUS: Final = {
    "badRequest": 400,
    "noAccessToken": 401,
    "invalidAccessToken": 401,
    "expiredAccessToken": 401,
    "missingScope": 403,
    "resourceNotFound": 404,
    "payloadTooLarge": 413,
    "tooManyRequests": 429,
    "internalServerError": 500,
    "serviceUnavailable": 503,
}
TITLE: Final = {
    "badRequest": "Bad Request",
    "noAccessToken": "No Access Token",
    "invalidAccessToken": "Invalid Access Token",
    "expiredAccessToken": "Expired Access Token",
    "missingScope": "Missing Scope",
    "resourceNotFound": "Resource Not Found",
    "payloadTooLarge": "Payload Too Large",
    "tooManyRequests": "Too Many Requests",
    "internalServerError": "Internal Server Error",
    "serviceUnavailable": "Service Unavailable",
}


def document(body: Mapping[str, Any], status: int = 200, **fields: str) -> web.Response:
    """Answer with JSON that says where it comes from.

    Args:
        body: members of the document.
        status: of the response.
        fields: further response fields.
    """
    return _json({**body, "sandbox": STATEMENT}, status, "application/json", fields)


def problem(kind: str, detail: str, fields: Mapping[str, str] | None = None, **extras: Any) -> web.Response:
    """Answer with a Belgif problem.

    Args:
        kind: last part of the problem type, a key of `STATUS`.
        detail: what happened.
        fields: further response fields.
        extras: further members of the problem, such as ``requiredScopes``.
    """
    return _problem_json(
        {
            "type": f"urn:problem-type:belgif:{kind}",
            "href": f"https://www.belgif.be/specification/rest/api-guide/problems/{kind}.html",
            "title": TITLE[kind],
            "status": STATUS[kind],
            "detail": detail,
            **extras,
        },
        fields or {},
    )


def bare_problem(status: int, title: str, fields: Mapping[str, str] | None = None) -> web.Response:
    """Answer with a problem that the guide has no type for.

    Args:
        status: of the response.
        title: of the problem.
        fields: further response fields.
    """
    return _problem_json({"type": "about:blank", "title": title, "status": status}, fields or {})


def refused_bearer(refusal: Refusal) -> web.Response:
    """Answer 401 with a challenge; without a token the challenge names no error (RFC 6750, section 3.1)."""
    challenge = f'Bearer realm="{REALM}"'
    if refusal.problem != "noAccessToken":
        challenge += f', error="invalid_token", error_description="{refusal.detail}"'
    return problem(refusal.problem, refusal.detail, {"WWW-Authenticate": challenge})


def missing_scope(required: tuple[str, ...]) -> web.Response:
    """Answer 403: the token is good, but does not permit this."""
    challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{" ".join(required)}"'
    return problem(
        "missingScope",
        "The access token lacks a scope; one of requiredScopes is needed",
        {"WWW-Authenticate": challenge},
        requiredScopes=list(required),
    )


def retry_later(kind: str, retry_after: int) -> web.Response:
    """Answer 429 or 503, with Retry-After unless it is 0."""
    detail = f"Scripted by the sandbox; retry after {retry_after} s" if retry_after else "Scripted by the sandbox"
    if not retry_after:
        return problem(kind, detail)
    return problem(kind, detail, {"Retry-After": str(retry_after)}, retryAfterSec=retry_after)


def _problem_json(members: dict[str, Any], fields: Mapping[str, str]) -> web.Response:
    body = {**members, "instance": f"urn:uuid:{uuid.uuid4()}", "sandbox": STATEMENT}
    return _json(body, members["status"], "application/problem+json", fields)


def _json(body: Mapping[str, Any], status: int, content_type: str, fields: Mapping[str, str]) -> web.Response:
    data = json.dumps(body, ensure_ascii=False).encode() + b"\n"
    return web.Response(body=data, status=status, content_type=content_type, headers=dict(fields))
