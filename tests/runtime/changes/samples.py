"""A configuration, and others that differ from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import Configuration

KEYS = [{"sha256": digit * 64} for digit in "abc"]
BASE: dict[str, Any] = {
    "gateway": {"listen": ["127.0.0.1:1", {"address": "unix:/s", "mode": "0600"}]},
    "keys": {"acme": {"pem": "/acme.pem", "password_env": "SECRET"}},
    "profiles": {"employer": {"environment": "simulation", "client_id": "x", "key": "acme"}},
    "callers": {"payroll": {"keys": KEYS, "allow": {"employer": ["GET /REST/**"]}}},
    "audit": {"path": "/journal"},
}


def configuration(**tables):
    """Make a configuration with other tables than those of the base; None takes one away."""
    document = {name: table for name, table in {**BASE, **tables}.items() if table is not None}
    return check(Configuration, _paths(document))


def _paths(value, name=""):
    if isinstance(value, dict):
        return {key: _paths(one, key) for key, one in value.items()}
    return Path(value) if name in {"pem", "path", "certificate", "key"} and str(value).startswith("/") else value
