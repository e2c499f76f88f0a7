"""Rule: what a configuration is recognised by.

Owns the fingerprint. Refuses to read files, and to know what they say.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

_DIGITS: Final = 16


def fingerprint(digests: Iterable[bytes]) -> str:
    """Give the first hexadecimal digits of a SHA-256 over the files of a configuration, in their order.

    Args:
        digests: SHA-256 of each file, as it was read. Digests, and not bytes: where one file ends and the next begins
            is a part of it.
    """
    return sha256(b"".join(digests)).hexdigest()[:_DIGITS]
