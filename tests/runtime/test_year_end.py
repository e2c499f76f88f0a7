"""No date turns a configuration that started yesterday into one that does not start today."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fla_gateway.config.load import load
from fla_gateway.runtime.composition.resolved_config import read
from tests.support.tokens import HandClock

MOMENTS = [
    datetime(2026, 12, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
    datetime(2027, 7, 1, tzinfo=UTC),
    datetime(2040, 1, 1, tzinfo=UTC),
]
CONFIGURATION = """\
[profiles.employer]
environment = "production"
client_id = "c"
key = {{ pem = "{pem}" }}
services = ["dimona", "federal-learning-account"]

[callers.hr]
keys = [{{ sha256 = "{digest}", expires = 2026-12-31 }}]
observe_until = 2026-12-31
[callers.hr.allow]
employer = ["GET /REST/federalLearningAccount/v1/**"]
"""


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_configuration_is_read_at_every_date(tmp_path, moment):
    """The end of the learning account, of a caller's key and of an observation are warnings, on whatever day."""
    path, pem = tmp_path / "gateway.toml", tmp_path / "never-read.pem"
    pem.touch()
    path.write_text(CONFIGURATION.format(pem=pem, digest="ab" * 32))
    configured = read(path, HandClock(wall=moment.timestamp()))
    (profile,) = configured.profiles
    assert profile.prefixes == ("/REST/dimona/v2", "/REST/federalLearningAccount/v1")
    words = "\n".join(map(str, configured.warnings))
    assert "CareerPro is the sure way to export" in words
    assert ("has expired" in words) is (moment.year > 2026)
    assert configured.settings.configuration == load(path).configuration


async def test_calls_are_forwarded_over_the_year_s_end(start):
    """A gateway that serves Dimona and the learning account goes on with both after the data was destroyed."""
    rig = await start(profile='services = ["dimona", "federal-learning-account"]')
    paths = ("/employer/REST/federalLearningAccount/v1/x", "/employer/REST/dimona/v2/declarations")
    for days in (0, 32, 366):
        rig.clock.advance(days * 86_400)
        for path in paths:
            assert (await rig.call(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())).status == 200
