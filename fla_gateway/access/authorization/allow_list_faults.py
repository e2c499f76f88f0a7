"""Rule: the entries of `allow` in a configuration, judged by the grammar of the policy.

Owns the places of the faults. Refuses to know the grammar (`allow_list`) and the rest of the configuration (`config`).
"""

from __future__ import annotations

from collections.abc import Iterator

from fla_gateway.access.authorization.allow_list import parse_rule
from fla_gateway.config.document.key_path import place
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import Fault, InvalidValueError


def caller_rule_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield the entries that are no rules; to be handed to `config.load.load`."""
    for name, caller in configuration.callers.items():
        for profile, entries in caller.allow.items():
            for index, text in enumerate(entries):
                try:
                    parse_rule(text)
                except InvalidValueError as error:
                    yield Fault(place(("callers", name, "allow", profile, index)), error.message)
