"""The structure of a PKCS#12 file (PFX, RFC 7292): what can be seen of it without a password, and its MAC.

Owns the count of key bags, the taking apart of a file, and whether a password is the one of its MAC. Refuses to
decrypt: everything here is a pure function over bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, NamedTuple

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Asn1Error, Element
from fla_gateway.keys.encryption.pbes2 import decrypt
from fla_gateway.keys.encryption.pkcs12_derivation import MAC_KEY, derive
from fla_gateway.keys.encryption.schemes import key_algorithm
from fla_gateway.lean_dataclass import dataclass

_DATA: Final = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_ENCRYPTED_DATA: Final = bytes.fromhex("2a864886f70d010706")  # 1.2.840.113549.1.7.6
_SHA256: Final = bytes.fromhex("608648016503040201")  # 2.16.840.1.101.3.4.2.1
_MAC_DIGESTS: Final = {
    bytes.fromhex("2b0e03021a"): "sha1",  # 1.3.14.3.2.26
    _SHA256: "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_MOST_ITERATIONS: Final = 100_000
_BAGS: Final = bytes.fromhex("2a864886f70d010c0a01")  # 1.2.840.113549.1.12.10.1, RFC 7292, section 4.2
_FRIENDLY_NAME: Final = bytes.fromhex("2a864886f70d010914")  # 1.2.840.113549.1.9.20
_KEY_BAG, _SHROUDED_KEY_BAG, _NESTED_BAGS = (_BAGS + bytes((last,)) for last in (1, 2, 6))
_DEEPEST_NESTING: Final = 4
_VERSION: Final = asn1.write(asn1.INTEGER, b"\x03")


@dataclass(frozen=True, slots=True, repr=False)
class Contents:
    """What can be seen of a PKCS#12 file without its password.

    Attributes:
        keys: number of key bags outside sealed parts (their keys may be encrypted); every known tool puts them there.
        shrouded: EncryptedPrivateKeyInfo of those that are encrypted.
        plain: PrivateKeyInfo of those that are not.
        aliases: of those keys, in their order in the file.
        sealed: the parts that are encrypted as a whole, where further key bags may hide.
        keyless: the unencrypted bags that hold no key (certificates, as a rule), as one part; empty without any.
    """

    keys: int
    shrouded: tuple[bytes, ...]
    sealed: tuple[bytes, ...]
    keyless: bytes = b""
    plain: tuple[bytes, ...] = ()
    aliases: tuple[str, ...] = ()


def look_into(der: bytes, alias: str | None = None) -> Contents:
    """Read the open structure of a PFX.

    Args:
        der: the file.
        alias: leaves out every key of another alias; capitals make no difference, unless two differ by them alone.

    Raises:
        Asn1Error: it is damaged.
    """
    pfx = asn1.read(der).children()
    safes = asn1.read(_content(pfx[1] if len(pfx) > 1 else pfx[0])).children()
    parts = [(safe, *_parts(safe)) for safe in safes]
    in_the_open = [value for _, kind, value in parts if kind.content == _DATA]
    bags = [bag for value in in_the_open for bag in _bags(asn1.read(_octets_in(value)), 0)]
    keys = [bag for bag in bags if bag.kind in {_KEY_BAG, _SHROUDED_KEY_BAG}]
    named = _aliases(keys)
    if alias is not None:
        wanted = [name for name in named if name == alias] or [name for name in named if name.lower() == alias.lower()]
        keys = [bag for bag, name in zip(keys, named, strict=True) if name in wanted]
    shrouded, plain = (
        tuple(bag.value.encoding for bag in keys if bag.kind == kind) for kind in (_SHROUDED_KEY_BAG, _KEY_BAG)
    )
    keyless = [bag.encoding for bag in bags if bag.kind not in {_KEY_BAG, _SHROUDED_KEY_BAG}]
    sealed = tuple(safe.encoding for safe, kind, _ in parts if kind.content != _DATA)
    part = _data(asn1.write(asn1.SEQUENCE, *keyless)) if keyless else b""
    return Contents(len(keys), shrouded, sealed, part, plain, named)


def _aliases(keys: list[_Bag]) -> tuple[str, ...]:
    """Name the keys; those without a friendly name by a number, in the order of the file, as Java does."""
    number, found = 0, []
    for bag in keys:
        name = _friendly_name(bag)
        if not name:
            number += 1
            name = str(number)
        found.append(name)
    return tuple(found)


def _friendly_name(bag: _Bag) -> str:
    """Return the friendlyName of a SafeBag (RFC 7292, section 4.2; RFC 2985, section 5.5.1); empty without one."""
    for attribute in () if bag.attributes is None else bag.attributes.children():
        parts = attribute.children()
        if len(parts) > 1 and parts[0].content == _FRIENDLY_NAME:
            values = parts[1].children()
            return values[0].content.decode("utf-16-be", "replace") if values else ""
    return ""


def algorithms(der: bytes) -> tuple[Element, ...]:
    """List the AlgorithmIdentifiers that protect a file: of its MAC, its encrypted parts and its encrypted keys.

    A part that is protected by other means than a password counts with the type of its content.

    Raises:
        Asn1Error: the file is damaged.
    """
    pfx = asn1.read(der).children()
    kind, _ = _parts(pfx[1] if len(pfx) > 1 else pfx[0])
    if kind.content != _DATA:
        return (_alone_in_sequence(kind),)
    found = [_child(_child(pfx[2], 0), 0)] if len(pfx) > 2 else []  # noqa: PLR2004 - version, authSafe, macData
    for safe in asn1.read(_content(pfx[1] if len(pfx) > 1 else pfx[0])).children():
        kind, value = _parts(safe)
        if kind.content == _ENCRYPTED_DATA:
            # RFC 5652, section 8: version, EncryptedContentInfo; section 6.1: type, algorithm, content.
            found.append(_child(_child(_child(value, 0), 1), 1))
        elif kind.content != _DATA:
            found.append(_alone_in_sequence(kind))
    return (*found, *(key_algorithm(key) for key in look_into(der).shrouded))


def unsealed(sealed: bytes, secret: bytes) -> bytes | None:
    """Decrypt a part that is encrypted as a whole, with the octets of a password, and return it as an unencrypted part.

    Returns:
        None if it is no EncryptedData under PBES2, or the octets do not fit.

    Raises:
        Asn1Error: it is damaged.
    """
    kind, value = _parts(asn1.read(sealed))
    if kind.content != _ENCRYPTED_DATA:
        return None
    info = _child(_child(value, 0), 1)
    plain = decrypt(_child(info, 1), _child(info, 2).octets(), secret)
    return None if plain is None else _data(plain)


def has_mac(der: bytes) -> bool:
    """Whether a file is protected by a MAC.

    Raises:
        Asn1Error: the file is damaged.
    """
    return len(asn1.read(der).children()) > 2  # noqa: PLR2004 - version, authSafe, macData


def with_key(encrypted: bytes) -> tuple[bytes, bytes]:
    """Put one EncryptedPrivateKeyInfo into files of its own, without MAC and with that of the empty password.

    See `alone`.
    """
    kind = asn1.write(asn1.OBJECT_IDENTIFIER, _SHROUDED_KEY_BAG)
    bag = asn1.write(asn1.SEQUENCE, kind, asn1.write(asn1.CONTEXT_0, encrypted))
    return alone(_data(asn1.write(asn1.SEQUENCE, bag)))


def has_mac_of(der: bytes, password: str) -> bool:
    """Whether the MAC of a file is the one that this password makes (RFC 7292, section 4 and appendix B.2).

    Returns:
        False as well if there is no MAC, or one of a kind that is not known here.

    Raises:
        Asn1Error: the file is damaged.
    """
    pfx = asn1.read(der).children()
    if len(pfx) < 3:  # noqa: PLR2004 - version, authSafe, macData
        return False
    mac = pfx[2].children()
    algorithm, digest = mac[0].children()
    name = _MAC_DIGESTS.get(algorithm.children()[0].content)
    iterations = int.from_bytes(mac[2].content, "big") if len(mac) > 2 else 1  # noqa: PLR2004 - as in RFC 7292, section 4
    if name is None or not 0 < iterations <= _MOST_ITERATIONS:
        return False
    key = _mac_key(name, password, mac[1].octets(), iterations)
    return hmac.compare_digest(hmac.digest(key, _content(pfx[1]), name), digest.octets())


def _mac_key(name: str, password: str, salt: bytes, iterations: int) -> bytes:
    """Derive the key of a MAC, as long as the digest (RFC 7292, appendix B.4)."""
    # Appendix B.1: "a BMPString with a NULL terminator".
    text = password.encode("utf-16-be", "surrogatepass") + b"\0\0"
    return derive(name, text, salt, iterations, MAC_KEY, hashlib.new(name).digest_size)


def without_mac(sealed: bytes) -> bytes:
    """Put one part of a file into a PFX of its own, without MAC."""
    return asn1.write(asn1.SEQUENCE, _VERSION, _data(asn1.write(asn1.SEQUENCE, sealed)))


def alone(sealed: bytes) -> tuple[bytes, bytes]:
    """Put one part of a file into files of its own.

    Returns:
        A PFX without MAC, and one with the MAC of the empty password. The older ciphers know two ways to write no
        password (no octets, or one NUL of two octets: RFC 7292, appendix B.1), and OpenSSL sees by the MAC which.
    """
    safes = asn1.write(asn1.SEQUENCE, sealed)
    return without_mac(sealed), asn1.write(asn1.SEQUENCE, _VERSION, _data(safes), _mac(safes))


def _data(content: bytes) -> bytes:
    """Write a ContentInfo of type data (RFC 5652, section 4)."""
    octets = asn1.write(asn1.OCTET_STRING, content)
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, _DATA), asn1.write(asn1.CONTEXT_0, octets))


def _mac(safes: bytes) -> bytes:
    """Write the MacData of the empty password (RFC 7292, section 4; one iteration, 64 octets of salt)."""
    salt = bytes(64)
    key = _mac_key("sha256", "", salt, 1)
    algorithm = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, _SHA256))
    digest = asn1.write(asn1.OCTET_STRING, hmac.digest(key, safes, "sha256"))
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.SEQUENCE, algorithm, digest), asn1.write(asn1.OCTET_STRING, salt))


def _child(element: Element, place: int) -> Element:
    children = element.children()
    if len(children) <= place:
        raise Asn1Error("a further value was expected")
    return children[place]


def _alone_in_sequence(identifier: Element) -> Element:
    return asn1.read(asn1.write(asn1.SEQUENCE, identifier.encoding))


def _content(content_info: Element) -> bytes:
    """Give the octets in a ContentInfo of type data (RFC 5652, sections 3 and 4)."""
    return _octets_in(_parts(content_info)[1])


def _octets_in(value: Element) -> bytes:
    """Give the octets in the [0] value of a ContentInfo of type data."""
    wrapped = value.children()
    if not wrapped:
        raise Asn1Error("an empty value stands where octets were expected")
    return wrapped[0].octets()


class _Bag(NamedTuple):
    """One SafeBag (RFC 7292, section 4.2)."""

    kind: bytes
    value: Element
    encoding: bytes
    attributes: Element | None

    def __repr__(self) -> str:
        return "_Bag()"  # as of `asn1.Element`


def _bags(contents: Element, depth: int) -> list[_Bag]:
    """List every bag of a SafeContents, nested ones included (RFC 7292, section 4.2.6)."""
    if depth > _DEEPEST_NESTING:
        raise Asn1Error("bags are nested too deeply")
    found: list[_Bag] = []
    for bag in contents.children():
        children = bag.children()
        kind, wrapper = _identified(children)
        attributes = children[2] if len(children) > 2 else None  # noqa: PLR2004 - bagId, bagValue, attributes
        for value in wrapper.children():
            nested = kind.content == _NESTED_BAGS
            found += _bags(value, depth + 1) if nested else [_Bag(kind.content, value, bag.encoding, attributes)]
    return found


def _parts(element: Element) -> tuple[Element, Element]:
    """Give the identifier and the [0] value that ContentInfo and SafeBag both begin with."""
    return _identified(element.children())


def _identified(children: tuple[Element, ...]) -> tuple[Element, Element]:
    if len(children) < 2 or children[0].tag != asn1.OBJECT_IDENTIFIER or children[1].tag != asn1.CONTEXT_0:  # noqa: PLR2004 - both
        raise Asn1Error("an identifier and a value were expected")
    return children[0], children[1]
