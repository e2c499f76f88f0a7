"""Adapter: the catalogue that comes with the package.

Owns reading `services.toml` out of the package and its shape. Refuses to know profiles.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from fla_gateway.catalog.model import Catalogue, Right, Service
from fla_gateway.catalog.prefix import parse_prefix
from fla_gateway.i18n.message import text_from


@cache
def load() -> Catalogue:
    """Read the catalogue, once. It is part of the program: a mistake in it is a bug and raises as such."""
    document = tomllib.loads(Path(__file__).with_name("services.toml").read_text(encoding="utf-8"))
    return Catalogue(tuple(_service(name, table) for name, table in document.items()))


def _service(name: str, table: dict[str, Any]) -> Service:
    prefix = table.pop("prefix", None)
    environments = tuple(table.pop("environments", ()))
    scopes = tuple(table.pop("scopes", ()))
    rights = tuple(Right(**right) for right in table.pop("rights", ()))
    return Service(
        name=name,
        prefix=prefix and parse_prefix(prefix),
        environments=environments,
        scopes=scopes,
        rights=rights,
        title=text_from(table.pop("title"), {}),
        note=text_from(table.pop("note", ""), {}),
        **table,
    )
