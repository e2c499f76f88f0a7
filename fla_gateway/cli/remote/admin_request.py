"""Adapter: one request to the admin listener of a running gateway.

Owns who gets the key, and whose answer is believed: while the gateway is down, any user of the machine may hold
its port. Refuses to know what is asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fla_gateway import __version__
from fla_gateway.admin.access_rules import ROOT
from fla_gateway.admin.peer_uid import peer_uid
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress, parse_ip
from fla_gateway.errors import GatewayError
from fla_gateway.i18n.message import NOTHING, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fla_gateway.cli.options.admin_client import AdminTarget

_CONNECT_SECONDS: Final = 5.0
_ACCEPT_SECONDS: Final = 2.0
"""How long the other end may take to accept the connection: before that it belongs to no user."""
_ANSWER_SECONDS: Final = 90.0
"""How long a reload may take, the one before it included; as long as systemd waits for one."""
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_LOOK_SECONDS: Final = 0.05


class NoGatewayError(GatewayError):
    """No gateway answers at the admin listener."""


class NotSentError(GatewayError):
    """The request was not sent, since what listens there is not known to be the gateway."""


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


class Channel(NamedTuple):
    """A connection to a gateway.

    Attributes:
        socket: encrypted where the listener is.
        uid: user id of the process at the other end, or None if it is not known.
        is_trusted: whether that is one that may get a key.
        seconds: how long it took to connect, TLS included.
    """

    socket: socket.socket
    uid: int | None
    is_trusted: bool
    seconds: float


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


@contextlib.contextmanager
def opened(target: AdminTarget) -> Iterator[Channel]:
    """Connect, and find out who is at the other end before anything is sent.

    Raises:
        NoGatewayError: nothing listens there.
        NotSentError: another user listens there, or the key would have to be sent in clear.
    """
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        sock = _connected(target)
        seconds = time.monotonic() - began
        stack.callback(sock.close)
        local = _is_local(sock)
        uid = _owner(sock) if local else None
        known = uid is not None and uid in _expected(target)
        # On this machine the kernel vouches for the user; a certificate may just be about to be reloaded.
        verified = target.encrypted and (target.ca_file is not None or not local)
        if local and not known and not verified:
            _refuse_another_user(target, uid)
        if target.key is not None and not local and not verified:
            raise NotSentError(
                Text("{gateway}: the key is not sent in clear to another machine; use TLS", gateway=named(target))
            )
        channel: socket.socket = sock
        if target.encrypted:
            began = time.monotonic()
            channel = _with_tls(sock, target, verified=verified)
            seconds += time.monotonic() - began
            stack.callback(channel.close)
        yield Channel(channel, uid, is_trusted=known or verified, seconds=seconds)


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
        channel = _connected(target, seconds)
        stack.callback(channel.close)
        if target.encrypted:
            channel = _with_tls(channel, target, verified=target.ca_file is not None)
            stack.callback(channel.close)
        status, document = _exchange(channel, target, _Request("GET", path), seconds)
    return Answer(status, document, None)


def _expected(target: AdminTarget) -> set[int]:
    own = {ROOT, os.geteuid()}
    return own if target.service_user is None else own | {target.service_user}


def _refuse_another_user(target: AdminTarget, uid: int | None) -> None:
    """Refuse a listener of another user, but for root's command without a user's name: it cannot know which it is.

    Without the key that sends no secret, and the answer is printed with the user that gave it.

    Raises:
        NotSentError: with the cure.
    """
    if os.geteuid() == ROOT and target.service_user is None:
        return
    if uid is None and target.key is None and target.service_user is None:
        return
    whose = Text("a user that cannot be found out") if uid is None else Text("user {uid}", uid=str(uid))
    raise NotSentError(
        Text(
            "{gateway}: the listener belongs to {whose}, which is neither root nor the user that asks. If the gateway "
            "runs as that user, name it with --service-user; otherwise another program holds the gateway's place. "
            "Nothing was sent",
            gateway=named(target),
            whose=whose,
        )
    )


def _connected(target: AdminTarget, seconds: float = _CONNECT_SECONDS) -> socket.socket:
    try:
        match target.address:
            case TcpAddress(host, port):
                return socket.create_connection((host, port), seconds)
            case UnixAddress(path):
                return _local_connection(str(path), seconds)
            case AbstractAddress(name):
                return _local_connection(f"\0{name}", seconds)
    except PermissionError:
        raise NotSentError(Text("{gateway}: this user may not open the socket", gateway=named(target))) from None
    except OSError as error:
        message = Text(
            "no gateway answers at {gateway}: {reason}{hint}",
            gateway=named(target),
            reason=why_no_answer(error),
            hint=_hint(target),
        )
        raise NoGatewayError(message) from None


def _local_connection(name: str, seconds: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(seconds)
        sock.connect(name)
    except BaseException:
        sock.close()
        raise
    return sock


def _is_local(sock: socket.socket) -> bool:
    """Return whether both ends are in this network namespace, and the other one's user can be known."""
    if sock.family == socket.AF_UNIX:
        return True
    ends = [parse_ip(end[0].partition("%")[0]) for end in (sock.getsockname(), sock.getpeername())]
    return all(end is not None and end.is_loopback for end in ends)


def _owner(sock: socket.socket) -> int | None:
    """Return the user whose process accepted the connection; None if it is not known."""
    end = time.monotonic() + _ACCEPT_SECONDS
    while (uid := peer_uid(sock)) is None and sys.platform == "linux" and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    return uid


def _with_tls(sock: socket.socket, target: AdminTarget, *, verified: bool) -> ssl.SSLSocket:
    name = target.address.host if isinstance(target.address, TcpAddress) else None
    try:
        if verified:
            context = ssl.create_default_context(cafile=target.ca_file)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(sock, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        message = Text(
            "{gateway}: its certificate is not trusted: {reason}. --ca-file names its roots",
            gateway=named(target),
            reason=error.verify_message,
        )
        raise NotSentError(message) from None
    except OSError as error:
        message = Text(
            "no gateway answers over TLS at {gateway}: {reason}", gateway=named(target), reason=why_no_answer(error)
        )
        raise NoGatewayError(message) from None


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
    if not isinstance(document, dict):
        raise NoGatewayError(
            Text(
                "what answers at {gateway} is no fla-gateway (status {status}){hint}",
                gateway=named(target),
                status=response.status,
                hint=_hint(target),
            )
        )
    return response.status, document


def named(target: AdminTarget) -> str:
    """Write where a listener is."""
    if not isinstance(target.address, TcpAddress):
        return str(target.address)
    return f"{'https' if target.encrypted else 'http'}://{target.address}"


def _hint(target: AdminTarget) -> Text:
    if target.origin == target.option:
        return NOTHING
    return Text(
        ". This is {origin}; a gateway that was started before it was changed is still at the former address, which "
        "{option} can name",
        origin=target.origin,
        option=target.option,
    )


def why_no_answer(error: Exception) -> str:
    """Say why a connection brought nothing."""
    if isinstance(error, TimeoutError):
        return Text("it did not answer in time")
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__
