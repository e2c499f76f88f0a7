"""Whether this machine's OpenSSL can undo the old ciphers of key files.

Owns one question that OpenSSL answers misleadingly: a build without its legacy provider says that the password is
wrong. Refuses to know files.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import RC2
from cryptography.hazmat.primitives.ciphers import Cipher, modes

# RFC 7292, appendix C: pbeWithSHAAnd128BitRC2-CBC and pbeWithSHAAnd40BitRC2-CBC, 1.2.840.113549.1.12.1.5 and .6
_RC2: Final = tuple(bytes.fromhex("060a2a864886f70d010c01") + bytes((last,)) for last in (5, 6))


def lacks_legacy_cipher(der: bytes) -> bool:
    """Whether a file names RC2 and this machine's OpenSSL has none."""
    return any(identifier in der for identifier in _RC2) and not _has_rc2()


@cache
def _has_rc2() -> bool:
    try:
        Cipher(RC2(bytes(16)), modes.CBC(bytes(8))).decryptor()
    except UnsupportedAlgorithm:
        return False
    return True
