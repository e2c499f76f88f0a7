"""`fla-gateway audit verify`: is the journal whole and unchanged?

Owns what is printed of the verdict, and how much is claimed. Refuses to repair anything.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import add_journal, directory_of
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:
    from fla_gateway.journal.reader.verification import Anchor, Verdict

SUMMARY: Final = Text("check that the journal is whole and unchanged")
DESCRIPTION: Final = Text(
    """\
Follow the journal's chain from end to end: each line carries the hash of the one before. Damage and careless change
are found. Who can rewrite every file can make a chain that holds: against that only a head kept elsewhere helps. Give
it with --head, and the command says whether everything up to it is still what it was.

Exit code 0: all well; 1: findings, each with file and line.

examples:
  fla-gateway audit verify
  fla-gateway audit verify --journal /var/lib/fla-gateway/journal
  fla-gateway audit verify --head 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"""
)

PROVES: Final = (
    "This shows that no line before the last was damaged, changed, removed or put in, unless somebody also wrote every "
    "later line anew."
)
PROVES_NOT: Final = (
    "It does not show that nobody rewrote everything, changed the last line or cut off the end: for that, keep the "
    "head elsewhere and give it with --head."
)

_WIDTH: Final = 10
_HEAD: Final = re.compile(r"[0-9a-f]{64}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_journal(parser)
    parser.add_argument(
        "--head",
        metavar="HASH",
        type=_head,
        action="append",
        default=[],
        help=Text("a head that was kept elsewhere: is everything up to it unchanged? May be repeated"),
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify and print."""
    from fla_gateway.journal.reader import segment_reader  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.verification import verify  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    directory = directory_of(arguments)
    strangers = segment_reader.strangers_of(directory)
    verdict = verify(segment_reader.read_segments(directory, segment_reader.segments_of(directory)), arguments.head)
    print(f"{'journal':<{_WIDTH}} {printable(str(directory))}")
    print("\n".join(verdict_lines(verdict, strangers)))
    return FINDINGS if verdict.count + len(strangers) else WELL


def verdict_lines(verdict: Verdict, misnamed: Sequence[str]) -> Iterator[str]:
    """Write what was found, and how much that proves.

    Args:
        verdict: of a whole journal.
        misnamed: names in its directory that are like those of segments.
    """
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - `--help` need not know

    for label, text in _facts(verdict):
        yield f"{label:<{_WIDTH}} {printable(text)}"
    for head, anchor in verdict.anchors.items():
        yield f"--head {head}:\n  {_vouched(anchor)}"
    for name in misnamed:
        yield f"finding: {printable(name)}: is named like a segment and is none"
    for place, message in verdict.findings:
        yield f"finding: {printable(str(place))}: {message}" if place.file else f"finding: {message}"
    yield from _verdict(verdict.count + len(misnamed), len(verdict.findings) + len(misnamed))


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    first, last = verdict.files
    yield "segments", f"{verdict.segments} ({first} to {last})" if verdict.segments else "0"
    yield "records", f"{verdict.records} (seq {verdict.first_seq} to {verdict.seq})" if verdict.records else "0"
    if verdict.records:
        yield "time", " to ".join(verdict.times)
        yield "beginning", _beginning(verdict)
    for repair in verdict.repairs:
        yield "repair", f"{repair['time']}: {repair.get('bytes')} bytes of a torn last line were cut off"
    for loss in verdict.losses:
        lost = f"{loss.get('intents')} intents and {loss.get('outcomes')} outcomes are missing"
        yield "trouble", f"{loss.get('since')} to {loss['time']}: could not be written or forced to the disk; {lost}"
    if verdict.torn:
        yield "last line", f"{verdict.torn.size} bytes without a line break: being written, or cut off by a crash"
    if verdict.left:
        yield "torn lines", f"{verdict.left} at the end of other segments: never written whole, and not in the chain"
    for gap in verdict.gaps:
        yield "doubts", f"unknown for seq {gap.first} to {gap.last}: what was in doubt there cannot be said"
    if verdict.records:
        yield "head", verdict.head


def _beginning(verdict: Verdict) -> str:
    if not verdict.beginning_removed:
        return "there: the journal starts with its first record"
    gone = f"segments up to {verdict.first_segment - 1} are removed (seq up to {verdict.first_seq - 1})"
    if verdict.accounted:
        return f"{gone}, as retention recorded; what was in doubt there is no longer known"
    return f"{gone}, and retention did not record it so"


def _vouched(anchor: Anchor) -> str:
    if not anchor.place.file:
        return f"the last record before the beginning (seq {anchor.seq}), removed; what follows is chained to it"
    which = f"record {anchor.seq} of {anchor.time} ({anchor.place})"
    if anchor.broken:
        return f"{which}; the chain is broken before it, so that it vouches only for what follows the last break"
    return f"{which}; everything up to it is unchanged since this head was noted"


def _verdict(count: int, shown: int) -> Iterator[str]:
    if not count:
        yield from ("all well", PROVES, PROVES_NOT)
        return
    if count > shown:
        yield f"and {count - shown} more"
    yield f"{count} {'finding' if count == 1 else 'findings'}"


def _head(text: str) -> str:
    if _HEAD.fullmatch(text.lower()) is None:
        raise argparse.ArgumentTypeError("must be 64 hexadecimal digits, as `audit verify` and the log show a head")
    return text.lower()
