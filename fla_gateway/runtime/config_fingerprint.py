"""Adapter: what a configuration is recognised by.

Owns the fingerprint. Refuses to read what the files say.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

_DIGITS: Final = 16


def fingerprint(sources: Iterable[Path]) -> str:
    """Give the first hexadecimal digits of a SHA-256 over the files of a configuration, in their order.

    Args:
        sources: the files; one that has vanished since it was read counts as empty.
    """
    digest = sha256()
    for path in sources:
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        # Each with its own digest: where one file ends and the next begins is a part of it.
        digest.update(sha256(content).digest())
    return digest.hexdigest()[:_DIGITS]
