"""Rule: a request target becomes a profile and an upstream target, or a refusal (pure).

Owns which paths are refused. Refuses to know connections, tokens and who asks. The bytes that are judged are the bytes
that are forwarded: nothing is normalised, what can be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from fla_gateway.access.policy import TWO_READINGS
from fla_gateway.access.refusal import Refusal
from fla_gateway.tokens.snapshot import OTHER_SERVICE

# Without these a path has one reading: nothing to decode, no parameters, no second kind of slash.
_SUSPICIOUS: Final = re.compile(rb"[%;\\]|/\.|//").search
# Two-byte forms of ".", "/" and "\" that a careless UTF-8 decoder takes for them (RFC 3629, section 10).
_OVERLONG: Final = re.compile(rb"\xc0[\xae\xaf]|\xc1\x9c").search
# A segment that is "." or "..", for readers who cut it at ";" and those who take "\" for "/". Searched for: a list of
# all segments of a long path would cost a stranger little and the gateway much.
_DOTS: Final = re.compile(rb"[/\\]\.\.?(?:[/\\;]|\Z)").search
_OAUTH: Final = re.compile(rb"[/\\;]oauth(?:[/\\;]|\Z)").search
# A word, perhaps with a short number behind it: what a national number, or a name with a date of birth, is not.
_SERVICE: Final = re.compile(rb"[A-Za-z][A-Za-z_-]{0,39}[0-9]{0,3}").fullmatch
_MAX_DECODINGS: Final = 8
"""Layers of percent-encoding that are taken off; one more is refused."""
_MAX_ENCODED: Final = 512
"""Percent signs of a path: each is looked at once for every layer, and a path is judged before anybody is asked who he
is."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        profile: name of the profile.
        target: path and query as they are sent to the API, the caller's own bytes.
        path: the target without its query.
    """

    profile: str
    target: bytes
    path: bytes


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """What a listener serves.

    Attributes:
        prefixes: permitted path prefixes by profile name as it stands in the address; none: all of /REST/.
        only: the one profile of a listener of its own, whose addresses carry no name; None for the common listener.
    """

    prefixes: Mapping[bytes, tuple[bytes, ...]]
    only: bytes | None = None


def route(target: bytes, table: RoutingTable) -> Route | Refusal:
    """Find the profile and the upstream target of a request target.

    Args:
        target: as it stands in the request line.
        table: what the listener serves.
    """
    if not target.startswith(b"/"):
        return _not_a_path(target)
    path = target.partition(b"?")[0]
    suspicious = _SUSPICIOUS(path) is not None
    if suspicious or b"#" in target:
        refusal = _ambiguity(target, path)
        if refusal:
            return refusal
    name, own = (table.only, 0) if table.only is not None else _first_segment(path)
    if name == b"-":
        return Refusal("not-found", "Paths under /-/ are the gateway's own, and there is nothing at this one.")
    prefixes = table.prefixes.get(name)
    if prefixes is None:
        return Refusal(
            "unknown-profile",
            "The first part of the path names no profile of the configuration; addresses look like /<profile>/REST/...",
        )
    path = path[own:]
    refusal = _not_served(path, prefixes, suspicious=suspicious)
    return refusal or Route(name.decode(), target[own:], path)


def profile_of(target: bytes, table: RoutingTable) -> str:
    """Name the profile that a target is for, although it may lead nowhere; empty where it names none.

    Args:
        target: as it stands in the request line.
        table: what the listener serves.
    """
    name = table.only if table.only is not None else _first_segment(target.partition(b"?")[0])[0]
    return name.decode() if name in table.prefixes else ""


def _not_served(path: bytes, prefixes: tuple[bytes, ...], *, suspicious: bool) -> Refusal | None:
    if not path.startswith(b"/REST/"):
        return Refusal("not-found", "Only paths under /REST/ are forwarded; addresses look like /<profile>/REST/...")
    if suspicious or b"oauth" in path.lower():
        refusal = _token_endpoint(path, suspicious=suspicious)
        if refusal:
            return refusal
    return _outside(path, prefixes) if prefixes else None


def service_of(path: bytes) -> str:
    """Name the service of a path under /REST/, the unit of a brake: its second segment.

    All that do not look like an API's name share one, since this name is logged and the path may hold anything.
    """
    segment = path.split(b"/", 3)[2]
    return segment.decode() if _SERVICE(segment) else OTHER_SERVICE


def _first_segment(path: bytes) -> tuple[bytes, int]:
    end = path.find(b"/", 1)
    return (path[1:], len(path)) if end < 0 else (path[1:end], end)


def _not_a_path(target: bytes) -> Refusal:
    if target == b"*":
        return Refusal("not-found", "The target * asks about the server as a whole; only paths are forwarded.")
    return Refusal(
        "absolute-form",
        "The request target is not a path. This is a gateway with fixed upstreams, not a forward proxy: "
        "make it the base address (http://127.0.0.1:8480/<profile>) and remove it from the proxy settings.",
    )


def _ambiguity(target: bytes, path: bytes) -> Refusal | None:
    def refuse(why: str) -> Refusal:
        return Refusal("ambiguous-path", f"{why} Two readers could take it for two places, so it is not forwarded.")

    if b"#" in target:
        return refuse("The target has a fragment.")
    if path.startswith(b"//"):
        return refuse("The path begins with two slashes.")
    if path.count(b"%") > _MAX_ENCODED:
        return refuse(f"The path has more than {_MAX_ENCODED} percent signs.")
    decoded = _decoded(path)
    if decoded is None:
        return refuse("The path is percent-encoded many times over.")
    if b"\0" in decoded:
        return refuse("The path holds a NUL.")
    if _OVERLONG(decoded):
        return refuse("The path holds an overlong form of a dot or a slash.")
    if _DOTS(decoded):
        return refuse("The path has a '.' or '..' segment.")
    return None


def _decoded(path: bytes) -> bytes | None:
    # A layer that decodes once more than this one must see the same path, so decoding goes on until nothing changes.
    for _ in range(_MAX_DECODINGS + 1):
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return path
        path = decoded
    return None


def _token_endpoint(path: bytes, *, suspicious: bool) -> Refusal | None:
    # In a plain path only its second segment can lead to the token endpoint. Where readers may cut and split in
    # different orders, no part may be it: a path that is refused in error costs less than a token that is not ours to
    # give.
    if suspicious:
        found = _OAUTH((_decoded(path) or path).lower()) is not None
    else:
        found = path.lower().split(b"/", 3)[2] == b"oauth"
    if not found:
        return None
    return Refusal("token-endpoint-refused", "Tokens are the gateway's business; callers need none and get none.")


def _outside(path: bytes, prefixes: tuple[bytes, ...]) -> Refusal | None:
    if TWO_READINGS(path):
        return Refusal(
            "ambiguous-path",
            "The profile serves certain paths alone, and '%2F', '%5C', '\\', ';' or '//' could lead out of them.",
        )
    if any(path == prefix or path.startswith(prefix + b"/") for prefix in prefixes):
        return None
    return Refusal(
        "service-not-permitted",
        "The path lies outside of the services of this profile; see 'services' of the profile in the configuration.",
    )
