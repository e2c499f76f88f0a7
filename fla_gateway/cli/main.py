"""The command line: finds the command, runs it, ends the process.

Owns the list of commands, and which exit code an error has. Refuses to know what a command does; each has a file of its
own, imported only when it is called, so that `run` starts quickly. Its head imports as little as can be: until `main`
has begun, the same user can open the process's memory.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, Protocol, cast

from fla_gateway import __version__
from fla_gateway.cli.exit_codes import IN_USE, INTERNAL, INTERRUPTED, WELL, WRONG_USE
from fla_gateway.cli.language_option import LANGUAGES, OPTION, split
from fla_gateway.cli.output import standard_streams

if TYPE_CHECKING:  # each of them takes time that `--version` has not
    import argparse
    from collections.abc import Sequence
    from types import ModuleType

    from fla_gateway.i18n.message import Text

    Choices = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names the type nowhere else

PROGRAM: Final = "fla-gateway"
COMMANDS: Final = (
    "run", "check", "status", "reload", "drain", "quit", "healthcheck", "token", "doctor", "try",
    "catalog", "sandbox", "demo", "init", "chaman",
    "caller new", "cert new", "cert inspect", "cert export", "cert renew", "cert try", "cert switch",
    "cert finish", "cert calendar", "admin new", "alert test",
    "audit show", "audit settle", "audit find", "audit match", "audit report",
    "audit verify", "audit export", "audit dossier",
    "policy suggest", "schema",
)  # fmt: skip
"""Each as it is typed; the words are also the path of its file. A first word that several share is a group."""
_LAST_THREADS_SECONDS: Final = 0.1
READ_KEYS: Final = ("run", "check", "token", "doctor", "try", "cert", "init", "alert")
"""First words of those that read or make private keys, or read passwords."""


class Group(Protocol):
    """What a package of this package offers to be the first word of commands."""

    SUMMARY: Text


class Command(Protocol):
    """What a file of this package offers to be a command. Its head imports nothing heavy; `run` does."""

    SUMMARY: Text
    DESCRIPTION: Text

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return an exit code."""
        ...


_LASTING: Final = frozenset({"run", "sandbox", "demo"})


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    words = sys.argv[1:]
    first = _first_word(split(words)[1])
    # libffi, which ctypes needs for the next step, keeps a file open: it must not get the number of a closed stream.
    standard_streams.occupy(lasting=first in _LASTING)
    if first == "run":
        from fla_gateway.system.early_signals import handle_early_signals  # noqa: PLC0415 - others end as usual

        handle_early_signals()
    if first in READ_KEYS:
        from fla_gateway.system.process_hardening import undumpable  # noqa: PLC0415 - others need it not

        undumpable()
    standard_streams.prepare()
    try:
        code = execute(words)
    except SystemExit as end:  # from argparse
        code = end.code if isinstance(end.code, int) else WRONG_USE
    _end(standard_streams.close_output(code, PROGRAM))


def _end(code: int) -> None:
    """End the process, whatever its threads do: one that waits for a name server or a disk may do so for minutes."""
    import threading  # noqa: PLC0415 - see the head

    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(_LAST_THREADS_SECONDS)
            if thread.is_alive():
                os._exit(code)
    sys.exit(code)


def execute(words: Sequence[str]) -> int:
    """Run one command line.

    Args:
        words: the arguments, without the program's name.

    Returns:
        The exit code.

    Raises:
        SystemExit: from argparse, for ``--help``, ``--version`` (0) and wrong use (2).
    """
    from fla_gateway.system.deferred_import import deferred  # noqa: PLC0415 - as above

    with deferred("ntpath", "tokenize"):  # of pathlib, for Windows; of inspect, for the source of a class
        from fla_gateway.cli.output.language import speak, spoken_in, translate_help  # noqa: PLC0415 - as above
        from fla_gateway.errors import ConfigurationError, GatewayError, InUseError  # noqa: PLC0415 - see the head
        from fla_gateway.i18n.catalogues import spoken  # noqa: PLC0415 - as above

    language, words = split(words)
    speak(spoken(language) if language else spoken_in(os.environ))
    words = _asked_for_help(words)
    if words[:1] in (["--version"], ["-V"]):
        from fla_gateway.cli.output.language import say  # noqa: PLC0415 - see the head
        from fla_gateway.cli.version import lines  # noqa: PLC0415 - as above

        say(*lines(PROGRAM))
        raise SystemExit(WELL)
    with deferred("bz2", "lzma"):  # shutil, which gives argparse the width of the terminal, looks whether they exist
        parser = build_parser(_wanted(words))
    translate_help(parser)
    arguments = _parsed(parser, words)
    arguments.lang = language or None
    try:
        return _command(arguments.command).run(arguments)
    except ConfigurationError as error:
        for fault in error.faults:
            standard_streams.complain(fault.located)
        return IN_USE if isinstance(error, InUseError) else WRONG_USE
    except GatewayError as error:
        standard_streams.complain(error.text)
        return WRONG_USE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last handler: whatever reaches it is a fault of the program
        if standard_streams.output_failure() is not None:
            return WELL  # a consequence of it; what it means is decided where the output is closed
        return _confess(error, debug=arguments.debug)


