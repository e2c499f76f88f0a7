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
from fla_gateway.errors import Fault, InvalidValueError
from fla_gateway.i18n.message import Message, Text

_TAKE_OUT: Final = Text("take it out")
_GIVE_CERTIFICATE: Final = Text("give the listener a certificate (tls)")
_OTHERS: Final = 0o007


def listener_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is wrong with `listen` of the gateway, of the admin listener and of profiles, and with `hosts`."""
    own, admin = [*listener_specs(configuration)], admin_listener_spec(configuration)
    for spec in (*own, admin):
        yield from _address_faults(spec)
        yield from _form_faults(spec)
    for one, other in combinations((*own, admin), 2):
        if one.address and other.address and clash(one.address, other.address):
            message = Message("address-twice", "has the same address as {other}", other=one.place)
            yield Fault(other.place, message, Text("each listener needs its own"))
    for spec in own:
        yield from _exposure_faults(spec, configuration)
    yield from _admin_faults(admin)
    yield from _production_faults(own, configuration)
    yield from _certificate_faults(own, configuration)
    for index, host in enumerate(configuration.gateway.hosts):
        if host != host.lower() or not (is_host_name(host) or parse_ip(host.strip("[]"))):
            message = Message("host-malformed", "must be a host name in lower case, without a port")
            cure = Text('write the bare name, for example "gateway"; any port of a listener goes with it')
            yield Fault(place(("gateway", "hosts", index)), message, cure)


def listener_warnings(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is allowed about listeners that break no rule, but deserves a look."""
    own, admin = [*listener_specs(configuration)], admin_listener_spec(configuration)
    yield from _admin_warnings(admin, configuration)
    if configuration.gateway.unsafe_allow_anonymous and configuration.callers:
        message = Message("anonymous-without-effect", "has no effect, since callers are configured")
        yield Fault("gateway.unsafe_allow_anonymous", message, _TAKE_OUT)
    for spec in (*own, admin):
        if spec.listener.group is not None and spec.listener.mode is None:
            message = Message("group-without-effect", "has no effect: the mode is 0600, which lets only the owner in")
            yield Fault(f"{spec.place}.group", message, Text('add mode = "0660"'))
    if not configuration.gateway.hosts and any(spec.address and not is_loopback(spec.address) for spec in own):
        message = Message(
            "hosts-empty",
            "is empty although a listener can be reached from other machines: callers that use any name but "
            "localhost get 421",
        )
        yield Fault("gateway.hosts", message, Text("name the hosts that callers write in their URLs"))


def _address_faults(spec: ListenerSpec) -> Iterator[Fault]:
    try:
        parse_listen(spec.listener.address)
    except InvalidValueError as error:
        yield Fault(spec.place, error.message)


def _form_faults(spec: ListenerSpec) -> Iterator[Fault]:
    """Find what does not go with the kind of the address."""
    if spec.address is None:
        return
    listener = spec.listener
    if listener.tls is not None and not isinstance(spec.address, TcpAddress) and not spec.is_passed:
        message = Message("tls-on-unix-socket", "belongs to a unix socket, on which no TLS is spoken")
        yield Fault(f"{spec.place}.tls", message, _TAKE_OUT)
    if isinstance(spec.address, UnixAddress):
        return
    for key, value in (("mode", listener.mode), ("group", listener.group)):
        if value is not None:
            message = Message("mode-without-file", "belongs to an address that is no file")
            yield Fault(f"{spec.place}.{key}", message, _TAKE_OUT)


def _exposure_faults(spec: ListenerSpec, configuration: Configuration) -> Iterator[Fault]:
    if spec.address is None:
        return
    remote = not is_loopback(spec.address)
    if not configuration.callers:
        yield from _anonymity_faults(spec, configuration, remote=remote)
    if remote and spec.listener.tls is None and not configuration.gateway.unsafe_cleartext:
        message = Message(
            "listener-cleartext", "can be reached from other machines, and what is sent there is not encrypted"
        )
        cure = Text(
            "listen on 127.0.0.1, [::1] or a unix socket, give it a certificate (tls), or set "
            "gateway.unsafe_cleartext = true"
        )
        yield Fault(spec.place, message, cure)


