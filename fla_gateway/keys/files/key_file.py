"""Key files and password files, out of the files that were read with the configuration.

Owns what can be wrong with a file as a file. Refuses to touch the disk (`config.document.file_snapshot` does), to know
what a file contains, and to judge permissions (`file_permissions`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fla_gateway.config.document.file_snapshot import ChangedFileError, FileSnapshot
from fla_gateway.config.schema import KeySource
from fla_gateway.config.values.custody import Custody
from fla_gateway.errors import UnusableKeyError, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.files.file_permissions import exposure
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

_BYTE_ORDER_MARK: Final = "\ufeff"
_LARGEST: Final = 1_048_576
_PASTED: Final = re.compile(r"-----BEGIN|LS0tLS1CRUdJTi|(?:^|/)MI[A-Za-z0-9+/]{100,}")
"""PEM, base64 of PEM, or base64 of DER in the place of a path; such a path must not be repeated in a message."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyFile:
    """The bytes of a file and what they may be called in a message.

    Attributes:
        path: where it was read.
        content: all of it.
        custody: who has power over it; None where the system does not report it.
    """

    path: Path
    content: bytes
    custody: Custody | None


def read_file(path: Path, files: FileSnapshot) -> KeyFile:
    """Take a small file.

    Args:
        path: where the configuration says it is.
        files: reads it, or has done so.

    Raises:
        UnusableKeyError: it is missing, a directory, not permitted, empty, or far too large.
    """
    file = _read(path, files)
    if not file.content.strip():
        message = Message("key-file-empty", "{path} is empty", path=path)
        raise UnusableKeyError(message, Text("copy it again; an interrupted copy leaves such a file"))
    if len(file.content) > _LARGEST:
        message = Message("key-file-too-large", "{path} is larger than 1 MiB, so it is no key file", path=path)
        raise UnusableKeyError(message, Text("check the path"))
    return file


def unreadable(path: Path, error: OSError) -> Objection:
    """Say in words why a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return Objection(
            Message("key-file-not-found", "{path} does not exist", path=path),
            Text("check the path; it is relative to the configuration file"),
        )
    if isinstance(error, IsADirectoryError):
        return Objection(
            Message("key-file-is-directory", "{path} is a directory", path=path),
            Text("name the file itself; Docker makes a directory where a mounted file is missing on the host"),
        )
    if isinstance(error, PermissionError):
        return Objection(
            Message("key-file-not-permitted", "{path} may not be read", path=path),
            Text("give the user that runs the gateway the right to read it, and to enter the folders above it"),
        )
    if isinstance(error, ChangedFileError):
        return Objection(
            Message("key-file-changed", "{path} has changed since the configuration was read", path=path),
            Text("reload the configuration"),
        )
    return Objection(
        Message("key-file-unreadable", "{path} cannot be read: {reason}", path=path, reason=reason_of(error)),
        Text("check the path and the disk"),
    )


def read_password(
    source: KeySource, passwords: Mapping[str, Secret], files: FileSnapshot
) -> tuple[Secret | None, tuple[Objection, ...]]:
    """Find the password of a key.

    Args:
        source: where the configuration says it is.
        passwords: environment variable -> its value, for the variables that are set.
        files: as for `read_file`.

    Returns:
        The password, or None if none is configured; and warnings.

    Raises:
        UnusableKeyError: it is configured and cannot be had.
    """
    if source.password_file is not None and source.password_env is not None:
        message = Message("password-given-twice", "password_file and password_env are both given")
        raise UnusableKeyError(message, Text("leave one of them out"))
    if source.password_file is not None:
        file = _read(source.password_file, files)
        text = _text(file.content)
        if text is None:
            message = Message("password-not-text", "{path} is no text file", path=file.path)
            raise UnusableKeyError(message, Text("save the password as text, in UTF-8 without NUL"))
        return _trimmed(text), exposure(file.path, file.custody)
    if source.password_env is not None and source.password_env not in passwords:
        raise UnusableKeyError(
            # The name is not repeated: people paste the password itself there.
            Message("password-variable-missing", "the environment variable that password_env names is not set"),
            Text("set it for the process of the gateway, or use password_file"),
        )
    return (None if source.password_env is None else _trimmed(passwords[source.password_env].reveal())), ()


def _read(path: Path, files: FileSnapshot) -> KeyFile:
    if _PASTED.search(str(path)):
        raise UnusableKeyError(
            Message("key-in-place-of-path", "a key or certificate itself is where the path of its file belongs"),
            Text("put it into a file, and name that"),
        )
    try:
        content = files.read(path)
    except OSError as error:
        raise UnusableKeyError(*unreadable(path, error)) from None
    return KeyFile(path, content, files.custody(path))


def _text(content: bytes) -> str | None:
    """Decode a password file; None if it is no text.

    Octets that are no UTF-8 become surrogate escapes, as they do in an environment variable. The error of a codec holds
    the octets, so it must not become the context of another error.
    """
    try:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = content.decode("utf-16")
        else:
            text = content.decode("utf-8", "surrogateescape")
    except UnicodeDecodeError:
        return None
    # A NUL ends a password in OpenSSL, and comes from UTF-16 without a mark: not what was meant.
    return None if "\0" in text else text


def _trimmed(text: str) -> Secret:
    """Take off what editors and shells add to a password: a byte order mark in front, one line break at the end.

    The same for a file and for an environment variable, which `$(cat FILE)` or a secret store may have filled.
    """
    return Secret(text.removeprefix(_BYTE_ORDER_MARK).removesuffix("\n").removesuffix("\r"))
