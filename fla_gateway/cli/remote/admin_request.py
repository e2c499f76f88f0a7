"""Adapter: one request to the admin listener of a running gateway.

Owns what is sent, and what counts as an answer. Refuses to know who is at the other end (`admin_connection`), and what
is asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fla_gateway import __version__
from fla_gateway.cli.remote.admin_connection import (
    NoGatewayError,
    connect,
    former_address_hint,
    named,
    opened,
    start_tls,
    why_no_answer,
)
from fla_gateway.config.values.address import TcpAddress
from fla_gateway.i18n.message import NOTHING, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Mapping

    from fla_gateway.cli.options.admin_client import AdminTarget

_ANSWER_SECONDS: Final = 90.0
"""How long a reload may take, the one before it included; as long as systemd waits for one."""
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_MEMBERS: Final = {
    "/-/reload": "applied",
    "/-/drain": "accepted",
    "/-/quit": "accepted",
    "/-/audit/settle": "settled",
    "/status": "profiles",
}
"""What the gateway's success at an address has, whatever its version."""


class Answer(NamedTuple):
    """What the gateway answered.

    Attributes:
        status: status code.
        document: the body.
        uid: user id of the process that answered, or None if it is not known.
    """

    status: int
    document: Mapping[str, Any]
    uid: int | None


class _Request(NamedTuple):
    """What is sent.

    Attributes:
        method: GET or POST.
        path: of the admin listener.
        key: sent with it, or None.
        body: JSON, or nothing.
    """

    method: str
    path: str
    key: str | None = None
    body: bytes = b""

    @property
    def doubt(self) -> Text:
        """What is added where no answer came."""
        return NOTHING if self.method == "GET" else Text("; what was asked may be done")

    def written(self, target: AdminTarget) -> bytes:
        """Write the request."""
        host = str(target.address) if isinstance(target.address, TcpAddress) else "localhost"
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"User-Agent: fla-gateway/{__version__}",
                 f"Accept-Language: {target.language}"]  # fmt: skip
        lines += [f"Content-Length: {len(self.body)}"] if self.method == "POST" else []
        lines += ["Content-Type: application/json"] if self.body else []
        lines += [] if self.key is None else [f"X-Api-Key: {self.key}"]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + self.body


def ask(target: AdminTarget, method: str, path: str, document: Mapping[str, object] | None = None) -> Answer:
    """Send a request and read the answer.

    Args:
        target: where it is, and what the request carries.
        method: GET or POST.
        path: of the admin listener.
        document: sent as JSON, or None.

    Raises:
        NoGatewayError: nothing listens there, or what answers is no gateway.
        NotSentError: another user listens there, or the key would have to be sent in clear.
    """
    body = b"" if document is None else json.dumps(document).encode()
    with opened(target) as channel:
        key = target.key.reveal() if target.key is not None and channel.is_trusted else None
        status, document = _exchange(channel.socket, target, _Request(method, path, key, body))
    return Answer(status, document, channel.uid)


def probe(target: AdminTarget, path: str, seconds: float) -> Answer:
    """Ask a probe, which is open to every client: no key is sent, and which user answers does not matter.

    Args:
        target: where the admin listener is. Over TLS its certificate is verified only against a named CA file: what
            is asked within one machine or container goes to an address that no certificate names.
        path: of the probe.
        seconds: how long the connection, and each part of the answer, may take.

    Raises:
        NoGatewayError: nothing listens there, or what answers is no gateway.
        NotSentError: this user may not open the socket, or the certificate is not trusted.
    """
    with contextlib.ExitStack() as stack:
        channel = connect(target, seconds)
        stack.callback(channel.close)
        if target.encrypted:
            channel = start_tls(channel, target, verified=target.ca_file is not None)
            stack.callback(channel.close)
        status, document = _exchange(channel, target, _Request("GET", path), seconds)
    return Answer(status, document, None)


def _exchange(
    channel: socket.socket, target: AdminTarget, request: _Request, seconds: float = _ANSWER_SECONDS
) -> tuple[int, Mapping[str, Any]]:
    try:
        channel.settimeout(seconds)
        channel.sendall(request.written(target))
        response = http.client.HTTPResponse(channel, method=request.method)
        response.begin()
        body = response.read(_LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        message = Text(
            "{gateway} gave no answer: {reason}{doubt}",
            gateway=named(target),
            reason=why_no_answer(error),
            doubt=request.doubt,
        )
        raise NoGatewayError(message) from None
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not _is_of_a_gateway(request.path, response.status, document):
        raise NoGatewayError(
            Text(
                "what answers at {gateway} is no fla-gateway (status {status}){hint}",
                gateway=named(target),
                status=response.status,
                hint=former_address_hint(target),
            )
        )
    return response.status, document


def _is_of_a_gateway(path: str, status: int, document: Mapping[str, Any]) -> bool:
    """Whether a success has what a gateway says of it: another program may answer any request with an empty object."""
    member = _MEMBERS.get(path.partition("?")[0])
    return status >= HTTPStatus.MULTIPLE_CHOICES or member is None or member in document