def _anonymity_faults(spec: ListenerSpec, configuration: Configuration, *, remote: bool) -> Iterator[Fault]:
    if isinstance(spec.address, AbstractAddress):
        message = Message(
            "listener-abstract",
            "has no file and so no mode: every program of this machine could call, and act as the employer",
        )
        yield Fault(spec.place, message, Text("name the callers under [callers], or use a path"))
    if configuration.gateway.unsafe_allow_anonymous:
        return
    if remote:
        message = Message(
            "listener-anonymous",
            "can be reached from other machines, and every client that reaches it acts as the employer",
        )
        cure = Text(
            "listen on 127.0.0.1, [::1] or a unix socket, name the callers under [callers], or set "
            "gateway.unsafe_allow_anonymous = true"
        )
        yield Fault(spec.place, message, cure)
    if isinstance(spec.address, UnixAddress) and not spec.is_private:
        message = Message("socket-anonymous", "lets other users in, and no client has to prove who it is")
        cure = Text('name the callers under [callers], use mode = "0600", or set gateway.unsafe_allow_anonymous = true')
        yield Fault(f"{spec.place}.mode", message, cure)


def _admin_faults(spec: ListenerSpec) -> Iterator[Fault]:
    if isinstance(spec.address, AbstractAddress):
        message = Message(
            "admin-listener-abstract",
            "has no file and so no mode: every user of this machine could open the status page",
        )
        yield Fault(spec.place, message, Text("use a path, or a TCP address"))
    if spec.listener.tls is not None and spec.listener.tls.client_ca is not None:
        message = Message(
            "admin-client-ca", "asks for client certificates, by which no client is known on this listener"
        )
        cure = Text("take it out; [admin] key guards the status page")
        yield Fault(f"{spec.place}.tls.client_ca", message, cure)


def _admin_warnings(spec: ListenerSpec, configuration: Configuration) -> Iterator[Fault]:
    if isinstance(spec.address, UnixAddress) and spec.mode & _OTHERS:
        message = Message("admin-socket-open", "lets every user of this machine open the status page")
        yield Fault(f"{spec.place}.mode", message, Text('use mode = "0660" and a group'))
    if configuration.admin.actions and configuration.admin.key is None:
        message = Message(
            "actions-without-key",
            "has no effect without a key: root and the gateway's user may act in any case, and no other client",
        )
        yield Fault("admin.actions", message, Text("add [admin.key], or take it out"))
    if spec.address is None or is_loopback(spec.address):
        return
    if configuration.admin.actions and configuration.admin.key is not None and spec.listener.tls is None:
        message = Message(
            "actions-without-tls", "has no effect beyond loopback, since the admin listener speaks no TLS"
        )
        yield Fault("admin.actions", message, _GIVE_CERTIFICATE)
    message = Message(
        "admin-listener-remote",
        "can be reached from other machines: every client there reads metrics and probes, without a password",
    )
    yield Fault(spec.place, message)
    if configuration.admin.key is not None and spec.listener.tls is None:
        message = Message(
            "admin-key-in-clear",
            "can be reached from other machines without TLS, so that the key of the status page travels in clear",
        )
        yield Fault(spec.place, message, Text("give the listener a certificate (tls), or listen on loopback"))


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
            message = Message(
                "production-anonymous",
                "acts on real data, and every program that reaches it may call, since no callers are configured",
            )
            cure = Text("name the callers under [callers], or write anonymous = true into the profile")
            yield Fault(place(("profiles", name)), message, cure)


def _certificate_faults(own: list[ListenerSpec], configuration: Configuration) -> Iterator[Fault]:
    if any(spec.listener.tls and spec.listener.tls.client_ca for spec in own):
        return
    for name, caller in configuration.callers.items():
        if caller.certificate_names:
            message = Message("certificate-unprovable", "can never be proven: no listener asks for client certificates")
            cure = Text("give a listener tls = {{ certificate = ..., key = ..., client_ca = ... }}")
            yield Fault(place(("callers", name, "certificate_names")), message, cure)
