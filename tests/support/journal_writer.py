"""What the tests of the journal's writing side share: records, journals to write, and a reading of their own."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.config.schema import Audit
from fla_gateway.errors import ProblemError
from fla_gateway.journal.open import open_journal
from fla_gateway.journal.snapshot import Facts
from fla_gateway.journal.writer.audit_journal import AuditJournal
from fla_gateway.proxy.records.exchange_record import NO_NOTES, ExchangeRecord, Intent
from tests.support.tokens import HandClock

PAYROLL = Admission("payroll", "key:1a2b3c4d", "POST /REST/dimona/v2/declarations")
PATH = b"/REST/dimona/v2/declarations"
FACTS = Facts("9.9.9", "c0ffee", lambda: {"employer": "production"})
DAY = 86_400
NOON = 1_795_348_800.0
"""Noon of 2026-11-22, UTC."""


def the_id(number: int) -> str:
    """Give a request id."""
    return f"{number:08d}-7d5c-4a0e-9b1d-3f9a7c1d2e4f"


def an_intent(number: int = 1, **changes: Any) -> Intent:
    """Make an intent."""
    plain = {
        "request_id": the_id(number), "profile": "employer", "method": b"POST", "path": PATH,
        "admission": PAYROLL, "notes": NO_NOTES, "token": "0123abcd",
    }  # fmt: skip
    return Intent(**{**plain, **changes})


def a_record(number: int = 1, **changes: Any) -> ExchangeRecord:
    """Make the record of an answered POST."""
    plain = {
        "request_id": the_id(number), "profile": "employer", "method": b"POST", "path": PATH,
        "status": 201, "origin": "upstream", "code": "", "outcome": "answered",
        "received": 120, "sent": 30, "seconds": 0.0415, "attempts": 1,
        "admission": PAYROLL, "notes": NO_NOTES, "ended": 0.0, "token": "0123abcd", "trace": "trace-of-the-api",
        "token_seconds": 0.0, "connection_seconds": 0.001, "upstream_seconds": 0.039,
    }  # fmt: skip
    return ExchangeRecord(**{**plain, **changes})


def audit(path: Path, **settings: Any) -> Audit:
    """Make the table `[audit]`; no fsync but where a test asks for it."""
    return Audit(path=path, **{"fsync": "never", **settings})


def opened(path: Path, clock: HandClock | None = None, **settings: Any) -> AuditJournal:
    """Open a journal on the running loop."""
    return open_journal(audit(path, **settings), clock or HandClock(wall=NOON), FACTS, asyncio.get_running_loop())


def files(path: Path) -> list[Path]:
    """Give the files of a journal's segments, in its order."""
    return sorted(path.glob("*.jsonl"))


def chained_lines(path: Path) -> list[dict[str, Any]]:
    """Read a journal by its documentation alone: every line names the hash of the one before, and the next number."""
    head, seq = "", 0
    found: list[dict[str, Any]] = []
    for file in files(path):
        content = file.read_bytes()
        assert content.endswith(b"\n"), f"{file.name} has a torn line"
        for raw in content[:-1].split(b"\n"):
            members = json.loads(raw)
            if found:
                assert (members["prev"], members["seq"]) == (head, seq + 1), f"{file.name}: {members}"
            head, seq = sha256(raw).hexdigest(), members["seq"]
            found.append(members)
    return found


def kinds(path: Path) -> list[str]:
    """Give the kinds of a journal's records, its chain being whole."""
    return [members["record"] for members in chained_lines(path)]


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    """Give the records of a kind, the chain being whole."""
    return [members for members in chained_lines(path) if members["record"] == kind]


def crash(journal: AuditJournal) -> None:
    """Give up a journal as a killed process does: nothing more is written, and the kernel takes the lock back."""
    journal._housekeeping.stop()
    journal._segment_writer.close()
    journal._directory.close()
    journal._executor.shutdown()


async def intend(journal: AuditJournal, intent: Intent) -> None:
    """Announce an intent, and wait until it may be sent.

    Raises:
        ProblemError: it may not.
    """
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(error: ProblemError | None) -> None:
        if waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)

    journal.announce(intent, told)
    await waiting
