"""Values: the identity of a caller, and the ground on which one of its requests was admitted.

Owns the words. Refuses to know how a proof is verified (`proofs`) and what a rule permits (`authorization.allow_list`).
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import Final, NamedTuple

from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret


@dataclass(frozen=True, slots=True, eq=False)
class Presented:
    """The credential that a request carries, not verified; it has one of the two forms at most.

    Attributes:
        key_sha256: SHA-256 of an API key, in hexadecimal digits, or None.
        token: a JWT, or None.

    One that has neither is a credential in a form that identifies no caller.
    """

    key_sha256: str | None = field(default=None, repr=False)
    token: Secret | None = None


class Peer(NamedTuple):
    """What the transport proves of the peer.

    Attributes:
        uid: user id of the process that connected to a unix socket, or None.
        gid: its group id, or None.
        certificate_names: subject alternative names of the client certificate that TLS verified.
        not_before: first moment at which that certificate proves anything, in seconds since the epoch.
        not_after: last such moment; TLS itself looks at neither where a session is resumed.
    """

    uid: int | None = None
    gid: int | None = None
    certificate_names: frozenset[str] = frozenset()
    not_before: float = -math.inf
    not_after: float = math.inf


class Admission(NamedTuple):
    """Why one request was admitted, or, for an unknown caller, that it was not.

    Attributes:
        caller: name of the caller; empty for an unknown caller, and where no callers are configured.
        proof: how the caller was proven: ``key:1a2b3c4d`` (the first digits of the key's SHA-256), ``uid:1001``,
            ``gid:1001``, ``service-account:namespace/name``, ``certificate:name``, several joined by ``+``;
            ``anonymous`` where no callers are configured; empty for an unknown caller.
        rule: the entry of `allow` that permitted the request, as it is written in the configuration; else empty.
        observed: whether no entry permits it, and `observe_until` let it through.
    """

    caller: str
    proof: str
    rule: str = ""
    observed: bool = False


UNAUTHENTICATED: Final = Admission("", "")
ANONYMOUS: Final = Admission("", "anonymous")
