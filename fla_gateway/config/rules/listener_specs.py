"""The listeners of a configuration, as values: each address to listen on, with its place and how it is served.

Owns the list of them, and what its mode says of a unix socket. Refuses to judge; `listener_rules` and `caller_rules`
do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.gateway_tables import Listener, ListenerTls
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.address import Address, DescriptorAddress, TcpAddress, UnixAddress, parse_listen
from fla_gateway.lean_dataclass import dataclass

OTHERS: Final = 0o077
"""The bits of a mode that concern users other than the owner."""

_DEFAULT_MODE: Final = "0600"


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """One entry of `listen`.

    Attributes:
        place: where it is, as faults write it.
        listener: as it is written.
        address: as it was read; None where the text is none.
        profile: name of the only profile behind it, or None where all are.
    """

    place: str
    listener: Listener
    address: Address | None
    profile: str | None = None

    @property
    def mode(self) -> int:
        """Mode of the socket's file, as far as there is one."""
        return int(self.listener.mode or _DEFAULT_MODE, 8)

    @property
    def is_passed(self) -> bool:
        """Whether the service manager passes its socket: what it really is, `inherited_listeners` judges."""
        return isinstance(self.address, DescriptorAddress)

    @property
    def is_private(self) -> bool:
        """Whether only the owner of a unix socket, and root, can connect."""
        return isinstance(self.address, UnixAddress) and not self.mode & OTHERS

    @property
    def is_unix(self) -> bool:
        """Whether the peer is known by user and group."""
        return self.address is not None and not isinstance(self.address, TcpAddress)


def listener_specs(configuration: Configuration) -> Iterator[ListenerSpec]:
    """Yield the listeners of the data path: the gateway's, then those of single profiles."""
    for index, listener in enumerate(configuration.gateway.listen):
        yield _spec(place(("gateway", "listen", index)), listener)
    for name, profile in configuration.profiles.items():
        if profile.listen is not None:
            yield _spec(place(("profiles", name, "listen")), profile.listen, name)


def admin_listener_spec(configuration: Configuration) -> ListenerSpec:
    """Return the admin listener."""
    return _spec("admin.listen", configuration.admin.listen)


def _spec(where: str, listener: Listener, profile: str | None = None) -> ListenerSpec:
    try:
        address = parse_listen(listener.address)
    except ValueError:
        address = None
    return ListenerSpec(where, listener, address, profile)


def encrypted(configuration: Configuration) -> Iterator[tuple[str, ListenerTls]]:
    """Yield the `tls` of each listener that has one, the admin listener's too, with its place."""
    for spec in (*listener_specs(configuration), admin_listener_spec(configuration)):
        if spec.listener.tls is not None:
            yield f"{spec.place}.tls", spec.listener.tls
