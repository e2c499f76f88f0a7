"""Rule: the entries of `allow` in a configuration, judged by the grammar of the policy.

Owns the places of the faults. Refuses to know the grammar (`allow_list`) and the rest of the configuration (`config`).
"""

from __future__ import annotations

from collections.abc import Iterator

from fla_gateway.access.authorization.allow_list import parse_observe, parse_rule
from fla_gateway.config.document.key_path import place
from fla_gateway.config.schema import CallerTable, Configuration
from fla_gateway.errors import Fault, InvalidValueError
from fla_gateway.i18n.message import Message, Text


def caller_rule_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield the entries that are no rules; to be handed to `config.load.load`."""
    for name, caller in configuration.callers.items():
        for profile, entries in caller.allow.items():
            try:
                if parse_observe(entries) is not None:
                    yield from _observe_faults(name, profile, caller)
                    continue
            except InvalidValueError as error:
                yield Fault(place(("callers", name, "allow", profile)), error.message)
                continue
            for index, text in enumerate(entries):
                try:
                    parse_rule(text)
                except InvalidValueError as error:
                    yield Fault(place(("callers", name, "allow", profile, index)), error.message)


def _observe_faults(name: str, profile: str, caller: CallerTable) -> Iterator[Fault]:
    """Require an end: what is observed is not judged, and must not stay so by being forgotten."""
    if caller.observe_until is None:
        message = Message("observe-without-end", "observes, and has no end: there is no observe_until")
        cure = Text("write observe_until = YYYY-MM-DD into [callers.{name}], at most 31 days ahead", name=name)
        yield Fault(place(("callers", name, "allow", profile)), message, cure)