def _parsed(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse the words. A command or option that does not exist is an error with the one that is nearest."""
    if OPTION not in words[:1] and not _begins_with_a_command(words):
        from fla_gateway.cli import mistyped  # noqa: PLC0415 - rarely needed

        _complain(parser, mistyped.mistaken_option(words, mistyped.options_of(parser)))
        _complain(parser, mistyped.mistaken_command(words, COMMANDS, PROGRAM))
    arguments, left = parser.parse_known_args(words)
    if left:
        from fla_gateway.cli import mistyped  # noqa: PLC0415 - rarely needed

        own = mistyped.parser_of(parser, arguments.command)
        _complain(own, mistyped.left_over(left, mistyped.options_of(own)))
    return arguments


def _begins_with_a_command(words: Sequence[str]) -> bool:
    return bool(words) and (words[0] in COMMANDS or " ".join(words[:2]) in COMMANDS)


def _complain(parser: argparse.ArgumentParser, mistake: Text | None) -> None:
    from fla_gateway.cli.output.language import shown  # noqa: PLC0415 - see the head

    if mistake is not None:
        parser.error(shown(mistake))


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Build the parser for some commands: all of them for the overview, one for the start of that one."""
    import argparse  # noqa: PLC0415 - see the head

    from fla_gateway.cli.output.help_formatter import HelpFormatter  # noqa: PLC0415 - as above
    from fla_gateway.cli.overview import DESCRIPTION, EPILOG  # noqa: PLC0415 - as above
    from fla_gateway.i18n.message import Sentence, Text  # noqa: PLC0415 - as above

    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=HelpFormatter
    )
    parser.add_argument(
        "-V",
        "--version",
        action="version",
        version=f"{PROGRAM} {__version__}",
        help=Text("print the version, and what it runs on"),
    )
    _add_language(parser)
    _add_debug(parser, default=False)
    commands = _add_choices(parser)
    groups: dict[str, Choices] = {}
    for name in names:
        group, _, word = name.rpartition(" ")
        if group and group not in groups:
            summary = cast("Group", _load(group)).SUMMARY  # by the name of its module alone
            groups[group] = _add_choices(
                commands.add_parser(group, help=summary, description=Sentence("{summary}", summary=summary))
            )
        _add_command(groups[group] if group else commands, word, name)
    return parser


def _add_choices(parser: argparse.ArgumentParser) -> Choices:
    from fla_gateway.i18n.message import Text  # noqa: PLC0415 - see the head

    return parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title=Text("commands"))


def _add_command(choices: Choices, word: str, name: str) -> None:
    import argparse  # noqa: PLC0415 - see the head

    from fla_gateway.cli.output.help_formatter import HelpFormatter  # noqa: PLC0415 - as above

    command = _command(name)
    own = choices.add_parser(
        word,
        help=command.SUMMARY,
        description=command.DESCRIPTION,
        formatter_class=HelpFormatter,
    )
    command.add_arguments(own)
    # argparse would remember the last word alone.
    own.set_defaults(command=name)
    if OPTION not in own._option_string_actions:  # noqa: SLF001 - `chaman` explains it otherwise
        _add_language(own)
    # Without a default here, so that `--debug` before the command is not forgotten.
    _add_debug(own, default=argparse.SUPPRESS)


def _add_language(parser: argparse.ArgumentParser) -> None:
    """Have the option among those of a parser; its value is taken before (`language_option`)."""
    from fla_gateway.cli.output.language import OPTION_HELP  # noqa: PLC0415 - see the head

    parser.add_argument(OPTION, choices=LANGUAGES, help=OPTION_HELP)


def _add_debug(parser: argparse.ArgumentParser, default: object) -> None:
    from fla_gateway.i18n.message import Text  # noqa: PLC0415 - see the head

    parser.add_argument(
        "--debug", action="store_true", default=default, help=Text("after an internal error, show where it happened")
    )


def _wanted(words: Sequence[str]) -> Sequence[str]:
    """Name the commands whose files are needed to understand the words."""
    first = _first_word(words)
    return [name for name in COMMANDS if name.split()[0] == first] or COMMANDS


def _asked_for_help(words: Sequence[str]) -> Sequence[str]:
    """Take `help` and `help COMMAND` for what they mean."""
    return [*words[1:], "--help"] if words[:1] == ["help"] else words


def _first_word(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")


def _load(name: str) -> ModuleType:
    import importlib  # noqa: PLC0415 - see the head
    import keyword  # noqa: PLC0415 - see the head

    # A module cannot be called as a word of Python is: `cert try` is in `cert/try_.py`.
    words = (f"{word}_" if keyword.iskeyword(word) else word for word in name.split())
    return importlib.import_module(".".join(["fla_gateway.cli", *words]))


def _command(name: str) -> Command:
    return cast("Command", _load(name))  # by the name of its module alone


def _confess(error: Exception, *, debug: bool) -> int:
    """Say that the program is at fault, without the error's message, which may quote what was being read."""
    from fla_gateway.i18n.message import Text  # noqa: PLC0415 - see the head
    from fla_gateway.observe.logs.stack_trace import trace_lines  # noqa: PLC0415 - only needed when all is lost

    standard_streams.complain(
        Text(
            "{program}: internal error ({kind}); this is a fault of the program. "
            "Please report it to the project with the output of the same command with --debug",
            program=PROGRAM,
            kind=type(error).__name__,
        )
    )
    if debug:
        standard_streams.complain("\n".join(trace_lines(error)))
    return INTERNAL
