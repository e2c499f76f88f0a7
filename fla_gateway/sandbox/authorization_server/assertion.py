"""Rule: whether a client assertion is good (RFC 7521, RFC 7523, and the manual's own rules).

Owns every check that the assertion alone, the registered client and the time decide. Refuses to remember anything:
whether a `jti` was used before is `jti_replay`'s business.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError

from fla_gateway.sandbox.authorization_server.clients import RegisteredClient, RegisteredKey
from fla_gateway.sandbox.errors import AssertionRefusedError

KIND_OF_ALG: Final = {"RS256": "RSA", "PS256": "RSA", "ES384": "P-384", "ES512": "P-521"}
MAX_AHEAD: Final = 600
"""Seconds: "de vervaltermijn mag niet groter zijn dan 10 minuten" (Opzetten kanaal REST API, 17/09/2024)."""
TOLERANCE: Final = 30
"""Seconds that `iat` and `nbf` may lie in the future."""
MAX_LENGTH: Final = 16_384
MAX_JTI: Final = 256


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """What is left of a good assertion.

    Attributes:
        client: who sent it.
        jti: its identifier, still to be checked for reuse.
        exp: seconds since 1970.
    """

    client: RegisteredClient
    jti: str
    exp: float


def verify_assertion(
    assertion: str,
    *,
    find_client: Callable[[str], RegisteredClient | None],
    audiences: Collection[str],
    now: float,
) -> VerifiedAssertion:
    """Judge an assertion.

    Args:
        assertion: the JWT in compact form.
        find_client: gives the registered client of an id.
        audiences: what `aud` may be.
        now: seconds since 1970 by the token server's clock.

    Raises:
        AssertionRefusedError: with the first rule that it breaks.
    """
    alg, claims = _read(assertion)
    client = _find(claims, find_client)
    _check_signature(assertion, alg, client, now)
    if claims.get("iss") != client.client_id:
        raise AssertionRefusedError("wrong-issuer", "iss must be the client id, as sub is")
    _check_audience(claims.get("aud"), audiences)
    exp = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise AssertionRefusedError("no-jti", f"jti must be a text of 1 to {MAX_JTI} characters")
    return VerifiedAssertion(client, jti, exp)


def _read(assertion: str) -> tuple[str, dict[str, Any]]:
    """Take the JWT apart without believing it: alg and sub decide with which key it is verified."""
    malformed = AssertionRefusedError("malformed", "the assertion is not a JWT in compact form")
    if len(assertion) > MAX_LENGTH or not assertion.isascii():
        raise malformed
    try:
        parts = jws.extract_compact(assertion.encode())
        claims = json.loads(parts.payload or b"")
    except (JoseError, ValueError) as error:
        raise malformed from error
    alg = parts.headers().get("alg")
    if not isinstance(claims, dict):
        raise malformed
    if not isinstance(alg, str) or alg not in KIND_OF_ALG:
        raise AssertionRefusedError("alg-not-allowed", f"alg must be one of {', '.join(KIND_OF_ALG)}")
    return alg, claims


def _find(claims: dict[str, Any], find_client: Callable[[str], RegisteredClient | None]) -> RegisteredClient:
    sub = claims.get("sub")
    client = find_client(sub) if isinstance(sub, str) else None
    if client is None:
        raise AssertionRefusedError("unknown-client", "sub is not the id of a registered client")
    return client


def _check_signature(assertion: str, alg: str, client: RegisteredClient, now: float) -> None:
    fitting = [key for key in client.keys if key.kind == KIND_OF_ALG[alg]]
    if not fitting:
        raise AssertionRefusedError("alg-does-not-fit", f"no key of this client signs with {alg}")
    signer = next((key for key in fitting if _verifies(assertion, alg, key)), None)
    if signer is None:
        raise AssertionRefusedError("bad-signature", "the signature fits no certificate registered for this client")
    if not signer.not_before <= now <= signer.not_after:
        raise AssertionRefusedError("certificate-expired", "the certificate is expired or not valid yet")


def _verifies(assertion: str, alg: str, key: RegisteredKey) -> bool:
    # RFC 7515, section 4: header parameters that are not understood are ignored, those named in crit are not.
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    registry.max_header_length = MAX_LENGTH
    try:
        jws.deserialize_compact(assertion, key.key, registry=registry)
    except (JoseError, ValueError):
        return False
    return True


def _check_audience(aud: object, audiences: Collection[str]) -> None:
    named = aud if isinstance(aud, list) else [aud]
    # A second audience would let the same assertion be presented elsewhere (RFC 7523, section 3).
    if len(named) != 1 or named[0] not in audiences:
        raise AssertionRefusedError("wrong-audience", f"aud must be exactly {' or '.join(sorted(audiences))}")


def _check_times(claims: dict[str, Any], now: float) -> float:
    exp = _moment(claims, "exp")
    if exp is None:
        raise AssertionRefusedError("no-exp", "exp is missing")
    if exp <= now:
        raise AssertionRefusedError("expired", "the assertion is expired; is the clock right?")
    if exp - now > MAX_AHEAD:
        raise AssertionRefusedError("exp-too-far", f"exp may be at most {MAX_AHEAD} seconds ahead")
    for name in ("iat", "nbf"):
        moment = _moment(claims, name)
        if moment is not None and moment - now > TOLERANCE:
            raise AssertionRefusedError("in-the-future", f"{name} lies in the future; is the clock right?")
    return exp


def _moment(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise AssertionRefusedError("malformed", f"{name} must be a number of seconds (RFC 7519, section 2)")
    return float(value)
