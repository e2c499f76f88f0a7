"""What the commands share that read a configuration: the option and the reading, catalogue included.

Owns the default path and the order configuration, catalogue, profiles. Refuses to load keys.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # pydantic is heavy; `--help` must not wait for it
    from fla_gateway.config.settings import Settings
    from fla_gateway.errors import Fault
    from fla_gateway.profiles import Profile

DEFAULT_FILE: Final = Path("config/gateway.toml")


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration without faults.

    Attributes:
        settings: as read.
        profiles: as resolved, in the file's order.
        warnings: what is allowed but deserves a look.
    """

    settings: Settings
    profiles: tuple[Profile, ...]
    warnings: tuple[Fault, ...]


def add_config(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config FILE``."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=DEFAULT_FILE,
        help=f"the configuration (default: {DEFAULT_FILE})",
    )


def read(path: Path) -> Configured:
    """Read and resolve.

    Raises:
        ConfigurationError: with every fault.
    """
    from fla_gateway import profiles  # noqa: PLC0415 - heavy, see the head
    from fla_gateway.catalog.load import load as load_catalogue  # noqa: PLC0415
    from fla_gateway.config.load import load  # noqa: PLC0415

    catalogue = load_catalogue()
    settings = load(path, further=[lambda configuration: profiles.faults(configuration, catalogue)])
    configuration = settings.configuration
    warnings = (*settings.warnings, *profiles.warnings(configuration, catalogue))
    return Configured(settings, profiles.resolve(configuration, catalogue), warnings)
