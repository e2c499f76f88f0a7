"""The sandbox's directory: what is written there, and what must not be overwritten.

Owns names and modes of the files. Refuses to write into a directory that holds anything of the same name and was not
made by a sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fla_gateway.sandbox.errors import SandboxError

MARKER: Final = "SANDBOX.txt"
CA: Final = "ca.pem"
SERVER: Final = "server.pem"
CLIENT_KEY: Final = "client.key.pem"
CLIENT_CERTIFICATE: Final = "client.cer"
CLIENT_ID_FILE: Final = "client_id.txt"
CONTROL_SECRET: Final = "control.secret"  # noqa: S105 - the name of a file
PRIVATE: Final = frozenset({SERVER, CLIENT_KEY, CONTROL_SECRET})
MARKER_TEXT: Final = b"Throw-away files of `fla-gateway sandbox`; it keeps them from start to start, and renews them.\n"
_LARGEST: Final = 65_536


def read_files(directory: Path) -> dict[str, bytes]:
    """Read the credentials that an earlier start wrote; none where the directory is not a sandbox's.

    Raises:
        SandboxError: one of them cannot be read.
    """
    if not (directory / MARKER).exists():
        return {}
    found: dict[str, bytes] = {}
    for name in (CA, SERVER, CLIENT_KEY, CLIENT_CERTIFICATE):
        try:
            with (directory / name).open("rb") as file:
                found[name] = file.read(_LARGEST)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SandboxError(f"{directory / name} cannot be read: {error.strerror}") from error
    return found


def write_files(directory: Path, contents: dict[str, bytes]) -> None:
    """Write the sandbox's files; those of `PRIVATE` can be read by their owner alone.

    Raises:
        SandboxError: the directory cannot be written, or a file there is not a sandbox's.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        present = [name for name in contents if (directory / name).exists()]
        if present and not (directory / MARKER).exists():
            raise SandboxError(
                f"{directory} already holds {present[0]}, which no sandbox wrote; choose an empty directory"
            )
        for name, content in {MARKER: MARKER_TEXT, **contents}.items():
            _write(directory / name, content, private=name in PRIVATE)
    except OSError as error:
        raise SandboxError(f"{directory} cannot be written: {error.strerror}") from error


def add_files(directory: Path, contents: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write files that are a person's from then on: one that exists is left alone.

    Returns:
        Names of those that exist with another content.

    Raises:
        SandboxError: the directory cannot be written.
    """
    differing = []
    try:
        for name, content in contents.items():
            if not (directory / name).exists():
                _write(directory / name, content, private=True)
            elif (directory / name).read_bytes() != content:
                differing.append(name)
    except OSError as error:
        raise SandboxError(f"{directory} cannot be written: {error.strerror}") from error
    return tuple(differing)


def _write(path: Path, content: bytes, *, private: bool) -> None:
    """Write beside and rename, so that a reader never sees half a file and an old mode never stays."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
