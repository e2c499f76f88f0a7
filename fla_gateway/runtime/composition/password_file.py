"""Adapter: passwords out of files that the configuration names: of the corporate proxy, of the mail server.

Owns the reading, its faults, and the warnings of files that others can read. Refuses to keep a password as text. Files
of keys' passwords, which may be older than UTF-8, are read by `keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.custody import Custody
from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.files.file_permissions import exposure
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


def exposed_passwords(configuration: Configuration, custody: Callable[[Path], Custody | None]) -> Iterator[Fault]:
    """Warn of password files that others than their owner may read or change, as of those of keys.

    Args:
        configuration: whose files they are.
        custody: returns what was seen of a file when it was read.
    """
    mail = None if configuration.alerts is None else configuration.alerts.mail
    for place, path in (
        ("egress.proxy_password_file", configuration.egress.proxy_password_file),
        ("alerts.mail.password_file", None if mail is None else mail.password_file),
    ):
        if path is not None:
            yield from (Fault(place, it.message, it.cure) for it in exposure(path, custody(path)))
