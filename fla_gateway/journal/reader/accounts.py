"""Rule: as which client, and with which certificate, a profile acted at a line of the journal.

Owns the search for the account record that holds for a line. Refuses to know how the records are read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from fla_gateway.journal.format.line_format import Line
from fla_gateway.journal.reader.exchange_history import Exchange

MEMBERS: Final = ("profile", "environment", "api", "client_id", "certificate", "certificate_end")


class Account(NamedTuple):
    """What a profile was from a line on.

    Attributes:
        line: the record.
    """

    line: Line

    @property
    def time(self) -> str:
        """When it was written, as the journal writes it."""
        return str(self.line.members["time"])

    @property
    def seq(self) -> int:
        """Number of the record."""
        return int(self.line.members["seq"])

    def text(self, name: str) -> str:
        """Give a member; empty if it is absent or no text."""
        value = self.line.members.get(name)
        return value if isinstance(value, str) else ""

    @property
    def facts(self) -> tuple[str, ...]:
        """What it says."""
        return tuple(map(self.text, MEMBERS))


class Accounts:
    """The accounts of a journal.

    Args:
        lines: the records of the kind ``account``, in the journal's order; one that repeats what held is forgotten.
    """

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._by_profile: dict[str, list[Account]] = {}
        for line in lines:
            account = Account(line)
            known = self._by_profile.setdefault(account.text("profile"), [])
            if not known or known[-1].facts != account.facts:
                known.append(account)

    def of(self, exchange: Exchange) -> Account | None:
        """Give the account under which an exchange was made; None where the journal does not have it."""
        known = self._by_profile.get(exchange.text("profile"), [])
        at = bisect_right(known, int(exchange.lines[0].members["seq"]), key=lambda it: it.seq)
        return known[at - 1] if at else None

    def between(self, since: str, until: str) -> Iterator[Account]:
        """Yield those that held at some time of a period, by profile and time; empty text is without a bound."""
        for _, known in sorted(self._by_profile.items()):
            for index, account in enumerate(known):
                is_over = index + 1 < len(known) and known[index + 1].time <= since
                if not is_over and (not until or account.time < until):
                    yield account
