"""Rule: which algorithms protect a key file, and whether they are read here.

Owns the names of encryption schemes and digests. Refuses to decrypt. A library that does not know a cipher says what it
says to a wrong password, so the difference is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Element

_PBKDF2, _PBES2, _PBMAC1 = (f"1.2.840.113549.1.5.{last}" for last in (12, 13, 14))
_SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
_AES: Final = "2.16.840.1.101.3.4.1"
_READ: Final = frozenset(
    (
        # RFC 8018, appendix A: DES and RC2 with MD5 and SHA-1; RFC 7292, appendix C: RC4, 3DES and RC2 with SHA-1.
        *(f"1.2.840.113549.1.5.{last}" for last in (3, 6, 10, 11)),
        *(f"1.2.840.113549.1.12.1.{last}" for last in range(1, 7)),
        *(_PBKDF2, _SCRYPT),
        *(f"1.2.840.113549.2.{last}" for last in range(4, 14)),  # MD4, MD5, and HMAC with MD5 to SHA-512/256
        "1.3.14.3.2.26",  # SHA-1
        *(f"2.16.840.1.101.3.4.2.{last}" for last in range(1, 11)),  # SHA-2, SHA-3
        "1.3.36.3.2.1",  # RIPEMD-160
        *(f"{_AES}.{size + mode}" for size in (0, 20, 40) for mode in (1, 2, 3, 4)),  # ECB, CBC, OFB, CFB
        *(f"1.3.14.3.2.{last}" for last in (7, 8, 9)),  # DES in CBC, OFB, CFB
        *(f"1.2.840.113549.3.{last}" for last in (2, 4, 7)),  # RC2, RC4, 3DES
        *(f"1.2.392.200011.61.1.1.1.{last}" for last in (2, 3, 4)),  # Camellia in CBC
        *(f"0.3.4401.5.3.1.9.{size + mode}" for size in (0, 20, 40) for mode in (1, 3, 4)),  # Camellia otherwise
        *(f"1.2.410.200046.1.1.{last}" for last in (2, 3, 7, 8, 12, 13)),  # ARIA in CBC, CFB
        *(f"1.2.410.200004.1.{last}" for last in (4, 5)),  # SEED in CBC, CFB
        "1.3.6.1.4.1.3029.1.2",  # Blowfish
        "1.2.840.113533.7.66.10",  # CAST5
        "1.2.156.10197.1.104.2",  # SM4
    )
)
"""What was seen to be read, each with a file of its kind, by the library or by its OpenSSL."""
_NAMES: Final[dict[str, str]] = {
    "1.2.840.113549.1.5.1": "PBE-MD2-DES",
    "1.2.840.113549.1.5.4": "PBE-MD2-RC2",
    "1.2.840.113549.3.8": "RC5",
    "1.2.840.113549.3.9": "RC5",
    "1.3.6.1.4.1.188.7.1.1.2": "IDEA",
    **{f"{_AES}.{size + last}": Text("AES-{bits} in {mode}", bits=bits, mode=mode)
       for size, bits in ((0, 128), (20, 192), (40, 256)) for last, mode in ((5, "key wrap"), (6, "GCM"), (7, "CCM"))},
    "1.2.840.113549.1.9.16.3.18": "ChaCha20-Poly1305",
    "1.2.643.2.2.21": "GOST 28147-89",
    "1.2.643.7.1.1.4.2": Text("HMAC with Streebog"),
    "1.2.643.7.1.1.2.3": Text("the digest Streebog"),
    "1.2.643.2.2.9": Text("the digest GOST R 34.11-94"),
    "1.2.840.113549.1.7.2": Text("a signature instead of a password"),
    "1.2.840.113549.1.7.3": Text("the key of a recipient instead of a password"),
}  # fmt: skip


def unsupported(algorithms: Iterable[Element]) -> str | None:
    """Name the first algorithm that is not read here, or give None.

    Args:
        algorithms: each an AlgorithmIdentifier (RFC 5280, section 4.1.1.2).

    Raises:
        asn1.Asn1Error: one of them is damaged.
    """
    for algorithm in algorithms:
        for identifier in _identifiers(algorithm):
            if identifier not in _READ:
                return _NAMES.get(
                    identifier, Text("an algorithm that is not known here ({identifier})", identifier=identifier)
                )
    return None


def key_algorithm(encrypted: bytes) -> Element:
    """Give the AlgorithmIdentifier of an EncryptedPrivateKeyInfo (RFC 5958, section 3).

    Raises:
        asn1.Asn1Error: it is damaged.
    """
    children = asn1.read(encrypted).children()
    if not children:
        raise asn1.Asn1Error("an algorithm was expected")
    return children[0]


def _identifiers(algorithm: Element) -> Iterator[str]:
    """List what an algorithm is made of: PBES2 and PBMAC1 name a derivation and a cipher or MAC (RFC 8018)."""
    parts = algorithm.children()
    if not parts or parts[0].tag != asn1.OBJECT_IDENTIFIER:
        raise asn1.Asn1Error("an identifier was expected")
    identifier = asn1.dotted(parts[0].content)
    if identifier in {_PBES2, _PBMAC1} and len(parts) > 1:
        for part in parts[1].children():
            yield from _identifiers(part)
    else:
        yield identifier
        if identifier == _PBKDF2 and len(parts) > 1:
            # The pseudo-random function is the last parameter, HMAC with SHA-1 where it is left out.
            for part in parts[1].children()[2:]:
                if part.tag == asn1.SEQUENCE:
                    yield from _identifiers(part)
