"""Adapter: standard input, output and error as a command finds them: closed, full, read-only, in any encoding.

Owns that a command can always print, and what becomes of an output that cannot be written. Refuses to know what is
printed. Imports nothing heavy, since every command passes here first.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, Final, TextIO

from fla_gateway.cli.exit_codes import WELL, WRONG_USE

_NAMES: Final = ("stdin", "stdout", "stderr")


class _Output(io.FileIO):
    """Standard output that remembers a failure: the layers above drop what they could not write, and succeed then."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:  # the library has Buffer, which has no name before Python 3.12
        """Write, and remember why not."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


def occupy(*, lasting: bool = False) -> None:
    """Open /dev/null in the place of closed streams; comes before anything else is opened.

    Otherwise the next file or socket would get the number of a standard stream, and with it the lines meant for that.

    Args:
        lasting: whether the command serves until it is ended, and goes on without its output. Of any other the output
            is what it was started for: where that was closed, writing to it fails as it does with other programs.
    """
    for number, name in enumerate(_NAMES):
        _open_missing(number, os.O_RDONLY if name == "stdout" and not lasting else os.O_RDWR)


def prepare() -> None:
    """Give Python the streams that it found closed, and have them replace what their encoding does not know."""
    occupy()
    for number, name in enumerate(_NAMES):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115 - for good
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "w", closefd=False)),
        encoding=sys.stdout.encoding,
        errors="backslashreplace",
        line_buffering=sys.stdout.isatty(),
    )
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        # As in the arguments: what is read judges it, so that a letter of another encoding ends no conversation.
        sys.stdin.reconfigure(errors="surrogateescape")


def complain(text: str) -> None:
    """Print to standard error, if it can be written, in the language of the command."""
    from fla_gateway.cli.output.language import shown  # noqa: PLC0415 - see the head

    with contextlib.suppress(OSError, ValueError):
        print(shown(text), file=sys.stderr, flush=True)


def close_output(code: int, program: str) -> int:
    """Flush standard output and error, so that the interpreter has nothing to complain of at its end.

    Args:
        code: exit code so far.
        program: name for a message.

    Returns:
        The code; 0 if the reader has gone away, which is no fault (`fla-gateway catalog | head`); 2 if standard output
        cannot be written.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    failure = output_failure()
    if failure is not None:
        _discard(sys.stdout)
        code = WELL
        if not isinstance(failure, BrokenPipeError):
            from fla_gateway.i18n.message import Text  # noqa: PLC0415 - see the head

            reason = failure.strerror or type(failure).__name__
            complain(Text("{program}: standard output cannot be written: {reason}", program=program, reason=reason))
            code = WRONG_USE
    try:
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)
    return code


def record_failure(error: OSError) -> None:
    """Note an error that standard output met where it was written by other means than `sys.stdout`."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.failure = error


def output_failure() -> OSError | None:
    """Give the error that standard output met since `prepare`, if any."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, _Output) else None


def _open_missing(number: int, mode: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        # The numbers below are taken, so this one is what open(2) gives.
        try:
            found = os.open(os.devnull, mode)
        except OSError:
            # No /dev: whatever it is, it is no socket, and what is written to it is refused.
            found = os.open("/", os.O_RDONLY)
        os.set_inheritable(found, True)  # noqa: FBT003 - as the library has it


def _discard(stream: TextIO) -> None:
    """Let what is still buffered go to /dev/null."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
    with contextlib.suppress(OSError):
        stream.flush()
