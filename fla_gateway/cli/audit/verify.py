"""`fla-gateway audit verify`: is the journal whole and unchanged?

Owns what is printed of the verdict, and how much is claimed. Refuses to repair anything.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.journal_options import add_journal, directory_of
from fla_gateway.cli.output.language import shown, two_columns
from fla_gateway.i18n.message import Plural, Text

if TYPE_CHECKING:  # `--help` must not wait for it
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

PROVES: Final = Text(
    "This shows that no line before the last was damaged, changed, removed or put in, unless every later line was "
    "written anew as well."
)
PROVES_NOT: Final = Text(
    "It does not exclude that everything was rewritten, the last line changed, or the end cut off: for that, keep the "
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
    from fla_gateway.journal.reader.segments import segment_files, segment_reader  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.verification import verify  # noqa: PLC0415 - as above

    directory = directory_of(arguments)
    foreign = segment_files.foreign_files_of(directory)
    verdict = verify(segment_reader.read_blocks(directory, segment_files.segments_of(directory)), arguments.head)
    print("\n".join(verdict_lines(verdict, foreign, directory)))
    return FINDINGS if verdict.count + len(foreign) else WELL


def verdict_lines(verdict: Verdict, misnamed: Sequence[str], directory: Path | None = None) -> Iterator[str]:
    """Write what was found, and how much that proves, in the language that is spoken.

    Args:
        verdict: of a whole journal.
        misnamed: names in its directory that are like those of segments.
        directory: of the journal, if it is to be named.
    """
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - `--help` need not know

    where = () if directory is None else ((Text("journal"), str(directory)),)
    yield from two_columns([*where, *_facts(verdict)], _WIDTH)
    for head, anchor in verdict.anchors.items():
        yield f"--head {head}:\n  {shown(_vouched(anchor))}"
    for name in misnamed:
        yield shown(Text("finding: {name}: is named like a segment and is none", name=printable(name)))
    for place, message in verdict.findings:
        if place.file:
            yield shown(Text("finding: {place}: {message}", place=printable(str(place)), message=message))
        else:
            yield shown(Text("finding: {message}", message=message))
    yield from map(shown, _verdict(verdict.count + len(misnamed), len(verdict.findings) + len(misnamed)))


def _facts(verdict: Verdict) -> Iterator[tuple[Text, str]]:
    first, last = verdict.files
    segments = Text("{count} ({first} to {last})", count=verdict.segments, first=first, last=last)
    yield Text("segments"), segments if verdict.segments else "0"
    records = Text("{count} (seq {first} to {last})", count=verdict.records, first=verdict.first_seq, last=verdict.seq)
    yield Text("records"), records if verdict.records else "0"
    if verdict.records:
        yield Text("time"), Text("{begin} to {end}", begin=verdict.times[0], end=verdict.times[1])
        yield Text("beginning"), _beginning(verdict)
    for repair in verdict.repairs:
        time, cut = _strings(repair, "time", "bytes")
        yield Text("repair"), Text("{time}: {cut} bytes of a torn last line were cut off", time=time, cut=cut)
    for loss in verdict.losses:
        yield Text("trouble"), _trouble(loss)
    if verdict.torn:
        size = verdict.torn.size
        yield (
            Text("last line"),
            Text("{size} bytes without a line break: being written, or cut off by a crash", size=size),
        )
    if verdict.left:
        left = Text(
            "{count} at the end of other segments: never written whole, and not in the chain", count=verdict.left
        )
        yield Text("torn lines"), left
    for gap in verdict.gaps:
        unknown = Text(
            "unknown for seq {first} to {last}: what was in doubt there cannot be said", first=gap.first, last=gap.last
        )
        yield Text("doubts"), unknown
    if verdict.records:
        yield Text("head"), verdict.head


def _trouble(loss: Mapping[str, Any]) -> Text:
    since, time, intents, outcomes = _strings(loss, "since", "time", "intents", "outcomes")
    return Text(
        "{since} to {time}: could not be written or forced to the disk; "
        "{intents} intents and {outcomes} outcomes are missing",
        since=since,
        time=time,
        intents=intents,
        outcomes=outcomes,
    )


def _strings(members: Mapping[str, Any], *names: str) -> Iterator[str]:
    return (str(members.get(name)) for name in names)


def _beginning(verdict: Verdict) -> Text:
    if not verdict.beginning_removed:
        return Text("there: the journal starts with its first record")
    number, seq = verdict.first_segment - 1, verdict.first_seq - 1
    if verdict.accounted:
        return Text(
            "segments up to {number} are removed (seq up to {seq}), as retention recorded; what was in doubt there is "
            "no longer known",
            number=number,
            seq=seq,
        )
    return Text(
        "segments up to {number} are removed (seq up to {seq}), and retention did not record it so",
        number=number,
        seq=seq,
    )


def _vouched(anchor: Anchor) -> Text:
    seq, time, place = anchor.seq, anchor.time, str(anchor.place)
    if not place:
        return Text("the last record before the beginning (seq {seq}), removed; what follows is chained to it", seq=seq)
    if anchor.broken:
        return Text(
            "record {seq} of {time} ({place}); the chain is broken before it, so that it vouches only for what follows "
            "the last break",
            seq=seq,
            time=time,
            place=place,
        )
    return Text(
        "record {seq} of {time} ({place}); everything up to it is unchanged since this head was noted",
        seq=seq,
        time=time,
        place=place,
    )


def _verdict(count: int, named: int) -> Iterator[Text]:
    if not count:
        yield from (Text("all well"), PROVES, PROVES_NOT)
        return
    if count > named:
        yield Text("and {count} more", count=count - named)
    yield Plural("{count} finding", "{count} findings", count=count)
    yield Text(
        "Copy the journal before anything else, and change nothing in it; docs/operations.md says what comes next."
    )


def _head(text: str) -> str:
    if _HEAD.fullmatch(text.lower()) is None:
        raise argparse.ArgumentTypeError(
            shown(Text("must be 64 hexadecimal digits, as `audit verify` and the log show a head"))
        )
    return text.lower()
