"""Decrypting with the octets of a password (PBES2, RFC 8018, section 6.2; scrypt, RFC 7914, section 7).

Owns PBKDF2 and scrypt with the block ciphers of `cryptography` in CBC. Refuses to know what is inside. `cryptography`
opens a PKCS#12 file with UTF-8 alone, while OpenSSL gives this scheme whatever octets were typed, and NSS those of a
BMPString; and it does not say which kind of RSA key it has read.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Element

_PBES2, _PBKDF2, _SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
_HMAC: Final = {
    "1.2.840.113549.2.6": "md5",
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
    "1.2.840.113549.2.12": "sha512_224",
    "1.2.840.113549.2.13": "sha512_256",
}
_CIPHERS: Final = {
    **{f"2.16.840.1.101.3.4.1.{last}": (algorithms.AES, size) for last, size in ((2, 16), (22, 24), (42, 32))},
    **{f"1.2.392.200011.61.1.1.1.{last}": (old.Camellia, size) for last, size in ((2, 16), (3, 24), (4, 32))},
    "1.2.840.113549.3.7": (old.TripleDES, 24),
    "1.3.14.3.2.7": (lambda key: old.TripleDES(key * 3), 8),
    "1.2.410.200004.1.4": (old.SEED, 16),
    "1.3.6.1.4.1.3029.1.2": (old.Blowfish, 16),
    "1.2.156.10197.1.104.2": (algorithms.SM4, 16),
}
_MOST_ITERATIONS: Final = 10_000_000
_MOST_MEMORY: Final = 64 * 1024 * 1024
"""Bytes for scrypt: twice what OpenSSL takes by default."""


def decrypt(algorithm: Element, content: bytes, secret: bytes) -> bytes | None:
    """Decrypt what a PBES2 scheme encrypted.

    Args:
        algorithm: the AlgorithmIdentifier with the parameters of the scheme.
        content: the encrypted octets.
        secret: the octets of the password.

    Returns:
        None if the scheme is another one, or what comes out has no valid end: the password is wrong then.

    Raises:
        asn1.Asn1Error: the parameters are damaged.
    """
    try:
        scheme, parameters = algorithm.children()
        if asn1.dotted(scheme.content) != _PBES2:
            return None
        derivation, encryption = (part.children() for part in parameters.children())
        make, size = _CIPHERS[asn1.dotted(encryption[0].content)]
        key = _derived(derivation, secret, size)
        decryptor = Cipher(make(key), modes.CBC(encryption[1].octets())).decryptor()
        unpadder = PKCS7(8 * len(encryption[1].octets())).unpadder()
        padded = decryptor.update(content) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except (ValueError, KeyError, IndexError, OverflowError, UnsupportedAlgorithm):
        return None


def _derived(derivation: list[Element] | tuple[Element, ...], secret: bytes, size: int) -> bytes:
    """Derive a key with PBKDF2 (RFC 8018, appendix A.2): salt, iterations, perhaps a length, perhaps the function."""
    if asn1.dotted(derivation[0].content) == _SCRYPT:
        return _derived_with_scrypt(derivation[1].children(), secret, size)
    if asn1.dotted(derivation[0].content) != _PBKDF2:
        raise KeyError
    salt, iterations, *others = derivation[1].children()
    count = int.from_bytes(iterations.content, "big")
    if not 0 < count <= _MOST_ITERATIONS:
        raise ValueError
    functions = [asn1.dotted(other.children()[0].content) for other in others if other.tag == asn1.SEQUENCE]
    name = _HMAC[functions[0]] if functions else "sha1"
    return hashlib.pbkdf2_hmac(name, secret, salt.octets(), count, size)


def _derived_with_scrypt(parameters: tuple[Element, ...], secret: bytes, size: int) -> bytes:
    """Derive a key with scrypt (RFC 7914, section 7): salt, cost, block size, parallelization, perhaps a length."""
    salt, cost, block, parallel, *_ = parameters
    n, r, p = (int.from_bytes(number.content, "big") for number in (cost, block, parallel))
    return hashlib.scrypt(secret, salt=salt.octets(), n=n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=size)
