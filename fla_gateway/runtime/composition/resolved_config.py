"""Root: a configuration, read and resolved with the catalogue.

Owns the order catalogue, configuration, files that it names, keys' identities, profiles, and which configuration is in
force. Refuses to load keys and to print.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from fla_gateway import profiles
from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.catalog.model import Catalogue
from fla_gateway.clock import Clock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.load import load
from fla_gateway.config.rules.named_files import lasting_files
from fla_gateway.config.settings import Settings
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.identity import key_identity
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.profiles import Profile
from fla_gateway.runtime.changes.exposed_sources import exposed_sources
from fla_gateway.runtime.composition.password_file import exposed_passwords
from fla_gateway.runtime.config_fingerprint import fingerprint

_ATTEMPTS: Final = 8
_PAUSE: Final = 0.1
"""Seconds that whatever writes has to come to an end."""
_RESTLESS: Final = Message("file-keeps-changing", "the file keeps changing while it is read")
_WAIT: Final = Text("wait until whatever writes it has ended")


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration without faults.

    Attributes:
        settings: as read.
        profiles: as resolved, in the file's order.
        warnings: what is allowed but deserves a look.
        fingerprint: of its files.
        files: all that were read for it: its own, and those that they name.
        key_digests: `TokenRequest.key_digest` of each key, by its name.
    """

    settings: Settings
    profiles: tuple[Profile, ...]
    warnings: tuple[Fault, ...]
    fingerprint: str
    files: FileSnapshot
    key_digests: Mapping[str, str] = field(default_factory=dict)


class CurrentConfiguration:
    """The configuration in force, for parts that ask again each time: a later one may replace it.

    Attributes:
        configured: as read.
        environments: name of each profile's environment.
    """

    __slots__ = ("configured", "environments")

    def __init__(self, configured: Configured) -> None:
        """Begin with the first."""
        self.replace(configured)

    def replace(self, configured: Configured) -> None:
        """Put another one into force."""
        self.configured = configured
        self.environments = {profile.name: profile.environment for profile in configured.profiles}


def read(path: Path, clock: Clock | None = None, *, rest: float = 0, pipes: bool = True) -> Configured:
    """Read and resolve a configuration, with every file that it names.

    All of it is read before anything is used, and once more if the disk has something else by then: of files that are
    being written or replaced, some would be of before and some of after.

    Args:
        path: of its first file.
        clock: for warnings of what has ended; no fault depends on it.
        rest: seconds that the last change of each file must be ago: one that was changed later may be half written, and
            what was written so far may be valid. It is waited for.
        pipes: whether a file may be a pipe, as a shell makes it for a start: it is read once, and waited for.

    Raises:
        ConfigurationError: with every fault, or with the files that kept changing.
    """
    catalogue = load_catalogue()
    changed: tuple[Path, ...] = ()
    for left in reversed(range(_ATTEMPTS)):
        files = FileSnapshot(clock, pipes=pipes)
        found = _read_once(path, catalogue, files, clock)
        # In the end only bytes count: there are file systems that give a file another number at each look.
        changed = files.changed() if left else files.differing()
        if not changed and (unrest := files.unrest(rest)):
            time.sleep(unrest)
            changed = files.changed() if left else files.differing()
        if not changed:
            if not isinstance(found, Configured):
                raise ConfigurationError(found)
            return found
        if left:
            time.sleep(_PAUSE)
    raise ConfigurationError(tuple(Fault("", _RESTLESS, _WAIT, str(path)) for path in changed))


def _read_once(
    path: Path, catalogue: Catalogue, files: FileSnapshot, clock: Clock | None
) -> Configured | tuple[Fault, ...]:
    """Read it, or find out why it cannot be used: a mixture of files may have faults that neither generation has.

    The exception is not returned: it and the frames of its traceback would keep each other, and all that was read.
    """
    rules = [lambda configuration: profiles.faults(configuration, catalogue), caller_rule_faults]
    try:
        settings = load(path, further=rules, clock=clock, files=files)
    except ConfigurationError as error:
        return error.faults
    configuration = settings.configuration
    files.read_ahead(lasting_files(configuration))
    exposed = (*exposed_sources(settings.sources, files.custody), *exposed_passwords(configuration, files.custody))
    warnings = (*settings.warnings, *profiles.warnings(configuration, catalogue), *exposed)
    # The digest in the place of the bytes: a pipe, which is read at its use, would keep everything waiting here.
    digests = {
        name: key_identity(source, settings.passwords, files.sha256)
        for name, source in profiles.key_sources(configuration).items()
    }
    resolved = profiles.resolve(configuration, catalogue, digests)
    return Configured(settings, resolved, warnings, fingerprint(map(files.sha256, settings.sources)), files, digests)
