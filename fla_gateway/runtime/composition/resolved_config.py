"""Root: a configuration, read and resolved with the catalogue.

Owns the order configuration, catalogue, identities of keys, profiles, and which configuration is in force. Refuses to
load keys and to print.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fla_gateway import profiles
from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.clock import Clock
from fla_gateway.config.load import load
from fla_gateway.config.settings import Settings
from fla_gateway.errors import Fault
from fla_gateway.keys.identity import key_identity
from fla_gateway.profiles import Profile
from fla_gateway.runtime.config_fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration without faults.

    Attributes:
        settings: as read.
        profiles: as resolved, in the file's order.
        warnings: what is allowed but deserves a look.
        fingerprint: of its files.
    """

    settings: Settings
    profiles: tuple[Profile, ...]
    warnings: tuple[Fault, ...]
    fingerprint: str


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


def read(path: Path, clock: Clock | None = None) -> Configured:
    """Read and resolve a configuration.

    Args:
        path: of its first file.
        clock: for warnings of what has ended; no fault depends on it.

    Raises:
        ConfigurationError: with every fault.
    """
    catalogue = load_catalogue()
    settings = load(
        path, further=[lambda configuration: profiles.faults(configuration, catalogue), caller_rule_faults], clock=clock
    )
    configuration = settings.configuration
    warnings = (*settings.warnings, *profiles.warnings(configuration, catalogue))
    digests = {
        name: key_identity(source, settings.passwords, Path.read_bytes)
        for name, source in profiles.key_sources(configuration).items()
    }
    resolved = profiles.resolve(configuration, catalogue, digests)
    return Configured(settings, resolved, warnings, fingerprint(settings.sources))
