"""Admission control: whether a request is admitted, and to which caller it is attributed.

Owns the order of the checks: guard, caller, address, permission, profile, limits. Refuses to know how each is
made, and connections. An unauthenticated request is rejected before any route is looked up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from fla_gateway.access.authentication.caller import ANONYMOUS, UNAUTHENTICATED, Admission, Peer, Presented
from fla_gateway.access.bounded_cache import MemoryLimit
from fla_gateway.access.refusal import Refusal
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.admission.profile_names import name_profiles
from fla_gateway.proxy.admission.request_reader import RoutedRequestLine
from fla_gateway.proxy.admission.routing import Route, service_of
from fla_gateway.proxy.messages.request_fields import RequestFields

if TYPE_CHECKING:  # read where callers are configured
    from fla_gateway.access.authentication.authenticator import Authenticator, Identity
    from fla_gateway.access.limits.api_brake import ApiBrake
    from fla_gateway.access.limits.limiter import Limiter

_STOPPING: Final = Refusal("stopping", Text("The gateway is being stopped; send the request again to its successor."))
_GONE: Final = Refusal("unknown-profile", Text("The profile is no longer in the configuration."))
_NOT_SERVED: Final = Refusal("profile-unavailable", Text("The profile is not served."))
_NOWHERE: Final = Refusal("not-found", Text("The request leads nowhere."))
_ENTRY: Final = 400
"""Bytes of an admitted request in memory, beside the two parts of its head, which it keeps alive; measured. Callers
that poll send the same head again and again."""


class JudgedProfile:
    """A profile, as admission control sees it. No protocol: compiled code reads a class's attributes without a look-up.

    Attributes:
        name: as configured.
        brake: what its API has asked for.
        limiter: its limits and its callers', if there are any.
        refusal: why its calls are refused; None while it is served.
    """

    __slots__ = ("brake", "limiter", "name", "refusal")

    def __init__(self, name: str, brake: ApiBrake, limiter: Limiter | None, refusal: Refusal | None) -> None:
        self.name = name
        self.brake = brake
        self.limiter = limiter
        self.refusal = refusal

    def refuse(self) -> Refusal:
        """Return why a call is refused, and note that there was one."""
        return self.refusal or _NOT_SERVED


P = TypeVar("P", bound=JudgedProfile)

Admitted = tuple[P, Route, Admission]
"""An admitted request: its profile, its route, and its caller with the permission. A plain tuple, since one is made for
each request."""


_Admitted = tuple[Route, Admission, float]
"""The route of a request, its caller with the permission, and the time up to which all that is valid."""


class Rejected:
    """A request that is rejected. No tuple, nor are the two that follow: one comparison distinguishes `Admitted`.

    Attributes:
        refusal: why.
        admission: its caller, as far as that is known.
        profile: name of the profile it was for, empty where none was reached or the client is unauthenticated.
    """

    __slots__ = ("admission", "profile", "refusal")

    def __init__(self, refusal: Refusal, admission: Admission, profile: str) -> None:
        self.refusal = refusal
        self.admission = admission
        self.profile = profile


class PreflightResponse:
    """A CORS preflight, with which a browser asks whether a page of a trusted origin may send a request: answered here.

    Attributes:
        fields: field lines of the answer.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: bytes) -> None:
        self.fields = fields


class LastHop:
    """An OPTIONS that must not be forwarded any further (RFC 9110, section 7.6.2): answered here.

    Attributes:
        admission: its caller.
        profile: name of the profile that it is for.
    """

    __slots__ = ("admission", "profile")

    def __init__(self, admission: Admission, profile: str) -> None:
        self.admission = admission
        self.profile = profile


Verdict = Admitted[P] | Rejected | PreflightResponse | LastHop


class Stopping(Protocol):
    """The process, as admission control sees it."""

    @property
    def stopping(self) -> bool:
        """Whether no new exchange is begun any more."""
        ...


