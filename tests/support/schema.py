"""The JSON schema of the configuration, made from the schema's tables; what is in the package is compared with it.

`python -m tests.support.schema` writes it. Editors check a TOML file by it (taplo, VS Code): a table's keys have the
sentences of the source, and short forms are allowed beside long ones.
"""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from fla_gateway.cli.schema import SCHEMA
from fla_gateway.config import alert_tables, gateway_tables, schema
from fla_gateway.config.alert_tables import MailAddresses, WebhookEntry
from fla_gateway.config.document.schema_fields import table_fields
from fla_gateway.config.document.schema_paths import tables
from fla_gateway.config.gateway_tables import ListenerEntry
from fla_gateway.config.schema import AllowEntries, Configuration
from fla_gateway.config.values.constraints import Bounds, Moment, Name
from fla_gateway.secret import Secret

_PLAIN = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"format": "path", "type": "string"},
    Secret: {"type": "string"},
}
_LIMITS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum", "pattern": "pattern"}


def made() -> str:
    """Write the schema."""
    top = _table(Configuration)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of fla-gateway",
        "description": top.pop("description"),
        "$defs": {it.__name__: _table(it) for it in sorted(_below(), key=lambda it: it.__name__)},
        **top,
    }
    return json.dumps(document, indent=2) + "\n"


def _below() -> set[type]:
    return set(tables().values()) - {Configuration}


def _table(table: type) -> dict[str, Any]:
    """Write the schema of a table: its keys with their sentences, and no others."""
    fields = table_fields(table)
    sentences = _sentences()[table.__name__]
    found: dict[str, Any] = {
        "additionalProperties": False,
        "description": table.__doc__,
        "properties": {it.key: _key(it.hint, it.default, sentences.get(it.name)) for it in fields},
        "required": [it.key for it in fields if it.required],
        "type": "object",
    }
    return {key: value for key, value in found.items() if value != []}


def _key(hint: Any, default: Any, sentence: str | None) -> dict[str, Any]:
    found = _type(hint)
    if isinstance(default, bool | int | float | str):
        found = {"default": default, **found}
    return {**found, "description": sentence} if sentence else found


def _type(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(hint, arguments)
    if origin in {Union, UnionType}:
        forms = [_type(it) for it in arguments if it is not NoneType]  # TOML has no word for null
        return {"oneOf": forms} if forms[1:] else forms[0]
    if origin is Literal:
        return {"enum": list(arguments), "type": "string"}
    if origin is list:
        return {"items": _type(arguments[0]), "type": "array"}
    if origin is dict:
        return {"patternProperties": {_bounds(get_args(Name))["pattern"]: _type(arguments[1])}, "type": "object"}
    if is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return dict(_PLAIN[hint])


def _annotated(hint: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    if hint == Moment:
        # Dates and times of TOML, which editors hand to a schema as text.
        return {"type": "string"}
    found = {**_bounds(arguments), **_type(arguments[0])}
    short = {
        ListenerEntry: {"type": "string"},
        WebhookEntry: {"type": "string"},
        MailAddresses: {"type": "string"},
        AllowEntries: {"type": "string", "pattern": f"^{schema.OBSERVE}( [A-Z]+)*$"},
    }
    return {"anyOf": [short[hint], found]} if hint in short else found


def _bounds(arguments: tuple[Any, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for bounds in arguments[1:]:
        if isinstance(bounds, Bounds):
            words = {name: getattr(bounds, name) for name in _LIMITS}
            found |= {_LIMITS[name]: value for name, value in words.items() if value not in {None, ""}}
            if bounds.min_length:
                found["minItems" if get_origin(arguments[0]) is list else "minLength"] = bounds.min_length
    return found


def _sentences() -> dict[str, dict[str, str]]:
    """Read the sentence below each key in the source, by table and name."""
    found: dict[str, dict[str, str]] = {}
    modules = (alert_tables, gateway_tables, schema)
    for table in (it for module in modules for it in ast.parse(inspect.getsource(module)).body):
        if not isinstance(table, ast.ClassDef):
            continue
        found[table.name] = {
            member.target.id: str(after.value.value)
            for member, after in zip(table.body, table.body[1:], strict=False)
            if isinstance(member, ast.AnnAssign)
            and isinstance(member.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        }
    return found


if __name__ == "__main__":
    SCHEMA.write_text(made(), encoding="utf-8")
