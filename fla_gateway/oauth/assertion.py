"""Rule: how a client assertion is written (RFC 7523, section 3; RFC 7515, section 3.1).

Owns header, claims, the form of a `jti` and the compact serialisation. Refuses to know keys and clocks: the signature
and the time are arguments.
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import datetime
from typing import Final, Protocol

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.model import AssertionOptions, TokenRequest
from fla_gateway.secret import Secret

LONGEST_LIFETIME: Final = 600
"""Seconds that `exp` may lie ahead ("niet groter dan 10 minuten", Opzetten kanaal REST API, section 5.1)."""


class Signer(Protocol):
    """What makes the signature: a private key that never leaves its holder.

    Attributes:
        algorithms: JWS algorithms (RFC 7518, section 3.1) that the key can sign with, the default one first.
    """

    @property
    def algorithms(self) -> tuple[str, ...]:
        """See the class."""
        ...

    def sign(self, algorithm: str, signing_input: bytes) -> bytes:
        """Sign as JWS does; for ECDSA that is R || S, not DER (RFC 7518, section 3.4).

        May take milliseconds (RSA) and is called in a thread.

        Raises:
            GatewayError: the key cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signer with the thumbprints of its certificate.

    Attributes:
        signer: makes signatures.
        sha1: SHA-1 of the DER certificate, 20 bytes, or None without a certificate.
        sha256: SHA-256 of the DER certificate, 32 bytes, or None without a certificate.
        certificate_ends: end of validity of the certificate, or None without one.
    """

    signer: Signer
    sha1: bytes | None = None
    sha256: bytes | None = None
    certificate_ends: datetime | None = None


def algorithm_for(options: AssertionOptions, key: SigningKey, name: str) -> str:
    """Choose the JWS algorithm: the one asked for, or the key's own default.

    Args:
        options: of the profile.
        key: signs.
        name: of the key, for the problem.

    Raises:
        ProblemError: ``token-unsigned``, where the key cannot sign with the algorithm asked for.
    """
    if options.alg is None:
        return key.signer.algorithms[0]
    if options.alg in key.signer.algorithms:
        return options.alg
    detail = Text(
        "Key '{key}' cannot sign with {algorithm}; it can with {able}.",
        key=name,
        algorithm=options.alg,
        able=", ".join(key.signer.algorithms),
    )
    raise ProblemError("token-unsigned", detail)


def header(options: AssertionOptions, algorithm: str, key: SigningKey) -> dict[str, str]:
    """Write the JOSE header: ``alg`` and what the options ask for (RFC 7515, section 4.1).

    Args:
        options: of the profile.
        algorithm: as JWA calls it (RFC 7518, section 3.1).
        key: with the thumbprints of its certificate, if it has one.

    Raises:
        ProblemError: ``token-unsigned``, where a thumbprint is asked for and no certificate is known.
    """
    parameters = {"alg": algorithm, "typ": options.typ, "kid": options.kid}
    for name, wanted, thumbprint in (("x5t", options.x5t, key.sha1), ("x5t#S256", options.x5t_s256, key.sha256)):
        if wanted and thumbprint is None:
            detail = Text("{name} is asked for, but the key has no certificate configured.", name=name)
            raise ProblemError("token-unsigned", detail)
        parameters[name] = _base64url(thumbprint) if wanted and thumbprint else None
    return {name: value for name, value in parameters.items() if value}


def new_jti() -> str:
    """Draw a random UUID (RFC 9562, version 4). The module `uuid` would take a hundredth of a start."""
    digits = secrets.token_hex(16)
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def claims(request: TokenRequest, now: float, jti: str) -> dict[str, str | int]:
    """Write the claims set (RFC 7523, section 3).

    Args:
        request: whose client id is both issuer and subject.
        now: seconds since the epoch by the token server's clock, as far as that is known.
        jti: an identifier that was never used before.
    """
    issued = int(now)
    lifetime = min(request.assertion.lifetime, LONGEST_LIFETIME)
    claim_set: dict[str, str | int] = {
        "iss": request.client_id,
        "sub": request.client_id,
        "aud": request.audience,
        "exp": issued + lifetime,
        "jti": jti,
    }
    if request.assertion.iat:
        claim_set["iat"] = issued
    return claim_set


def signing_input(header_parameters: dict[str, str], claim_set: dict[str, str | int]) -> bytes:
    """Join what is signed: BASE64URL(header) || '.' || BASE64URL(claims) (RFC 7515, section 5.1)."""
    return b".".join(_base64url(_json(part)).encode() for part in (header_parameters, claim_set))


def compact(signed: bytes, signature: bytes) -> Secret:
    """Add the signature: the compact serialisation (RFC 7515, section 7.1)."""
    return Secret(f"{signed.decode()}.{_base64url(signature)}")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
