"""Rule: fields of a certificate, also where the library refuses to read them.

Owns the names (RFC 5280, section 4.1.2.4) and the key usage (section 4.2.1.3) of certificates of careless make: accents
in a PrintableString or a TeletexString, and extensions of which one is malformed, as OpenSSL reads them. Refuses to
judge them.
"""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Asn1Error, Element

_ISSUER, _SUBJECT = 3, 5
"""Places in a TBSCertificate of version 2 or 3 (RFC 5280, section 4.1)."""
_EXTENSIONS: Final = 0xA3
_KEY_USAGE: Final = bytes.fromhex("551d0f")  # 2.5.29.15
_UTF8: Final = 0x0C
_BIT_STRING: Final = 0x03
_DIGITAL_SIGNATURE: Final = 0x80
_WIDE: Final = {0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""UniversalString and BMPString; every other kind of text has octets."""


def subject_of(certificate: x509.Certificate) -> x509.Name:
    """Give the subject of a certificate.

    Raises:
        ValueError: it cannot be read at all.
    """
    try:
        return certificate.subject
    except ValueError:
        return _as_written(certificate, _SUBJECT)


def issuer_of(certificate: x509.Certificate) -> x509.Name:
    """Give the issuer of a certificate; see `subject_of`."""
    try:
        return certificate.issuer
    except ValueError:
        return _as_written(certificate, _ISSUER)


def permits_digital_signature(certificate: x509.Certificate) -> bool | None:
    """Whether the key usage of a certificate includes Digital Signature; None if it states no key usage.

    Raises:
        ValueError: the key usage cannot be read, or is there twice.
    """
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        return None
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        # Another extension may be the malformed one: the library reads all of them or none.
        return _usage_as_written(certificate)


def _usage_as_written(certificate: x509.Certificate) -> bool | None:
    try:
        found = [
            extension[-1].octets()
            for field in _fields(certificate)
            if field.tag == _EXTENSIONS
            for listed in field.children()
            for extension in (it.children() for it in listed.children())
            if extension[0].content == _KEY_USAGE
        ]
        if not found:
            return None
        (usage,) = found
        bits = asn1.read(usage)
    except (Asn1Error, IndexError):
        raise ValueError from None
    if bits.tag != _BIT_STRING:
        raise ValueError
    # The first octet counts the bits that are not used (X.690, section 8.6.2).
    return bool(bits.content[1:] and bits.content[1] & _DIGITAL_SIGNATURE)


def _as_written(certificate: x509.Certificate, place: int) -> x509.Name:
    try:
        attributes = [
            (asn1.dotted(attribute.children()[0].content), _text(attribute.children()[1]))
            for names in _fields(certificate)[place].children()
            for attribute in names.children()
        ]
    except (Asn1Error, IndexError):
        raise ValueError from None
    return x509.Name([it for oid, text in attributes if (it := _attribute(oid, text)) is not None])


def _attribute(oid: str, text: str) -> x509.NameAttribute[str] | None:
    try:
        return x509.NameAttribute(x509.ObjectIdentifier(oid), text)
    except ValueError:
        return None  # longer or shorter than such an attribute may be


def _text(value: Element) -> str:
    if (wide := _WIDE.get(value.tag)) is not None:
        return value.content.decode(wide, "replace")
    try:
        return value.content.decode()
    except UnicodeDecodeError:
        if value.tag == _UTF8:
            raise  # nothing writes another encoding into it: this is damage
        return value.content.decode("latin-1")


def _fields(certificate: x509.Certificate) -> tuple[Element, ...]:
    """Give the fields of a TBSCertificate, the version among them also where version 1 leaves it out."""
    fields = asn1.read(certificate.tbs_certificate_bytes).children()
    return fields if fields[0].tag == asn1.CONTEXT_0 else (fields[0], *fields)
