"""What of a changed configuration opens more, or keeps less."""

from __future__ import annotations

from typing import Any

import pytest

from fla_gateway.runtime.changes.widening import opens_more
from tests.runtime.changes.samples import BASE, configuration

MAIL = {"to": "it@company.example", "from": "gateway@company.example", "server": "mail.company.example:587"}
TLS: dict[str, Any] = {"certificate": "/c.pem", "key": "/k.pem"}
WIDE: dict[str, Any] = {"listen": ["127.0.0.1:1", {"address": "0.0.0.0:2", "tls": TLS}]}


@pytest.mark.parametrize(
    ("before", "after", "opened"),
    [
        ({}, {}, []),
        ({}, {"callers": {}}, ["callers"]),
        ({}, {"audit": None}, ["audit"]),
        ({}, {"audit": {"path": "/journal", "retention_days": 10, "on_failure": "continue"}},
         ["audit.retention_days", "audit.on_failure"]),
        ({}, {"audit": {"path": "/journal", "retention_days": 2_000, "fsync": "never"}}, []),
        ({}, {"gateway": {"listen": ["127.0.0.1:1", "127.0.0.1:2"]}}, []),
        ({}, {"gateway": {"listen": ["0.0.0.0:1"]}}, ["gateway.listen[0]"]),
        ({}, {"gateway": {"listen": ["127.0.0.1:1", {"address": "unix:/s", "mode": "0660"}]}}, ["gateway.listen[1]"]),
        ({"gateway": {"listen": ["unix:/s"]}}, {}, ["gateway.listen[0]"]),
        ({"gateway": {"listen": ["unix:/s"]}}, {"gateway": {"listen": ["unix:/t"]}}, []),
        ({"gateway": WIDE}, {"gateway": {"listen": ["127.0.0.1:1", "0.0.0.0:2"]}}, ["gateway.listen[1].tls"]),
        ({"gateway": WIDE}, {"gateway": {"listen": [*WIDE["listen"], "192.0.2.1:3"]}}, ["gateway.listen[2]"]),
        ({}, {"gateway": {**BASE["gateway"], "unsafe_cleartext": True, "unsafe_allow_anonymous": True}},
         ["gateway.unsafe_allow_anonymous", "gateway.unsafe_cleartext"]),
        ({}, {"profiles": {"employer": {**BASE["profiles"]["employer"], "anonymous": True}}},
         ["profiles.employer.anonymous"]),
        ({}, {"admin": {"actions": True}}, ["admin.actions"]),
        ({"gateway": WIDE, "admin": {"actions": True}}, {}, []),
        ({"alerts": {"mail": MAIL}}, {"alerts": {"mail": {**MAIL, "unsafe_cleartext": True}}},
         ["alerts.mail.unsafe_cleartext"]),
    ],
)  # fmt: skip
def test_what_opens_more_is_named(before, after, opened):
    """And what keeps less of the journal; what narrows, and what changes nothing about who may connect, is not."""
    assert list(opens_more(configuration(**before), configuration(**after))) == opened
