"""Certificates: matched with their key, and described.

Owns which certificate of several belongs to a key. Refuses to read them (`files.certificate_bundle`) and to judge them
(`channel_rules`).
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fla_gateway.keys.model import CertificateFacts


def matching(key: PublicKeyTypes, certificates: tuple[x509.Certificate, ...], now: datetime) -> x509.Certificate | None:
    """Find the certificate of a key.

    With several of the same key it is the one that is valid longest, of those whose validity has begun; where none has,
    the one whose time comes first.
    """
    wanted = _spki(key)
    matches = [certificate for certificate in certificates if _public_key(certificate) == wanted]
    begun = [certificate for certificate in matches if certificate.not_valid_before_utc <= now]
    if begun:
        return max(begun, key=lambda certificate: certificate.not_valid_after_utc)
    return min(matches, key=lambda certificate: certificate.not_valid_before_utc, default=None)


def facts(certificate: x509.Certificate) -> CertificateFacts:
    """Describe a certificate."""
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=certificate.subject == certificate.issuer,
        sha1_thumbprint=certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - RFC 7515, section 4.1.7: an identifier
        sha256_thumbprint=certificate.fingerprint(hashes.SHA256()),
    )


def _public_key(certificate: x509.Certificate) -> bytes | None:
    """Give the certificate's key in a comparable form; None if it is of a kind that is unknown here."""
    try:
        return _spki(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
