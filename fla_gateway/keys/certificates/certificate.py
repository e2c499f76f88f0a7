"""Certificates: matched with their key, and described.

Owns which certificate of several belongs to a key. Refuses to read them (`files.certificate_bundle`) and to judge them
(`channel_rules`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificate_fields import issuer_of, subject_of
from fla_gateway.keys.model import CertificateFacts, Objection


def matching(key: PublicKeyTypes, certificates: tuple[x509.Certificate, ...], now: datetime) -> x509.Certificate | None:
    """Find the certificate of a key.

    With several of the same key it is the one that is valid longest, of those whose validity has begun; where none has,
    the one whose time comes first.

    Args:
        key: the public key.
        certificates: among which it is looked for.
        now: the host's time, in UTC.
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
        subject=shown_name(subject_of(certificate)),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=subject_of(certificate) == issuer_of(certificate),
        sha1_thumbprint=certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - RFC 7515, section 4.1.7: an identifier
        sha256_thumbprint=certificate.fingerprint(hashes.SHA256()),
    )


def public_key_of(certificate: x509.Certificate) -> PublicKeyTypes | None:
    """Give the key of a certificate; None if it is of a kind that is unknown here."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def foreign_certificates(number: int, path: Path) -> Objection:
    """Object to certificates none of which belongs to the private key.

    Args:
        number: of the certificates.
        path: the file that they are in.
    """
    if number == 1:
        message = Message(
            "certificate-of-another-key", "the certificate in {path} does not belong to the private key", path=path
        )
    else:
        message = Message(
            "certificates-of-other-keys",
            "none of the {number} certificates in {path} belongs to the private key",
            number=number,
            path=path,
        )
    cure = Text("give the certificate that was made with this key; a renewed certificate often has a new key")
    return Objection(message, cure)


def leaves(certificates: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """Leave the certificates of authorities out: those that another one of them names as its issuer."""
    issuers = {issuer_of(it) for it in certificates if issuer_of(it) != subject_of(it)}
    return tuple(dict.fromkeys(it for it in certificates if subject_of(it) not in issuers))


def shown_name(name: x509.Name) -> str:
    """Write a distinguished name for a person (RFC 4514), with the word for the attribute that enterprises use most."""
    return name.rfc4514_string({NameOID.SERIAL_NUMBER: "serialNumber"})


def _public_key(certificate: x509.Certificate) -> bytes | None:
    key = public_key_of(certificate)
    return None if key is None else _spki(key)


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
