"""The structure of a PKCS#12 file (PFX, RFC 7292): what can be seen of it without a password.

Owns the count of key bags and the taking apart of a file. Refuses to decrypt: everything here is a pure function over
bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Asn1Error, Element

_DATA: Final = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_SHA256: Final = bytes.fromhex("608648016503040201")  # 2.16.840.1.101.3.4.2.1
_BAGS: Final = bytes.fromhex("2a864886f70d010c0a01")  # 1.2.840.113549.1.12.10.1, RFC 7292, section 4.2
_KEY_BAG, _SHROUDED_KEY_BAG, _NESTED_BAGS = (_BAGS + bytes((last,)) for last in (1, 2, 6))
_DEEPEST_NESTING: Final = 4


@dataclass(frozen=True, slots=True, repr=False)
class Contents:
    """What can be seen of a PKCS#12 file without its password.

    Attributes:
        keys: number of key bags that stand in the open (their keys may be encrypted); every known tool puts them there.
        shrouded: EncryptedPrivateKeyInfo of those that are encrypted.
        sealed: the parts that are encrypted as a whole, where further key bags may hide.
    """

    keys: int
    shrouded: tuple[bytes, ...]
    sealed: tuple[bytes, ...]


def look_into(der: bytes) -> Contents:
    """Read the open structure of a PFX.

    Raises:
        Asn1Error: it is damaged.
    """
    pfx = asn1.read(der).children()
    safes = asn1.read(_content(pfx[1] if len(pfx) > 1 else pfx[0])).children()
    in_the_open = [safe for safe in safes if _parts(safe)[0].content == _DATA]
    bags = [bag for safe in in_the_open for bag in _bags(asn1.read(_content(safe)), 0)]
    shrouded = tuple(value.encoding for kind, value in bags if kind == _SHROUDED_KEY_BAG)
    keys = sum(kind in {_KEY_BAG, _SHROUDED_KEY_BAG} for kind, _ in bags)
    return Contents(keys, shrouded, tuple(safe.encoding for safe in safes if safe not in in_the_open))


def alone(sealed: bytes) -> tuple[bytes, bytes]:
    """Put one encrypted part of a file into files of its own.

    Returns:
        A PFX without MAC, and one with the MAC of the empty password. The older ciphers know two ways to write no
        password (no octets, or one NUL of two octets: RFC 7292, appendix B.1), and OpenSSL tells by the MAC which.
    """
    safes = asn1.write(asn1.SEQUENCE, sealed)
    octets = asn1.write(asn1.OCTET_STRING, safes)
    data = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, _DATA), asn1.write(asn1.CONTEXT_0, octets))
    version = asn1.write(asn1.INTEGER, b"\x03")
    return asn1.write(asn1.SEQUENCE, version, data), asn1.write(asn1.SEQUENCE, version, data, _mac(safes))


def _mac(safes: bytes) -> bytes:
    """Write the MacData of the empty password (RFC 7292, section 4 and appendix B.2; one iteration, 64 octets of salt).

    Diversifier, salt and password each fill one block of SHA-256; a NUL repeated is a block of zeros.
    """
    salt = bytes(64)
    key = hashlib.sha256(b"\x03" * 64 + salt + bytes(64)).digest()
    algorithm = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, _SHA256))
    digest = asn1.write(asn1.OCTET_STRING, hmac.digest(key, safes, "sha256"))
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.SEQUENCE, algorithm, digest), asn1.write(asn1.OCTET_STRING, salt))


def _content(content_info: Element) -> bytes:
    """Give the octets in a ContentInfo of type data (RFC 5652, sections 3 and 4)."""
    wrapped = _parts(content_info)[1].children()
    if not wrapped:
        raise Asn1Error("an empty value stands where octets were expected")
    return wrapped[0].octets()


def _bags(contents: Element, depth: int) -> list[tuple[bytes, Element]]:
    """List type and value of every bag of a SafeContents, nested ones included (RFC 7292, section 4.2.6)."""
    if depth > _DEEPEST_NESTING:
        raise Asn1Error("bags are nested too deeply")
    found: list[tuple[bytes, Element]] = []
    for bag in contents.children():
        kind, wrapper = _parts(bag)
        for value in wrapper.children():
            found += _bags(value, depth + 1) if kind.content == _NESTED_BAGS else [(kind.content, value)]
    return found


def _parts(element: Element) -> tuple[Element, Element]:
    """Give the identifier and the [0] value that ContentInfo and SafeBag both begin with."""
    children = element.children()
    if [child.tag for child in children[:2]] != [asn1.OBJECT_IDENTIFIER, asn1.CONTEXT_0]:
        raise Asn1Error("an identifier and a value were expected")
    return children[0], children[1]
