"""What `fla-gateway --version` prints: the version, and what it is built from and runs on.

Owns the lines, which are part of the public contract (docs/commands.md), and where the commit is found: in a file that
a build puts into the package, or beside it in a checkout. Refuses to start a program for it.
"""

from __future__ import annotations

import platform
import ssl
from pathlib import Path
from typing import Final

from fla_gateway import __version__
from fla_gateway.build_info import compiled_word

PACKAGE: Final = Path(__file__).parents[1]
COMMIT_FILE: Final = "commit.txt"
_UNKNOWN: Final = "unknown"
_DIGITS: Final = 12


def lines(program: str) -> list[str]:
    """Write the lines; the first has the version alone."""
    return [
        f"{program} {__version__}",
        f"compiled: {compiled_word()}",
        f"commit: {commit(PACKAGE)}",
        f"python: {platform.python_implementation()} {platform.python_version()}",
        f"openssl: {ssl.OPENSSL_VERSION}",
    ]


def commit(package: Path) -> str:
    """Find the commit that a package is of; a word if nothing says it."""
    try:
        found = (package / COMMIT_FILE).read_text("ascii")
    except (OSError, ValueError):
        found = _checked_out(package.parent)
    digits = found.strip()[:_DIGITS]
    return digits if digits and all(it in "0123456789abcdef" for it in digits) else _UNKNOWN


def _checked_out(root: Path) -> str:
    """Read the commit of a checkout (gitrepository-layout): HEAD, the branch that it names, loose or packed."""
    try:
        folder = root / ".git"
        if folder.is_file():
            # A further work tree: it has a HEAD of its own, and shares the branches.
            folder = root / folder.read_text("utf-8").partition("gitdir:")[2].strip()
        head = (folder / "HEAD").read_text("utf-8").strip()
        branch = head.partition("ref: ")[2]
        if not branch:
            return head
        shared = folder / "commondir"
        common = folder / shared.read_text("utf-8").strip() if shared.is_file() else folder
        if (common / branch).is_file():
            return (common / branch).read_text("utf-8")
        packed = (common / "packed-refs").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    return next((line.partition(" ")[0] for line in packed if line.endswith(f" {branch}")), "")
