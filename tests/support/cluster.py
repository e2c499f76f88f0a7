"""A Kubernetes cluster's way of signing service-account tokens, for tests: keys, their JWKS, and tokens."""

from __future__ import annotations

import json
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.support.keys import PrivateKey, make_rsa

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = "fla-gateway"
NOW = 1_800_000_000.0
"""The wall clock of `HandClock`."""

_EVERY = jws.JWSRegistry(
    algorithms=["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "HS256", "none"], strict_check_header=False
)


def jwk(key: PrivateKey, kid: str | None = "first", **members: Any) -> dict[str, Any]:
    """Write the public half of a key as a JWK."""
    kind: Any = RSAKey if hasattr(key, "decrypt") else ECKey
    made = kind.import_key(key)
    named = {} if kid is None else {"kid": kid}
    return {**made.as_dict(private=False), **named, "use": "sig", **members}


def jwks(*keys: dict[str, Any]) -> bytes:
    """Write a JWKS."""
    return json.dumps({"keys": list(keys)}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Make the claims of a projected token; a change to None leaves a claim out."""
    made = {
        "iss": ISSUER,
        "aud": [AUDIENCE],
        "sub": "system:serviceaccount:payroll:erp",
        "iat": int(NOW) - 10,
        "nbf": int(NOW) - 10,
        "exp": int(NOW) + 3600,
        "kubernetes.io": {"namespace": "payroll", "serviceaccount": {"name": "erp"}},
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def sign(
    payload: dict[str, Any] | bytes,
    key: PrivateKey | bytes | None = None,
    algorithm: str = "RS256",
    kid: str | None = "first",
    **header: Any,
) -> str:
    """Sign a payload; the key is the cluster's first one, or bytes for HMAC."""
    pem = make_rsa() if key is None else key
    if isinstance(pem, bytes):
        signer: Any = OctKey.import_key(pem)
    else:
        # Not by way of a file: each reading would prove anew that the primes are some, in 50 ms.
        kind: Any = ECKey if algorithm.startswith("ES") else RSAKey
        signer = kind.import_key(pem)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    named = {} if kid is None else {"kid": kid}
    return jws.serialize_compact({"alg": algorithm, **named, **header}, body, signer, registry=_EVERY)
