"""Value with state: a queue in which several parties wait and take turns.

Owns the order: first come, first served within a party, and one each in turn among those that wait. Refuses to know
what is waited for, and who the parties are. So a burst of one party delays another one's first request by
one turn of each party that waits, however long the burst is.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class FairQueue(Generic[_Item]):
    """Items that wait, by party.

    Attributes:
        count: of all items.
    """

    __slots__ = ("_parties", "count")

    def __init__(self) -> None:
        """Begin empty."""
        self.count = 0
        # The first party is served next. One without items is none.
        self._parties: dict[str, deque[_Item]] = {}

    def __len__(self) -> int:
        return self.count

    def put(self, party: str, item: _Item) -> None:
        """Add an item behind all others of its party; a party that did not wait comes last."""
        self._parties.setdefault(party, deque()).append(item)
        self.count += 1

    def put_back(self, party: str, item: _Item) -> None:
        """Add an item whose turn was in vain: it is served next."""
        parties = self._parties
        items = parties.pop(party, None) or deque()
        items.appendleft(item)
        self._parties = {party: items, **parties}
        self.count += 1

    def take(self) -> _Item | None:
        """Take the item whose turn it is; its party comes last then."""
        if not self.count:
            return None
        party, items = next(iter(self._parties.items()))
        item = items.popleft()
        self.count -= 1
        del self._parties[party]
        if items:
            self._parties[party] = items
        return item

    def discard(self, party: str, item: _Item) -> None:
        """Take an item out, if it is there."""
        items = self._parties.get(party)
        if items is not None and item in items:
            items.remove(item)
            self.count -= 1
            if not items:
                del self._parties[party]

    def displace(self, party: str) -> _Item | None:
        """Make room for one more item of a party by taking out one of the party with most.

        Returns:
            That one's last item; None if it has only as many as the other would then have.
        """
        largest = max(self._parties, key=lambda it: len(self._parties[it]), default=party)
        own = len(self._parties.get(party, ()))
        if largest == party or len(self._parties[largest]) <= own + 1:
            return None
        item = self._parties[largest].pop()
        self.count -= 1
        return item
