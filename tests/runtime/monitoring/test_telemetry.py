"""Everything that watches, made as `run` makes it: what ends last is seen by all of it."""

from __future__ import annotations

import json

import pytest

from fla_gateway.clock import SystemClock
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.runtime.composition.resolved_config import CurrentConfiguration, read
from fla_gateway.runtime.monitoring.telemetry import observe
from tests.support.journal_writer import a_record, kinds, the_id

CONFIGURATION = """
[log]
format = "json"
{audit}
[profiles.employer]
environment = "simulation"
client_id = "client-7"
key = {{ pem = "never-read.pem" }}
"""


@pytest.mark.parametrize("audit", ["", '[audit]\npath = "journal"'], ids=["no journal", "journal"])
async def test_what_ended_in_the_last_turn_is_told_to_everybody(tmp_path, capfd, audit):
    """No turn of the loop comes after it: it is counted, has its line, and stands in the journal before the stop."""
    (tmp_path / "never-read.pem").touch()
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION.format(audit=audit))
    output = LineWriter(1, 2)
    observation = observe(CurrentConfiguration(read(path)), SystemClock(), output)
    observation.observer.exchange(a_record(1))
    observation.observer.exchange(a_record(2))
    observation.close()
    output.close(10)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"time"')]
    assert [line["id"] for line in lines if line["event"] == "request"] == [the_id(1), the_id(2)]
    assert [tally.count for tally in observation.counters.freeze().tallies] == [2]
    if audit:
        assert kinds(tmp_path / "journal") == ["segment", "start", "outcome", "outcome", "stop"]
