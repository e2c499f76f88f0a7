from __future__ import annotations

import json
import re
import tomllib
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from fla_gateway import profiles
from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.config.document.schema_fields import TableField, table_fields
from fla_gateway.config.document.schema_paths import is_file, key_names, table_at, tables
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.load import load
from fla_gateway.config.schema import Configuration, Kubernetes
from fla_gateway.errors import ConfigurationError
from tests.support.configurations import own

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## (?P<heads>.*)\n(?P<body>(?:(?!^## ).*\n)*)", re.MULTILINE)
ROW = re.compile(
    r"^\| `(?P<key>[^`]+)` \| (?P<type>[^|]+) \| (?P<default>[^|]+) \| (?P<meaning>.*[^ ]) \|$", re.MULTILINE
)
EXAMPLES = {"include", "hosts", "trusted_origins", "scope", "alg", "kid", "limits"}
# What cannot stand beside the others of its table, and is shown in a comment.
ALTERNATIVES = {Kubernetes: {"jwks_file"}}
INLINE_KEYS = {"[profiles.NAME.key]", "[profiles.NAME.next_key]"}
"""Keys on the spot, which the page describes with those of `[keys.NAME]`."""


def full() -> Configuration:
    """Give the configuration that config/full.toml is."""
    return load(ROOT / "config/full.toml", {"SPARE_PASSWORD": ""}).configuration


def heads() -> dict[type, frozenset[str]]:
    """Give every table with the heads under which it stands; a key on the spot has the keys of [keys.NAME]."""
    found: dict[type, frozenset[str]] = {}
    for head, model in tables().items():
        if head not in INLINE_KEYS:
            found[model] = found.get(model, frozenset()) | {head}
    return found


def sections() -> dict[frozenset[str], str]:
    """Give the sections of docs/configuration.md that are about tables."""
    page = (ROOT / "docs/configuration.md").read_text().replace("## Top of the file", "## `the top of the file`")
    return {frozenset(re.findall(r"`([^`]+)`", match["heads"])): match["body"] for match in SECTION.finditer(page)}


def has_section(annotation: Any) -> bool:
    """Whether a key is a table, or a dictionary of tables, and nothing else; it is then told in a section alone."""
    if get_origin(annotation) is list:
        return False
    if get_origin(annotation) is dict:
        annotation = get_args(annotation)[1]
    tables_only = [part for part in get_args(annotation) or [annotation] if part is not type(None)]
    return all(isinstance(part, type) and is_dataclass(part) and part is not Listener for part in tables_only)


def written(document: Any, place: tuple[str | int, ...], found: dict[type, set[str]]) -> None:
    """Gather which keys of each table a document writes."""
    if isinstance(document, list):
        document = dict(enumerate(document))
    if not isinstance(document, dict):
        return
    if model := table_at(place):
        found.setdefault(model, set()).update(document)
    for key, value in document.items():
        written(value, (*place, key), found)


@pytest.mark.parametrize("name", ["gateway", "full"])
def test_the_shipped_files_are_without_fault(name, tmp_path):
    """Each file in config/ loads, its profiles resolve, and its callers' rules can be read."""
    path = tmp_path / "gateway.toml"
    path.write_text(own((ROOT / f"config/{name}.toml").read_text()))
    settings = load(path, {"SPARE_PASSWORD": ""}, [caller_rule_faults])
    assert profiles.resolve(settings.configuration, load_catalogue())


def test_the_file_to_start_from_has_three_placeholders():
    """config/gateway.toml as it is shipped has no other fault than those that it names."""
    with pytest.raises(ConfigurationError) as caught:
        load(ROOT / "config/gateway.toml", {})
    assert sorted(it.path for it in caught.value.faults) == [
        "admin.key.sha256", "callers.payroll.keys[0].sha256", "profiles.employer.client_id"
    ]  # fmt: skip


def test_the_full_file_has_every_key():
    """config/full.toml writes every key of the schema, and, since it loads, no other."""
    text = (ROOT / "config/full.toml").read_text()
    found: dict[type, set[str]] = {}
    written(tomllib.loads(text), (), found)
    for model, keys in ALTERNATIVES.items():
        found[model] |= {key for key in keys if f"\n# {key} = " in text}
    assert found == {model: set(key_names(model)) for model in tables().values()}


def test_the_full_file_shows_the_defaults():
    """Where there is a default, config/full.toml shows it, but for the keys that it calls examples."""
    configuration = full()
    gateway, employer = configuration.gateway, configuration.profiles["employer"]
    shown = [gateway, gateway.timeouts, gateway.pool, configuration.admin, configuration.log, configuration.security]
    assert configuration.audit is not None
    for table in (*shown, configuration.audit, employer.assertion):
        for field in table_fields(type(table)):
            if field.default is not None and not field.required and field.key not in EXAMPLES:
                assert getattr(table, field.name) == field.default, field.key
    assert not employer.anonymous


@pytest.mark.parametrize("model", heads(), ids=lambda model: model.__name__)
def test_the_page_has_every_key_with_its_default(model):
    """docs/configuration.md lists exactly the keys of each table, each with type, default and meaning."""
    body = sections()[heads()[model]]
    rows = {
        match["key"]: match
        for match in ROW.finditer(body)
        if match["key"] not in {"production", "simulation", "acceptance"}
    }
    fields = {field.key: field for field in table_fields(model)}
    assert set(rows) == {key for key, field in fields.items() if not has_section(field.kind)}
    for key, row in rows.items():
        assert row["default"] == default_of(fields[key]), key


def default_of(field: TableField) -> str:
    """Write a default as the page has to show it."""
    if field.required:
        return "required"
    return "—" if field.default is None else f"`{json.dumps(field.default, default=lambda it: it.address)}`"


def test_every_table_of_the_page_exists():
    """docs/configuration.md describes no table that the schema has not."""
    described = {head for found in sections() for head in found if head.startswith(("[", "the top"))}
    assert described == set(tables()) - INLINE_KEYS


def test_every_path_of_the_full_file_is_absolute():
    """Each key that holds a path is known as one by its place, and is absolute once it is loaded."""
    document = tomllib.loads((ROOT / "config/full.toml").read_text())
    configuration = full()
    found = {place[-1] for place in _texts(document, ()) if is_file(place)}
    assert found == {
        *("pkcs12", "pem", "certificate", "key", "password_file", "proxy_password_file", "ca_file", "client_ca"),
        *("token_file", "path"),
    }
    for place in _texts(document, ()):
        if is_file(place):
            value: Any = configuration
            for part in place:
                value = getattr(value, str(part)) if is_dataclass(value) else value[part]
            assert isinstance(value, Path)
            assert value.is_absolute()


def _texts(document: Any, place: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    if isinstance(document, dict):
        return [found for key, item in document.items() for found in _texts(item, (*place, key))]
    if isinstance(document, list):
        return [found for index, item in enumerate(document) for found in _texts(item, (*place, index))]
    return [place] if isinstance(document, str) else []
