"""Rule: maps verified credentials to a configured caller.

Owns which proofs a caller needs, and the choice where several callers match. Refuses to know how a request shows a
proof (`credentials`) and what a caller may do (`authorization.allow_list`). A client that is not authenticated never
learns why its credential was refused.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from fla_gateway.access.authentication.api_key import key_id
from fla_gateway.access.refusal import Refusal
from fla_gateway.config.schema import CallerTable
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

MISSING: Final = Refusal(
    "credentials-missing",
    Text(
        "Callers of this gateway have to say who they are. Send an API key as Authorization: Bearer, as the password "
        "of Authorization: Basic (any user name), or as X-Api-Key; `fla-gateway caller new NAME` makes one."
    ),
)
REFUSED: Final = Refusal(
    "credentials-refused",
    Text(
        "What the request shows belongs to no caller: it is unknown, expired, of another form, or only a part of the "
        "proof that is asked for. Compare with [callers] in the configuration; `fla-gateway caller new NAME` makes "
        "another key."
    ),
)


class ServiceAccounts(Protocol):
    """Verifies the tokens of Kubernetes service accounts."""

    def verify(self, token: Secret, now: float) -> tuple[str, float] | Refusal:
        """Verify a token.

        Args:
            token: in the compact form of JWS.
            now: seconds since the epoch.

        Returns:
            The service account as ``namespace/name``, and when the token expires, in seconds since the epoch;
            or why it is not accepted.
        """
        ...


class Evidence(NamedTuple):
    """What a request and its connection have proven.

    Attributes:
        key: SHA-256 of the API key, which is one of the configuration's; None where no key was shown.
        service_account: ``namespace/name`` of a verified token; None where no token was shown.
        uid: user id of the process at the other end of a unix socket, or None.
        gid: its group id, or None.
        certificate_names: subject alternative names of its client certificate.
        expires: when the token expires, in seconds since the epoch.
        certificate_expires: when the client certificate does.
    """

    key: str | None = None
    service_account: str | None = None
    uid: int | None = None
    gid: int | None = None
    certificate_names: frozenset[str] = frozenset()
    expires: float = math.inf
    certificate_expires: float = math.inf


@dataclass(frozen=True, slots=True)
class Requirement:
    """What proves one caller; every kind that is given is needed.

    Attributes:
        caller: its name.
        keys: SHA-256 of each of its API keys, and when it expires, in seconds since the epoch.
        service_account: ``namespace/name``, or None.
        uid: user id, or None.
        gid: group id, or None.
        certificate_names: any one of them will do; none: not asked for.
    """

    caller: str
    keys: Mapping[str, float]
    service_account: str | None
    uid: int | None
    gid: int | None
    certificate_names: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, bool]:
        """How strong the proof is: by the number of its kinds, and then a user id counts more than a group id."""
        needed = (self.keys, self.service_account, self.certificate_names)
        return sum(map(bool, needed)) + (self.uid is not None) + (self.gid is not None), self.uid is not None


class Proven(NamedTuple):
    """A caller that has been proven.

    Attributes:
        caller: its name.
        proof: how, in the words of `caller.Admission`.
        expires: when the proof does, in seconds since the epoch.
    """

    caller: str
    proof: str
    expires: float


def requirement(name: str, table: CallerTable) -> Requirement:
    """Read the proofs of a caller from its table; of a key that is listed twice the longer life counts."""
    keys: dict[str, float] = {}
    for key in table.keys:
        expires = math.inf if key.expires is None else key.expires
        keys[key.sha256] = max(expires, keys.get(key.sha256, 0.0))
    return Requirement(name, keys, table.service_account, table.uid, table.gid, tuple(table.certificate_names))


def known_digest(digests: Iterable[str], shown: str) -> str | None:
    """Find a digest among all that are configured, in a time that does not reveal which one it is or how near it came.

    Args:
        digests: all of them; the search goes on to the end.
        shown: SHA-256 of the key that was shown.
    """
    found = None
    for digest in digests:
        if hmac.compare_digest(digest, shown):
            found = digest
    return found


def prove(requirements: Iterable[Requirement], evidence: Evidence, wall: float) -> Proven | None:
    """Find the caller that the evidence proves: of several, the one with the strongest proof.

    A credential that was shown has to be the caller's own: beside the key of another caller, a user id proves nothing.

    Args:
        requirements: of all callers.
        evidence: what has been proven.
        wall: seconds since the epoch.

    Returns:
        None if it proves no caller, or two equally: a certificate with the names of both.
    """
    best: list[Proven] = []
    highest = (1, False)  # a caller without any proof would match every request
    for needed in requirements:
        rank = needed.rank
        proven = _proof(needed, evidence, wall) if rank >= highest else None
        if proven is not None:
            best = [proven] if rank > highest else [*best, proven]
            highest = rank
    return best[0] if len(best) == 1 else None


def _proof(needed: Requirement, evidence: Evidence, wall: float) -> Proven | None:
    """Compare the evidence with what one caller needs."""
    if bool(needed.keys) != (evidence.key is not None) or needed.service_account != evidence.service_account:
        return None
    expires = _expires(needed, evidence)
    if expires <= wall:
        return None
    words = [] if evidence.key is None else [f"key:{key_id(evidence.key)}"]
    if needed.service_account is not None:
        words.append(f"service-account:{needed.service_account}")
    for kind, wanted, shown in (("uid", needed.uid, evidence.uid), ("gid", needed.gid, evidence.gid)):
        if wanted is not None:
            if wanted != shown:
                return None
            words.append(f"{kind}:{wanted}")
    if needed.certificate_names:
        name = next((name for name in needed.certificate_names if name in evidence.certificate_names), None)
        if name is None:
            return None
        words.append(f"certificate:{name}")
    return Proven(needed.caller, "+".join(words), expires)


def _expires(needed: Requirement, evidence: Evidence) -> float:
    """Return the end of the proof that ends first, in seconds since the epoch."""
    key = math.inf if evidence.key is None else needed.keys.get(evidence.key, -math.inf)
    return min(evidence.expires, key, evidence.certificate_expires if needed.certificate_names else math.inf)


def proofs(caller: CallerTable) -> Iterator[str]:
    """Name the kinds of proof that a caller needs."""
    kinds = {
        "key": caller.keys,
        "uid": caller.uid is not None,
        "gid": caller.gid is not None,
        "service-account": caller.service_account,
        "certificate": caller.certificate_names,
    }
    return (kind for kind, needed in kinds.items() if needed)
