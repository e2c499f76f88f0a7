"""Rule: the keyed hash under which the journal knows the body of a request.

Owns the key, derived from that of masked paths, and the function: GHASH, which takes one instruction for a byte, then
one block of AES, so that a hash says nothing of the body without the key. Two bodies have the same hash by chance once
in 2^64 pairs; only with the key can another body be made that has the hash of a given one. Refuses to know requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = bytes(12)  # GCM must never see one twice where its tag is shown; here AES hides it
_BYTES: Final = 8
_DIGITS: Final = 2 * _BYTES
_BLOCK_DIGITS: Final = 32
_NO_TAG: Final = bytes(16)


class BodyHasher:
    """Hashes bodies; the key is the same in every run that writes this journal.

    Args:
        masking_key: key of masked paths, `access.path_masking.KEY_BYTES` long.
    """

    __slots__ = ("_gcm", "_hide", "_key")

    def __init__(self, masking_key: bytes) -> None:
        self._key = _derived(masking_key, b"fla-body-hash")
        self._gcm = AESGCM(self._key)
        # One block at a time, which depends on no other.
        self._hide = Cipher(algorithms.AES(_derived(masking_key, b"fla-body-hide")), modes.ECB()).encryptor()  # noqa: S305 - see above

    def hash_bodies(self, bodies: Sequence[bytes]) -> list[str]:
        """Return sixteen hexadecimal digits for each body that is there as a whole; nothing for an empty one.

        One call for several bodies costs less than one call each: their tags go through AES together.
        """
        encrypt = self._gcm.encrypt
        tags = [encrypt(_NONCE, b"", body) if body else _NO_TAG for body in bodies]
        hidden = self._hide.update(b"".join(tags)).hex()
        digits = [hidden[at : at + _DIGITS] for at in range(0, len(hidden), _BLOCK_DIGITS)]
        return [it if body else "" for it, body in zip(digits, bodies, strict=True)] if b"" in bodies else digits

    def begin(self) -> BodyStream:
        """Begin the hash of a body that comes in parts."""
        return BodyStream(self, self._key)

    def hidden(self, tag: bytes) -> str:
        """Return the digits for what GHASH made of a body."""
        return self._hide.update(tag)[:_BYTES].hex()


class BodyStream:
    """The hash of a body that comes in parts.

    Args:
        hasher: ends it.
        key: of GHASH.
    """

    __slots__ = ("_encryptor", "_hasher", "_size")

    def __init__(self, hasher: BodyHasher, key: bytes) -> None:
        self._hasher = hasher
        self._encryptor = Cipher(algorithms.AES(key), modes.GCM(_NONCE)).encryptor()
        self._size = 0

    def update(self, part: bytes) -> None:
        """Take the next part."""
        self._size += len(part)
        self._encryptor.authenticate_additional_data(part)

    def digits(self) -> str:
        """Return what `BodyHasher.hash_bodies` returns for the whole; once, and nothing can be added then."""
        if not self._size:
            return ""
        self._encryptor.finalize()
        return self._hasher.hidden(self._encryptor.tag)


def _derived(key: bytes, name: bytes) -> bytes:
    return blake2b(key=key, digest_size=32, person=name).digest()