class AdmissionControl(Generic[P]):
    """Admits or rejects requests; shared by all listeners."""

    __slots__ = ("_admitted", "_authenticator", "_memory", "_process", "_profiles")

    def __init__(
        self, profiles: Mapping[str, P], process: Stopping, authenticator: Authenticator | None, memory: MemoryLimit
    ) -> None:
        """Take what the checks need.

        Args:
            profiles: all of the routing table, by name.
            process: knows whether the gateway is being stopped.
            authenticator: which callers may call; None where no caller is asked for a proof.
            memory: limit of what is remembered.
        """
        self._memory = memory
        self._profiles = profiles
        self._process = process
        self._authenticator = authenticator
        self._admitted: dict[tuple[RoutedRequestLine, RequestFields, Peer | None], _Admitted] = {}

    def forget(self) -> None:
        """Let go of all that was remembered of requests, since another generation serves."""
        self._memory.clear()

    def admit(
        self, request_line: RoutedRequestLine, fields: RequestFields, peer: Peer | None, now: float
    ) -> Verdict[P]:
        """Judge one request by everything but limits: nothing is counted as running by it; see `enter_limits`.

        Args:
            request_line: its request line.
            fields: its field block.
            peer: what its connection proves.
            now: `Clock.monotonic`.
        """
        admitted = self._admitted.get((request_line, fields, peer))
        if admitted is None or now >= admitted[2]:
            judged = self._identify(request_line, fields, peer, now)
            if not isinstance(judged, tuple):
                return judged
            admitted = judged
        route, admission, _ = admitted
        profile = self._profiles[route.profile]
        if self._process.stopping:
            return Rejected(_STOPPING, admission, route.profile)
        if profile.refusal is not None:
            return Rejected(profile.refuse(), admission, route.profile)
        if profile.brake.holds:
            refusal = profile.brake.refusal(service_of(route.path), now)
            if refusal is not None:
                return Rejected(refusal, admission, profile.name)
        return profile, route, admission

    def refusal_now(
        self,
        method: bytes,
        route: Route,
        credential: Presented | Refusal | None,
        peer: Peer | None,
        now: float,
    ) -> Refusal | None:
        """Judge a request that an older generation has admitted, and that is not sent yet; None if it may be sent.

        Args:
            method: as written in the request line.
            route: as found then.
            credential: of the request.
            peer: what its connection proves now.
            now: `Clock.monotonic`.
        """
        if self._authenticator is not None:
            authenticator = self._authenticator
            found = credential if isinstance(credential, Refusal) else authenticator.identify(credential, peer, now)
            if isinstance(found, Refusal):
                return found
            permitted = found.permit(route.profile, method, route.path, now)
            if isinstance(permitted, Refusal):
                return permitted
        profile = self._profiles.get(route.profile)
        return _GONE if profile is None else profile.refusal

    def _identify(
        self, request_line: RoutedRequestLine, fields: RequestFields, peer: Peer | None, now: float
    ) -> _Admitted | Rejected | PreflightResponse | LastHop:
        """Identify the caller."""
        if fields.refusal is not None:
            return Rejected(fields.refusal, UNAUTHENTICATED, "")
        if fields.preflight is not None and request_line.method == b"OPTIONS":
            # Browsers send no credential with it, and nothing in the answer depends on the route of the request.
            return PreflightResponse(fields.preflight)
        if self._authenticator is None:
            return self._authorize(request_line, fields, peer, None, math.inf, now)
        credential = fields.presented
        if isinstance(credential, Refusal):
            return Rejected(credential, UNAUTHENTICATED, "")
        found = self._authenticator.identify(credential, peer, now)
        if isinstance(found, Refusal):
            return Rejected(found, UNAUTHENTICATED, "")
        until = self._authenticator.trusted_until(credential, peer)
        return self._authorize(request_line, fields, peer, found, until, now)

    def _authorize(
        self,
        request_line: RoutedRequestLine,
        fields: RequestFields,
        peer: Peer | None,
        identity: Identity | None,
        until: float,
        now: float,
    ) -> _Admitted | Rejected | LastHop:
        """Find the route of an identified or anonymous caller's request, and whether the caller may use it."""
        caller = ANONYMOUS if identity is None else identity.admission
        route = request_line.route
        refusal = request_line.refusal or fields.fault
        if refusal is not None or route is None:
            if refusal is not None and refusal.code == _GONE.code:
                names = self._profiles if identity is None else identity.profiles
                refusal = name_profiles(refusal, request_line.path, names)
            return Rejected(refusal or _NOWHERE, caller, request_line.profile)
        admission = caller
        if identity is not None:
            permitted = identity.permit(route.profile, request_line.method, route.path, now)
            if isinstance(permitted, Refusal):
                return Rejected(permitted, caller, route.profile)
            admission, until = permitted, min(until, identity.judged_until)
        if fields.max_forwards == 0 and request_line.method == b"OPTIONS":
            return LastHop(admission, route.profile)
        admitted = (route, admission, until)
        if request_line.size and fields.size:
            # Heads that are not remembered are not recognised when they come again.
            size = _ENTRY + request_line.size + fields.size
            self._memory.remember(self._admitted, (request_line, fields, peer), admitted, size)
        return admitted


def enter_limits(admitted: Admitted[P], length: int, now: float) -> Rejected | None:
    """Check the limits last of all: what they admit counts as running, until `Limiter.leave`.

    Args:
        admitted: a request that admission control has admitted.
        length: bytes of its body, as in `RequestFields.length`.
        now: `Clock.monotonic`.

    Returns:
        None, or why the request is rejected; then nothing was entered.
    """
    profile, _, admission = admitted
    limiter = profile.limiter
    refusal = None if limiter is None else limiter.enter(admission.caller, now, length)
    return None if refusal is None else Rejected(refusal, admission, profile.name)
