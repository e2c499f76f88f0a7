"""Adapter: the sockets that systemd passes to the process (sd_listen_fds(3)).

Owns the environment's variables about them, and what each socket really is. Refuses to bind, and to close or remove
what belongs to the service manager: listeners work on duplicates.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.rules.inherited_listeners import PLACE
from fla_gateway.config.values.address import AbstractAddress, RealAddress, TcpAddress, UnixAddress
from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.listeners import unix_socket

_FIRST: Final = 3
"""The descriptor of the first socket."""
_NAMELESS: Final = "unknown"
_OTHERS: Final = 0o006


class InheritedSockets:
    """What was passed to this process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._descriptors: dict[str, int] = {}
        self._faults: list[Fault] = []

    def take(self, environ: MutableMapping[str, str]) -> None:
        """Take over what the environment names; its variables are gone then, for they are about no other process."""
        pid, number, names = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", PLACE))
        if not number:
            return
        if pid != str(os.getpid()):
            message = Message(
                "sockets-of-another-process",
                "LISTEN_PID names another process, so that the sockets are not for this one",
            )
            cure = Text("let a script that starts the gateway do it by exec")
            self._faults.append(Fault("LISTEN_PID", message, cure))
            return
        count = int(number) if number.isdecimal() else 0
        given = names.split(":") if names else [_NAMELESS] * count
        if not count or len(given) != count:
            message = Message(
                "sockets-unnamed", "{names} names for {sockets} sockets", names=len(given), sockets=number
            )
            self._faults.append(Fault(PLACE, message, Text("start it by a socket unit")))
            return
        for descriptor, name in enumerate(given, _FIRST):
            self._add(descriptor, name)

    def _add(self, descriptor: int, name: str) -> None:
        try:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - takes no keyword
        except OSError as error:
            message = Message(
                "socket-not-open",
                "the descriptor of {name} is not open: {reason}",
                name=name,
                reason=reason_of(error),
            )
            self._faults.append(Fault(PLACE, message))
            return
        if name in self._descriptors:
            message = Message("socket-name-twice", "two sockets have the name {name}", name=name)
            cure = Text("give each socket a unit and a FileDescriptorName= of its own")
            self._faults.append(Fault(PLACE, message, cure))
            return
        self._descriptors[name] = descriptor

    def described(self, *, wanted: bool) -> Mapping[str, Listener]:
        """Say what each socket is, as a listener of the configuration would be written.

        Args:
            wanted: whether the configuration names any; sockets for another process are a fault only then.

        Raises:
            ConfigurationError: with everything that is wrong with what was passed.
        """
        faults = [it for it in self._faults if wanted or it.path == PLACE]
        found: dict[str, Listener] = {}
        for name in self._descriptors:
            try:
                found[name] = self._described(name)
            except ConfigurationError as error:
                faults += error.faults
        if faults:
            raise ConfigurationError(tuple(faults))
        return found

    def _described(self, name: str) -> Listener:
        sock = self.duplicate(name)
        with sock:
            address = _address(sock, name)
        mode = _mode(address.path) if isinstance(address, UnixAddress) else None
        return Listener(address=str(address), mode=mode)

    def duplicate(self, name: str) -> socket.socket:
        """Duplicate a socket; the listening socket itself stays open for a later configuration.

        Raises:
            ConfigurationError: it is no socket that could be accepted on.
        """
        if name not in self._descriptors:
            raise _unusable(Message("descriptor-missing", "what was passed as {name} was not passed", name=name))
        try:
            sock = socket.socket(fileno=os.dup(self._descriptors[name]))
        except OSError:
            raise _unusable(
                Message("descriptor-no-socket", "what was passed as {name} is no socket", name=name)
            ) from None
        if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            sock.close()
            message = Message(
                "descriptor-not-listening", "what was passed as {name} is no stream socket that listens", name=name
            )
            raise _unusable(message) from None
        return sock

    def address(self, name: str) -> RealAddress:
        """Return the address that a socket really has; raises as `duplicate`."""
        with self.duplicate(name) as sock:
            return _address(sock, name)


INHERITED: Final = InheritedSockets()
"""Those of this process: there is one environment, and one table of descriptors."""


def _address(sock: socket.socket, name: str) -> RealAddress:
    where = sock.getsockname()
    if sock.family in {socket.AF_INET, socket.AF_INET6}:
        return TcpAddress(str(where[0]), int(where[1]))
    if sock.family == socket.AF_UNIX and where:
        # Python gives an abstract name as bytes, with its NUL byte.
        if isinstance(where, bytes):
            return AbstractAddress(where[1:].decode(errors="replace"))
        return UnixAddress(Path(where))
    raise _unusable(
        Message(
            "descriptor-without-address",
            "what was passed as {name} has no address of TCP or of a unix socket",
            name=name,
        )
    )


def _mode(path: Path) -> str:
    """Return the mode of a socket's file; one of another user's lets others in, whatever its mode."""
    if (seen := unix_socket.foreseen(path, None, PLACE)) is not None:
        raise ConfigurationError((seen,))
    try:
        found = path.lstat()
    except OSError as error:
        message = Message(
            "socket-file-unreadable",
            "the file of the socket, {path}, cannot be judged: {reason}",
            path=str(path),
            reason=reason_of(error),
        )
        raise ConfigurationError((Fault(PLACE, message, Text("restart the socket unit")),)) from None
    mode = stat.S_IMODE(found.st_mode)
    return f"{mode if found.st_uid in {0, os.geteuid()} else mode | _OTHERS:04o}"


def _unusable(message: Message) -> ConfigurationError:
    cure = Text("give the socket unit ListenStream=, without Accept=yes")
    return ConfigurationError((Fault(PLACE, message, cure),))
