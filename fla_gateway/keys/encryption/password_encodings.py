"""Rule: as which octets a password may have reached the tool that made a file.

Owns the few spellings that are tried in turn. Refuses to try them. A password of ASCII characters has one spelling in
every tool; the others have one in each age of OpenSSL and in each code page (passphrase-encoding(7)).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

_CODE_PAGES: Final = ("cp1252", "latin-1", "iso8859-15", "cp850")
"""Western Windows, ISO Latin 1 and 9, and the Windows command prompt."""


def spellings(password: str) -> tuple[bytes, ...]:
    """List the octets to try for a password, the likeliest first, each once; nine at most.

    Args:
        password: text; octets that were no UTF-8 are surrogate escapes in it, as in the environment.
    """
    return tuple(dict.fromkeys(_spellings(password)))


def further_octets(password: str) -> tuple[bytes, ...]:
    """List the octets to try where a MAC has shown that a password is right and its UTF-8 does not decrypt.

    OpenSSL gave PBES2 the octets of a code page as they were typed; NSS gave it the BMPString of the MAC.
    """
    text = as_text(password.encode("utf-8", "surrogateescape"))
    return (*spellings(password), text.encode("utf-16-be", "surrogatepass") + b"\0\0")


def as_text(octets: bytes) -> str:
    """Read the octets of a password as OpenSSL does for PKCS#12: as UTF-8, or else a character for each octet."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _spellings(password: str) -> Iterator[bytes]:
    octets = password.encode("utf-8", "surrogateescape")
    yield octets
    if octets.isascii():
        return
    try:
        octets.decode()
    except UnicodeDecodeError:
        # Saved in a code page: the tool may have been given the characters that are meant by it.
        for page in ("cp1252", "cp850"):
            yield octets.decode(page, "replace").encode()
        return
    # OpenSSL before 1.1.0 made a character of each octet of UTF-8.
    yield octets.decode("latin-1").encode()
    for page in _CODE_PAGES:
        try:
            yield password.encode(page)
        except UnicodeEncodeError:
            continue
    # macOS spells an accent as a character of its own, most others do not.
    for form in ("NFC", "NFD"):
        yield unicodedata.normalize(form, password).encode()
