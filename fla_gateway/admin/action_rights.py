"""Rule: which client may reload, drain and end the gateway.

Owns the decision. Refuses to know how a user id is found, what the actions do, and whether a page in a browser sent
the request (`request_guard`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fla_gateway.access.authentication.caller import Presented
from fla_gateway.access.refusal import Refusal
from fla_gateway.admin.access_rules import ROOT, AdminAccess, Place, judge_key, place_of
from fla_gateway.config.values.address import Address, TcpAddress, is_loopback
from fla_gateway.http1.fields import FieldLine, value_of
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass

CODE: Final = "actions-disabled"
_BY_KEY: Final = Text(
    "For others there is [admin] key with actions = true; they send the key as Bearer or as X-Api-Key."
)
_ANOTHER_USER: Final = Text("Reload, drain and quit are for root and the user that runs the gateway.")
_UNKNOWN_USER: Final = Text(
    "Reload, drain and quit are for root and the user that runs the gateway, and which user asks could not be found "
    "out: the connection was closed, comes through a proxy, or from another user namespace."
)
_BEYOND: Final = Text(
    "Beyond loopback, reload, drain and quit need all of this: TLS on the admin listener, [admin] key, and "
    "actions = true under [admin]. On the machine itself, root and the gateway's user may at any time."
)
_NEVER_BASIC: Final = Text(
    "Browsers repeat Basic by themselves, so it permits no action: send the key as Authorization: Bearer or as "
    "X-Api-Key."
)
_KEY_NEEDED: Final = Text(
    "Reload, drain and quit ask for the key of [admin] key: as Authorization: Bearer or as X-Api-Key."
)
_PROXIES: Final = frozenset((b"forwarded", b"via", b"x-real-ip"))
_PROXY_PREFIX: Final = b"x-forwarded-"


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What is known of a client that asks for an action.

    Attributes:
        place: where the connection came in: `connection_place`.
        encrypted: whether it speaks TLS.
        uid: user id of the process at the other end; None if it is not known, or not the client's own.
        presented: what `access.authentication.credentials.read_credential` read.
        basic: whether a credential came as Basic.
    """

    place: Place
    encrypted: bool
    uid: int | None
    presented: Presented | Refusal | None
    basic: bool


@dataclass(frozen=True, slots=True)
class Permitted:
    """An action may be done.

    Attributes:
        by: on what ground, for the log: ``uid 0``, ``key``.
    """

    by: str


def judge_action(request: ActionRequest, access: AdminAccess, now: float) -> Permitted | Refusal:
    """Decide whether a client may act.

    Root and the gateway's user may by their user id, also where there is a key. The key counts only where the
    configuration says so; elsewhere it is not even compared, so that it cannot be guessed here.

    Args:
        request: what is known of the client.
        access: what the configuration says.
        now: `Clock.wall`.
    """
    if request.place is not Place.BEYOND and request.uid is not None and request.uid in (ROOT, access.uid):
        return Permitted(f"uid {request.uid}")
    if not access.actions or access.key_sha256 is None or (request.place is Place.BEYOND and not request.encrypted):
        return Refusal(CODE, _reason(request))
    if request.basic:
        return Refusal(CODE, _NEVER_BASIC)
    refusal = judge_key(access, request.presented, now, _KEY_NEEDED)
    return Permitted("key") if refusal is None else refusal


def _reason(request: ActionRequest) -> Text:
    if request.place is Place.BEYOND:
        return _BEYOND
    return Text("{why} {cure}", why=_UNKNOWN_USER if request.uid is None else _ANOTHER_USER, cure=_BY_KEY)


def connection_place(address: Address, ends: Iterable[str]) -> Place:
    """Return what kind of place a connection was made to.

    A listener on all addresses is on loopback as well: what comes in there has a process of this machine at the other
    end, whose user id is known.

    Args:
        address: where the listener listens.
        ends: both addresses of a TCP connection, as the system writes them.
    """
    place = place_of(address)
    if place is Place.BEYOND:
        hosts = [host.partition("%")[0] for host in ends]
        if hosts and all(is_loopback(TcpAddress(host, 0)) for host in hosts):
            return Place.LOCAL
    return place


def is_forwarded(lines: Iterable[FieldLine]) -> bool:
    """Return whether a proxy sent the request on: the user id would be the proxy's, and not the client's."""
    names = (name.lower() for name, _ in lines)
    return any(name in _PROXIES or name.startswith(_PROXY_PREFIX) for name in names)


def has_basic(lines: Iterable[FieldLine]) -> bool:
    """Return whether a credential came as Basic (RFC 7617)."""
    return any(
        name.lower() == b"authorization" and value_of(rest).partition(b" ")[0].lower() == b"basic"
        for name, rest in lines
    )
