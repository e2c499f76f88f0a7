"""Build hook: compiles the data path with mypyc where ``FLA_GATEWAY_COMPILE=1`` asks for it.

Owns how such a wheel differs: a shared library beside each module of ``[tool.fla-gateway] compiled``, one that has the
code of all of them, and the tag of the platform. Refuses to know which modules are worth it (`pyproject.toml`). Without
that variable, and for an editable installation, nothing is different. A wheel also has the commit that it was built
from, for ``--version``: of the checkout, or of the variable ``FLA_GATEWAY_COMMIT``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Final

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ASKED: Final = "FLA_GATEWAY_COMPILE"
_COMMIT: Final = "FLA_GATEWAY_COMMIT"
_LIBRARY: Final = "fla_gateway.compiled"
"""Beginning of the shared library's name. The one that mypyc would choose depends on the list of modules."""
_OPTIMIZATION: Final = "2"
_CODE_GENERATION: Final = (
    # Its functions call each other directly, and may be put into each other: only the modules' own are exported.
    "-fvisibility=hidden", "-fno-semantic-interposition", "-fno-plt",
    # What mypyc calls unlikely, mostly the ways of exceptions, is kept apart from what runs for each request.
    "--param", "builtin-expect-probability=100",
)  # fmt: skip
"""What fits into the processor's cache counts for more than a loop that is unrolled (docs/performance.md)."""


class CompileHook(BuildHookInterface[BuilderConfig]):
    """Adds the compiled modules to a wheel."""

    def dependencies(self) -> list[str]:
        """Return what an isolated build needs besides: the compiler, and the libraries whose types it reads."""
        if not _asked():
            return []
        pyproject = self._pyproject()
        return [*pyproject["dependency-groups"]["compile"], *pyproject["project"]["dependencies"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Note the commit, and where it is asked for, compile and add the libraries to the wheel."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="fla-gateway-build-")
        folder = Path(self._folder.name)
        if commit := _commit(self.root):
            (folder / "commit.txt").write_text(f"{commit}\n")
            build_data["force_include"][str(folder / "commit.txt")] = "fla_gateway/commit.txt"
        if not _asked():
            return
        for library in _compiled(self._modules(), folder):
            build_data["force_include"][str(library)] = library.relative_to(folder / "lib").as_posix()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Remove what was made beside the wheel."""
        if version != "editable":
            self._folder.cleanup()

    def _pyproject(self) -> dict[str, Any]:
        return tomllib.loads((Path(self.root) / "pyproject.toml").read_text())

    def _modules(self) -> list[str]:
        """Return the files of the modules, relative to the project.

        Raises:
            FileNotFoundError: one is listed that does not exist.
        """
        modules = [f"{it.replace('.', '/')}.py" for it in self._pyproject()["tool"]["fla-gateway"]["compiled"]]
        missing = [it for it in modules if not (Path(self.root) / it).is_file()]
        if missing:
            raise FileNotFoundError(f"[tool.fla-gateway] compiled names what does not exist: {', '.join(missing)}")
        return modules


def _commit(root: str) -> str:
    """Return the commit that is built: that of the variable, of the checkout, or none."""
    named = os.environ.get(_COMMIT)
    if named is not None:
        return named
    if not (Path(root) / ".git").exists():
        return ""
    command = ["git", "-C", root, "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return ""


def _asked() -> bool:
    return os.environ.get(_ASKED) == "1"


def _compiled(modules: list[str], folder: Path) -> list[Path]:
    """Compile and link; return the shared libraries, below ``folder/lib``.

    A wheel that was asked to be compiled is so, or is not built: whatever is missing or fails is raised.
    """
    _check_compiler()
    try:
        # setuptools first: mypyc takes what is imported already, distutils otherwise.
        from setuptools import Distribution  # noqa: I001, PLC0415 - needed where it is asked for alone
        from mypyc.build import mypycify  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"{_ASKED}=1 needs mypyc and setuptools, and {error.name} is missing: install requirements/compile.txt and "
            "requirements/run.txt, or build without --no-build-isolation"
        ) from error

    # No cache: what it held before would show in the result. No paths and no debug symbols: as well.
    extensions = mypycify(
        [f"--cache-dir={os.devnull}", *modules],
        target_dir=str(folder / "c"),
        group_name=_LIBRARY,
        opt_level=_OPTIMIZATION,
        debug_level="0",
    )
    for extension in extensions:
        extension.extra_compile_args += [*_CODE_GENERATION, f"-ffile-prefix-map={folder}=."]
        extension.extra_link_args.append("-Wl,--strip-all")
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "o")
    command.parallel = os.cpu_count()  # libraries at a time; one has nearly all of the code
    command.ensure_finalized()
    command.run()
    return [Path(it) for it in command.get_outputs()]


def _check_compiler() -> None:
    """Find what is missing before mypyc has worked for half a minute.

    Raises:
        RuntimeError: the C compiler that setuptools would call, or Python's headers, are missing.
    """
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        raise RuntimeError(
            f"{_ASKED}=1 needs a C compiler: {compiler} is not found; "
            "on Debian and Ubuntu: apt-get install gcc libc6-dev"
        )
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.is_file():
        raise RuntimeError(
            f"{_ASKED}=1 needs Python's headers: {header} is not there; "
            "on Debian and Ubuntu: apt-get install python3-dev"
        )
