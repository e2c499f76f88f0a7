"""Adapter: one call to the listener of a running gateway.

Owns the bytes that are sent, and the times that pass. Refuses to send a key to a process that is not known to be the
gateway's (`remote.admin_connection` finds that out), to follow a redirect, and to send anything twice.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from typing import Final

from fla_gateway import __version__
from fla_gateway.cli.options.admin_client import AdminTarget
from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError, named, opened, why_no_answer
from fla_gateway.cli.trial.call import Call, shown_fields
from fla_gateway.cli.trial.trial import SHOWN_BODY, Response
from fla_gateway.config.values.address import TcpAddress
from fla_gateway.i18n.message import NOTHING, Text

_ANSWER_SECONDS: Final = 90.0
"""Longer than the gateway itself waits for a token, a connection and the first byte."""

_FIRST_FINAL: Final = 200

Phases = tuple[tuple[str, float], ...]


def send(target: AdminTarget, path: str, call: Call) -> tuple[Response, Phases]:
    """Send a call and read its response; return it with the seconds of each phase.

    Args:
        target: the listener, with the caller's key.
        path: target of the request line.
        call: the call.

    Raises:
        NoGatewayError: nothing listens there, or no response came; then a call that changes something may be done.
        NotSentError: the key would go to a process that is not known to be the gateway's.
    """
    with opened(target) as channel:
        if target.key is not None and not channel.is_trusted:
            raise NotSentError(_not_trusted(target, channel.uid))
        channel.socket.settimeout(_ANSWER_SECONDS)
        began = time.monotonic()
        response = http.client.HTTPResponse(channel.socket, method=call.method)
        try:
            # A refusal may come, and the connection go, before the body is through.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                channel.socket.sendall(_written(target, path, call))
            response.begin()
            while response.status < _FIRST_FINAL:
                # The library skips no interim response but 100.
                response.headers = None  # type: ignore[assignment]  # as before the first one
                response.begin()
            answered = time.monotonic()
            body, whole = _body(response)
        except (OSError, http.client.HTTPException) as error:
            doubt = Text("; the call may be done: look it up before it is sent again") if call.changes else NOTHING
            message = Text(
                "{gateway} gave no answer: {reason}{doubt}",
                gateway=named(target), reason=why_no_answer(error), doubt=doubt,
            )  # fmt: skip
            raise NoGatewayError(message) from None
        ended = time.monotonic()
    fields = tuple((name, value) for name, value in response.getheaders())
    phases = (("connect", channel.seconds), ("answer", answered - began), ("body", ended - answered))
    return Response(response.status, response.reason, fields, body, whole), phases


def _written(target: AdminTarget, path: str, call: Call) -> bytes:
    host = str(target.address) if isinstance(target.address, TcpAddress) else "localhost"
    lines = [f"{call.method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in shown_fields(call)]
    given = {name.lower() for name, _ in call.fields}
    lines += [] if "user-agent" in given else [f"User-Agent: fla-gateway/{__version__}"]
    lines += [] if target.key is None else [f"X-Api-Key: {target.key.reveal()}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + (call.body or b"")


def _body(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """Read what is shown of a body; return it, and whether the response came to its end."""
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.read(SHOWN_BODY):
            # Read to its end, so that the time is that of the whole; what is not shown is not kept.
            if size <= SHOWN_BODY:
                parts.append(part)
            size += len(part)
    except http.client.IncompleteRead as error:
        return b"".join((*parts, error.partial)), False
    except (TimeoutError, OSError):
        return b"".join(parts), False
    return b"".join(parts), not response.length


def _not_trusted(target: AdminTarget, uid: int | None) -> Text:
    return Text(
        "{gateway}: the key is not sent, since it is not known whether the gateway listens there (user {uid}); "
        "--service-user names the user that it runs as",
        gateway=named(target),
        uid="?" if uid is None else str(uid),
    )
