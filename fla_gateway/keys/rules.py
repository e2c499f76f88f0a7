"""The rules of the channel for keys and certificates, as pure functions.

Owns what the manual demands ("Opzetten kanaal REST API", 17/09/2024) and what this gateway holds for unsafe on its own.
Refuses to know files and formats. The manual states its rules for self-signed certificates: for one that a CA issued, a
deviation is a warning. Validity is never a matter of opinion.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from fla_gateway.keys import asn1, formats
from fla_gateway.keys.model import Objection
from fla_gateway.keys.private_key import EXPLICIT_CURVE, EXPLICIT_CURVE_CURE
from fla_gateway.keys.signer import EC_ALGORITHMS

RSA_SIZES: Final = (2048, 3072, 4096)
CURVES: Final = {"secp384r1": "P-384", "secp521r1": "P-521"}
DIGESTS: Final = ("sha256", "sha384", "sha512")
EXPIRY_STEPS: Final = (60, 30, 14, 7)
"""Days before the end of a certificate at which a warning becomes more urgent."""
_SMALLEST_SAFE_RSA: Final = 2048
_KEY_FIELD: Final = 6
"""Place of subjectPublicKeyInfo in a TBSCertificate of version 2 or 3 (RFC 5280, section 4.1)."""
_NEW_PAIR: Final = (
    "make a new key and certificate (RSA 2048, 3072 or 4096, or P-384 or P-521) and upload the certificate in ChaMan"
)
_NEW_CERTIFICATE: Final = "make a new certificate for the key and upload it in ChaMan"


def unusable_key(key: PublicKeyTypes) -> Objection | None:
    """Object to a key that is refused whoever issued its certificate.

    The algorithm must be one that JWS and the channel share, and RSA below 2048 bits is forbidden by RFC 7518, section
    3.3: "A key of size 2048 bits or larger MUST be used with these algorithms."
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SMALLEST_SAFE_RSA:
            return Objection(f"the key is RSA with {key.key_size} bits, which is too short to be safe", _NEW_PAIR)
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in EC_ALGORITHMS:
            return Objection(f"the key is on the curve {key.curve.name}, which no JWS algorithm uses", _NEW_PAIR)
        return None
    kind = type(key).__name__.removesuffix("PublicKey").removeprefix("_")
    return Objection(f"the key is of the kind {kind}, which the channel does not accept", _NEW_PAIR)


def key_deviation(key: PublicKeyTypes) -> Objection | None:
    """Compare a usable key with the manual: RSA 2048/3072/4096 or EC P-384/P-521."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size not in RSA_SIZES:
        return Objection(f"the key is RSA with {key.key_size} bits; the manual asks for 2048, 3072 or 4096", _NEW_PAIR)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in CURVES:
        return Objection(f"the key is on the curve {key.curve.name}; the manual asks for P-384 or P-521", _NEW_PAIR)
    return None


def certificate_deviations(certificate: x509.Certificate) -> tuple[Objection, ...]:
    """Compare a certificate with the manual: named curve, digest SHA-256/384/512, key usage Digital Signature."""
    found = (_curve_deviation(certificate), _digest_deviation(certificate), _usage_deviation(certificate))
    return tuple(objection for objection in found if objection is not None)


def validity_objection(not_before: datetime, not_after: datetime, now: datetime) -> Objection | None:
    """Object to a certificate that is not valid now; both ends count as valid (RFC 5280, section 4.1.2.5)."""
    if now > not_after:
        return Objection(f"the certificate expired on {_day(not_after)}", _NEW_CERTIFICATE)
    if now < not_before:
        return Objection(
            f"the certificate is valid only from {not_before:%Y-%m-%d %H:%M} UTC",
            f"wait until then, or check this machine's clock, which says {now:%Y-%m-%d %H:%M} UTC",
        )
    return None


def expiry_warning(not_after: datetime, now: datetime) -> Objection | None:
    """Warn of a certificate that expires soon; the government side sends no reminder that we know of.

    Returns:
        A warning that names the step of `EXPIRY_STEPS` that was reached last, or None before the first.
    """
    left = not_after - now
    reached = [days for days in EXPIRY_STEPS if left.total_seconds() <= days * 86_400]
    if not reached:
        return None
    return Objection(
        f"the certificate expires within {reached[-1]} days, on {_day(not_after)}",
        "make a new one now and upload it beside the old one in ChaMan",
    )


def _curve_deviation(certificate: x509.Certificate) -> Objection | None:
    try:
        fields = asn1.read(certificate.tbs_certificate_bytes).children()
        # Version 1 leaves the first field out; such a certificate has no extensions and deviates in any case.
        key = fields[_KEY_FIELD] if fields[0].tag == asn1.CONTEXT_0 else fields[_KEY_FIELD - 1]
        explicit = formats.explicit_parameters(key.children()[0])
    except (asn1.Asn1Error, IndexError):
        return Objection("the certificate's public key cannot be read", _NEW_PAIR)
    return Objection(f"the certificate {EXPLICIT_CURVE}", EXPLICIT_CURVE_CURE) if explicit else None


def _digest_deviation(certificate: x509.Certificate) -> Objection | None:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        digest = None
    if digest is not None and digest.name in DIGESTS:
        return None
    name = "without a known digest" if digest is None else f"with {digest.name.upper().replace('SHA', 'SHA-', 1)}"
    return Objection(
        f"the certificate is signed {name}; the manual asks for SHA-256, SHA-384 or SHA-512",
        _NEW_CERTIFICATE,
    )


def _usage_deviation(certificate: x509.Certificate) -> Objection | None:
    cure = f"{_NEW_CERTIFICATE}; with OpenSSL: -addext keyUsage=critical,digitalSignature"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return Objection("the certificate states no key usage; the manual asks for Digital Signature", cure)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return Objection("the certificate's extensions cannot be read", cure)
    if usage.digital_signature:
        return None
    return Objection("the certificate's key usage does not include Digital Signature, which the manual asks for", cure)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
