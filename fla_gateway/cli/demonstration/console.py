"""The output of the demo: headings, curl lines, excerpts of answers, verdicts.

Owns the look of the output, in the language of the command, with colours on a terminal and without them elsewhere, and
the count of what went wrong. Refuses to know the scenario.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, TextIO

from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text
from fla_gateway.i18n.paragraphs import broken

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.output.background_output import BackgroundOutput

BOLD: Final = "1"
DIM: Final = "2"
GREEN: Final = "32"
RED: Final = "31"
CYAN: Final = "36"
WIDEST: Final = 100


class Console:
    """Speaks to a person at a terminal, or to a log."""

    def __init__(self, stream: TextIO | BackgroundOutput) -> None:
        self._stream = stream
        self._colours = stream.isatty()
        self._width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
        self.failures = 0

    def heading(self, title: str, why: str) -> None:
        """Begin a step: what happens, and why it matters."""
        self._say("")
        self._say(self._paint(shown(title), BOLD))
        self.say(why)

    def say(self, text: str) -> None:
        """Say a paragraph."""
        for line in broken(shown(text), self._width - 3):
            self._say(f"   {line}")

    def command(self, line: str) -> None:
        """Show a line to paste, never wrapped."""
        self._say("   " + self._paint(f"$ {line}", CYAN))

    def excerpt(self, *lines: str) -> None:
        """Show a part of an answer."""
        for line in lines:
            self._say("     " + self._paint(shown(line), DIM))

    def verdict(self, good: bool, sentence: str) -> bool:  # noqa: FBT001 - the verdict is what it is about
        """Say whether something behaved, and count it if not."""
        self.failures += not good
        mark = self._paint("ok", GREEN) if good else self._paint(shown(Text("FAILED")), RED)
        self._say(f"   {mark}  {shown(sentence)}")
        return good

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
