"""Rule: pydantic's errors become faults in plain words.

Owns the sentences and the hints. Refuses to repeat any value: whatever stands in a file may be a secret in the wrong
place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fla_gateway.config.places import place
from fla_gateway.config.schema import NAME_PATTERN, Configuration
from fla_gateway.errors import Fault

# Tables that later versions are meant to bring: refused by name, never ignored.
LATER: Final = frozenset({"callers", "security", "audit"})

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes",
    "finite_number": "must be a number, neither nan nor inf",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
    "list_type": "must be a list in [ ]",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}
_SECRETS: Final[Mapping[str, str]] = dict.fromkeys(
    ("password", "passphrase"),
    "a password does not stand in this file: put it into a file of its own, and name that in password_file",
) | {"client_secret": "the channel has no client secret; take it out"}
"""Keys that people expect. The nearest word would lead `password` to password_env, and the password into the log."""

_NAME_RULE: Final = (
    "a name has 1 to 32 lower-case letters, digits and hyphens, and begins with a letter"  # NAME_PATTERN in words
)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Offer the known word that is nearest to what was written, which itself is not repeated; or nothing."""
    near = get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""


def schema_faults(error: ValidationError, document: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Write a fault for each of pydantic's errors, with the path of keys where it stands.

    Args:
        error: what the schema raised.
        document: what the schema was given; used to find a near word, never shown.
    """
    for detail in error.errors(include_input=False, include_url=False):
        # Tags of the choice between forms, and pydantic's mark for a name itself, are no keys.
        path = tuple(part for part in detail["loc"] if part not in {"<name>", "<source>", "[key]"})
        message, cure = _sentence(detail, path, document)
        yield path, Fault(place(path), message, cure)


def _sentence(detail: ErrorDetails, path: tuple[str | int, ...], document: Mapping[str, Any]) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "string_pattern_mismatch":
        if detail["ctx"]["pattern"] == NAME_PATTERN:
            return _NAME_RULE, ""
        return (
            "must be one scope, in ASCII and without spaces or quotes",
            "several scopes are several entries of the list",
        )
    if kind in {"text", "path"}:
        return detail["msg"], ""
    message = _SENTENCES.get(kind, "cannot be used").format_map(detail.get("ctx", {}))
    if kind == "literal_error":
        value = _value_at(document, path)
        return message, suggestion(value, _words(detail)) if isinstance(value, str) else ""
    return message, ""


def _words(detail: ErrorDetails) -> list[str]:
    return str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")


def _value_at(document: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def _unknown_key(path: tuple[str | int, ...]) -> tuple[str, str]:
    key = str(path[-1])
    if key in LATER:
        return "not supported yet by this version of the gateway", "take it out"
    model = _model_at(path[:-1])
    hint = _SECRETS.get(key) or (suggestion(key, key_names(model)) if model else "")
    if not hint:
        homes = [home for home, owner in tables().items() if key in key_names(owner)]
        hint = f"this key belongs in {' or '.join(homes)}" if homes else ""
    return "unknown key", hint


def key_names(model: type[BaseModel]) -> frozenset[str]:
    """List the keys of a table as they are written in a file."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def tables() -> dict[str, type[BaseModel]]:
    """List every table of the schema by the head under which it stands, for example ``[profiles.NAME]``."""
    found: dict[str, type[BaseModel]] = {}
    _gather(Configuration, "", found)
    return found


def _gather(model: type[BaseModel], prefix: str, found: dict[str, type[BaseModel]]) -> None:
    found[f"[{prefix}]" if prefix else "the top of the file"] = model
    for name, field in model.model_fields.items():
        inner = _table_of(field.annotation)
        if inner is not None:
            path = f"{prefix}.{field.alias or name}".lstrip(".")
            _gather(inner, f"{path}.NAME" if _is_dict(field.annotation) else path, found)


def _model_at(path: tuple[str | int, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Configuration
    parts = iter(path)
    for part in parts:
        field = model.model_fields.get(str(part)) if model else None
        if field is None:
            return None
        if _is_dict(field.annotation):
            next(parts, None)
        model = _table_of(field.annotation)
    return model


def _is_dict(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is dict


def _table_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_of, get_args(annotation))), None)
