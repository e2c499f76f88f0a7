"""Certificates out of the bytes of a file: one reader for every setting that names such a file.

Owns which forms are read (PEM under any of its labels, DER, PKCS#7, and what `textual` repairs) and which block of a
file is damaged. Refuses to know what the certificates are for, and the disk: everything here is pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys import asn1
from fla_gateway.keys.certificate_fields import issuer_of, subject_of
from fla_gateway.keys.files import format_detection, pem
from fla_gateway.keys.files.der_label import CERTIFICATE, PKCS12
from fla_gateway.keys.files.foreign_formats import foreign_certificates
from fla_gateway.keys.files.pem import Block
from fla_gateway.keys.model import Objection

_PKCS7: Final = "PKCS7"
_NAMES: Final = {
    CERTIFICATE: CERTIFICATE, "X509 CERTIFICATE": CERTIFICATE, "TRUSTED CERTIFICATE": CERTIFICATE,
    _PKCS7: _PKCS7, "CMS": _PKCS7, "PKCS #7 SIGNED DATA": _PKCS7,
}  # fmt: skip
"""Labels under which certificates are written; a block whose content can be read is known by that instead."""


def read_certificates(path: Path, content: bytes, cure: Text) -> tuple[x509.Certificate, ...]:
    """Read every certificate of a file that is there for its certificates.

    Args:
        path: name of the file, for messages.
        content: all of it: PEM, DER or PKCS#7, with what `pem.repaired` undoes.
        cure: what to do if the file holds no certificate.

    Returns:
        The certificates in the order of the file, at least one. Blocks of other kinds are left alone.

    Raises:
        UnusableKeyError: it holds none, or a damaged one, which is named by its place in the file.
    """
    text = pem.repaired(content)
    if (store := foreign_certificates(path, text)) is not None:
        raise UnusableKeyError(*store)
    blocks = format_detection.recognise(text)
    found = certificates_among(path, blocks)
    if pem.is_cut_off(text):
        raise UnusableKeyError(*format_detection.cut_off(path))
    if not found:
        raise UnusableKeyError(*_without_certificate(path, {block.label for block in blocks}, cure))
    return found


def _without_certificate(path: Path, labels: set[str], cure: Text) -> Objection:
    if not labels:
        return Objection(Message("file-empty-of-certificates", "{path} holds no certificate", path=path), cure)
    others = ", ".join(sorted(labels))
    message = Message(
        "file-without-certificate", "{path} holds no certificate, but: {others}", path=path, others=others
    )
    if PKCS12 in labels:
        cure = Text(
            "{cure}; openssl pkcs12 -in {path} -nokeys -out certificates.pem takes the certificates out",
            cure=cure,
            path=path,
        )
    return Objection(message, cure)


def certificates_among(path: Path, blocks: tuple[Block, ...]) -> tuple[x509.Certificate, ...]:
    """Read every certificate among the blocks of a file, which may be none; other blocks are left alone.

    Raises:
        UnusableKeyError: one of them is damaged.
    """
    return tuple(
        certificate
        for number, block in enumerate(blocks, start=1)
        if block.label in _NAMES
        for certificate in _certificates(path, number, block)
    )


def _certificates(path: Path, number: int, block: Block) -> Iterator[x509.Certificate]:
    """Read the certificates of one block.

    The library reads the fields of a certificate only when asked for them, so it is asked for those in use here.
    """
    if block.cut_off:
        message = Message(
            "certificate-cut-off",
            "{path} is cut off: block {number} ({label}) begins and does not end",
            path=path,
            number=number,
            label=block.label,
        )
        raise UnusableKeyError(message, format_detection.COPY_WHOLE)
    try:
        found = _parsed(block)
        for certificate in found:
            subject_of(certificate).rfc4514_string()
            issuer_of(certificate).rfc4514_string()
            certificate.not_valid_before_utc, certificate.not_valid_after_utc  # noqa: B018 - read, as said above
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise UnusableKeyError(*_not_parsed(path, number, block)) from None
    yield from found


def malformed(path: Path, number: int, label: str = CERTIFICATE) -> Objection:
    """Say that a certificate is not read although nothing of it is missing.

    Args:
        path: of the file.
        number: of the PEM block, from 1.
        label: as in its ``BEGIN`` line.
    """
    message = Message(
        "certificate-malformed",
        "block {number} ({label}) of {path} is damaged, or written in a way that is not read here, such as an "
        "encoding that X.509 forbids",
        number=number,
        label=label,
        path=path,
    )
    return Objection(message, Text("copy it again; if that does not help, have it issued again or leave it out"))


def _not_parsed(path: Path, number: int, block: Block) -> Objection:
    if asn1.is_whole(block.der or b""):
        # Every value in it ends where its length says, so nothing is missing.
        return malformed(path, number, block.label)
    message = Message(
        "certificate-damaged",
        "block {number} ({label}) of {path} is damaged or cut off",
        number=number,
        label=block.label,
        path=path,
    )
    return Objection(message, Text("copy that certificate into it again"))


def _parsed(block: Block) -> list[x509.Certificate]:
    der = block.der or b""
    if _NAMES[block.label] == _PKCS7:
        from cryptography.hazmat.primitives.serialization import pkcs7  # noqa: PLC0415 - brings 0.6 MB of email

        return list(pkcs7.load_der_pkcs7_certificates(der))
    return [x509.load_der_x509_certificate(der)]
