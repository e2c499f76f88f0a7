"""Adapter: a password out of a file that the configuration names.

Owns the reading and its faults. Refuses to keep it as text. Files of keys' passwords, which may be older than UTF-8,
are read by `keys`.
"""

from __future__ import annotations

from pathlib import Path

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.secret import Secret


def read_password(path: Path, place: str, files: FileSnapshot) -> Secret:
    """Read a password; one line break at its end does not count.

    Args:
        path: of the file.
        place: of the key that names it.
        files: those that were read with the configuration.

    Raises:
        ConfigurationError: the file cannot be read, or is no text.
    """
    try:
        text = files.read(path).decode()
    except OSError as error:
        message = Message("password-file-unreadable", "cannot be read: {reason}", reason=reason_of(error))
        fault = Fault(place, message, Text("check the path and its rights"))
    except UnicodeDecodeError:
        fault = Fault(place, Message("password-file-not-utf-8", "is not UTF-8 text"))
    else:
        return Secret(text.removesuffix("\n").removesuffix("\r"))
    raise ConfigurationError((fault,))
