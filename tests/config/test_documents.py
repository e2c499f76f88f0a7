from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from fla_gateway import profiles
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.config.expand import PATH_KEYS
from fla_gateway.config.load import load
from fla_gateway.config.schema import Configuration, Table
from fla_gateway.config.sentences import key_names, tables

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## (?P<head>.*)\n(?P<body>(?:(?!^## ).*\n)*)", re.MULTILINE)
ROW = re.compile(
    r"^\| `(?P<key>[^`]+)` \| (?P<type>[^|]+) \| (?P<default>[^|]+) \| (?P<meaning>.*[^ ]) \|$", re.MULTILINE
)
EXAMPLES = {"include", "hosts", "scope", "alg", "kid"}


def own_tables() -> dict[str, type[BaseModel]]:
    """Every table once; a key on the spot has the keys of [keys.NAME]."""
    return {head: model for head, model in tables().items() if head != "[profiles.NAME.key]"}


def leaves(model) -> set[str]:
    """Give the keys of a table that are no tables themselves."""
    below = {head.rpartition(".")[2].strip("[]") for head in tables()} | {"keys", "environments", "profiles"}
    names = {"gateway", "admin", "egress", "log"}
    return {key for key in key_names(model) if key not in (below | names) - {"key"}}


def written(document: dict[str, Any], model: type[Table], found: dict[type, set[str]]) -> None:
    """Gather which keys of each table a document writes."""
    found.setdefault(model, set()).update(document)
    for name, field in model.model_fields.items():
        value = document.get(field.alias or name)
        inner = next(
            (part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, Table)), None
        )
        if inner is None or not isinstance(value, dict):
            continue
        for entry in value.values() if get_origin(field.annotation) is dict else [value]:
            written(entry, inner, found)


def _parts(annotation: Any) -> list[Any]:
    if get_origin(annotation) in {dict, Union, UnionType} or hasattr(annotation, "__metadata__"):
        return [part for argument in get_args(annotation) for part in _parts(argument)]
    return [annotation]


@pytest.mark.parametrize("name", ["gateway", "full", "compose"])
def test_the_shipped_files_are_without_fault(name):
    """Each file in config/ loads, and its profiles resolve."""
    settings = load(ROOT / f"config/{name}.toml", {"SPARE_PASSWORD": ""})
    assert profiles.resolve(settings.configuration, load_catalogue())


def test_the_full_file_has_every_key():
    """config/full.toml writes every key of the schema, and, since it loads, no other."""
    found: dict[type, set[str]] = {}
    written(tomllib.loads((ROOT / "config/full.toml").read_text()), Configuration, found)
    assert found == {model: set(key_names(model)) for model in tables().values()}


def test_the_full_file_shows_the_defaults():
    """Where there is a default, config/full.toml shows it, but for the keys that it calls examples."""
    configuration = load(ROOT / "config/full.toml", {"SPARE_PASSWORD": ""}).configuration
    gateway, employer = configuration.gateway, configuration.profiles["employer"]
    shown = [gateway, gateway.timeouts, gateway.pool, configuration.admin, configuration.log, employer.assertion]
    for table in shown:
        for key, field in type(table).model_fields.items():
            assert key in EXAMPLES or getattr(table, key) == field.default, key


@pytest.mark.parametrize("head", list(own_tables()))
def test_the_page_has_every_key_with_its_default(head):
    """docs/configuration.md lists exactly the keys of each table, each with type, default and meaning."""
    page = (ROOT / "docs/configuration.md").read_text()
    sections = {match["head"].strip("`"): match["body"] for match in SECTION.finditer(page)}
    body = sections["Top of the file" if head.startswith("the") else head]
    rows = {
        match["key"]: match
        for match in ROW.finditer(body)
        if match["key"] not in {"production", "simulation", "acceptance"}
    }
    model = own_tables()[head]
    assert set(rows) == leaves(model)
    for name, field in model.model_fields.items():
        if (key := field.alias or name) not in rows:
            continue
        default = (
            "required" if field.is_required() else "—" if field.default is None else f"`{json.dumps(field.default)}`"
        )
        assert rows[key]["default"] == default, key


def test_every_path_of_the_schema_is_made_absolute():
    """The keys whose texts are made absolute are those that the schema says are paths."""
    found = {
        field.alias or name
        for model in tables().values()
        for name, field in model.model_fields.items()
        if Path in get_args(field.annotation) or "Path" in str(field.annotation)
    }
    assert found == PATH_KEYS
