"""State: addresses that failed, and the order in which addresses are tried.

Owns a bounded memory. Refuses to know what failed about an address, and clocks: time is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import Final

from fla_gateway.network.address import Address

REMEMBERED_SECONDS: Final = 600.0
"""How long an address that failed comes last."""
MOST_REMEMBERED: Final = 1_024
"""Addresses that are remembered; beyond it the one that failed longest ago is forgotten."""


class TroubledAddresses:
    """Addresses that failed within the last ten minutes."""

    def __init__(self) -> None:
        # In the order of their failures, the latest at the end.
        self._failed: dict[Address, float] = {}

    def add(self, address: Address, now: float) -> None:
        """Remember a failure.

        Args:
            address: with its port: another service of the same host may be well.
            now: monotonic seconds.
        """
        self._failed.pop(address, None)
        self._failed[address] = now
        if len(self._failed) > MOST_REMEMBERED:
            del self._failed[next(iter(self._failed))]

    def remove(self, address: Address) -> None:
        """Forget the failures of an address: a connection was made."""
        self._failed.pop(address, None)

    def order(self, addresses: Iterable[Address], now: float) -> list[Address]:
        """Order addresses for connecting.

        Both families take turns (RFC 8305, section 4), beginning with the family that the system prefers. Addresses
        that failed follow, the one whose failure is the longest ago first.

        Args:
            addresses: in the system's order (RFC 6724).
            now: monotonic seconds.
        """
        found = list(dict.fromkeys(addresses))
        failed = {it: at for it in found if (at := self._failed.get(it)) is not None and now < at + REMEMBERED_SECONDS}
        sound = [it for it in found if it not in failed]
        families = [[it for it in sound if it.family == family] for family in dict.fromkeys(it.family for it in sound)]
        turns = chain.from_iterable(zip_longest(*families))
        return [it for it in turns if it is not None] + sorted(failed, key=failed.__getitem__)
