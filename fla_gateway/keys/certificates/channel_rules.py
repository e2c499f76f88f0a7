"""The rules of the channel for keys and certificates, as pure functions.

Owns what the manual demands ("Opzetten kanaal REST API", 17/09/2024) and what this gateway holds for unsafe on its own.
Refuses to know files and formats. Whether a certificate is registered, ChaMan alone knows: what it may have refused is
a warning here, and an error is only what cannot work or is unsafe.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID, PublicKeyAlgorithmOID

from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys import asn1
from fla_gateway.keys.certificate_fields import issuer_of, permits_digital_signature, subject_of
from fla_gateway.keys.files import format_detection
from fla_gateway.keys.files.private_key import EXPLICIT_CURVE_CURE
from fla_gateway.keys.files.rsa_pss import subject_public_key_info
from fla_gateway.keys.model import Objection
from fla_gateway.keys.signers.local import EC_ALGORITHMS

RSA_SIZES: Final = (2048, 3072, 4096)
CURVES: Final = {"secp384r1": "P-384", "secp521r1": "P-521"}
DIGESTS: Final = ("sha256", "sha384", "sha512")
EXPIRY_STEPS: Final = (60, 30, 14, 7)
"""Days before the end of a certificate at which a warning becomes more urgent."""
RENEW: Final = Text("make the next one now: fla-gateway cert renew PROFILE says what to do, step by step")
"""What to do about a certificate that ends soon."""
RENEW_AT_ONCE: Final = Text(
    "if the key was certified anew, name that certificate; else: fla-gateway cert renew PROFILE"
)
"""What to do about one that has ended."""
_SMALLEST_SAFE_RSA: Final = 2048
_NEW_PAIR: Final = Text(
    "make a new key and certificate (RSA 2048, 3072 or 4096, or P-384 or P-521) and upload the certificate in ChaMan"
)
_NEW_PAIR_IF_REFUSED: Final = Text("if ChaMan or the token server does not accept it, {cure}", cure=_NEW_PAIR)
_NEW_CERTIFICATE: Final = Text("make a new certificate for the key and upload it in ChaMan")
_CERTIFICATE_FOR_SIGNING: Final = Text(
    "{cure}; with OpenSSL: -addext keyUsage=critical,digitalSignature", cure=_NEW_CERTIFICATE
)


def unusable_key(key: PublicKeyTypes) -> Objection | None:
    """Object to a key that is refused whichever CA issued its certificate.

    The algorithm must be one that JWS and the channel share, and RSA below 2048 bits is forbidden by RFC 7518, section
    3.3: "A key of size 2048 bits or larger MUST be used with these algorithms."
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SMALLEST_SAFE_RSA:
            message = Message(
                "rsa-too-short", "the key is RSA with {bits} bits, which is too short to be safe", bits=key.key_size
            )
            return Objection(message, _NEW_PAIR)
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in EC_ALGORITHMS:
            message = Message(
                "curve-unusable",
                "the key is on the curve {curve}, for which RFC 7518 has no algorithm",
                curve=key.curve.name,
            )
            return Objection(message, _NEW_PAIR)
        return None
    message = Message(
        "key-kind-unusable", "the key is of the kind {kind}, which the channel does not accept", kind=kind_of(key)
    )
    return Objection(message, _NEW_PAIR)


def kind_of(key: PublicKeyTypes) -> str:
    """Name the kind of a key that is neither RSA nor EC."""
    return type(key).__name__.removesuffix("PublicKey").removeprefix("_")


def digest_name(name: str) -> str:
    """Write the name of a digest as the manual does: SHA-256."""
    return name.upper().replace("SHA", "SHA-", 1)


def key_deviation(key: PublicKeyTypes) -> Objection | None:
    """Compare a usable key with the manual: RSA 2048/3072/4096 or EC P-384/P-521."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size not in RSA_SIZES:
        message = Message(
            "rsa-size-unusual",
            "the key is RSA with {bits} bits; the manual asks for 2048, 3072 or 4096",
            bits=key.key_size,
        )
        return Objection(message, _NEW_PAIR_IF_REFUSED)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in CURVES:
        message = Message(
            "curve-unusual",
            "the key is on the curve {curve} and signs with {algorithm}; the manual asks for P-384 or P-521",
            curve=key.curve.name,
            algorithm=EC_ALGORITHMS[key.curve.name],
        )
        return Objection(message, _NEW_PAIR_IF_REFUSED)
    return None


def pss_deviation(algorithm: str) -> Objection:
    """Warn of an RSASSA-PSS key, which must never sign with RS256, the algorithm of the manual's example."""
    message = Message(
        "rsa-pss-key",
        "the key is an RSASSA-PSS key: it signs with {algorithm}, never with RS256, which the manual's example uses",
        algorithm=algorithm,
    )
    return Objection(message, _NEW_PAIR_IF_REFUSED)


