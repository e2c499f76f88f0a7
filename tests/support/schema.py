"""The JSON schema of the configuration, made from the models; what is in the package is compared with it.

`python -m tests.support.schema` writes it. Editors check a TOML file by it (taplo, VS Code): a table's keys have the
sentences of the source, what TOML cannot write is left out, and short forms are allowed beside long ones.
"""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any

from fla_gateway.cli.schema import SCHEMA
from fla_gateway.config import schema as models
from fla_gateway.config.schema import Configuration, Table

_LISTENER = "#/$defs/Listener"


def made() -> str:
    """Write the schema."""
    document = Configuration.model_json_schema()
    sentences = _sentences()
    for name, table in {**document["$defs"], "Configuration": document}.items():
        for key, member in table["properties"].items():
            _describe(member, sentences.get((name, key)))
            if (name, key) in _MOMENTS:
                member.pop("anyOf", None)
                member["type"] = "string"
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of fla-gateway",
        "description": Configuration.__doc__,
    }
    rest = {key: value for key, value in _for_toml(document).items() if key not in head}
    return json.dumps({**head, **rest}, indent=2) + "\n"


_MOMENTS = {("ApiKey", "expires"), ("CallerTable", "observe_until")}
"""Dates and times of TOML, which editors hand to a schema as text."""


def _describe(member: dict[str, Any], sentence: str | None) -> None:
    if sentence:
        member["description"] = sentence


def _for_toml(value: Any) -> Any:
    """Leave out null, for which TOML has no word, and titles that only repeat a key; allow an address alone."""
    if isinstance(value, list):
        return [_for_toml(it) for it in value if it != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    if value.get("$ref") == _LISTENER:
        return {
            **_for_toml({k: v for k, v in value.items() if k != "$ref"}),
            "anyOf": [{"type": "string"}, {"$ref": _LISTENER}],
        }
    kept = {
        key: it
        for key, it in value.items()
        if not (key == "title" and isinstance(it, str)) and not (key == "default" and _is_nothing(it))
    }
    found = {key: _for_toml(it) for key, it in kept.items()}
    alternatives = found.get("anyOf")
    if isinstance(alternatives, list) and len(alternatives) == 1:
        del found["anyOf"]
        found = {**alternatives[0], **found}
    return found


def _is_nothing(value: Any) -> bool:
    """Whether a default is null, or a table or list whose own schema has its defaults."""
    return value is None or isinstance(value, dict | list)


def _sentences() -> dict[tuple[str, str], str]:
    """Read the sentence below each key in the source, by table and key."""
    found = {}
    for table in ast.parse(inspect.getsource(models)).body:
        if not isinstance(table, ast.ClassDef):
            continue
        model = getattr(models, table.name)
        if not issubclass(model, Table):
            continue
        for member, after in zip(table.body, table.body[1:], strict=False):
            if (
                isinstance(member, ast.AnnAssign)
                and isinstance(member.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                field = model.model_fields[member.target.id]
                found[table.name, field.alias or member.target.id] = str(after.value.value)
    return found


if __name__ == "__main__":
    SCHEMA.write_text(made(), encoding="utf-8")
