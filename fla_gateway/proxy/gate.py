"""The gate: whether a request goes on, and as whose.

Owns the order of the questions: guard, caller, address, permission, profile, limits. Refuses to know how each is
answered, and connections. A stranger is refused before any route is looked up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from fla_gateway.access.caller import ANONYMOUS, STRANGER, Admission, Peer
from fla_gateway.access.memory import MemoryLimit
from fla_gateway.access.refusal import Refusal
from fla_gateway.proxy.account import Account
from fla_gateway.proxy.door import Asked
from fla_gateway.proxy.request_fields import RequestFields
from fla_gateway.proxy.routing import Route, service_of

if TYPE_CHECKING:  # read where callers are configured
    from fla_gateway.access.admissions import Admissions, Identity

_NOWHERE: Final = Refusal("not-found", "The request leads nowhere.")
_ENTRY: Final = 400
"""Bytes of a request that was let in, beside the two parts of its head, which it keeps alive; measured. What callers
poll comes again and again, head for head."""

Passed = tuple[Account, Route, Admission]
"""A request that goes on: the profile that it is for, where it leads, whose it is and what permits it. A plain tuple,
since one is made for each request."""


_Admitted = tuple[Route, Admission, float]
"""Where a request leads, whose it is and what permits it, and the moment up to which all that holds."""


class Turned(NamedTuple):
    """A request that goes no further.

    Attributes:
        refusal: why.
        admission: whose it is, as far as that is known.
        profile: name of the profile it was for, empty where none was reached or a stranger asked.
    """

    refusal: Refusal
    admission: Admission
    profile: str


class Preflight(NamedTuple):
    """A browser asks beforehand whether a page of a trusted origin may send a request: answered here, and now.

    Attributes:
        told: field lines of the answer.
    """

    told: bytes


class LastHop(NamedTuple):
    """An OPTIONS that must not be forwarded any further (RFC 9110, section 7.6.2): answered here.

    Attributes:
        admission: whose it is.
        profile: name of the profile that it is for.
    """

    admission: Admission
    profile: str


Verdict = Passed | Turned | Preflight | LastHop


class Profiles(Protocol):
    """What is served, as the gate sees it."""

    accounts: Mapping[str, Account]
    stopping: bool

    def why_not(self, profile: str) -> Refusal:
        """Say why a profile of the routing table is not served."""
        ...


class Gate:
    """Judges requests; shared by all doors."""

    __slots__ = ("_admissions", "_admitted", "_memory", "_profiles")

    def __init__(self, profiles: Profiles, admissions: Admissions | None, memory: MemoryLimit) -> None:
        """Take what is served, who may call (None where nobody is asked), and the limit of what is remembered."""
        self._memory = memory
        self._profiles = profiles
        self._admissions = admissions
        self._admitted: dict[tuple[Asked, RequestFields, Peer | None], _Admitted] = {}

    def judge(self, asked: Asked, fields: RequestFields, peer: Peer | None, now: float) -> Verdict:
        """Judge one request.

        Args:
            asked: its request line.
            fields: its field block.
            peer: what its connection proves.
            now: `Clock.monotonic`.
        """
        admitted = self._admitted.get((asked, fields, peer))
        if admitted is None or now >= admitted[2]:
            judged = self._admit(asked, fields, peer, now)
            if isinstance(judged, Turned | Preflight | LastHop):
                return judged
            admitted = judged
        route, admission, _ = admitted
        account = self._profiles.accounts[route.profile]
        if account.refusal is not None or self._profiles.stopping:
            return Turned(self._profiles.why_not(route.profile), admission, route.profile)
        refusal = account.brake.refusal(service_of(route.path), now) if account.brake.holds else None
        if refusal is None and account.limiter is not None:
            # Last of all, since what it lets through counts as running.
            refusal = account.limiter.enter(admission.caller, now, fields.length)
        if refusal is not None:
            return Turned(refusal, admission, account.name)
        return account, route, admission

    def _admit(
        self, asked: Asked, fields: RequestFields, peer: Peer | None, now: float
    ) -> _Admitted | Turned | Preflight | LastHop:
        """Find out who asks."""
        if fields.refusal is not None:
            return Turned(fields.refusal, STRANGER, "")
        if fields.preflight is not None and asked.method == b"OPTIONS":
            # Browsers send no credential with it, and nothing of the answer depends on where the request would lead.
            return Preflight(fields.preflight)
        if self._admissions is None:
            return self._lead(asked, fields, peer, None, math.inf, now)
        credential = fields.presented
        if isinstance(credential, Refusal):
            return Turned(credential, STRANGER, "")
        found = self._admissions.identify(credential, peer, now)
        if isinstance(found, Refusal):
            return Turned(found, STRANGER, "")
        until = self._admissions.trusted_until(credential, peer)
        return self._lead(asked, fields, peer, found, until, now)

    def _lead(
        self,
        asked: Asked,
        fields: RequestFields,
        peer: Peer | None,
        identity: Identity | None,
        until: float,
        now: float,
    ) -> _Admitted | Turned | LastHop:
        """Find where a request of somebody leads, and whether he may go there."""
        somebody = ANONYMOUS if identity is None else identity.admission
        route = asked.route
        refusal = asked.refusal or fields.fault
        if refusal is not None or route is None:
            return Turned(refusal or _NOWHERE, somebody, asked.profile)
        admission = somebody
        if identity is not None:
            permitted = identity.permit(route.profile, asked.method, route.path, now)
            if isinstance(permitted, Refusal):
                return Turned(permitted, somebody, route.profile)
            admission, until = permitted, min(until, identity.judged_until)
        if fields.max_forwards == 0 and asked.method == b"OPTIONS":
            return LastHop(admission, route.profile)
        admitted = (route, admission, until)
        if asked.size and fields.size:
            # The others are not known again, since they are remembered nowhere.
            size = _ENTRY + asked.size + fields.size
            self._memory.remember(self._admitted, (asked, fields, peer), admitted, size)
        return admitted
