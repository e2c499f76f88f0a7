"""docs/audit.md says what the journal holds, as the gateway's own writer writes it."""

from __future__ import annotations

import asyncio
import re
import resource

import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.caller import UNAUTHENTICATED
from fla_gateway.journal.format import line_format
from fla_gateway.journal.reader.in_doubt import REASONS
from fla_gateway.journal.snapshot import Account, Settlement
from fla_gateway.proxy.records.exchange_record import Attempt, Notes
from tests.docs.pages import read, rows
from tests.support.journal_writer import (
    DAY,
    NOON,
    a_record,
    an_intent,
    chained_lines,
    crash,
    files,
    intend,
    opened,
    the_id,
)
from tests.support.tokens import HandClock

PAGE = "docs/audit.md"
EVERY_LINE = ["prev", "seq", "time", "record"]
KINDS = {value for name, value in vars(line_format).items() if name.isupper() and isinstance(value, str)} - {
    line_format.NO_HASH
}


def members_of(heading):
    """Give the members that the page lists for a kind of line."""
    (section,) = re.findall(rf"^### `?{heading}`?$(.*?)(?=^##)", read(PAGE), re.MULTILINE | re.DOTALL)
    return [cells[0].strip("`") for cells in rows(section)]


def fail_once(journal, record, clock):
    """Let the kernel refuse to write the outcome of an exchange, and then take it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs():
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal._segment_writer.size, before[1]))
        try:
            journal.exchange(record)
            journal._flush()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        clock.advance(2)
        journal.tick()


async def written(path):
    """Let the writer write every kind of line; give them all."""
    clock = HandClock(wall=NOON)
    opened(path, clock).close()
    before = chained_lines(path)
    # Within the month for which a clock is believed.
    clock.advance(20 * DAY)
    journal = opened(path, clock, retention_days=10)
    while len(files(path)) > 1:
        await asyncio.get_running_loop().run_in_executor(journal._executor, int)
    # With everything that is left out where there is nothing to say.
    notes = Notes("reference", "trace")
    await intend(journal, an_intent(notes=notes))
    fail_once(journal, a_record(notes=notes, refused=Attempt(401, "aa", "", 0.1), token_seconds=0.1), clock)
    # A second attempt that has an id of the gateway's own has none of the caller's.
    journal.exchange(a_record(4, notes=Notes("reference"), attempts=2))
    await asyncio.get_running_loop().run_in_executor(journal._executor, int)
    crash(journal)
    with files(path)[0].open("ab") as stream:
        stream.write(b'{"prev"')
    journal = opened(path, clock)
    journal.configured("fedcba9876543210")
    journal.accounts([Account("employer", "production", "api.example", "client-1", "ab" * 32, NOON)])
    journal.settled([Settlement(the_id(1), "done", "seen in the portal", "Ann", 1000)], lambda _: None)
    await intend(journal, an_intent(5, body=b"{}"))
    journal.exchange(a_record(5, made=b"123", body="0123456789abcdef"))
    journal.exchange(a_record(3, admission=UNAUTHENTICATED, profile="", code="caller-unknown"))
    journal.close()
    return before + chained_lines(path)


async def test_page_lists_every_member_of_every_kind(tmp_path):
    """Each kind of line has a table with its members, in the order in which they are written, and no others."""
    assert members_of("every line") == EVERY_LINE
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for line in await written(tmp_path / "journal"):
        assert list(line)[:4] == EVERY_LINE
        listed = members_of(line["record"])
        assert [member for member in listed if member in line] == list(line)[4:]
        found[line["record"]].update(list(line)[4:])
    assert {kind: set(members_of(kind)) for kind in KINDS} == found
    assert set(re.findall(r"^### `(.+)`$", read(PAGE), re.MULTILINE)) == KINDS


@pytest.mark.parametrize("reason", REASONS)
def test_page_explains_every_reason_for_doubt(reason):
    """Whoever is shown a reason finds it on the page."""
    assert f"| `{reason}` | " in read(PAGE)
