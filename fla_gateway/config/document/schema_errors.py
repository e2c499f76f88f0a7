"""Rule: pydantic's errors become faults in plain words.

Owns the sentences and the hints. Refuses to repeat any value: whatever is in a file may be a secret in the wrong
place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_paths import key_names, table_at, tables
from fla_gateway.config.schema import ApiKey, Listener
from fla_gateway.config.values.constraints import (
    MODE_PATTERN,
    NAME_PATTERN,
    SCOPE_PATTERN,
    SERVICE_ACCOUNT_PATTERN,
    SHA256_PATTERN,
)
from fla_gateway.errors import Fault

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

_FORMS: Final[Mapping[type[BaseModel] | None, tuple[str, str]]] = {
    Listener: ("must be an address in quotes, or a table that has one", ""),
    ApiKey: ("must be a table with the digest of a key", 'for example { sha256 = "..." }, never the key itself'),
}
"""What is written instead of a table, where "must be a table" would lead astray."""

_PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    NAME_PATTERN: ("a name has 1 to 32 lower-case letters, digits and hyphens, and begins with a letter", ""),
    SCOPE_PATTERN: (
        "must be one scope, in ASCII and without spaces or quotes",
        "several scopes are several entries of the list",
    ),
    SHA256_PATTERN: (
        "must be a SHA-256 in 64 lower-case hexadecimal digits",
        "`fla-gateway caller new` prints it; the key itself never stands in this file",
    ),
    MODE_PATTERN: ("must be a mode in three octal digits", 'for example "0660"'),
    SERVICE_ACCOUNT_PATTERN: (
        "must be a namespace and a service account with a slash between them",
        'for example "payroll/declarations"',
    ),
}


def suggestion(word: str, known: Iterable[str]) -> str:
    """Offer the known word that is nearest to what was written, which itself is not repeated; or nothing."""
    near = get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""


def schema_faults(error: ValidationError, document: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Write a fault for each of pydantic's errors, with the path of keys where it is.

    Args:
        error: what the schema raised.
        document: what the schema was given; used to find a near word, never shown.
    """
    for detail in error.errors(include_input=False, include_url=False):
        # Tags of the choice between forms, and pydantic's mark for a name itself, are no keys.
        keys = tuple(part for part in detail["loc"] if part not in {"<name>", "<source>", "[key]"})
        path = _as_written(keys, document)
        message, cure = _sentence(detail, path, document)
        yield path, Fault(place(path), message, cure)


def _as_written(path: tuple[str | int, ...], document: Any) -> tuple[str | int, ...]:
    """Cut a path where the file has a short form instead of the table that the schema made of it."""
    for depth, part in enumerate(path):
        if isinstance(document, str):
            return path[:depth]
        known = isinstance(document, list) or (isinstance(document, dict) and part in document)
        document = document[part] if known else None
    return path


def _sentence(detail: ErrorDetails, path: tuple[str | int, ...], document: Mapping[str, Any]) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "string_pattern_mismatch":
        return _PATTERNS[detail["ctx"]["pattern"]]
    if kind in {"text", "path", "moment"}:
        return detail["msg"], ""
    if kind == "model_type" and (table := table_at(path)) in _FORMS:
        return _FORMS[table]
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
    model = table_at(path[:-1])
    hint = _SECRETS.get(key) or (suggestion(key, key_names(model)) if model else "")
    if not hint:
        # One head for each table, though it may be under several.
        homes = {owner: home for home, owner in reversed(tables().items()) if key in key_names(owner)}
        hint = f"this key belongs in {' or '.join(reversed(homes.values()))}" if homes else ""
    return "unknown key", hint
