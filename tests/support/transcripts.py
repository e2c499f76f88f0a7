"""Transcripts of `fla-gateway init` in three languages.

`python -m tests.support.transcripts` plays the runs on a terminal and writes what was seen between the marks of
docs/init-transcript.md and of its translations. What differs from run to run is written as an example.
"""

from __future__ import annotations

import os
import pty
import re
import secrets
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.translated_pages import note
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
BEGIN = "<!-- transcripts:begin -->"
END = "<!-- transcripts:end -->"
PAGES = {"en": "docs/init-transcript.md", "nl": "docs/nl/init-transcript.md", "fr": "docs/fr/init-transcript.md"}
CLIENT = "self_service_chaman_123456_98jdnvh63y"
_LOCALES = {"en": "C.UTF-8", "nl": "nl_BE.UTF-8", "fr": "fr_BE.UTF-8"}
_HOME = "/home/ann"


class Run(NamedTuple):
    """What one start of the program showed.

    Attributes:
        words: of its command line.
        text: what appeared, with what was typed.
        seconds: from its start to its end.
        code: its exit code.
    """

    words: str
    text: str
    seconds: float
    code: int


def played(folder: Path, language: str, words: Sequence[str], typed: Sequence[str] = ()) -> Run:
    """Start the program on a terminal and type an answer at each prompt.

    Args:
        folder: where the terminal is.
        language: of the terminal.
        words: of the command line.
        typed: the answers.
    """
    master, slave = pty.openpty()
    environ = {**os.environ, "LC_ALL": _LOCALES[language], "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    program = [sys.executable, "-m", "fla_gateway", *words]
    start = time.monotonic()
    process = subprocess.Popen(program, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environ)
    os.close(slave)
    answers, text, answered = list(typed), "", 0
    while (part := _part(master)) is not None:
        text += part
        if answers and text[answered:].endswith("> "):
            answered = len(text)
            os.write(master, f"{answers.pop(0)}\n".encode())
    code = process.wait(PATIENCE)
    os.close(master)
    return Run(f"fla-gateway {' '.join(words)}", text.replace("\r\n", "\n"), time.monotonic() - start, code)


def _part(master: int) -> str | None:
    if not select.select([master], [], [], PATIENCE)[0]:
        return None
    try:
        return os.read(master, 65_536).decode() or None
    except OSError:  # Linux says so when the program has ended
        return None


def first_hour(language: str, folder: Path) -> tuple[Run, ...]:
    """Play the sandbox, then an account of one's own up to the client id, and from it to the call."""
    return (
        played(folder, language, ["init", "--sandbox", "--directory", "first"], [""]),
        played(
            folder,
            language,
            ["init", "--directory", "own"],
            ["1", "", "Acme NV", "0123.456.749", "", "", "1", "1", "2", "1", "1", "", "", "", "payroll", "", "", ""],
        ),
        played(folder, language, ["init", "--directory", "own", "--client-id", CLIENT], [""]),
    )


def masked(text: str, folder: Path | None = None) -> str:
    """Write what differs from run to run as an example."""
    for found, written in (
        (str(folder), _HOME) if folder else ("", ""),
        (r"\b20(?:2[89]|3\d)-\d\d-\d\d\b", "2028-11-29"),
        (r"-20\d\d-\d\d\.cer", "-2028-11.cer"),
        (r"\b72\d\b|\b730\b", "729"),
        (r"\b[0-9a-f]{8}\.\.\.", "f4bc74f6..."),
        (r"\b127\.0\.0\.1:(?!8480\b)\d+", "127.0.0.1:8480"),
        (r" --(?:listen|control) \S+", ""),
        (r"[ \t]+\n", "\n"),
    ):
        text = re.sub(found, written, text) if found else text
    return text.strip()


def written(runs: Sequence[Run], folder: Path) -> str:
    """Write the runs for a page."""
    blocks = (f"```text\n$ {run.words}\n{masked(run.text, folder)}\n```" for run in runs)
    return f"{BEGIN}\n\n" + "\n\n".join(blocks) + f"\n\n{END}"


@contextmanager
def home() -> Iterator[Path]:
    """Make a folder whose path is as long as that of the example, so that lines are broken as there."""
    place = Path("/tmp") / secrets.token_hex(2)  # noqa: S108 - made here, for this user alone
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    for spoken, page in PAGES.items():
        with home() as place:
            seen = first_hour(spoken, place)
            path = ROOT / page
            before = path.read_text(encoding="utf-8")
            start, end = before.index(BEGIN), before.index(END) + len(END)
            path.write_text(before[:start] + written(seen, place) + before[end:], encoding="utf-8")
            figures = " ".join(f"{run.seconds:.1f} s (exit code {run.code})" for run in seen)
            sys.stdout.write(f"{page}: {figures}\n")
        if spoken != "en":
            note(path)
