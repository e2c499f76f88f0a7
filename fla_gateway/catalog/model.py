"""What is known of an API of the channel, as values.

Owns the words of the catalogue. Refuses to guess: what was not found in a source is absent.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass

Status = Literal["current", "deprecated", "repealed", "unconfirmed"]

OTHER_SERVICE: Final = "(other)"
"""The shown name of services that are not distinguished, and of paths that do not look like an API's."""


def shown_service(service: str) -> str:
    """Give the name of a service as it may be shown: what does not look like an API's has none of its own.

    Args:
        service: as `proxy.admission.routing.service_of` gave it.
    """
    return OTHER_SERVICE if service.startswith(OTHER_SERVICE) else service


@dataclass(frozen=True, slots=True)
class Right:
    """A box to tick in ChaMan, under "Beveiligde machtigingen".

    Attributes:
        label: as the manual, or the documentation of the API, shows it; in Dutch.
        scope: the scope that probably goes with it: no source says so; empty where there is not even a guess.
        french: our own translation of it: ChaMan in French was never seen; empty without one.
    """

    label: str
    scope: str = ""
    french: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One API.

    Attributes:
        name: name by which a profile's `services` can refer to it.
        title: its name for people.
        prefix: path prefix as `prefix.parse_prefix` gives it, or None where no source states it.
        environments: presets in which it is known to exist; empty where no source states any.
        scopes: scopes seen in sources, which need not be all.
        status: ``current``; ``deprecated``; ``repealed`` by law; ``unconfirmed``: seen in one place, without an
            official source.
        source: where this was read.
        note: what a user should know beyond that; may be empty.
        rights: what ChaMan calls the rights to it, where the manual shows that.
        data_destroyed: the day on which the data behind it is destroyed, or None.
    """

    name: str
    title: Text
    prefix: str | None
    environments: tuple[str, ...]
    scopes: tuple[str, ...]
    status: Status
    source: str
    note: Text = NOTHING
    rights: tuple[Right, ...] = ()
    data_destroyed: date | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All services, in the order of the file."""

    services: tuple[Service, ...]

    def get(self, name: str) -> Service | None:
        """Give the service of this name, or None."""
        return next((service for service in self.services if service.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all services."""
        return tuple(service.name for service in self.services)
