"""Adapter: how `--help` breaks its lines.

Owns that no path, name of a command or option is broken at a hyphen: it could not be copied. Refuses to know the texts.
"""

from __future__ import annotations

import argparse


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Leaves descriptions as they are written, as the class above does, and breaks the other texts at blanks alone."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap  # noqa: PLC0415 - only `--help` needs it

        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False, break_long_words=False)
