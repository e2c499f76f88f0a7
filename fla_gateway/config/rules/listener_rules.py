"""Rules of the addresses that the program listens on.

Owns who may be reached from where: each address once, and no listener open to more than its callers without a key
whose name warns of it. Refuses to know sockets.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.rules.environments import is_production
from fla_gateway.config.rules.listener_specs import ListenerSpec, admin_listener_spec, listener_specs
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.address import (
    AbstractAddress,
    TcpAddress,
    UnixAddress,
    clash,
    is_host_name,
    is_loopback,
    parse_ip,
    parse_listen,
)
from fla_gateway.errors import Fault

_LOCAL: Final = "listen on 127.0.0.1, [::1] or a unix socket"
_EVERYBODY: Final = 0o007


def listener_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is wrong with `listen` of the gateway, of the admin listener and of profiles, and with `hosts`."""
    own, admin = [*listener_specs(configuration)], admin_listener_spec(configuration)
    for spec in (*own, admin):
        yield from _address_faults(spec)
        yield from _form_faults(spec)
    for one, other in combinations((*own, admin), 2):
        if one.address and other.address and clash(one.address, other.address):
            yield Fault(other.place, f"has the same address as {one.place}", "each listener needs its own")
    for spec in own:
        yield from _exposure_faults(spec, configuration)
    yield from _admin_faults(admin)
    yield from _production_faults(own, configuration)
    yield from _certificate_faults(own, configuration)
    for index, host in enumerate(configuration.gateway.hosts):
        if host != host.lower() or not (is_host_name(host) or parse_ip(host.strip("[]"))):
            cure = 'write the bare name, for example "gateway"; any port of a listener goes with it'
            yield Fault(place(("gateway", "hosts", index)), "must be a host name in lower case, without a port", cure)


