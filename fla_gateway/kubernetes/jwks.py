"""Value: the public keys of a Kubernetes cluster, out of its JWKS.

Owns which keys may verify anything at all, and with which algorithms. Refuses to know tokens, and where the set is kept
(`kubernetes.jwks_cache`). It imports joserfc, so it is imported only where it is needed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from fla_gateway.kubernetes.json_object import json_object
from fla_gateway.lean_dataclass import dataclass

MOST_KEYS: Final = 64

_RSA_ALGORITHMS: Final = frozenset(("RS256", "PS256"))
_CURVE_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
# Never `none` and never HS*: with those any client could make a token, the latter with the public key (RFC 8725,
# section 2.1).
ALGORITHMS: Final = (*_RSA_ALGORITHMS, *_CURVE_ALGORITHMS.values())
_RSA_BITS: Final = range(2048, 8193)
_PublicKey: TypeAlias = RSAKey | ECKey


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key of the cluster.

    Attributes:
        kid: its name, or None.
        algorithms: what it may verify.
        key: the key.
    """

    kid: str | None
    algorithms: frozenset[str]
    key: _PublicKey


class KeySource(Protocol):
    """Holds the keys of the cluster."""

    def current(self) -> Sequence[VerificationKey]:
        """Return the keys; none until they could be read."""
        ...

    def missing(self) -> bool:
        """Report that a token names a key that is not there; returns whether the keys are being read anew for it."""
        ...


def read_key_set(document: bytes) -> tuple[VerificationKey, ...]:
    """Read a JWKS (RFC 7517, section 5).

    Keys that cannot verify a token are ignored: symmetric ones, those for encryption, RSA below 2048 bits, curves
    and algorithms that are not accepted.

    Returns:
        At most 64 keys; none where the document is no JWKS.
    """
    members = json_object(document)
    found = members.get("keys")
    entries = found if isinstance(found, list) else []
    keys = (_key(entry) for entry in entries[:MOST_KEYS] if isinstance(entry, dict))
    return tuple(key for key in keys if key is not None)


def _key(entry: dict[str, Any]) -> VerificationKey | None:
    kid, operations, algorithm = entry.get("kid"), entry.get("key_ops", ["verify"]), entry.get("alg")
    usable = entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    if not usable or not isinstance(kid, str | None):
        return None
    try:
        key, algorithms = _import(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    permitted = frozenset(it for it in algorithms if algorithm in (None, it))
    return VerificationKey(kid, permitted, key) if permitted else None


def _import(entry: dict[str, Any]) -> tuple[_PublicKey, frozenset[str]]:
    """Import the public members of a JWK (RFC 7518, section 6).

    Raises:
        JoseError: it is not well-formed.
        ValueError: the same, or it is of a kind or size that is not accepted.
        TypeError: the same.
        KeyError: a member is missing, or the curve is not accepted.
    """
    if entry["kty"] == "EC":
        algorithm = _CURVE_ALGORITHMS[entry["crv"]]
        members = {name: entry[name] for name in ("kty", "crv", "x", "y")}
        return ECKey.import_key(members), frozenset((algorithm,))
    if entry["kty"] != "RSA":
        raise ValueError("not a key that verifies")
    modulus = int.from_bytes(base64.urlsafe_b64decode(entry["n"] + "=="), "big")
    if modulus.bit_length() not in _RSA_BITS:
        raise ValueError("not a size that is accepted")
    return RSAKey.import_key({name: entry[name] for name in ("kty", "n", "e")}), _RSA_ALGORITHMS
