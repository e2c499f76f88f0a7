"""Rule: who else than the gateway can get at a file with a secret.

Owns what of owner and mode is worth a warning. Refuses to touch the disk: what it judges was seen when the file was
read (`config.document.file_snapshot`).
"""

from __future__ import annotations

import stat
from pathlib import Path

from fla_gateway.config.values.custody import Custody
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.model import Objection

_ROOT = 0


def exposure(path: Path, custody: Custody | None) -> tuple[Objection, ...]:
    """Warn of a file that others than its owner may read or change.

    It stays a warning: mounts of Docker and Kubernetes show modes that no operator chose. Reading by the group is no
    finding, since that is how a service is given a key (Kubernetes fsGroup, the group ssl-cert of Debian).

    Args:
        path: as configured.
        custody: what was seen; None where the system has no such bits.
    """
    if custody is None:
        return ()
    found = (_mode(path, custody), _owner(path, custody), _directory(path, custody))
    return tuple(objection for objection in found if objection is not None)


def _mode(path: Path, custody: Custody) -> Objection | None:
    if custody.mode & stat.S_IRWXO:
        message = Message(
            "file-readable-by-others", "{path} can be read by other users of this machine", path=str(path)
        )
        return Objection(message, Text("chmod 600 {path}", path=str(path)))
    if custody.mode & stat.S_IWGRP:
        message = Message(
            "file-writable-by-group", "{path} can be changed by every member of its group", path=str(path)
        )
        return Objection(message, Text("chmod 600 {path}", path=str(path)))
    return None


def _owner(path: Path, custody: Custody) -> Objection | None:
    if custody.owner in (_ROOT, custody.user):
        return None
    message = Message(
        "file-of-another-user",
        "{path} belongs to another user (uid {uid}), who can read and replace it",
        path=str(path),
        uid=str(custody.owner),
    )
    return Objection(message, Text("chown {uid} {path}", uid=str(custody.user), path=str(path)))


def _directory(path: Path, custody: Custody) -> Objection | None:
    # In a directory with the sticky bit only the owner of a file can remove or rename it.
    if not custody.directory_mode & stat.S_IWOTH or custody.directory_mode & stat.S_ISVTX:
        return None
    message = Message(
        "key-file-replaceable",
        "{path} can be replaced by other users, since all of them may write to its directory",
        path=str(path),
    )
    return Objection(message, Text("chmod o-w {path}", path=str(custody.directory)))
