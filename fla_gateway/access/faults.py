"""Rules between the tables of callers.

Owns what the callers of a configuration must fulfil together with each other. Refuses to know files: places are paths
of keys, and the loader puts the file in front.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from fla_gateway.access.authn import Requirement, requirement
from fla_gateway.config.places import place
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import Fault


def clash_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield the callers whom one request could prove both, and those whom none ever can."""
    needed = [requirement(name, table) for name, table in configuration.callers.items()]
    for caller in needed:
        yield from _impossible(caller)
    for first, second in combinations(needed, 2):
        if _clash(first, second):
            yield Fault(
                place(("callers", second.caller)),
                f"the same request could prove both this caller and '{first.caller}'",
                "ask one of them for a further kind of proof, or give each a uid, gid, key, service account or "
                "certificate name of his own",
            )


def _impossible(needed: Requirement) -> Iterator[Fault]:
    where = place(("callers", needed.caller))
    if needed.keys and needed.service_account is not None:
        yield Fault(
            where, "asks for a key and for a service account, but a request carries one credential", "take one out"
        )
    if needed.certificate_names and (needed.uid is not None or needed.gid is not None):
        yield Fault(
            where,
            "asks for a client certificate, which only TLS shows, and for a uid or gid, which only a unix socket shows",
            "take one out",
        )


def _clash(first: Requirement, second: Requirement) -> bool:
    """Tell whether some request proves both, with equally many kinds of proof, so that neither is meant more."""
    if not first.kinds or first.kinds != second.kinds or not _same_credential(first, second):
        return False
    if any(None not in pair and pair[0] != pair[1] for pair in ((first.uid, second.uid), (first.gid, second.gid))):
        return False
    if first.certificate_names and second.certificate_names:
        return not set(first.certificate_names).isdisjoint(second.certificate_names)
    # One by a certificate, the other by a uid or gid: never over the same connection.
    return not (first.certificate_names or second.certificate_names) or not (_by_socket(first) or _by_socket(second))


def _same_credential(first: Requirement, second: Requirement) -> bool:
    if first.service_account != second.service_account or bool(first.keys) != bool(second.keys):
        return False
    return not first.keys or not first.keys.keys().isdisjoint(second.keys)


def _by_socket(needed: Requirement) -> bool:
    return needed.uid is not None or needed.gid is not None
