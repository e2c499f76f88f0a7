"""What DER holds, judged by its structure alone: the labels of RFC 7468 without the boundaries around them.

Owns the shapes of keys, certificates, requests and stores. Refuses to know text, passwords and which of them is of
use: everything here is a pure function over bytes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Element
from fla_gateway.keys.files.pem import Block

PKCS12: Final = "PKCS12"
"""Label given to DER that is a PKCS#12 file; it has no textual encoding of its own."""
CERTIFICATE: Final = "CERTIFICATE"
PRIVATE_KEY: Final = "PRIVATE KEY"
ENCRYPTED: Final = "ENCRYPTED PRIVATE KEY"
OPENSSH: Final = "OPENSSH PRIVATE KEY"
KEY_LABELS: Final = frozenset({PRIVATE_KEY, ENCRYPTED, "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"})

_BIT_STRING: Final = 0x03
_UTF8_STRING: Final = 0x0C
_CONTEXT_1: Final = 0xA1
_INTEGER_INTEGER: Final = (asn1.INTEGER, asn1.INTEGER)
_CERTIFICATE_FIELDS: Final = 6
"""RFC 5280, section 4.1: a TBSCertificate has at least six fields; a request's info (RFC 2986) has at most four."""
_TIMES: Final = frozenset({0x17, 0x18})
"""UTCTime and GeneralizedTime: a TBSCertList has its times beside the other fields (RFC 5280, section 5.1), a
certificate in a sequence of their own."""
_RSA_NUMBERS: Final = 9
"""RFC 8017, appendix A.1.2: an RSAPrivateKey has a version and eight numbers; OpenSSL's DSA key has six in all."""
_DSA_NUMBERS: Final = 6
_AUXILIARY_TAGS: Final = frozenset({asn1.SEQUENCE, asn1.CONTEXT_0, _UTF8_STRING, asn1.OCTET_STRING, _CONTEXT_1})
"""What X509_CERT_AUX may hold (`openssl x509 -trustout`): trusted and rejected purposes, alias, key identifier."""
_OPENSSH_MAGIC: Final = b"openssh-key-v1\0"


def relabelled(block: Block) -> Block:
    """Give a block the label that its content deserves, and only the first value of its content.

    Vendors write PKCS#8 under ``RSA PRIVATE KEY``, and OpenSSL itself puts trust settings after the certificate in a
    ``TRUSTED CERTIFICATE``. Content that is encrypted as a whole (RFC 1421) or unknown keeps the block as it is.
    """
    if block.der is None or b"ENCRYPTED" in block.headers:
        return block
    if block.der.startswith(_OPENSSH_MAGIC):
        return replace(block, label=OPENSSH)
    found = first_value(block.der)
    return block if found is None else Block(found[0], b"", found[1])


def der_blocks(content: bytes) -> tuple[Block, ...]:
    """Split a binary file into its values; certificates may follow one another, after anything else nothing is read.

    Returns:
        No block at all if the file does not begin with a value of a known structure.
    """
    found: list[Block] = []
    rest = content
    while (value := first_value(rest)) is not None:
        label, encoding = value
        if not found or label == CERTIFICATE:
            found.append(Block(label, b"", encoding))
        if label != CERTIFICATE:
            break
        rest = _behind_auxiliary(rest[len(encoding) :])
    if found and found[-1].label == CERTIFICATE and rest.startswith(bytes((asn1.SEQUENCE,))):
        # A further certificate begins here, and cannot be read to its end.
        found.append(Block(CERTIFICATE, b"", None))
    return tuple(found)


def first_value(der: bytes) -> tuple[str, bytes] | None:
    """Name the value that bytes begin with.

    Returns:
        Its label and its encoding, without what follows; None if it has no known structure.
    """
    if not der.startswith(bytes((asn1.SEQUENCE,))):
        return None
    try:
        first, _ = asn1.read_first(der)
        children = first.children()
        tags = tuple(child.tag for child in children)
        label = _key_label(children, tags) or _other_label(children, tags)
    except asn1.Asn1Error:
        return None
    return None if label is None else (label, first.encoding)


def _behind_auxiliary(rest: bytes) -> bytes:
    """Skip the trust settings that OpenSSL puts after a certificate."""
    try:
        settings, behind = asn1.read_first(rest)
        is_auxiliary = settings.tag == asn1.SEQUENCE and _is_auxiliary(settings)
    except asn1.Asn1Error:
        return rest
    return behind if is_auxiliary else rest


def _is_auxiliary(settings: Element) -> bool:
    tags = [child.tag for child in settings.children()]
    # A certificate has its signature, a BIT STRING, among these.
    return _AUXILIARY_TAGS.issuperset(tags) and len(tags) <= len(_AUXILIARY_TAGS)


def _key_label(children: tuple[Element, ...], tags: tuple[int, ...]) -> str | None:
    if tags == (asn1.SEQUENCE, asn1.OCTET_STRING):
        # RFC 5958, section 3; a DigestInfo (RFC 8017, appendix A.2.4) has the same shape and is far too short.
        return ENCRYPTED
    if tags[:3] == (asn1.INTEGER, asn1.SEQUENCE, asn1.OCTET_STRING):
        return "PRIVATE KEY"  # RFC 5958, section 2
    if tags[:2] == (asn1.INTEGER, asn1.OCTET_STRING):
        return "EC PRIVATE KEY"  # RFC 5915, section 3
    if tags[:2] != _INTEGER_INTEGER:
        return None
    if len(children) >= _RSA_NUMBERS:
        return "RSA PRIVATE KEY"
    if len(children) == _DSA_NUMBERS:
        return "DSA PRIVATE KEY"
    return "PUBLIC KEY" if len(children) == len(_INTEGER_INTEGER) else None  # RFC 8017, appendix A.1.1


def _other_label(children: tuple[Element, ...], tags: tuple[int, ...]) -> str | None:
    if tags[:2] == (asn1.INTEGER, asn1.SEQUENCE):
        return PKCS12  # RFC 7292, section 4
    if tags == (asn1.SEQUENCE, _BIT_STRING):
        return "PUBLIC KEY"  # RFC 5280, section 4.1
    if tags == (asn1.SEQUENCE, asn1.SEQUENCE, _BIT_STRING):
        signed = children[0].children()
        if not _TIMES.isdisjoint(child.tag for child in signed):
            return "X509 CRL"
        return CERTIFICATE if len(signed) >= _CERTIFICATE_FIELDS else "CERTIFICATE REQUEST"
    if tags == (asn1.OBJECT_IDENTIFIER, asn1.CONTEXT_0):
        return "PKCS7"  # RFC 5652, section 3
    return None
