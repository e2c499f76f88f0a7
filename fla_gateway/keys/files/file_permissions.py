"""Rule: who else than the gateway can get at a file with a secret.

Owns what of owner and mode is worth a warning. Refuses to touch the disk: what it judges was seen when the file was
read (`config.document.file_snapshot`).
"""

from __future__ import annotations

import stat
from pathlib import Path

from fla_gateway.config.values.custody import Custody
from fla_gateway.keys.model import Objection

_ROOT = 0


def exposure(path: Path, custody: Custody | None) -> tuple[str, ...]:
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
    return tuple(str(objection) for objection in found if objection is not None)


def _mode(path: Path, custody: Custody) -> Objection | None:
    cure = f"chmod 600 {path}"
    if custody.mode & stat.S_IRWXO:
        return Objection(f"{path} can be read by other users of this machine", cure)
    if custody.mode & stat.S_IWGRP:
        return Objection(f"{path} can be changed by every member of its group", cure)
    return None


def _owner(path: Path, custody: Custody) -> Objection | None:
    if custody.owner in (_ROOT, custody.user):
        return None
    message = f"{path} belongs to another user (uid {custody.owner}), who can read and replace it"
    return Objection(message, f"chown {custody.user} {path}")


def _directory(path: Path, custody: Custody) -> Objection | None:
    # In a directory with the sticky bit only the owner of a file can remove or rename it.
    if not custody.directory_mode & stat.S_IWOTH or custody.directory_mode & stat.S_ISVTX:
        return None
    message = f"{path} can be replaced by other users, since everybody may write to its directory"
    return Objection(message, f"chmod o-w {custody.directory}")
