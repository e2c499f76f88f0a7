"""Certificates: parsed, matched with their key, and described.

Owns which certificate of several belongs to a key. Refuses to judge it: that is done in `rules`.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.formats import CERTIFICATE_LABELS, PKCS12
from fla_gateway.keys.model import CertificateFacts
from fla_gateway.keys.private_key import damaged
from fla_gateway.keys.textual import Block


def parse(path: Path, blocks: tuple[Block, ...]) -> tuple[x509.Certificate, ...]:
    """Parse every certificate among the blocks of a file; other blocks are left alone.

    Raises:
        UnusableKeyError: one of them is damaged.
    """
    found = [_certificate(block) for block in blocks if block.label in CERTIFICATE_LABELS]
    whole = tuple(certificate for certificate in found if certificate is not None)
    if len(whole) < len(found):
        raise UnusableKeyError(f"a certificate in {path} is damaged or cut off", damaged(path).cure)
    return whole


def parse_some(path: Path, blocks: tuple[Block, ...]) -> tuple[x509.Certificate, ...]:
    """Parse a file that is there for its certificate.

    Raises:
        UnusableKeyError: it holds none, or a damaged one.
    """
    found = parse(path, blocks)
    if not found:
        labels = {block.label for block in blocks}
        what = f", but: {', '.join(sorted(labels))}" if labels else ""
        cure = "write pkcs12 = for it" if PKCS12 in labels else "name the .cer file that was uploaded in ChaMan"
        raise UnusableKeyError(f"{path} holds no certificate{what}", cure)
    return found


def matching(key: PublicKeyTypes, certificates: tuple[x509.Certificate, ...]) -> x509.Certificate | None:
    """Find the certificate of a key; with several of the same key, the one that is valid longest."""
    wanted = _spki(key)
    matches = [certificate for certificate in certificates if _public_key(certificate) == wanted]
    return max(matches, key=lambda certificate: certificate.not_valid_after_utc, default=None)


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


def _certificate(block: Block) -> x509.Certificate | None:
    """Parse a certificate as far as it is used here, since the library reads its fields only when asked for them."""
    try:
        certificate = x509.load_der_x509_certificate(block.der or b"")
        facts(certificate)
    except ValueError:
        return None
    return certificate


def _public_key(certificate: x509.Certificate) -> bytes | None:
    """Give the certificate's key in a comparable form; None if it is of a kind that is unknown here."""
    try:
        return _spki(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
