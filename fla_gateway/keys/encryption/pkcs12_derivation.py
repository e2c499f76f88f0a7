"""The derivation of PKCS#12: keys, vectors and MAC keys of a password (RFC 7292, appendix B.2).

Owns the derivation, and the choice of what does it: OpenSSL as this process has it already for `hashlib`, in a quarter
of the time, or Python where that cannot be reached. Neither `hashlib` nor `cryptography` has a name for it. Refuses to
know what is done with the octets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

KEY, VECTOR, MAC_KEY = 1, 2, 3
"""Diversifiers (RFC 7292, appendix B.3)."""

_FEW: Final = 64
"""Iterations below which it takes longer to ask OpenSSL than to do it here."""
_MOST_OF_C: Final = 0x7FFF_FFFF

Native = Callable[[str, bytes, bytes, int, int, int], bytes | None]


def derive(digest: str, text: bytes, salt: bytes, iterations: int, purpose: int, size: int) -> bytes:
    """Derive octets.

    Args:
        digest: as `hashlib` calls it.
        text: the password as a BMPString with its NUL (appendix B.1), or nothing.
        salt: of the scheme.
        iterations: of the digest, one or more.
        purpose: one of the diversifiers.
        size: how many octets are wanted.
    """
    native = _openssl() if _FEW <= iterations <= _MOST_OF_C and text and salt and size else None
    found = None if native is None else native(digest, text, salt, iterations, purpose, size)
    return derive_in_python(digest, text, salt, iterations, purpose, size) if found is None else found


def derive_in_python(digest: str, text: bytes, salt: bytes, iterations: int, purpose: int, size: int) -> bytes:
    """Derive octets without OpenSSL's help. The letters of appendix B.2 are in the comments.

    Args:
        digest: as `hashlib` calls it.
        text: the password as a BMPString with its NUL (appendix B.1), or nothing.
        salt: of the scheme.
        iterations: of the digest, one or more.
        purpose: one of the diversifiers (appendix B.3).
        size: how many octets are wanted.
    """
    make = getattr(hashlib, digest)
    width = make(usedforsecurity=False).block_size  # v, in octets
    blocks = bytearray(_filled(salt, width) + _filled(text, width))  # I = S || P
    derived = b""
    while len(derived) < size:
        last = bytes((purpose,)) * width + bytes(blocks)  # D || I
        for _ in range(iterations):
            last = make(last, usedforsecurity=False).digest()
        derived += last
        if len(derived) >= size:
            break
        step = int.from_bytes(_filled(last, width)[:width], "big") + 1  # B + 1
        for start in range(0, len(blocks), width):
            number = int.from_bytes(blocks[start : start + width], "big") + step
            blocks[start : start + width] = (number % (1 << 8 * width)).to_bytes(width, "big")
    return derived[:size]


@cache
def _openssl() -> Native | None:
    """Find the derivation in the library that `_hashlib` is linked with; None where it is not a library of its own."""
    try:
        import ctypes  # noqa: PLC0415 - as in system.syscalls: half a megabyte that few keys need

        # Known to the dynamic linker already: nothing is read from the disk, and no other OpenSSL can be found.
        library = ctypes.CDLL(str(import_module("_hashlib").__file__))
        function, named = library.PKCS12_key_gen_uni, library.EVP_get_digestbyname
        clear = library.ERR_clear_error
    except (ImportError, AttributeError, OSError):
        return None
    function.argtypes = (
        *(ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int),
        *(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p),
    )
    named.argtypes, named.restype = (ctypes.c_char_p,), ctypes.c_void_p

    def derived(digest: str, text: bytes, salt: bytes, iterations: int, purpose: int, size: int) -> bytes | None:
        algorithm, found = named(digest.encode()), ctypes.create_string_buffer(size)
        arguments: tuple[Any, ...] = (text, len(text), salt, len(salt), purpose, iterations, size, found, algorithm)
        if algorithm and function(*arguments) == 1:
            return found.raw
        # Whatever it objects to, an approved-only mode for one: `ssl` must not find the error in its queue.
        clear()
        return None

    return derived


def _filled(value: bytes, size: int) -> bytes:
    """Repeat a value to a multiple of a block's size; nothing stays nothing."""
    length = size * -(-len(value) // size)
    return (value * -(-length // len(value)))[:length] if value else b""