def listener_warnings(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is allowed about listeners that break no rule, but deserves a look."""
    own, admin = [*listener_specs(configuration)], admin_listener_spec(configuration)
    yield from _admin_warnings(admin, configuration)
    if configuration.gateway.unsafe_allow_anonymous and configuration.callers:
        message = "has no effect, since callers are configured"
        yield Fault("gateway.unsafe_allow_anonymous", message, "take it out")
    for spec in (*own, admin):
        if spec.listener.group is not None and spec.listener.mode is None:
            message = "has no effect: the mode is 0600, which lets only the owner in"
            yield Fault(f"{spec.place}.group", message, 'add mode = "0660"')
    if not configuration.gateway.hosts and any(spec.address and not is_loopback(spec.address) for spec in own):
        message = "is empty although a listener can be reached from other machines: callers that use any name but "
        yield Fault("gateway.hosts", message + "localhost get 421", "name the hosts that callers write in their URLs")


def _address_faults(spec: ListenerSpec) -> Iterator[Fault]:
    try:
        parse_listen(spec.listener.address)
    except ValueError as error:
        yield Fault(spec.place, str(error))


def _form_faults(spec: ListenerSpec) -> Iterator[Fault]:
    """Find what does not go with the kind of the address."""
    if spec.address is None:
        return
    listener = spec.listener
    if listener.tls is not None and not isinstance(spec.address, TcpAddress) and not spec.is_passed:
        yield Fault(f"{spec.place}.tls", "stands beside a unix socket, on which no TLS is spoken", "take it out")
    if isinstance(spec.address, UnixAddress):
        return
    for key, value in (("mode", listener.mode), ("group", listener.group)):
        if value is not None:
            yield Fault(f"{spec.place}.{key}", "stands beside an address that is no file", "take it out")


def _exposure_faults(spec: ListenerSpec, configuration: Configuration) -> Iterator[Fault]:
    if spec.address is None:
        return
    remote = not is_loopback(spec.address)
    if not configuration.callers:
        yield from _anonymity_faults(spec, configuration, remote=remote)
    if remote and spec.listener.tls is None and not configuration.gateway.unsafe_cleartext:
        message = "can be reached from other machines, and what is sent there is not encrypted"
        cure = f"{_LOCAL}, give it a certificate (tls), or set gateway.unsafe_cleartext = true"
        yield Fault(spec.place, message, cure)


def _anonymity_faults(spec: ListenerSpec, configuration: Configuration, *, remote: bool) -> Iterator[Fault]:
    if isinstance(spec.address, AbstractAddress):
        message = "has no file and so no mode: every program of this machine could call, and act as the employer"
        yield Fault(spec.place, message, "name the callers under [callers], or use a path")
    if configuration.gateway.unsafe_allow_anonymous:
        return
    if remote:
        message = "can be reached from other machines, and whoever reaches it acts as the employer"
        cure = f"{_LOCAL}, name the callers under [callers], or set gateway.unsafe_allow_anonymous = true"
        yield Fault(spec.place, message, cure)
    if isinstance(spec.address, UnixAddress) and not spec.is_private:
        message = "lets other users in, and nobody is asked who he is"
        cure = 'name the callers under [callers], use mode = "0600", or set gateway.unsafe_allow_anonymous = true'
        yield Fault(f"{spec.place}.mode", message, cure)


def _admin_faults(spec: ListenerSpec) -> Iterator[Fault]:
    if isinstance(spec.address, AbstractAddress):
        message = "has no file and so no mode: every user of this machine could open the status page"
        yield Fault(spec.place, message, "use a path, or a TCP address")
    if spec.listener.tls is not None and spec.listener.tls.client_ca is not None:
        message = "asks for client certificates, by which nobody is known on this listener"
        yield Fault(f"{spec.place}.tls.client_ca", message, "take it out; [admin] key guards the status page")


def _admin_warnings(spec: ListenerSpec, configuration: Configuration) -> Iterator[Fault]:
    if isinstance(spec.address, UnixAddress) and spec.mode & _EVERYBODY:
        message = "lets every user of this machine open the status page"
        yield Fault(f"{spec.place}.mode", message, 'use mode = "0660" and a group')
    if configuration.admin.actions and configuration.admin.key is None:
        message = "has no effect without a key: root and the gateway's user may act in any case, and no other client"
        yield Fault("admin.actions", message, "add [admin.key], or take it out")
    if spec.address is None or is_loopback(spec.address):
        return
    if configuration.admin.actions and configuration.admin.key is not None and spec.listener.tls is None:
        message = "has no effect beyond loopback, since the admin listener speaks no TLS"
        yield Fault("admin.actions", message, "give the listener a certificate (tls)")
    message = "can be reached from other machines: whoever gets there reads metrics and probes, without a password"
    yield Fault(spec.place, message)
    if configuration.admin.key is not None and spec.listener.tls is None:
        message = "can be reached from other machines without TLS, so that the key of the status page travels in clear"
        yield Fault(spec.place, message, "give the listener a certificate (tls), or listen on loopback")


def _production_faults(own: list[ListenerSpec], configuration: Configuration) -> Iterator[Fault]:
    """Terminal servers share their loopback: any of their users could declare for the employer."""
    if configuration.callers or any(spec.address is None for spec in own):
        return
    # Hundreds of profiles share a few environments.
    used = {profile.environment for profile in configuration.profiles.values()}
    production = {name for name in used if is_production(name, configuration.environments)}
    for name, profile in configuration.profiles.items():
        if profile.anonymous or profile.environment not in production:
            continue
        if not all(spec.is_private or spec.is_passed for spec in own if spec.profile in {None, name}):
            message = "acts on real data, and every program that reaches it may call, since no callers are configured"
            cure = "name the callers under [callers], or write anonymous = true into the profile"
            yield Fault(place(("profiles", name)), message, cure)


def _certificate_faults(own: list[ListenerSpec], configuration: Configuration) -> Iterator[Fault]:
    if any(spec.listener.tls and spec.listener.tls.client_ca for spec in own):
        return
    for name, caller in configuration.callers.items():
        if caller.certificate_names:
            message = "can never be proven: no listener asks for client certificates"
            cure = "give a listener tls = { certificate = ..., key = ..., client_ca = ... }"
            yield Fault(place(("callers", name, "certificate_names")), message, cure)
