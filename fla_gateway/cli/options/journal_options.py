"""What the commands share that read the journal: where it is, and which exchanges are wanted.

Owns the options. Refuses to read a line; `journal.reader.segments` does, and is imported by a command only when it
runs.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import JournalError
from fla_gateway.i18n.message import NOTHING, Plural, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.journal.format.segment_name import Segment
    from fla_gateway.journal.reader.exchange_history import History
    from fla_gateway.journal.reader.filters import Selection
    from fla_gateway.journal.reader.segments.block_filter import BlockFilter, Predicate
    from fla_gateway.journal.reader.segments.body_index import Repetitive
    from fla_gateway.journal.reader.segments.read_results import Wanted

# Far longer than an exchange may take by default (`gateway.timeouts.exchange`, 600 s): an intent that is older and has
# no outcome is in doubt, even if a gateway still runs.
_LONGEST_RUNNING = "1h"
_KEPT = 16 * 1024 * 1024
"""Bytes of freed memory that are used again: a journal is read in thousands of blocks of some hundred kilobytes."""


def add_journal(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config FILE`` and ``--journal DIR``."""
    add_config(parser)
    parser.add_argument(
        "--journal",
        metavar="DIR",
        type=Path,
        help=Text("directory of the journal, instead of [audit] path of --config"),
    )


