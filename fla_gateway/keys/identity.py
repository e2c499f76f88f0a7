"""Rule: what a key is recognised by, without reading what its files say.

Owns the digest over key file, certificate file and password. Refuses to open files: a function that reads them is
passed in. The digest is keyed with random bytes of this process, so that it shows nothing about a password and means
nothing to another process.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

from fla_gateway.config.schema import KeySource
from fla_gateway.secret import Secret

_PROCESS: Final = secrets.token_bytes(32)
_DIGEST_BYTES: Final = 16


def key_identity(source: KeySource, passwords: Mapping[str, Secret], read: Callable[[Path], bytes]) -> str:
    """Return what a key is recognised by: the same for the same bytes, whatever the key and its files are called.

    Args:
        source: where the key is.
        passwords: environment variable -> its value.
        read: returns the content of a file or its digest, or raises OSError: that it cannot be read is a content as
            well.
    """
    digest = blake2b(key=_PROCESS, digest_size=_DIGEST_BYTES)
    for name in ("pkcs12", "pem", "certificate", "password_file"):
        path: Path | None = getattr(source, name)
        _add(digest, name, None if path is None else _content(path, read))
    _add(digest, "alias", None if source.alias is None else source.alias.encode())
    variable = source.password_env
    password = passwords.get(variable) if variable is not None else None
    _add(digest, "password_env", None if password is None else password.reveal().encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _content(path: Path, read: Callable[[Path], bytes]) -> bytes:
    try:
        return b"=" + read(path)
    except OSError as error:
        return f"!{error.errno}".encode()


def _add(digest: blake2b, name: str, content: bytes | None) -> None:
    # With its length, so that no two sequences of parts give the same bytes.
    length = -1 if content is None else len(content)
    digest.update(f"{name}:{length}:".encode())
    digest.update(content or b"")