def unusable_pss() -> Objection:
    """Object to an RSASSA-PSS key whose own parameters rule out every algorithm of RFC 7518, section 3.5."""
    message = Message(
        "rsa-pss-unusable", "the key is an RSASSA-PSS key limited to a digest or salt that no JWS algorithm uses"
    )
    return Objection(message, _NEW_PAIR)


def certificate_deviations(certificate: x509.Certificate) -> tuple[Objection, ...]:
    """Compare a certificate with the manual: curve named, digest SHA-2, Digital Signature, the enterprise's name."""
    found = (
        curve_deviation(certificate), digest_deviation(certificate), usage_deviation(certificate),
        subject_deviation(certificate),
    )  # fmt: skip
    return tuple(objection for objection in found if objection is not None)


def not_yet_valid(not_before: datetime, now: datetime) -> Objection | None:
    """Object to a certificate that is not valid yet; its first second counts (RFC 5280, section 4.1.2.5)."""
    if now >= not_before:
        return None
    return Objection(
        Message(
            "certificate-not-yet-valid",
            "the certificate is valid only from {moment} UTC",
            moment=f"{not_before:%Y-%m-%d %H:%M}",
        ),
        Text("wait until then, or check this machine's clock, which says {now} UTC", now=f"{now:%Y-%m-%d %H:%M}"),
    )


def expiry_warning(not_after: datetime, now: datetime) -> Objection | None:
    """Warn of a certificate that has expired or expires soon; no reminder of the government side is known.

    An end that has passed is no refusal: the same key may have been certified anew, and only ChaMan has the newer one.

    Returns:
        A warning that names the step of `EXPIRY_STEPS` that was reached last, or None before the first.
    """
    left = not_after - now
    if now > not_after:
        return Objection(
            Message("certificate-expired", "the certificate expired on {day}", day=_day(not_after)),
            RENEW_AT_ONCE,
        )
    reached = [days for days in EXPIRY_STEPS if left.total_seconds() <= days * 86_400]
    if not reached:
        return None
    return Objection(
        Message(
            "certificate-expires-soon",
            "the certificate expires within {days} days, on {day}",
            days=reached[-1],
            day=_day(not_after),
        ),
        RENEW,
    )


def curve_deviation(certificate: x509.Certificate) -> Objection | None:
    """Object to a curve that is spelled out, and to a key that cannot be read at all."""
    if certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5:
        return None
    try:
        explicit = format_detection.explicit_parameters(subject_public_key_info(certificate).children()[0])
    except (asn1.Asn1Error, IndexError):
        return Objection(
            Message("certificate-key-unreadable", "the certificate's public key cannot be read"), _NEW_PAIR
        )
    if not explicit:
        return None
    message = Message(
        "certificate-curve-explicit", "the certificate spells its elliptic curve out instead of naming it"
    )
    return Objection(message, EXPLICIT_CURVE_CURE)


def digest_deviation(certificate: x509.Certificate) -> Objection | None:
    """Compare the digest of the certificate's signature with the manual."""
    try:
        digest = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        digest = None
    if digest is not None and digest.name in DIGESTS:
        return None
    if digest is None:
        message = Message(
            "certificate-digest-unknown",
            "the certificate is signed without a known digest; the manual asks for SHA-256, SHA-384 or SHA-512",
        )
    else:
        message = Message(
            "certificate-digest-unusual",
            "the certificate is signed with {digest}; the manual asks for SHA-256, SHA-384 or SHA-512",
            digest=digest_name(digest.name),
        )
    return Objection(message, _NEW_CERTIFICATE)


def usage_deviation(certificate: x509.Certificate) -> Objection | None:
    """Compare the key usage of the certificate with the manual."""
    try:
        permitted = permits_digital_signature(certificate)
    except ValueError:
        message = Message("certificate-extensions-unreadable", "the certificate's extensions cannot be read")
        return Objection(message, _CERTIFICATE_FOR_SIGNING)
    if permitted is None:
        message = Message(
            "certificate-usage-missing", "the certificate states no key usage; the manual asks for Digital Signature"
        )
        return Objection(message, _CERTIFICATE_FOR_SIGNING)
    if permitted:
        return None
    message = Message(
        "certificate-usage-unusual",
        "the certificate's key usage does not include Digital Signature, which the manual asks for",
    )
    return Objection(message, _CERTIFICATE_FOR_SIGNING)


def subject_deviation(certificate: x509.Certificate) -> Objection | None:
    """Object to a self-signed certificate without a name: it has to be "op naam van uw onderneming"."""
    if subject_of(certificate) != issuer_of(certificate) or enterprise_name(certificate):
        return None
    message = Message(
        "certificate-subject-empty",
        "the certificate names no enterprise; the manual asks for one in the name of your enterprise",
    )
    return Objection(message, _NEW_CERTIFICATE)


def enterprise_name(certificate: x509.Certificate) -> str:
    """Give the organization of the subject, or else its common name; empty without either."""
    for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in subject_of(certificate).get_attributes_for_oid(kind):
            if str(attribute.value).strip():
                return str(attribute.value)
    return ""


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
