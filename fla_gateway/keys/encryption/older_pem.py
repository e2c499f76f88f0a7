"""Decrypting private keys in the older form of PEM encryption (RFC 1421 as OpenSSL does it).

Owns the derivation and the ciphers of `DEK-Info`, of which `cryptography` reads three. Refuses to know what is inside:
a wrong password gives other bytes, or none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_DEK_INFO: Final = re.compile(rb"^DEK-Info: ?([A-Za-z0-9-]+),([0-9A-Fa-f]*)\s*$", re.MULTILINE)
_SALT: Final = 8
_BITS: Final = 8


class _Block(NamedTuple):
    """A block cipher: how it is made of a key, and the octets of its key and of its blocks."""

    make: Callable[[bytes], CipherAlgorithm]
    key: int
    block: int


_CIPHERS: Final = {
    "DES-CBC": _Block(lambda key: old.TripleDES(key * 3), 8, 8),
    "DES-EDE-CBC": _Block(lambda key: old.TripleDES(key + key[:8]), 16, 8),
    "DES-EDE3-CBC": _Block(old.TripleDES, 24, 8),
    **{f"AES-{8 * size}-CBC": _Block(algorithms.AES, size, 16) for size in (16, 24, 32)},
    **{f"CAMELLIA-{8 * size}-CBC": _Block(old.Camellia, size, 16) for size in (16, 24, 32)},
    "SEED-CBC": _Block(old.SEED, 16, 16),
    "BF-CBC": _Block(old.Blowfish, 16, 8),
    "CAST5-CBC": _Block(old.CAST5, 16, 8),
    "IDEA-CBC": _Block(old.IDEA, 16, 8),
    "RC2-CBC": _Block(old.RC2, 16, 8),
}


def cipher_name(headers: bytes) -> str:
    """Give the name of the cipher as the header has it; empty if there is none."""
    found = _DEK_INFO.search(headers)
    return found[1].decode().upper() if found else ""


def is_known(name: str) -> bool:
    """Whether keys under this cipher can be decrypted here."""
    return name in _CIPHERS


def is_whole(headers: bytes, content: bytes) -> bool:
    """Whether vector and content have lengths that the cipher can have made; a cut between two blocks stays unseen."""
    cipher, found = _CIPHERS.get(cipher_name(headers)), _DEK_INFO.search(headers)
    if found is None:
        return False
    return cipher is None or (len(found[2]) == 2 * cipher.block and bool(content) and len(content) % cipher.block == 0)


def decrypt(headers: bytes, content: bytes, password: bytes) -> bytes | None:
    """Decrypt the content of a block.

    Args:
        headers: with a known cipher, see `is_known`.
        content: whole, see `is_whole`.
        password: its octets.

    Returns:
        What comes out, or None if that has no valid end (the password is wrong then), or if this machine's OpenSSL
        lacks the cipher.
    """
    found = _DEK_INFO.search(headers)
    if found is None:
        return None
    make, size, block = _CIPHERS[found[1].decode().upper()]
    vector = bytes.fromhex(found[2].decode())
    try:
        decryptor = Cipher(make(_key(password, vector[:_SALT], size)), modes.CBC(vector)).decryptor()
        unpadder = PKCS7(_BITS * block).unpadder()
        padded = decryptor.update(content) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _key(password: bytes, salt: bytes, size: int) -> bytes:
    """Derive the key as OpenSSL's EVP_BytesToKey does, with MD5 and one iteration: the form knows no other."""
    key = last = b""
    while len(key) < size:
        last = hashlib.md5(last + password + salt, usedforsecurity=False).digest()
        key += last
    return key[:size]
