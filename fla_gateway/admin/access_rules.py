"""Rule: who may see the operator's surface.

Owns the decision for page, status and their parts. Refuses to know how a peer's user id is found, and to count.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from hmac import compare_digest
from typing import Final

from fla_gateway.access.authentication.caller import Presented
from fla_gateway.access.refusal import Refusal
from fla_gateway.config.values.address import Address, TcpAddress, UnixAddress, is_loopback
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass

ROOT: Final = 0
"""User id of root."""
_NO_KEY: Final = Text(
    "The status page is for the user that runs the gateway, and for root. For all others: make a key "
    "(`fla-gateway admin new`), put its SHA-256 into the configuration ([admin] key) and give the key as the password."
)
_KEY_NEEDED: Final = Text(
    "The status page asks for the key of [admin] key: as a password with any user name, or as X-Api-Key."
)
_EXPIRED: Final = Text("The key has expired: make another one and put it into the configuration.")
_PROBES_ONLY: Final = Text("Beyond loopback there are probes and metrics only; [admin] key adds the rest.")


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """What the configuration says of the operator's surface.

    Attributes:
        key_sha256: SHA-256 of the key, in hexadecimal digits, or None if there is none.
        key_expires: seconds since 1970 from which the key is no longer accepted, or None for never.
        actions: whether the key also permits to reload, drain and end the gateway.
        hosts: names by which the surface may be called beyond loopback.
        uid: the gateway's own user id; None admits root alone.
    """

    key_sha256: str | None = field(default=None, repr=False)
    key_expires: float | None = None
    actions: bool = False
    hosts: tuple[str, ...] = ()
    uid: int | None = None


class Place(Enum):
    """What a connection was made to, as far as it shows who may have made it."""

    FILE = "file"
    """A unix socket with a file: its owner and mode have decided already."""
    LOCAL = "local"
    """Loopback, or an abstract unix socket: any user of this machine."""
    BEYOND = "beyond"
    """Any host in the network."""


def place_of(address: Address) -> Place:
    """Return what kind of place a listener is."""
    if isinstance(address, UnixAddress):
        return Place.FILE
    return Place.BEYOND if isinstance(address, TcpAddress) and not is_loopback(address) else Place.LOCAL


def asks_for_uid(place: Place, access: AdminAccess) -> bool:
    """Return whether the decision depends on the peer's user id."""
    return place is Place.LOCAL and access.key_sha256 is None


def judge(
    place: Place, access: AdminAccess, presented: Presented | Refusal | None, uid: int | None, now: float
) -> Refusal | None:
    """Decide whether the surface is shown.

    Args:
        place: where the request came in.
        access: what the configuration says.
        presented: what `access.authentication.credentials.read_credential` read in the request.
        uid: user id of the process at the other end, where `asks_for_uid`; None if it is not known, which refuses.
        now: `Clock.wall`.
    """
    if place is Place.FILE:
        return None
    if access.key_sha256 is not None:
        return judge_key(access, presented, now, _KEY_NEEDED)
    if place is Place.BEYOND:
        return Refusal("not-found", _PROBES_ONLY)
    if uid is not None and uid in (ROOT, access.uid):
        return None
    return Refusal("caller-not-permitted", _NO_KEY)


def judge_key(access: AdminAccess, presented: Presented | Refusal | None, now: float, needed: Text) -> Refusal | None:
    """Decide whether the key of the configuration was presented.

    Args:
        access: what the configuration says.
        presented: what `access.authentication.credentials.read_credential` read in the request.
        now: `Clock.wall`.
        needed: says which key is asked for, and how it is sent.
    """
    if presented is None:
        return Refusal("credentials-missing", needed)
    if isinstance(presented, Refusal):
        return presented
    if access.key_sha256 is None or not compare_digest(presented.key_sha256 or "", access.key_sha256):
        return Refusal("credentials-refused", Text("This is not the key. {needed}", needed=needed))
    if access.key_expires is not None and now >= access.key_expires:
        return Refusal("credentials-refused", _EXPIRED)
    return None
