"""Rule: values of examples, which belong to no one and must not be taken for a person's own.

Owns the placeholders of the README and of `config/`, and the client ids that the channel's manual shows. Refuses to
judge any other value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.rules.caller_rules import PLACEHOLDER, placed_keys
from fla_gateway.config.rules.environments import PRESETS, environment_faults, is_official, resolve_environment
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

EXAMPLE_CLIENT: Final = "self_service_chaman_123456_78912"
"""The client id of the manual's example assertion, and of the README."""
SHOWN_CLIENTS: Final = frozenset(("self_service_expeditor_10", "self_service_expeditior_10"))
"""Client ids in the manual's screenshots: of an account that may exist."""

_AS_CHAMAN: Final = Text("put in the client id that ChaMan shows for your account")


def example_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield the placeholders: with them no caller is known, and the token server counts failed requests."""
    for where, key in placed_keys(configuration):
        if key.sha256 == PLACEHOLDER:
            message = Message("key-placeholder", "is the example's placeholder, and belongs to no key")
            command = "fla-gateway admin new" if where == "admin.key" else "fla-gateway caller new"
            yield Fault(f"{where}.sha256", message, Text("put in what `{command}` prints", command=command))
    for name in _official_profiles(configuration, frozenset((EXAMPLE_CLIENT,))):
        message = Message("client-id-placeholder", "is the client id of the manual's example, and of no account")
        yield Fault(place(("profiles", name, "client_id")), message, _AS_CHAMAN)


def example_warnings(configuration: Configuration) -> Iterator[Fault]:
    """Yield the client ids of screenshots, which an account may really have."""
    for name in _official_profiles(configuration, SHOWN_CLIENTS):
        message = Message("client-id-of-manual", "is a client id that the manual's screenshots show")
        yield Fault(place(("profiles", name, "client_id")), message, _AS_CHAMAN)


def _official_profiles(configuration: Configuration, clients: frozenset[str]) -> Iterator[str]:
    """Yield the profiles that show one of these client ids to a token server of the social security."""
    tables = configuration.environments
    for name, profile in configuration.profiles.items():
        environment = profile.environment
        if profile.client_id not in clients:
            continue
        if environment in PRESETS:
            yield name
            continue
        table = tables.get(environment)
        sound = table is not None and not environment_faults(environment, table)
        if table is not None and sound and is_official(resolve_environment(environment, table).host):
            yield name
