"""Rule: maps a request target to a profile and an upstream target, or to a refusal (pure).

Owns which paths are refused. Refuses to know connections, tokens and callers. The bytes that are judged are the bytes
that are forwarded: nothing is normalised, what can be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fla_gateway.access.path_readings import Readings, fault_of, is_divided_differently, may_reach_tokens, read_path
from fla_gateway.access.refusal import Refusal
from fla_gateway.catalog.model import OTHER_SERVICE
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass

# A word, perhaps with a short number behind it: what a national number, or a name with a date of birth, is not.
_SERVICE: Final = re.compile(rb"[A-Za-z][A-Za-z_-]{0,39}[0-9]{0,3}").fullmatch

_FRAGMENT: Final = Text("The target has a fragment.")
_OWN_PATH: Final = Refusal(
    "not-found", Text("Paths under /-/ are the gateway's own, and there is nothing at this one.")
)
_NO_PROFILE: Final = Refusal(
    "unknown-profile",
    Text("The first part of the path names no profile of the configuration; addresses look like /<profile>/REST/..."),
)
_GONE: Final = Refusal("unknown-profile", Text("The profile is no longer in the configuration."))
_NOT_REST: Final = Refusal(
    "not-found",
    Text(
        "Only paths under /REST/, in capitals and behind a single slash, are forwarded; addresses look like "
        "/<profile>/REST/..."
    ),
)
_NO_TOKENS: Final = Refusal(
    "token-endpoint-refused", Text("Tokens are the gateway's business; callers need none and get none.")
)
_ASTERISK: Final = Refusal(
    "not-found", Text("The target * asks about the server as a whole; only paths are forwarded.")
)
_NO_PATH: Final = Refusal(
    "absolute-form",
    Text(
        "The request target is not a path. This is a gateway with fixed upstreams, not a forward proxy: "
        "make it the base address (http://127.0.0.1:8480/<profile>) and remove it from the proxy settings."
    ),
)
_DIVIDED_DIFFERENTLY: Final = Refusal(
    "ambiguous-path",
    Text(
        "The profile serves certain paths alone, and '%2F', '%5C', '\\', ';' or '//' could lead out of them, "
        "also encoded several times."
    ),
)
_OUTSIDE: Final = Refusal(
    "service-not-permitted",
    Text("The path is outside of the services of this profile; see 'services' of the profile in the configuration."),
)


class Route:
    """The route of a request.

    Attributes:
        profile: name of the profile.
        target: path and query as they are sent to the API, the caller's own bytes.
        path: the target without its query.
    """

    __slots__ = ("path", "profile", "target")  # fmt: skip

    def __init__(
        self,
        profile: str,
        target: bytes,
        path: bytes,
    ) -> None:
        self.profile = profile
        self.target = target
        self.path = path

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Route):
            return NotImplemented
        return (self.profile, self.target, self.path) == (other.profile, other.target, other.path)

    def __hash__(self) -> int:
        return hash((self.profile, self.target, self.path))


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """What a listener serves.

    Attributes:
        prefixes: permitted path prefixes by profile name as written in the address; none: all of /REST/.
        only: the one profile of a listener of its own, whose addresses carry no name; None for the common listener.
    """

    prefixes: Mapping[bytes, tuple[bytes, ...]]
    only: bytes | None = None


def route(target: bytes, table: RoutingTable) -> Route | Refusal:
    """Find the profile and the upstream target of a request target.

    Args:
        target: as written in the request line.
        table: what the listener serves.
    """
    if not target.startswith(b"/"):
        return _not_a_path(target)
    path = target.partition(b"?")[0]
    readings = read_path(path)
    fault = _FRAGMENT if b"#" in target else fault_of(readings)
    if fault is not None:
        detail = Text("{fault} Two readers could take it for two places, so it is not forwarded.", fault=fault)
        return Refusal("ambiguous-path", detail)
    name, own = (table.only, 0) if table.only is not None else _first_segment(path)
    if name == b"-":
        return _OWN_PATH
    prefixes = table.prefixes.get(name)
    if prefixes is None:
        return _NO_PROFILE
    path = path[own:]
    refusal = _not_served(readings.below(own) if own else readings, prefixes)
    return refusal or Route(name.decode(), target[own:], path)


def not_served(found: Route, table: RoutingTable) -> Refusal | None:
    """Return why a route is not served; None if it is.

    Args:
        found: as another table led to it.
        table: what the listener serves now.
    """
    prefixes = table.prefixes.get(found.profile.encode())
    if prefixes is None or table.only not in (None, found.profile.encode()):
        return _GONE
    return _not_served(read_path(found.path), prefixes)


def profile_of(target: bytes, table: RoutingTable) -> str:
    """Return the profile that a target is for, even if the target has no route; empty where it names none.

    Args:
        target: as written in the request line.
        table: what the listener serves.
    """
    name = table.only if table.only is not None else _first_segment(target.partition(b"?")[0])[0]
    return name.decode() if name in table.prefixes else ""


def _not_served(readings: Readings, prefixes: tuple[bytes, ...]) -> Refusal | None:
    if not readings.path.startswith(b"/REST/"):
        return _NOT_REST
    if may_reach_tokens(readings):
        return _NO_TOKENS
    return _outside(readings, prefixes) if prefixes else None


def service_of(path: bytes) -> str:
    """Name the service of a path under /REST/, the unit of a brake: its second segment.

    One that does not look like an API's name gets a number that is valid in this process alone, since the path may
    hold anything: each is braked for itself, and all of them are shown as one (`catalog.model.shown_service`).
    """
    segment = path.split(b"/", 3)[2]
    return segment.decode() if _SERVICE(segment) else f"{OTHER_SERVICE}{hash(segment):x}"


def _first_segment(path: bytes) -> tuple[bytes, int]:
    end = path.find(b"/", 1)
    return (path[1:], len(path)) if end < 0 else (path[1:end], end)


def _not_a_path(target: bytes) -> Refusal:
    if target == b"*":
        return _ASTERISK
    return _NO_PATH


def _outside(readings: Readings, prefixes: tuple[bytes, ...]) -> Refusal | None:
    path = readings.path
    if is_divided_differently(readings):
        return _DIVIDED_DIFFERENTLY
    if any(path == prefix or path.startswith(prefix + b"/") for prefix in prefixes):
        return None
    return _OUTSIDE
