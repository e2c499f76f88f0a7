"""Rules of the sockets that the service manager passes: each is judged by the address that it really has.

Owns the matching of names with the configuration, and the judgement of what they lead to by all rules of a configured
address. Refuses to know descriptors; `listeners.socket_activation` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.rules.caller_rules import caller_faults
from fla_gateway.config.rules.listener_rules import listener_faults
from fla_gateway.config.rules.listener_specs import admin_listener_spec, listener_specs
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.address import DescriptorAddress
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

PLACE: Final = "LISTEN_FDNAMES"
"""Where faults of what was passed are: in no file."""


def inherited_faults(configuration: Configuration, passed: Mapping[str, Listener]) -> Iterator[Fault]:
    """Yield what is wrong with the sockets of a configuration that are passed.

    Args:
        configuration: without faults of its own.
        passed: what each socket really is, by its name, as a listener of the configuration would be written.
    """
    named = {
        spec.address.name: spec.place
        for spec in (*listener_specs(configuration), admin_listener_spec(configuration))
        if isinstance(spec.address, DescriptorAddress)
    }
    for name, place in named.items():
        if name not in passed:
            there = Text("passed are: {names}", names=", ".join(sorted(passed))) if passed else Text("none was passed")
            cure = Text("{there}; give a socket unit of this service FileDescriptorName={name}", there=there, name=name)
            yield Fault(place, Message("socket-not-passed", "no socket of the name {name} was passed", name=name), cure)
    for name in sorted(passed.keys() - named.keys()):
        message = Message(
            "socket-unused",
            "a socket of the name {name} was passed, and no listener accepts on it: its callers would wait",
            name=name,
        )
        cure = Text('write listen = ["fd:{name}"], or take the socket unit out', name=name)
        yield Fault(PLACE, message, cure)
    if named and named.keys() <= passed.keys():
        real = _with_real_addresses(configuration, passed)
        yield from listener_faults(real)
        yield from caller_faults(real)


def _with_real_addresses(configuration: Configuration, passed: Mapping[str, Listener]) -> Configuration:
    def real(listener: Listener) -> Listener:
        found = passed.get(listener.address.removeprefix("fd:")) if listener.address.startswith("fd:") else None
        if found is None:
            return listener
        return replace(listener, address=found.address, mode=found.mode)

    gateway, admin = configuration.gateway, configuration.admin
    return replace(
        configuration,
        gateway=replace(gateway, listen=[real(it) for it in gateway.listen]),
        admin=replace(admin, listen=real(admin.listen)),
        profiles={
            name: it if it.listen is None else replace(it, listen=real(it.listen))
            for name, it in configuration.profiles.items()
        },
    )
