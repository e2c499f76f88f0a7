"""Rule: what an RSASSA-PSS key may sign (RFC 4055), which `cryptography` reads as any RSA key.

Owns the restriction that is in the algorithm identifier of a key or certificate. Refuses to know signing.
"""

from __future__ import annotations

from typing import Final

from cryptography import x509

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Element

_RSASSA_PSS: Final = bytes.fromhex("2a864886f70d01010a")  # 1.2.840.113549.1.1.10
_SHA2: Final = bytes.fromhex("6086480165030402")  # 2.16.840.1.101.3.4.2
_ALGORITHMS: Final = {_SHA2 + b"\x01": ("PS256", 32), _SHA2 + b"\x02": ("PS384", 48), _SHA2 + b"\x03": ("PS512", 64)}
"""Digest -> JWS algorithm and the salt that it uses (RFC 7518, section 3.5: as long as the digest)."""
_DIGEST, _MASK, _SALT = 0xA0, 0xA1, 0xA2
_SHA1_SALT: Final = 20
_KEY_FIELD: Final = 6
"""Place of subjectPublicKeyInfo in a TBSCertificate of version 2 or 3 (RFC 5280, section 4.1)."""


def of_private_key(der: bytes) -> tuple[str, ...] | None:
    """Give the JWS algorithms that a key in PKCS#8 is limited to.

    Returns:
        None if it is no RSASSA-PSS key; nothing at all if it is limited to what JWS has no algorithm for.
    """
    try:
        fields = asn1.read(der).children()
        return _allowed(fields[1])
    except (asn1.Asn1Error, IndexError):
        return None


def of_certificate(certificate: x509.Certificate) -> tuple[str, ...] | None:
    """Give the JWS algorithms that the key of a certificate is limited to; see `of_private_key`."""
    if certificate.public_key_algorithm_oid.dotted_string != "1.2.840.113549.1.1.10":
        return None
    try:
        return _allowed(subject_public_key_info(certificate).children()[0])
    except (asn1.Asn1Error, IndexError):
        return None


def subject_public_key_info(certificate: x509.Certificate) -> Element:
    """Give the public key of a certificate as it is written there.

    Raises:
        asn1.Asn1Error: it cannot be read.
        IndexError: it is not there.
    """
    fields = asn1.read(certificate.tbs_certificate_bytes).children()
    # Version 1 leaves the first field out.
    return fields[_KEY_FIELD] if fields[0].tag == asn1.CONTEXT_0 else fields[_KEY_FIELD - 1]


def _allowed(algorithm: Element) -> tuple[str, ...] | None:
    parts = algorithm.children()
    if parts[0].content != _RSASSA_PSS:
        return None
    if len(parts) == 1 or parts[1].tag != asn1.SEQUENCE:
        # RFC 4055, section 3.1: without parameters the key is not limited to one digest.
        return tuple(name for name, _ in _ALGORITHMS.values())
    wanted = {field.tag: field.children()[0] for field in parts[1].children()}
    digest = wanted[_DIGEST].children()[0].content if _DIGEST in wanted else b""
    mask = wanted[_MASK].children()[1].children()[0].content if _MASK in wanted else b""
    name, salt = _ALGORITHMS.get(digest, ("", 0))
    least = int.from_bytes(wanted[_SALT].content, "big") if _SALT in wanted else _SHA1_SALT
    # "The saltLength [...] is a minimum" for a key; what is left out of the parameters means SHA-1.
    return (name,) if name and mask == digest and least <= salt else ()
