"""Port: what the actions of the admin listener ask of the gateway.

Owns the list. Refuses to know who may ask (`action_rights`), and how it is asked (`actions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # read where there is a journal
    from fla_gateway.journal.snapshot import Settlement


class Change(Protocol):
    """One difference between two configurations."""

    @property
    def path(self) -> str:
        """The key, in the configuration's dotted notation; never a value."""
        ...

    @property
    def change(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        ...


class Reloaded(Protocol):
    """What came of a reload."""

    @property
    def applied(self) -> bool:
        """Whether a new generation serves."""
        ...

    @property
    def generation(self) -> int:
        """Number of the generation that serves now."""
        ...

    @property
    def changes(self) -> Sequence[Change]:
        """How the files differ from what was in force."""
        ...


class GatewayActions(Protocol):
    """What does as it is asked."""

    async def reload(self, *, dry_run: bool) -> Reloaded:
        """Read the configuration again and apply it.

        Args:
            dry_run: only judge it.

        Raises:
            ReloadRefusedError: with every fault; nothing has changed.
            ProblemError: this is not the time for it.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record the ends of doubts, all or none.

        Raises:
            SettlementRefusedError: with each that cannot be settled; nothing was recorded.
            ProblemError: there is no journal, or it cannot be written.
        """
        ...

    def drain(self) -> None:
        """Be unready from now on, and serve on."""
        ...

    def quit(self) -> None:
        """End as at SIGTERM."""
        ...
