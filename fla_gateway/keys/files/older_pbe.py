"""Decrypting with the older password schemes (PBES1, RFC 8018, section 6.1; PKCS#12, RFC 7292, appendices B and C).

Owns their derivations and ciphers, as far as `cryptography` offers the ciphers. Refuses to know what is inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, modes
from cryptography.hazmat.primitives.padding import PKCS7

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Element
from fla_gateway.keys.encryption.password_encodings import as_text
from fla_gateway.keys.encryption.pkcs12_derivation import KEY, VECTOR, derive

_MOST_ITERATIONS: Final = 10_000_000


class _Cipher(NamedTuple):
    """A cipher: how it is made of a key, the octets of its key, and those of its blocks, none for a stream."""

    make: Callable[[bytes], CipherAlgorithm]
    key: int
    block: int


def _single_des(key: bytes) -> CipherAlgorithm:
    return old.TripleDES(key * 3)


_PBES1: Final = {"1.2.840.113549.1.5.3": "md5", "1.2.840.113549.1.5.10": "sha1"}
"""With DES; those with RC2 have a key of 64 bits, which `cryptography` does not take."""
_PKCS12: Final = {
    f"1.2.840.113549.1.12.1.{last}": cipher
    for last, cipher in (
        (1, _Cipher(old.ARC4, 16, 0)),
        (2, _Cipher(old.ARC4, 5, 0)),
        (3, _Cipher(old.TripleDES, 24, 8)),
        (4, _Cipher(lambda key: old.TripleDES(key + key[:8]), 16, 8)),
        (5, _Cipher(old.RC2, 16, 8)),
    )
}


def decrypt(algorithm: Element, content: bytes, secret: bytes) -> bytes | None:
    """Decrypt what one of the older schemes encrypted.

    Args:
        algorithm: the AlgorithmIdentifier with salt and number of iterations.
        content: the encrypted octets.
        secret: the octets of the password.

    Returns:
        None if the scheme is another one, this machine's OpenSSL lacks the cipher, or what comes out has no valid end:
        the password is wrong then.

    Raises:
        asn1.Asn1Error: the parameters are damaged.
    """
    try:
        scheme, parameters = algorithm.children()
        salt, count = parameters.children()
        name, iterations = asn1.dotted(scheme.content), int.from_bytes(count.content, "big")
        if not 0 < iterations <= _MOST_ITERATIONS:
            return None
        if (digest := _PBES1.get(name)) is not None:
            derived = _derive_pbkdf1(digest, secret, salt.octets(), iterations)
            return _opened(_Cipher(_single_des, 8, 8), derived[:8], derived[8:16], content)
        cipher, text = _PKCS12[name], as_text(secret).encode("utf-16-be", "surrogatepass") + b"\0\0"
        # Tools differ in how they write no password: as the NUL alone, or as nothing at all.
        found = [
            _opened_pkcs12(cipher, each, salt.octets(), iterations, content) for each in (text, b"")[: 2 - bool(secret)]
        ]
        return next((plain for plain in found if plain[:1] == bytes((asn1.SEQUENCE,))), None)
    except (ValueError, KeyError, UnsupportedAlgorithm):
        return None


def _opened_pkcs12(cipher: _Cipher, text: bytes, salt: bytes, iterations: int, content: bytes) -> bytes:
    """Decrypt with a password as a BMPString; nothing comes out if it is the wrong one."""
    key = derive("sha1", text, salt, iterations, KEY, cipher.key)
    try:
        return _opened(cipher, key, derive("sha1", text, salt, iterations, VECTOR, cipher.block), content)
    except ValueError:
        return b""


def _derive_pbkdf1(digest: str, secret: bytes, salt: bytes, iterations: int) -> bytes:
    derived = secret + salt
    for _ in range(iterations):
        derived = hashlib.new(digest, derived, usedforsecurity=False).digest()
    return derived


def _opened(cipher: _Cipher, key: bytes, vector: bytes, content: bytes) -> bytes:
    if not cipher.block:
        stream = Cipher(cipher.make(key), None).decryptor()
        return stream.update(content) + stream.finalize()
    decryptor = Cipher(cipher.make(key), modes.CBC(vector)).decryptor()
    unpadder = PKCS7(8 * cipher.block).unpadder()
    padded = decryptor.update(content) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()
