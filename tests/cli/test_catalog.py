"""`fla-gateway catalog`."""

from __future__ import annotations

import json

from fla_gateway.catalog.load import load
from fla_gateway.cli.main import execute


def test_table_has_a_row_per_service(capsys):
    """The table names every service once, and says what is not known."""
    assert execute(["catalog"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["name", "status", "path"]
    assert [row.split()[0] for row in rows] == list(load().names)
    assert any("(not public)" in row for row in rows)


def test_json_has_everything(capsys):
    """--json gives every attribute, absent ones as null, dates as text."""
    assert execute(["catalog", "--json"]) == 0
    services = json.loads(capsys.readouterr().out)
    assert [service["name"] for service in services] == list(load().names)
    fla = next(service for service in services if service["status"] == "repealed")
    assert len(fla["data_destroyed"]) == len("2026-01-01")
    assert None in {service["prefix"] for service in services}
