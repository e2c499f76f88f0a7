"""The command line: finds the command, runs it, ends the process.

Owns the list of commands and the exit codes: 0 well, 1 findings, 2 wrong use or configuration, 70 internal. Refuses
to know what a command does; each has a file of its own, imported only when it is called, so that `run` starts
quickly.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Final, Protocol, cast

from fla_gateway import __version__
from fla_gateway.cli.exits import INTERNAL, INTERRUPTED, WELL, WRONG_USE
from fla_gateway.errors import GatewayError

if TYPE_CHECKING:
    Choices = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names the type nowhere else

PROGRAM: Final = "fla-gateway"
COMMANDS: Final = (
    "run", "check", "token", "catalog", "sandbox", "demo", "caller new",
    "audit show", "audit verify", "audit export", "policy suggest",
)  # fmt: skip
"""Each as it is typed; the words are also the path of its file. A first word that several share is a group."""

DESCRIPTION: Final = """\
A credential sidecar for the REST APIs of the Belgian social security: plain HTTP in, private_key_jwt and bearer out."""
EPILOG: Final = """\
examples:
  fla-gateway demo                     see it work, without an account
  fla-gateway check                    is my configuration right?
  fla-gateway run                      serve config/gateway.toml
  fla-gateway COMMAND --help           what a command takes, with examples

exit codes: 0 well, 1 findings, 2 wrong use or configuration, 70 internal error"""


class Group(Protocol):
    """What a package of this package offers to be the first word of commands."""

    SUMMARY: str


class Command(Protocol):
    """What a file of this package offers to be a command. Its head imports nothing heavy; `run` does."""

    SUMMARY: str
    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return an exit code."""
        ...


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    sys.exit(execute(sys.argv[1:]))


def execute(words: Sequence[str]) -> int:
    """Run one command line.

    Args:
        words: the arguments, without the program's name.

    Returns:
        The exit code.

    Raises:
        SystemExit: from argparse, for ``--help``, ``--version`` (0) and wrong use (2).
    """
    arguments = build_parser(_wanted(words)).parse_args(words)
    try:
        code = cast("Command", _load(arguments.command)).run(arguments)
        sys.stdout.flush()  # here, where a reader that has gone away can still be caught
    except BrokenPipeError:
        # `fla-gateway catalog | head`: the reader has seen enough. The interpreter would complain at its last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    except GatewayError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: whatever comes here is a fault of the program
        return _confess(error, debug=arguments.debug)
    return code


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Build the parser for some commands: all of them for the overview, one for the start of that one."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    _add_debug(parser, default=False)
    commands = _add_choices(parser)
    groups: dict[str, Choices] = {}
    for name in names:
        group, _, word = name.rpartition(" ")
        if group and group not in groups:
            summary = cast("Group", _load(group)).SUMMARY
            groups[group] = _add_choices(commands.add_parser(group, help=summary, description=_sentence(summary)))
        _add_command(groups[group] if group else commands, word, name)
    return parser


def _add_choices(parser: argparse.ArgumentParser) -> Choices:
    return parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")


def _add_command(choices: Choices, word: str, name: str) -> None:
    command = cast("Command", _load(name))
    own = choices.add_parser(
        word,
        help=command.SUMMARY,
        description=command.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(own)
    # argparse would remember the last word alone.
    own.set_defaults(command=name)
    # Without a default here, so that `--debug` before the command is not forgotten.
    _add_debug(own, default=argparse.SUPPRESS)


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _add_debug(parser: argparse.ArgumentParser, default: object) -> None:
    parser.add_argument(
        "--debug", action="store_true", default=default, help="after an internal error, show where it happened"
    )


def _wanted(words: Sequence[str]) -> Sequence[str]:
    """Name the commands whose files are needed to understand the words."""
    first = next((word for word in words if not word.startswith("-")), "")
    return [name for name in COMMANDS if name.split()[0] == first] or COMMANDS


def _load(name: str) -> ModuleType:
    return importlib.import_module(".".join(["fla_gateway.cli", *name.split()]))


def _confess(error: Exception, *, debug: bool) -> int:
    """Say that the program is at fault, without the error's message, which may quote what was being read."""
    from fla_gateway.observe.traces import trace_lines  # noqa: PLC0415 - only needed when all is lost

    print(
        f"{PROGRAM}: internal error ({type(error).__name__}); this is a fault of the program. "
        f"Please report it to the project with the output of the same command with --debug",
        file=sys.stderr,
    )
    if debug:
        print("\n".join(trace_lines(error)), file=sys.stderr)
    return INTERNAL
