"""`kill -9` under load: the journal names every declaration whose fate is not known, and its chain goes on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fla_gateway.journal.reader.exchange_history import NO_OUTCOME, Exchange, History
from fla_gateway.journal.reader.in_doubt import reason
from fla_gateway.journal.reader.segments.segment_files import is_written, segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from tests.support.journal_writer import chained_lines
from tests.support.keys import TlsAuthority, write_identity
from tests.support.process import Government, Process, run
from tests.support.raw_http import TruncatedError, post
from tests.support.waiting import eventually

CALLERS = 12
LONGEST_SECONDS = 0.3
CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
[log]
format = "json"
requests = false
[audit]
path = "journal"
fsync = "{fsync}"
segment_bytes = 65536
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "{ca_file}"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""


@dataclass(slots=True)
class Witness:
    """What was seen outside of the gateway, by the reference of each declaration.

    Attributes:
        sent: declarations of each caller, in their order.
        answered: those that were answered to the caller.
    """

    sent: dict[str, list[str]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    async def declare(self, process: Process, caller: str) -> None:
        """Declare one thing after the other, each as soon as the one before is answered, until the gateway is gone."""
        sent = self.sent[caller] = []
        with contextlib.suppress(ConnectionError, TruncatedError):
            connection = await process.caller()
            with contextlib.closing(connection):
                while True:
                    reference = f"{caller}-{len(sent)}"
                    sent.append(reference)
                    await connection.send(post(reference.encode(), f"Fla-Gateway-Reference: {reference}"))
                    answer = await connection.answer()
                    assert answer.status == 200
                    self.answered.add(reference)


async def kill_under_load(configuration: Path, witness: Witness, number: int) -> None:
    """Run a gateway with callers that declare as fast as they can, and kill it at some moment.

    Each run is another: the moment is left to chance, and no seed could bring the same one again. Every fifth comes
    as early as the first declarations, the others when all callers are at work.
    """
    at_work = len(witness.answered) + (CALLERS if number % 5 < 4 else 0)
    async with run(configuration) as process:
        await process.event("ready")
        callers = [asyncio.ensure_future(witness.declare(process, f"{number}-{one}")) for one in range(CALLERS)]
        await eventually(lambda: len(witness.answered) >= at_work)
        await asyncio.sleep(random.SystemRandom().uniform(0, LONGEST_SECONDS))
        process.signal(signal.SIGKILL)
        await process.ended()
        await asyncio.gather(*callers)


def exchanges(journal: Path) -> dict[str, Exchange]:
    """Read the exchanges of a journal, by reference."""
    history = History(read_segments(journal, segments_of(journal)), lambda: is_written(journal), "")
    found = list(history)
    assert (history.damaged, history.losses) == (0, [])
    assert len({it.text("reference") for it in found}) == len(found)
    return {it.text("reference"): it for it in found}


def judge(journal: Path, witness: Witness, government: Government) -> int:
    """Hold the journal against what was seen; give the number of declarations in doubt."""
    recorded = exchanges(journal)
    seen = {request.body.decode(): request for request in government.calls}
    missing = seen.keys() - {reference for reference, it in recorded.items() if it.intent is not None}
    assert missing == set(), "the API has seen what no intent names"
    for reference, request in seen.items():
        assert request.value("BelGov-Trace-Id") == recorded[reference].text("trace_sent").encode()
    doubtful = {reference for reference, it in recorded.items() if reason(it) == NO_OUTCOME}
    lost = seen.keys() - witness.answered
    settled = {reference for reference in lost if recorded[reference].outcome is not None}
    # What the API has seen and the caller was never told of is in doubt, or its outcome is on file: the kill came
    # between the record and the caller's reading of the answer.
    assert lost - settled <= doubtful
    last = {sent[-1] for sent in witness.sent.values()} | {sent[-2] for sent in witness.sent.values() if len(sent) > 1}
    assert doubtful <= last, "one that was answered long before is listed as in doubt"
    assert len(doubtful) <= len(witness.sent)
    return len(doubtful)


async def kills(folder: Path, tls: ssl.SSLContext, ca_file: Path, fsync: str, rounds: int) -> None:
    """Kill so many gateways that write one journal, and judge it after each."""
    write_identity(folder)
    configuration, journal = folder / "gateway.toml", folder / "journal"
    government, witness = Government(tls), Witness()
    await government.start()
    configuration.write_text(CONFIGURATION.format(port=government.port, ca_file=ca_file, fsync=fsync))
    doubts = 0
    for number in range(rounds):
        await kill_under_load(configuration, witness, number)
        doubts = judge(journal, witness, government)
    async with run(configuration) as process:
        await process.event("ready")
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    await government.close()
    assert len(witness.answered) > rounds * CALLERS / 2
    assert doubts > 0
    lines = chained_lines(journal)
    starts = sum(line["record"] == "start" for line in lines)
    assert (starts, lines[-1]["record"]) == (rounds + 1, "stop")
    verdict = verify(read_segments(journal, segments_of(journal)))
    assert (verdict.count, verdict.findings) == (0, [])


def act(folder: Path, fsync: str, rounds: int) -> None:
    """Run the kills on a loop of their own."""
    authority = TlsAuthority()
    began = time.monotonic()
    asyncio.run(kills(folder, authority.server_context(folder), authority.write_root(folder), fsync, rounds))
    print(f"{rounds} kills in {time.monotonic() - began:.1f} s")  # noqa: T201 - seen with -s alone


def test_after_a_kill_every_declaration_in_doubt_is_named(tmp_path: Path) -> None:
    """Three kills at random moments: whatever the API saw has an intent, and the chain of all runs is whole."""
    act(tmp_path, "never", 3)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fsync", ["never", "interval", "always"])
def test_after_fifty_kills_every_declaration_in_doubt_is_named(tmp_path: Path, fsync: str) -> None:
    """As the short run, fifty times for each way to reach the disk, with one journal over all of them."""
    act(tmp_path, fsync, 50)
