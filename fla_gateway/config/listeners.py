"""Rules of the addresses that the program listens on.

Owns who may be reached from where: each address once, and nothing beyond loopback without two keys with ugly names.
Refuses to know sockets.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from fla_gateway.config.address import TcpAddress, UnixAddress, clash, is_host_name, is_loopback, parse_ip, parse_listen
from fla_gateway.config.places import place
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import Fault


def listener_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is wrong with `listen` of the gateway, of the admin listener and of profiles, and with `hosts`."""
    texts = [*_doors(configuration), ("admin.listen", configuration.admin.listen.address)]
    placed: list[tuple[str, TcpAddress | UnixAddress]] = []
    for where, text in texts:
        try:
            placed.append((where, parse_listen(text)))
        except ValueError as error:
            yield Fault(where, str(error))
    for (where, one), (other_where, other) in combinations(placed, 2):
        if clash(one, other):
            yield Fault(other_where, f"has the same address as {where}", "each listener needs its own")
    for where, address in placed:
        if where != "admin.listen" and not is_loopback(address):
            yield from _exposure_faults(where, configuration)
    for index, host in enumerate(configuration.gateway.hosts):
        if host != host.lower() or not (is_host_name(host) or parse_ip(host.strip("[]"))):
            cure = 'write the bare name, for example "gateway"; any port of a listener goes with it'
            yield Fault(place(("gateway", "hosts", index)), "must be a host name in lower case, without a port", cure)


def listener_warnings(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is allowed about listeners that break no rule, but deserves a look."""
    if not is_loopback(parse_listen(configuration.admin.listen.address)):
        message = "can be reached from other machines: whoever gets there reads metrics and probes, without a password"
        yield Fault("admin.listen", message)
    exposed = [where for where, text in _doors(configuration) if not is_loopback(parse_listen(text))]
    if exposed and not configuration.gateway.hosts:
        message = "is empty although a listener can be reached from other machines: callers that use any name but "
        yield Fault("gateway.hosts", message + "localhost get 421", "name the hosts that callers write in their URLs")


def _doors(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for index, listener in enumerate(configuration.gateway.listen):
        yield place(("gateway", "listen", index)), listener.address
    for name, profile in configuration.profiles.items():
        if profile.listen is not None:
            yield place(("profiles", name, "listen")), profile.listen.address


def _exposure_faults(where: str, configuration: Configuration) -> Iterator[Fault]:
    if not configuration.gateway.unsafe_allow_anonymous:
        message = "can be reached from other machines, and whoever reaches it acts as the employer"
        cure = "listen on 127.0.0.1, [::1] or a unix socket, or set gateway.unsafe_allow_anonymous = true"
        yield Fault(where, message, cure)
    if not configuration.gateway.unsafe_cleartext:
        message = "can be reached from other machines, and what is sent there is not encrypted"
        cure = "listen on 127.0.0.1, [::1] or a unix socket, or set gateway.unsafe_cleartext = true"
        yield Fault(where, message, cure)
