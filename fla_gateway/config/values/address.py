"""Addresses to listen on, as values.

Owns the grammar of `listen` and the question whether an address can be reached from another machine. Refuses to
know sockets; nothing is resolved or bound here.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message
from fla_gateway.lean_dataclass import dataclass

# sockaddr_un.sun_path holds 108 bytes on Linux with the closing NUL (unix(7)), 104 on the BSDs.
UNIX_PATH_BYTES: Final = 103
# An abstract name follows a NUL byte in the same 108 bytes, and has no closing one (unix(7)).
ABSTRACT_NAME_BYTES: Final = 107

_TCP: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\]|(?P<name>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})"
)
# What systemd accepts (sd_listen_fds_with_names(3)), without blanks.
_DESCRIPTOR: Final = re.compile("[!-9;-~]{1,255}")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LOCALHOST: Final[AbstractSet[IPv4Address | IPv6Address]] = frozenset({IPv4Address("127.0.0.1"), IPv6Address("::1")})


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP address.

    Attributes:
        host: name or address, lower case, without brackets.
        port: 0 to 65535; 0 lets the system choose.
    """

    host: str
    port: int

    @property
    def name(self) -> str:
        """The host as it is written in a URL or in Host."""
        return uri_host(self.host)

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A unix socket by its path."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class AbstractAddress:
    """A unix socket by a name in Linux's abstract namespace: no file, so neither owner nor mode.

    Attributes:
        name: without the leading NUL byte; at most 107 bytes.
    """

    name: str

    def __str__(self) -> str:
        return f"unix:@{self.name}"


@dataclass(frozen=True, slots=True)
class DescriptorAddress:
    """A socket that the service manager passes under a name (systemd's FileDescriptorName=).

    Which address it really has is known to the running process alone, see `listeners.socket_activation`.
    """

    name: str

    def __str__(self) -> str:
        return f"fd:{self.name}"


RealAddress = TcpAddress | UnixAddress | AbstractAddress
"""What a socket has, and callers connect to."""
Address = RealAddress | DescriptorAddress
"""What a configuration may name."""


def uri_host(host: str) -> str:
    """Write a host as it is in a URL or in Host: an IPv6 address is in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def is_host_name(text: str) -> bool:
    """Whether a lower-case text is a host name in ASCII (RFC 1123, section 2.1; an underscore is tolerated).

    A name whose last label is a number would be taken for an IPv4 address by some and not by others (WHATWG URL,
    "ends in a number"), so it is none.
    """
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()  # noqa: PLR2004 - RFC 1035, 2.3.4 as text


@lru_cache(maxsize=256)
def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address in its usual notation; None if the text is something else.

    Remembered, because each rule of a configuration asks again: the failure with a name costs as much as the rest.
    """
    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_listen(text: str) -> Address:
    """Read ``host:port``, ``[v6]:port``, ``unix:/path``, ``unix:@name`` or ``fd:name``.

    Raises:
        ValueError: with a sentence for the person who wrote the text; the text itself is not in it.
    """
    if text.startswith("unix:@"):
        return _parse_abstract(text.removeprefix("unix:@"))
    if text.startswith("unix:"):
        return _parse_unix(text.removeprefix("unix:"))
    if text.startswith("fd:"):
        return _parse_descriptor(text.removeprefix("fd:"))
    match = _TCP.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            Message(
                "address-malformed",
                "must be an address such as 127.0.0.1:8480, [::1]:8480 or unix:/run/fla-gateway.sock",
            )
        )
    port = int(match["port"])
    if port > 65_535:  # noqa: PLR2004 - the largest port
        raise InvalidValueError(Message("address-port-too-large", "has a port above 65535"))
    if match["v6"] is not None:
        if not isinstance(parse_ip(match["v6"]), IPv6Address):
            raise InvalidValueError(Message("address-not-ipv6", "has something in brackets that is no IPv6 address"))
        return TcpAddress(str(parse_ip(match["v6"])), port)
    host = match["name"].lower()
    if parse_ip(host) is None and not is_host_name(host):
        raise InvalidValueError(
            Message("address-host-malformed", "has a host that is neither an IP address nor a host name")
        )
    return TcpAddress(host, port)


def _parse_unix(path: str) -> UnixAddress:
    if not path or path.endswith("/") or "\0" in path:
        raise InvalidValueError(Message("address-path-missing", "must have the path of a socket after unix:"))
    if len(path.encode()) > UNIX_PATH_BYTES:
        raise InvalidValueError(
            Message(
                "address-path-too-long",
                "has a path of more than {largest} bytes, which no unix socket can have",
                largest=UNIX_PATH_BYTES,
            )
        )
    return UnixAddress(Path(path))


def _parse_abstract(name: str) -> AbstractAddress:
    if not name or not name.isprintable() or " " in name:
        raise InvalidValueError(
            Message("address-abstract-name-malformed", "must have a name without spaces after unix:@")
        )
    if len(name.encode()) > ABSTRACT_NAME_BYTES:
        raise InvalidValueError(
            Message(
                "address-abstract-name-too-long",
                "has a name of more than {largest} bytes, which no abstract socket can have",
                largest=ABSTRACT_NAME_BYTES,
            )
        )
    return AbstractAddress(name)


def _parse_descriptor(name: str) -> DescriptorAddress:
    if not _DESCRIPTOR.fullmatch(name):
        raise InvalidValueError(
            Message(
                "address-descriptor-name-malformed",
                "must have the name of a socket after fd:, as FileDescriptorName= gives it",
            )
        )
    return DescriptorAddress(name)


def is_loopback(address: Address) -> bool:
    """Whether only this machine (for containers: this network namespace) can reach the address.

    True for a `DescriptorAddress` as well: the rules judge the address that its socket really has.
    """
    return not isinstance(address, TcpAddress) or all(
        ip.is_loopback for ip in _addresses(address.host) or [IPv4Address(0)]
    )


def clash(one: Address, other: Address) -> bool:
    """Whether two listeners cannot both have their address. Port 0 never clashes."""
    if not isinstance(one, TcpAddress) or not isinstance(other, TcpAddress):
        return one == other
    if one.port != other.port or one.port == 0:
        return False
    if one.host == other.host:
        return True
    pairs = ((a, b) for a in _addresses(one.host) for b in _addresses(other.host) if a.version == b.version)
    return any(a == b or a.is_unspecified or b.is_unspecified for a, b in pairs)


def _addresses(host: str) -> AbstractSet[IPv4Address | IPv6Address]:
    if host == "localhost":
        return _LOCALHOST
    ip: IPv4Address | IPv6Address | None = parse_ip(host)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return set() if ip is None else {ip}
