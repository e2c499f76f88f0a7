"""Opening PKCS#12 files (RFC 7292): modern and legacy ones, with exactly one private key.

Owns counting the private keys, which `cryptography` does not (it drops the second in silence), and telling a wrong
password from a damaged file. Refuses to know the rules of the channel and which certificate belongs to the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Asn1Error, Element
from fla_gateway.keys.ciphers import lacks_legacy_cipher
from fla_gateway.keys.model import Objection
from fla_gateway.keys.private_key import MODERN_EXPORT, damaged, legacy, password_missing, password_wrong
from fla_gateway.secret import Secret

_DATA: Final = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_BAGS: Final = bytes.fromhex("2a864886f70d010c0a01")  # 1.2.840.113549.1.12.10.1, RFC 7292, section 4.2
_KEY_BAG, _SHROUDED_KEY_BAG, _NESTED_BAGS = (_BAGS + bytes((last,)) for last in (1, 2, 6))
_DEEPEST_NESTING: Final = 4
_ONE_KEY: Final = "export the one key that is registered in ChaMan into a file of its own"

Loaded = tuple[PrivateKeyTypes | None, tuple[x509.Certificate, ...]]


@dataclass(frozen=True, slots=True, repr=False)
class Contents:
    """What can be seen of a PKCS#12 file without its password.

    Attributes:
        keys: number of key bags that stand in the open (their keys may be encrypted); every known tool puts them there.
        shrouded: EncryptedPrivateKeyInfo (DER) of those that are encrypted.
        sealed: the parts that are encrypted as a whole, where further key bags may hide.
    """

    keys: int
    shrouded: tuple[bytes, ...]
    sealed: tuple[bytes, ...]


def open_pkcs12(
    path: Path, der: bytes, password: Secret | None
) -> tuple[PrivateKeyTypes, tuple[x509.Certificate, ...]]:
    """Open a PKCS#12 file.

    Args:
        path: name of the file, for messages.
        der: its bytes (BER is accepted).
        password: as configured; None and empty are tried alike.

    Returns:
        The one private key, and every certificate of the file.

    Raises:
        UnusableKeyError: it cannot be opened, or holds no private key or more than one.
    """
    contents = _contents(path, der)
    if lacks_legacy_cipher(der):
        raise UnusableKeyError(*legacy(path))
    if contents.keys > 1:
        raise UnusableKeyError(
            f"{path} holds {contents.keys} private keys, and it is unclear which one counts", _ONE_KEY
        )
    secret = password.reveal().encode() if password is not None else b""
    loaded = _load(der, secret)
    if loaded is None:
        raise UnusableKeyError(*_why_closed(path, contents, secret))
    hidden = any(_hides_a_key(part, secret) for part in contents.sealed)
    key, certificates = loaded
    if hidden:
        where = "a further private key" if contents.keys else "its private key where keys cannot be counted"
        raise UnusableKeyError(f"{path} keeps {where}, inside an encrypted part of the file", _ONE_KEY)
    if key is None:
        raise UnusableKeyError(f"{path} holds no private key", "export it again, with the private key")
    return key, certificates


def look_into(der: bytes) -> Contents:
    """Read the open structure of a PFX.

    Raises:
        Asn1Error: it is damaged.
    """
    pfx = asn1.read(der).children()
    safes = asn1.read(_content(pfx[1] if len(pfx) > 1 else pfx[0])).children()
    in_the_open = [safe for safe in safes if _type(safe) == _DATA]
    bags = [bag for safe in in_the_open for bag in _bags(asn1.read(_content(safe)), 0)]
    shrouded = tuple(value.encoding for kind, value in bags if kind == _SHROUDED_KEY_BAG)
    keys = sum(kind in {_KEY_BAG, _SHROUDED_KEY_BAG} for kind, _ in bags)
    return Contents(keys, shrouded, tuple(safe.encoding for safe in safes if safe not in in_the_open))


def _contents(path: Path, der: bytes) -> Contents:
    try:
        return look_into(der)
    except Asn1Error:
        raise UnusableKeyError(*damaged(path)) from None


def _type(content_info: Element) -> bytes:
    return _parts(content_info)[0].content


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


def _load(der: bytes, password: bytes) -> Loaded | None:
    """Let `cryptography` open the file; None if it cannot, whatever its reason."""
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(der, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key, (*((certificate,) if certificate is not None else ()), *others)


def _hides_a_key(part: bytes, password: bytes) -> bool:
    """Whether an encrypted part of a file holds a private key.

    The part is put into a file of its own, without a MAC, and opened: what `cryptography` then finds can have come from
    nowhere else. A part that cannot be opened so is taken for one that hides something.
    """
    safe = asn1.write(asn1.OCTET_STRING, asn1.write(asn1.SEQUENCE, part))
    info = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, _DATA), asn1.write(asn1.CONTEXT_0, safe))
    loaded = _load(asn1.write(asn1.SEQUENCE, asn1.write(asn1.INTEGER, b"\x03"), info), password)
    return loaded is None or loaded[0] is not None


def _why_closed(path: Path, contents: Contents, password: bytes) -> Objection:
    """Find out why a file does not open: its checksum alone cannot tell a wrong password from a changed file."""
    if not password:
        return password_missing(path)
    if any(_unlocks(key, password) for key in contents.shrouded):
        return Objection(
            f"the password for {path} is right, but the file is damaged or protected in an unknown way",
            f"copy the file again, as binary; if that does not help, {MODERN_EXPORT}",
        )
    return password_wrong(path)


def _unlocks(key: bytes, password: bytes) -> bool:
    try:
        load_der_private_key(key, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
