"""Rule: what a program may do at first, by service: as narrow as its public resources allow.

Owns the lists. Refuses to permit more than is known: where the resources of a service are not public, reading alone is
permitted, within the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fla_gateway.catalog.load import load

_KNOWN: Final = {
    "dimona": ("POST /REST/dimona/v2/declarations", "GET /REST/dimona/v2/declarations/*"),
    "/REST/echo/v1": ("GET /REST/echo/v1/**",),
}
"""Of services whose resources are known; the echo is the sandbox's."""
_NOTHING_THERE: Final = "/REST/dimona/v2/declarations/1"


def prefix_of(service: str) -> str:
    """Return the path of a service.

    Args:
        service: a name of the catalogue, or the path itself.
    """
    known = load().get(service)
    return known.prefix if known and known.prefix else service


def allow_list(services: Sequence[str]) -> tuple[str, ...]:
    """List what a program may do at first."""
    return tuple(dict.fromkeys(entry for service in services for entry in _entries(service)))


def is_guessed(service: str) -> bool:
    """Return whether the resources of a service are not public."""
    return service not in _KNOWN


def trial_path(services: Sequence[str]) -> str:
    """Return a path that the list permits to GET, and that changes nothing.

    Of Dimona: a declaration that does not exist. Else `health`, which APIs should have by the Belgif guide.
    """
    first = services[0]
    return _NOTHING_THERE if first == "dimona" else f"{prefix_of(first)}/health"


def _entries(service: str) -> Iterator[str]:
    if not is_guessed(service):
        yield from _KNOWN[service]
    else:
        yield f"GET {prefix_of(service)}/**"
