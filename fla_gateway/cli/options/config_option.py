"""What the commands share that read a configuration: the option.

Owns the default path. Refuses to read; `runtime.composition.resolved_config` does, and is imported by a command only
when it runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

DEFAULT_FILE: Final = Path("config/gateway.toml")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config FILE``."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=DEFAULT_FILE,
        help=f"the configuration (default: {DEFAULT_FILE})",
    )
