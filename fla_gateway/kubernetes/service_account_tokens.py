"""Rule with state: verifies the token of a Kubernetes service account, or refuses it.

Owns what such a token has to be (RFC 7515, 7519, 8725) and how many signatures are looked at per second. Refuses to
know where keys come from (`jwks`). It imports joserfc, so it is imported only where it is needed.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError

from fla_gateway.access.authentication.credentials import LONGEST_TOKEN
from fla_gateway.access.authentication.proofs import REFUSED
from fla_gateway.access.refusal import Refusal
from fla_gateway.clock import Clock
from fla_gateway.i18n.message import Text
from fla_gateway.kubernetes.json_object import json_object
from fla_gateway.kubernetes.jwks import ALGORITHMS, KeySource, VerificationKey
from fla_gateway.secret import Secret

LEEWAY: Final = 30.0
"""Seconds by which the clocks of the cluster and of this host may differ."""
SIGNATURES_PER_SECOND: Final = 200
"""Signatures that are checked at most: each costs 0.1 ms and more, and any client can send a wrong one. Verified tokens
are remembered by `access.authentication.authenticator`, so that this counts tokens that are new or wrong."""
_REGISTRY: Final = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_SUBJECT: Final = re.compile(r"system:serviceaccount:([a-z0-9.-]{1,63}):([a-z0-9.-]{1,253})")


class Reason(StrEnum):
    """Why a token is not accepted."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    CRITICAL = "critical"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    SUBJECT = "subject"
    KEY = "unknown-key"
    SIGNATURE = "signature"


class VerifiedAccount(NamedTuple):
    """A service account whose token was verified.

    Attributes:
        name: ``namespace/name``.
        expires: seconds since the epoch at which the token stops being accepted.
    """

    name: str
    expires: float


class _Claimed(NamedTuple):
    """What a token states, before its signature is checked."""

    algorithm: str
    kid: str | None
    account: VerifiedAccount


class ServiceAccounts:
    """Verifies the tokens of callers; see `proofs.ServiceAccounts`."""

    def __init__(
        self, keys: KeySource, issuer: str, audience: str, clock: Clock, report: Callable[[Reason], None]
    ) -> None:
        """Take what tokens are compared with.

        Args:
            keys: the source of the cluster's keys.
            issuer: that `iss` must be.
            audience: that `aud` must contain.
            clock: its monotonic time limits the signatures per second.
            report: called with the reason why a token is refused, which its sender never learns.
        """
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._report = report
        self._second = -math.inf
        self._signatures = 0

    def verify(self, token: Secret, now: float) -> tuple[str, float] | Refusal:
        """Verify a token; what is cheap to check is checked first, and the signature last.

        Args:
            token: in the compact form of JWS.
            now: seconds since the epoch.

        Returns:
            ``namespace/name`` and when the token stops being accepted, in seconds since the epoch; or why not.
        """
        keys = self._keys.current()
        if not keys:
            return _unverifiable(Text("The keys of the Kubernetes cluster could not be had yet."), 5)
        claimed = _claimed(token, self._issuer, self._audience, now)
        if isinstance(claimed, Reason):
            return self._refuse(claimed)
        candidates = _candidates(claimed, keys)
        if not candidates:
            if _is_unheard_of(claimed, keys) and self._keys.missing():
                return _unverifiable(Text("The token names a key that the Kubernetes cluster is being asked for."), 1)
            return self._refuse(Reason.KEY)
        if not self._may_check():
            return _unverifiable(Text("Too many tokens that are not known yet have come within a second."), 1)
        if not _is_signed(token, candidates):
            return self._refuse(Reason.SIGNATURE)
        return claimed.account

    def _refuse(self, reason: Reason) -> Refusal:
        self._report(reason)
        return REFUSED

    def _may_check(self) -> bool:
        now = self._clock.monotonic()
        if now >= self._second + 1:
            self._second = now
            self._signatures = 0
        self._signatures += 1
        return self._signatures <= SIGNATURES_PER_SECOND


def _unverifiable(why: Text, seconds: int) -> Refusal:
    detail = Text("{why} Try again in {seconds} s.", why=why, seconds=seconds)
    return Refusal("callers-unverifiable", detail, seconds)


def _claimed(token: Secret, issuer: str, audience: str, now: float) -> _Claimed | Reason:
    text = token.reveal()
    parts = _PARTS.fullmatch(text) if len(text) <= LONGEST_TOKEN else None
    if parts is None:
        return Reason.MALFORMED
    header, claims = json_object(_decode(parts[1])), json_object(_decode(parts[2]))
    algorithm, kid = header.get("alg"), header.get("kid")
    if not header or not claims or not isinstance(kid, str | None):
        return Reason.MALFORMED
    if algorithm not in ALGORITHMS:
        return Reason.ALGORITHM
    if "crit" in header:
        # RFC 7515, section 4.1.11: what is named there must be understood. Nothing is.
        return Reason.CRITICAL
    account = _account(claims, issuer, audience, now)
    return account if isinstance(account, Reason) else _Claimed(algorithm, kid, account)


def _account(claims: dict[str, Any], issuer: str, audience: str, now: float) -> VerifiedAccount | Reason:
    audiences = claims.get("aud")
    subject = claims.get("sub")
    match = _SUBJECT.fullmatch(subject) if isinstance(subject, str) else None
    expires = _moment(claims.get("exp"))
    not_before = _moment(claims.get("nbf", 0))
    if claims.get("iss") != issuer:
        return Reason.ISSUER
    if audience not in (audiences if isinstance(audiences, list) else [audiences]):
        return Reason.AUDIENCE
    if expires is None or now >= expires + LEEWAY:
        return Reason.EXPIRED
    if not_before is None or now < not_before - LEEWAY:
        return Reason.NOT_YET
    if match is None:
        return Reason.SUBJECT
    return VerifiedAccount(f"{match[1]}/{match[2]}", expires + LEEWAY)


def _candidates(claimed: _Claimed, keys: Sequence[VerificationKey]) -> list[VerificationKey]:
    """Choose the keys that a token may be signed with; without a name only where there is no choice."""
    if claimed.kid is None and len(keys) > 1:
        return []
    return [it for it in keys if claimed.kid in (None, it.kid) and claimed.algorithm in it.algorithms]


def _is_unheard_of(claimed: _Claimed, keys: Sequence[VerificationKey]) -> bool:
    return claimed.kid is not None and all(claimed.kid != it.kid for it in keys)


def _is_signed(token: Secret, candidates: Sequence[VerificationKey]) -> bool:
    for candidate in candidates:
        try:
            jws.deserialize_compact(token.reveal(), candidate.key, registry=_REGISTRY)
        except (JoseError, ValueError):
            continue
        return True
    return False


def _decode(part: str) -> bytes:
    """Read base64url without padding; what is none gives nothing."""
    try:
        return binascii.a2b_base64(part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4))
    except (ValueError, AttributeError):
        return b""


def _moment(value: object) -> float | None:
    """Read a NumericDate (RFC 7519, section 2)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
