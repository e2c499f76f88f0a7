"""Rule: the bytes of responses as they go to the caller: the gateway's own ones, and heads of the API's (pure).

Owns both kinds of head. Refuses to know why a response is sent; `problems` has the table and the body of problems,
`response_fields` decides which fields of the API's pass.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple

from fla_gateway.access.browser.cors import cors_fields, without_rules
from fla_gateway.http1.response import ResponseHead
from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Text
from fla_gateway.problems import PROBLEMS, Delivery, problem_body

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_READS: Final = frozenset((b"GET", b"HEAD"))
_PREFLIGHT_BODY: Final = b'{"preflight": "Pages of this origin may call."}\n'
_LAST_HOP_BODY: Final = b'{"maxForwards": "The gateway itself answers, since Max-Forwards is 0."}\n'
_NAVIGATION_BODY: Final = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fla-gateway</title>
<h1>{head}</h1>
<p>{what}</p>
<p>{base}</p>
<p>{status}</p>
"""
_HEAD: Final = Text("This address is for programs")
_WHAT: Final = Text(
    "Here an fla-gateway takes calls of programs and forwards them to the REST APIs of the social security. There is "
    "nothing to see in a browser."
)
_BASE: Final = Text(
    "In the calling program, the base address is this one, with the name of a profile: {own} in the place of {api}.",
    own="http://127.0.0.1:8480/PROFILE",
    api="https://services.socialsecurity.be",
)
_STATUS: Final = Text(
    "The status page is at the admin listener: {address} unless the configuration says otherwise.",
    address="http://127.0.0.1:8481/",
)
_UPSTREAM: Final = b"Fla-Gateway-Origin: upstream\r\n"
_UPSTREAM_CHUNKED: Final = _UPSTREAM + b"Transfer-Encoding: chunked\r\n"
_REASONS: Final = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""As RFC 9110 has them; before Python 3.13 `HTTPStatus` has older ones."""
_ALLOW: Final = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"


class OwnAnswer(NamedTuple):
    """A response that the gateway itself makes.

    Attributes:
        message: head and body as they go to the caller.
        sent: bytes of body among them.
    """

    message: bytes
    sent: int


def problem_answer(  # noqa: PLR0913 - the facts of one answer, all by name but for the first four
    code: str,
    detail: str,
    request_id: str,
    profile: str,
    *,
    delivery: Delivery,
    method: bytes,
    connection: bytes,
    date: str,
    retry_after: int | None = None,
    origin: bytes | None = None,
    spoken: Spoken = ENGLISH,
) -> OwnAnswer:
    """Write a whole answer of ``application/problem+json`` (RFC 9457).

    Args:
        code: a code of `problems.PROBLEMS`.
        detail: what happened and what to do.
        request_id: the UUID of the exchange.
        profile: name of the profile, empty where none was reached.
        delivery: what the exchange knows of the request's outcome.
        method: of the request; the answer to HEAD has no body, but its length (RFC 9110, section 9.3.2).
        connection: the Connection field line, or nothing.
        date: now, as an HTTP date.
        retry_after: whole seconds, or None.
        origin: the trusted origin whose page caused the request, or None.
        spoken: the language that the caller prefers.
    """
    row = PROBLEMS[code]
    body = problem_body(
        code, detail, request_id, profile or None, delivery=delivery, reading=method in _READS, spoken=spoken
    )
    head = (
        f"HTTP/1.1 {row.status} {_REASONS.get(row.status) or HTTPStatus(row.status).phrase}\r\n"
        f"Date: {date}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        f"Fla-Gateway-Origin: {row.origin}\r\n"
    )
    if spoken is not ENGLISH:
        head += f"Content-Language: {spoken.language}\r\n"
    if retry_after is not None:
        head += f"Retry-After: {retry_after}\r\n"
    if row.status == HTTPStatus.UNAUTHORIZED:
        # RFC 9110, section 15.5.2. Many clients send Basic only when asked; the user name does not count. A browser
        # would ask its user for a password, and from then on send that with every request of a page.
        challenge = 'Basic realm="fla_gateway", charset="UTF-8"' if origin is None else 'Bearer realm="fla_gateway"'
        head += f"WWW-Authenticate: {challenge}\r\n"
    if code == "method-refused":
        # RFC 9110, section 15.5.6: a 405 names the methods that are allowed.
        head += _ALLOW
    shown = b"" if method == b"HEAD" else body
    page = b"" if origin is None else cors_fields(origin)
    return OwnAnswer(head.encode() + page + connection + b"\r\n" + shown, len(shown))


def navigation_answer(
    status: int, *, method: bytes, connection: bytes, date: str, spoken: Spoken = ENGLISH
) -> OwnAnswer:
    """Write a whole answer for a browser that shows it to its user: the same text for all, which runs nothing.

    Args:
        status: of the problem that a program would get.
        method: as for `problem_answer`.
        connection: the Connection field line, or nothing.
        date: now, as an HTTP date.
        spoken: the language that the browser prefers.
    """
    body = _navigation_body(spoken)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Date: {date}\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Content-Security-Policy: default-src 'none'; sandbox\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cache-Control: no-store\r\n"
        "Fla-Gateway-Origin: gateway\r\n"
    )
    if status == HTTPStatus.UNAUTHORIZED:
        # RFC 9110, section 15.5.2, asks for a challenge; for this one no browser asks its user for a password.
        head += 'WWW-Authenticate: Bearer realm="fla_gateway"\r\n'
    shown = b"" if method == b"HEAD" else body
    return OwnAnswer(head.encode() + connection + b"\r\n" + shown, len(shown))


def _navigation_body(spoken: Spoken) -> bytes:
    from html import escape  # noqa: PLC0415 - half a megabyte that is rarely needed

    parts = {"head": _HEAD, "what": _WHAT, "base": _BASE, "status": _STATUS}
    shown = {name: escape(text.translated(spoken.catalogue), quote=False) for name, text in parts.items()}
    return _NAVIGATION_BODY.format(language=spoken.language, **shown).encode()


def preflight_answer(fields: bytes, *, connection: bytes, date: str) -> OwnAnswer:
    """Write a whole answer to a preflight of CORS; any 2xx will do, and the gateway's are never empty.

    Args:
        fields: what `cors.preflight` gave.
        connection: the Connection field line, or nothing.
        date: now, as an HTTP date.
    """
    return _ok(_PREFLIGHT_BODY, fields, connection, date)


def last_hop_answer(origin: bytes | None, *, connection: bytes, date: str) -> OwnAnswer:
    """Write a whole answer to an OPTIONS that is not forwarded; the gateway's are never empty.

    Args:
        origin: the trusted origin whose page caused the request, or None.
        connection: the Connection field line, or nothing.
        date: now, as an HTTP date.
    """
    page = b"" if origin is None else cors_fields(origin)
    return _ok(_LAST_HOP_BODY, _ALLOW.encode() + page, connection, date)


def _ok(body: bytes, own: bytes, connection: bytes, date: str) -> OwnAnswer:
    head = (
        "HTTP/1.1 200 OK\r\n"
        f"Date: {date}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Fla-Gateway-Origin: gateway\r\n"
    )
    return OwnAnswer(head.encode() + own + connection + b"\r\n" + body, len(body))


def connection_field(*, keep_alive: bool, minor: int) -> bytes:
    """Write the Connection field line of an answer, where it needs one (RFC 9112, section 9.3).

    Args:
        keep_alive: whether the connection is used again.
        minor: HTTP minor version of the request.
    """
    if not keep_alive:
        return b"Connection: close\r\n"
    return b"" if minor else b"Connection: keep-alive\r\n"


def interim_head(head: ResponseHead, fields: list[bytes]) -> bytes:
    """Write an upstream's interim answer anew.

    Args:
        head: as it was read.
        fields: those of its fields that pass, names and rests in turns.
    """
    return b"".join((head.start.forwarded, *fields, b"\r\n"))


def final_head(
    head: ResponseHead, fields: list[bytes], connection: bytes, *, chunking: bool, origin: bytes | None
) -> list[bytes]:
    """Write the head of an upstream's answer anew, in pieces for the writer to join.

    Args:
        head: as it was read.
        fields: those of its fields that pass, names and rests in turns.
        connection: the Connection field line, or nothing.
        chunking: whether the body is sent in chunks of our own.
        origin: the trusted origin whose page caused the request, or None.
    """
    own = _UPSTREAM_CHUNKED if chunking else _UPSTREAM
    if origin is not None:
        fields = without_rules(fields)
        own += cors_fields(origin)
    return [head.start.forwarded, *fields, own, connection, b"\r\n"]
