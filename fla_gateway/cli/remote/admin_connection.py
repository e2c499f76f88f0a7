"""Adapter: a connection to the admin listener of a gateway.

Owns who may get the key: while the gateway is down, any user of the machine may hold its port. Refuses to know what is
asked over it (`admin_request`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from fla_gateway.admin.access_rules import ROOT
from fla_gateway.admin.peer_uid import peer_uid
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress, parse_ip
from fla_gateway.errors import GatewayError
from fla_gateway.i18n.message import NOTHING, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Iterator

    from fla_gateway.cli.options.admin_client import AdminTarget

_CONNECT_SECONDS: Final = 5.0
_ACCEPT_SECONDS: Final = 2.0
"""How long the other end may take to accept the connection: before that it belongs to no user."""
_LOOK_SECONDS: Final = 0.05


class NoGatewayError(GatewayError):
    """No gateway answers at the admin listener."""


class NotSentError(GatewayError):
    """The request was not sent, since what listens there is not known to be the gateway."""


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


@contextlib.contextmanager
def opened(target: AdminTarget) -> Iterator[Channel]:
    """Connect, and find out who is at the other end before anything is sent.

    Raises:
        NoGatewayError: nothing listens there.
        NotSentError: another user listens there, or the key would have to be sent in clear.
    """
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        sock = connect(target)
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
            channel = start_tls(sock, target, verified=verified)
            seconds += time.monotonic() - began
            stack.callback(channel.close)
        yield Channel(channel, uid, is_trusted=known or verified, seconds=seconds)


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


def connect(target: AdminTarget, seconds: float = _CONNECT_SECONDS) -> socket.socket:
    """Connect, without TLS, whichever user listens there.

    Args:
        target: where the admin listener is.
        seconds: how long it may take.

    Raises:
        NoGatewayError: nothing listens there.
        NotSentError: this user may not open the socket.
    """
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
            hint=former_address_hint(target),
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


def start_tls(sock: socket.socket, target: AdminTarget, *, verified: bool) -> ssl.SSLSocket:
    """Speak TLS on a connection.

    Args:
        sock: the connection.
        target: where it leads.
        verified: whether the certificate has to be trusted; otherwise any is taken.

    Raises:
        NoGatewayError: what listens there speaks no TLS.
        NotSentError: the certificate is not trusted.
    """
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


def named(target: AdminTarget) -> str:
    """Write where a listener is."""
    if not isinstance(target.address, TcpAddress):
        return str(target.address)
    return f"{'https' if target.encrypted else 'http'}://{target.address}"


def former_address_hint(target: AdminTarget) -> Text:
    """Say that the gateway may still be at a former address, unless an option named this one."""
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
