"""Completion of the command line for bash and zsh, made by shtab; what is in the package is compared with it.

`python -m tests.support.completion` writes both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

import fla_gateway
from fla_gateway.cli.main import PROGRAM, build_parser

FOLDER = Path(fla_gateway.__file__).parent / "completion"
FILES = {"bash": FOLDER / PROGRAM, "zsh": FOLDER / f"_{PROGRAM}"}
_KINDS = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}


def made(shell: str) -> str:
    """Write the completion for a shell."""
    parser = build_parser()
    _complete_files(parser)
    return str(shtab.complete(parser, shell=shell)).rstrip() + "\n"


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Let a value that is a file or folder be completed as one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                _complete_files(own)
        elif isinstance(action.metavar, str) and action.metavar in _KINDS:
            action.complete = _KINDS[action.metavar]  # type: ignore[attr-defined]  # shtab reads it there


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for shell, path in FILES.items():
        path.write_text(made(shell), encoding="utf-8")
