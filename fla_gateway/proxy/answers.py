"""Rule: the bytes of the answers that the gateway gives by itself (pure).

Owns the head of a problem answer. Refuses to know why it is given; `problems` has the table and the body.
"""

from __future__ import annotations

from http import HTTPStatus

from fla_gateway.problems import PROBLEMS

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def problem_head(code: str, length: int, connection: bytes, retry_after: int | None = None) -> bytes:
    """Write the head of an ``application/problem+json`` answer (RFC 9457).

    Args:
        code: a code of `problems.PROBLEMS`.
        length: bytes of the body; HEAD is told it as well (RFC 9110, section 9.3.2).
        connection: the Connection field line, or nothing.
        retry_after: whole seconds, or None.
    """
    row = PROBLEMS[code]
    head = (
        f"HTTP/1.1 {row.status} {HTTPStatus(row.status).phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {length}\r\n"
        "Cache-Control: no-store\r\n"
        f"Fla-Gateway-Origin: {row.origin}\r\n"
    )
    if retry_after is not None:
        head += f"Retry-After: {retry_after}\r\n"
    if code == "method-refused":
        # RFC 9110, section 15.5.6: a 405 names the methods that are allowed.
        head += "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
    return head.encode() + connection + b"\r\n"


def connection_field(*, keep_alive: bool, minor: int) -> bytes:
    """Write the Connection field line of an answer, where it needs one (RFC 9112, section 9.3).

    Args:
        keep_alive: whether the connection is used again.
        minor: HTTP minor version of the request.
    """
    if not keep_alive:
        return b"Connection: close\r\n"
    return b"" if minor else b"Connection: keep-alive\r\n"
