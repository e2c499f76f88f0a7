"""Decrypting with a password in octets that are no UTF-8 (PBES2, RFC 8018, section 6.2).

Owns PBKDF2 with AES and 3DES. Refuses to know what is inside. `cryptography` opens a PKCS#12 file with UTF-8 alone,
while OpenSSL gives this scheme whatever octets were typed, and NSS those of a BMPString.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Element

_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
_HMAC: Final = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_CIPHERS: Final = {
    **{f"2.16.840.1.101.3.4.1.{last}": (algorithms.AES, size) for last, size in ((2, 16), (22, 24), (42, 32))},
    "1.2.840.113549.3.7": (TripleDES, 24),
}
_MOST_ITERATIONS: Final = 10_000_000


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
    except (ValueError, KeyError, IndexError, UnsupportedAlgorithm):
        return None


def _derived(derivation: list[Element] | tuple[Element, ...], secret: bytes, size: int) -> bytes:
    """Derive a key with PBKDF2 (RFC 8018, appendix A.2): salt, iterations, perhaps a length, perhaps the function."""
    if asn1.dotted(derivation[0].content) != _PBKDF2:
        raise KeyError
    salt, iterations, *others = derivation[1].children()
    count = int.from_bytes(iterations.content, "big")
    if not 0 < count <= _MOST_ITERATIONS:
        raise ValueError
    functions = [asn1.dotted(other.children()[0].content) for other in others if other.tag == asn1.SEQUENCE]
    name = _HMAC[functions[0]] if functions else "sha1"
    return hashlib.pbkdf2_hmac(name, secret, salt.octets(), count, size)
