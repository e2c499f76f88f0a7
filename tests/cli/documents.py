"""The command line as its documents have to show it, taken from the program.

`python -m tests.cli.documents` prints both texts, ready to be pasted.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache

from fla_gateway.cli.main import build_parser
from fla_gateway.cli.output.language import OPTION_HELP

README_BEGIN = "<!-- commands:begin -->"
README_END = "<!-- commands:end -->"


@cache
def command_parsers() -> dict[str, argparse.ArgumentParser]:
    """Give each command's own parser by its name, as it is typed, in the program's order."""
    return {name: parser for name, (parser, _) in _commands(build_parser()).items()}


def summaries() -> dict[str, str]:
    """Give each command's summary."""
    return {name: summary for name, (_, summary) in _commands(build_parser()).items()}


def _commands(parser: argparse.ArgumentParser, before: str = "") -> dict[str, tuple[argparse.ArgumentParser, str]]:
    found: dict[str, tuple[argparse.ArgumentParser, str]] = {}
    for choices in (action for action in parser._actions if isinstance(action, argparse._SubParsersAction)):
        for choice in choices._choices_actions:
            own = choices.choices[choice.dest]
            members = _commands(own, f"{before}{choice.dest} ")
            found.update(members or {f"{before}{choice.dest}": (own, choice.help or "")})
    return found


def argument_rows(parser: argparse.ArgumentParser) -> list[str]:
    """Write a table row for everything that a command takes, but for --help, --debug and --lang, which all take."""
    return [
        _row(action)
        for action in parser._actions
        if action.dest not in {"help", "debug"} and action.help != OPTION_HELP
    ]


def _row(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    values = [value] if isinstance(value, str) else list(value)
    words = " ".join([", ".join(action.option_strings), *values]).strip()
    if action.choices:
        words += f" ({', '.join(map(str, action.choices))})"
    return f"| `{words}` | {(action.help or '').replace('%(default)s', str(action.default)).replace('%%', '%')} |"


def readme_block() -> str:
    """Write the README's list of commands, with its marks."""
    rows = [f"| `fla-gateway {name}` | {summary} |" for name, summary in summaries().items()]
    return "\n".join([README_BEGIN, "| command | what it does |", "|---|---|", *rows, README_END])


@cache
def command_sections() -> dict[str, str]:
    """Write for each command the part of docs/commands.md that has to be there word for word."""
    table = ["| argument | meaning |", "|---|---|"]
    return {
        name: "\n".join(
            [f"## fla-gateway {name}", "", f"{_sentence(summaries()[name])}", "", *table, *argument_rows(parser)]
        )
        for name, parser in command_parsers().items()
    }


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


if __name__ == "__main__":
    sys.stdout.write("\n\n".join([readme_block(), *command_sections().values()]) + "\n")