def add_since(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Declare ``--since TIME``, with what is meant without one."""
    words = Text("; {default} without one", default=default) if default else NOTHING
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=_moment,
        default=default,
        help=Text("from: 2026-11-02, 2026-11-02T08:15 (UTC), 2h, 3d{words}", words=words),
    )


def add_until(parser: argparse.ArgumentParser) -> None:
    """Declare ``--until TIME``."""
    parser.add_argument(
        "--until", metavar="TIME", type=partial(_moment, ends=True), help=Text("until; a date includes its day")
    )


def add_caller_and_profile(parser: argparse.ArgumentParser) -> None:
    """Declare ``--caller NAME`` and ``--profile NAME``."""
    parser.add_argument("--caller", metavar="NAME", help=Text("only those of this caller"))
    parser.add_argument("--profile", metavar="NAME", help=Text("only those of this profile"))


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Declare what chooses exchanges by what they are, and not by what became known of them."""
    add_since(parser)
    add_until(parser)
    add_caller_and_profile(parser)
    parser.add_argument(
        "--outcome", metavar="WORD", type=_outcome, help=Text("only those that ended so, for example unknown")
    )
    parser.add_argument("--reference", metavar="TEXT", help=Text("only those with this text in Fla-Gateway-Reference"))


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Declare everything that `selection_of` takes."""
    add_filters(parser)
    parser.add_argument(
        "--in-doubt", action="store_true", help=Text("only changing requests whose outcome is not known")
    )
    parser.add_argument("--settled", action="store_true", help=Text("only those whose doubt a person has ended"))
    parser.add_argument("--id", metavar="UUID", type=identity, help=Text("only the one with this request id"))


def selection_of(arguments: argparse.Namespace) -> Selection:
    """Give the filters that the arguments state; a command need not take all of them."""
    from fla_gateway.journal.reader.filters import Selection  # noqa: PLC0415 - `--help` need not know

    given = vars(arguments)
    if given.get("local"):
        # What was typed is read again: the word may have come behind it.
        given = {name: it.local() if isinstance(it, Moment) else it for name, it in given.items()}
    since, until, caller, profile, outcome, reference, identity = (
        given.get(name) or "" for name in ("since", "until", "caller", "profile", "outcome", "reference", "id")
    )
    in_doubt, settled = given.get("in_doubt", False), given.get("settled", False)
    return Selection(since, until, caller, profile, outcome, reference, identity, in_doubt=in_doubt, settled=settled)


def directory_of(arguments: argparse.Namespace) -> Path:
    """Give the directory of the journal.

    Raises:
        ConfigurationError: the configuration is faulty.
        JournalError: it names no journal.
    """
    if arguments.journal is not None:
        return Path(arguments.journal)
    from fla_gateway.config.load import load  # noqa: PLC0415 - not needed with --journal

    path = config_of(arguments)
    audit = load(path).configuration.audit
    if audit is None:
        raise JournalError(
            Text(
                "{file} has no [audit] table, so that there is no journal (or name one with --journal)", file=path.name
            )
        )
    return audit.path


def history_of(
    directory: Path,
    since: str,
    predicate: Predicate | BlockFilter | Repetitive | None = None,
    follow: Callable[[Iterable[Wanted]], Iterable[Wanted]] | None = None,
) -> History:
    """Open a journal at the segment in which a time falls.

    Args:
        directory: of the journal.
        since: as the journal writes it; empty for all.
        predicate: what is wanted of it, so that the rest is passed over, or what chooses that; None for every line.
        follow: sees what is found before it is joined.

    Raises:
        JournalError: there is none.
    """
    from fla_gateway.journal.format.line_format import SETTLED  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.exchange_history import History  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.segments import segment_files, segment_reader  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.settlements import LateSettlements  # noqa: PLC0415 - as above
    from fla_gateway.system.allocator import keep_freed_memory  # noqa: PLC0415 - as above

    keep_freed_memory(_KEPT)
    every = segment_files.segments_of(directory)
    segments = _of_period(every, since)
    found = _found(directory, segments, predicate)
    found = found if follow is None else follow(found)
    whole = segments == every
    lives = partial(segment_files.is_written, directory)
    settlements = LateSettlements(lambda begun: segment_reader.lines_of_kind(directory, segments[begun:], SETTLED))
    return History(settlements.follow(found), lives, _moment(_LONGEST_RUNNING), whole=whole, settlements=settlements)


def _found(
    directory: Path, segments: tuple[Segment, ...], predicate: Predicate | BlockFilter | Repetitive | None
) -> Iterable[Wanted]:
    from fla_gateway.journal.reader.block_predicates import Everything  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.segments import segment_reader  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.segments.block_filter import BlockFilter  # noqa: PLC0415 - as above
    from fla_gateway.journal.reader.segments.body_index import Repetitive  # noqa: PLC0415 - as above

    if predicate is None or isinstance(predicate, Everything):
        return segment_reader.read_segments(directory, segments)
    if isinstance(predicate, Repetitive):
        return segment_reader.read_again(directory, predicate)
    if isinstance(predicate, BlockFilter):
        return segment_reader.read_filtered(directory, segments, predicate)
    return segment_reader.read_wanted(directory, segments, predicate)


def _of_period(segments: tuple[Segment, ...], since: str) -> tuple[Segment, ...]:
    from datetime import date  # noqa: PLC0415 - `--help` need not know

    from fla_gateway.journal.reader.segments import segment_files  # noqa: PLC0415 - as above

    return segment_files.since(segments, date.fromisoformat(since.partition("T")[0])) if since else segments


def report_shortfall(history: History, selection: Selection) -> bool:
    """Report on standard error what is missing in the journal.

    Returns:
        Whether a changing request may be missing because of it, in the time that is asked for.
    """
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - `--help` need not know

    if history.damaged:
        complain(
            Plural(
                "{count} line could not be read: see `fla-gateway audit verify`",
                "{count} lines could not be read: see `fla-gateway audit verify`",
                count=history.damaged,
            )
        )
    missing = False
    for gap in history.missing:
        if not selection.meets(gap.after, gap.before):
            continue
        complain(
            Text(
                "seq {first} to {last} are missing, and nothing accounts for them: what was in doubt there is unknown; "
                "see `fla-gateway audit verify`",
                first=gap.first,
                last=gap.last,
            )
        )
        missing = True
    for loss in history.losses:
        if not (loss.get("intents") or loss.get("outcomes")) or not selection.covers(loss["time"]):
            continue
        since, intents, outcomes = (printable(str(loss.get(name))) for name in ("since", "intents", "outcomes"))
        complain(
            Text(
                "from {since} to {time} the journal could not be written: "
                "{intents} intents and {outcomes} outcomes are missing",
                since=since,
                time=loss["time"],
                intents=intents,
                outcomes=outcomes,
            )
        )
        missing = missing or bool(loss.get("intents"))
    return missing or history.damaged > 0


class Moment(str):
    """A time as the journal writes it, of what was typed; without an offset that is UTC.

    Attributes:
        typed: what was typed.
        now: seconds since the epoch.
        ends: whether a period ends there.
    """

    __slots__ = ("ends", "now", "typed")

    typed: str
    now: float
    ends: bool

    def local(self) -> str:
        """Give the time if what was typed is local time."""
        from fla_gateway.journal.reader.filters import moment  # noqa: PLC0415 - `--help` need not know

        return moment(self.typed, self.now, ends=self.ends, local=True)


def _moment(text: str, *, ends: bool = False) -> Moment:
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.journal.reader.filters import moment  # noqa: PLC0415 - as above

    now = SystemClock().wall()
    try:
        when = Moment(moment(text, now, ends=ends))
    except JournalError as error:
        raise argparse.ArgumentTypeError(shown(error.text)) from None
    when.typed, when.now, when.ends = text, now, ends
    return when


def _outcome(text: str) -> str:
    from fla_gateway.journal.reader.filters import OUTCOMES  # noqa: PLC0415 - `--help` need not know

    if text not in OUTCOMES:
        raise argparse.ArgumentTypeError(shown(Text("must be one of {choices}", choices=", ".join(OUTCOMES))))
    return text


def identity(text: str) -> str:
    """Read a request id; a type for argparse."""
    try:
        return str(uuid.UUID(text.removeprefix("urn:uuid:")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            shown(Text("must be a UUID, as in instance of a problem or in the request line of the log"))
        ) from None
