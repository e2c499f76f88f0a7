"""Rule: what does not fit the schema becomes faults in plain words.

Owns the sentences and the hints. Refuses to repeat any value: whatever is in a file may be a secret in the wrong
place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fla_gateway.config.alert_tables import Webhook
from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_check import Misfit
from fla_gateway.config.document.schema_paths import key_names, table_at, tables
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.schema import ApiKey, Configuration
from fla_gateway.config.values.constraints import (
    EMPTY,
    MODE_PATTERN,
    NAME_PATTERN,
    SCOPE_PATTERN,
    SERVICE_ACCOUNT_PATTERN,
    SHA256_PATTERN,
)
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import NOTHING, Message, Text

_TABLE: Final = Message("not-a-table", "must be a table")
_SENTENCES: Final[Mapping[str, Message]] = {
    "missing": Message("value-missing", "is missing"),
    "bool_type": Message("not-a-boolean", "must be true or false, without quotes"),
    "int_type": Message("not-an-integer", "must be a whole number, without quotes"),
    "float_type": Message("not-a-number", "must be a number, without quotes"),
    "finite_number": Message("not-finite", "must be a number, neither nan nor inf"),
    "string_type": Message("not-text", "must be text in quotes"),
    "text_too_short": EMPTY,
    "too_short": Message("list-empty", "must have at least one entry"),
    "list_type": Message("not-a-list", "must be a list in [ ]"),
    "dict_type": _TABLE,
    "table_type": _TABLE,
}
_OTHERS: Final = Message("value-unusable", "cannot be used")
_LIMITS: Final[Mapping[str, tuple[str, Callable[[str], Message]]]] = {
    "literal_error": (
        "expected",
        lambda them: Message("not-among-choices", "must be one of {expected}", expected=them),
    ),
    "greater_than": ("gt", lambda it: Message("not-more-than", "must be more than {limit}", limit=it)),
    "greater_than_equal": ("ge", lambda it: Message("too-small", "must be at least {limit}", limit=it)),
    "less_than": ("lt", lambda it: Message("not-less-than", "must be less than {limit}", limit=it)),
    "less_than_equal": ("le", lambda it: Message("too-large", "must be at most {limit}", limit=it)),
}
"""By the kind of misfit: the detail of it that is repeated, and the sentence with it."""
_PASSWORD: Final = Text(
    "a password is never written into this file: put it into a file of its own, and name that in password_file"
)
_SECRETS: Final[Mapping[str, Text]] = {
    "password": _PASSWORD,
    "passphrase": _PASSWORD,
    "client_secret": Text("the channel has no client secret; take it out"),
}
"""Keys that people expect. The nearest word would lead `password` to password_env, and the password into the log."""

_FORMS: Final[Mapping[type | None, tuple[Message, Text]]] = {
    Listener: (Message("not-a-listener", "must be an address in quotes, or a table that has one"), NOTHING),
    ApiKey: (
        Message("not-a-key-digest", "must be a table with the digest of a key"),
        Text('for example {{ sha256 = "..." }}, never the key itself'),
    ),
    Webhook: (Message("not-a-webhook", "must be an address in quotes, or a table that has one as its url"), NOTHING),
}
"""What is written instead of a table, where "must be a table" would lead astray."""

_PATTERNS: Final[Mapping[str, tuple[Message, Text]]] = {
    NAME_PATTERN: (
        Message(
            "name-malformed", "a name has 1 to 32 lower-case letters, digits and hyphens, and begins with a letter"
        ),
        NOTHING,
    ),
    SCOPE_PATTERN: (
        Message("scope-malformed", "must be one scope, in ASCII and without spaces or quotes"),
        Text("several scopes are several entries of the list"),
    ),
    SHA256_PATTERN: (
        Message("digest-malformed", "must be a SHA-256 in 64 lower-case hexadecimal digits"),
        Text("`fla-gateway caller new` prints it; the key itself is never written into this file"),
    ),
    MODE_PATTERN: (Message("mode-malformed", "must be a mode in three octal digits"), Text('for example "0660"')),
    SERVICE_ACCOUNT_PATTERN: (
        Message("service-account-malformed", "must be a namespace and a service account with a slash between them"),
        Text('for example "payroll/declarations"'),
    ),
}
_UNKNOWN: Final = Message("key-not-known", "unknown key")
_NAMED: Final = ("keys", "environments", "profiles", "callers")
"""Tables whose entries are tables with names that the operator chooses."""
_NAMELESS: Final = Message("table-without-name", "a name is missing")
_KEY_CURE: Final = Text('write the name of one of [keys.*], or key = {{ pem = "..." }}')
_CURES: Final[Mapping[tuple[str | int, ...], Text]] = {
    ("profiles", "*", "key"): _KEY_CURE,
    ("profiles", "*", "next_key"): _KEY_CURE,
    ("admin", "key", "sha256"): Text(
        "`fla-gateway admin new` prints it; the key itself is never written into this file"
    ),
}
"""Of a text in the wrong form: the cure at single places, where that of the form would not help."""


def suggestion(word: str, known: Iterable[str]) -> Text:
    """Offer the known word that is nearest to what was written, which itself is not repeated; or nothing."""
    near = nearest(word, known)
    return Text("did you mean '{word}'?", word=near) if near else NOTHING


def meant_key(path: tuple[str | int, ...]) -> str | None:
    """Return the key that the schema has in the table of an unknown one, and that is nearest to it; or None."""
    key, model = str(path[-1]), table_at(path[:-1])
    return nearest(key, key_names(model)) if model and key not in _SECRETS else None


def unknown_key_fault(path: tuple[str | int, ...]) -> Fault:
    """Write the fault of a key that the schema does not know."""
    return Fault(place(path), *_unknown_key(path))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is nearest to another one; None where none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - read where a word is wrong

    return next(iter(get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)), None)


def schema_faults(
    misfits: Iterable[Misfit], document: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Write a fault for each misfit, with the path of keys where it is.

    Args:
        misfits: as they were found.
        document: what the schema was given; used to find a near word, never shown.
    """
    nameless = {top for top in _NAMED for _ in _without_name(top, document)}
    for top in sorted(nameless):
        where, head = next(_without_name(top, document))
        yield (top,), Fault(where, _NAMELESS, Text("write [{head}], with a name of your choice", head=head))
    for misfit in misfits:
        path = _as_written(misfit.path, document)
        if path[0] in nameless:
            continue
        message, cure = _sentence(misfit, path, document)
        yield path, Fault(place(path), message, cure)


def _without_name(top: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find the keys of one entry where the entries themselves, each with its name, belong.

    Yields:
        Where they are, and under which head they belong.
    """
    entry, table = table_at((top, "name")), document.get(top)
    names = key_names(entry) if entry else frozenset()
    for key, value in table.items() if isinstance(table, dict) else ():
        if key not in names:
            continue
        if not isinstance(value, dict):
            yield top, f"{top}.NAME"
        elif not names & value.keys():
            yield place((top, key)), f"{top}.NAME.{key}"


def _as_written(path: tuple[str | int, ...], document: Any) -> tuple[str | int, ...]:
    """Cut a path where the file has a short form instead of the table that the schema made of it."""
    for depth, part in enumerate(path):
        if isinstance(document, str):
            return path[:depth]
        known = isinstance(document, list) or (isinstance(document, dict) and part in document)
        document = document[part] if known else None
    return path


def _sentence(misfit: Misfit, path: tuple[str | int, ...], document: Mapping[str, Any]) -> tuple[Message, Text]:
    kind, details = misfit.kind, misfit.details
    if kind == "unknown_key":
        return _unknown_key(path)
    if kind == "pattern":
        message, cure = _PATTERNS[details["pattern"]]
        return message, _CURES.get(_shape(path), cure)
    if kind == "unfit":
        return details["message"], NOTHING
    if kind == "table_type" and (table := table_at(path)) in _FORMS:
        return _FORMS[table]
    if kind in {"table_type", "dict_type"} and isinstance(_value_at(document, path), list):
        return _TABLE, Text("write [{where}], in single brackets", where=place(path))
    if kind not in _LIMITS:
        return _SENTENCES.get(kind, _OTHERS), NOTHING
    member, sentence = _LIMITS[kind]
    limit = details[member]
    message = sentence(limit if isinstance(limit, str) else f"{limit:g}")
    value = _value_at(document, path) if kind == "literal_error" else None
    return message, suggestion(value, details["words"]) if isinstance(value, str) else NOTHING


def _shape(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return a path with a star for the name of a profile."""
    return ("profiles", "*", *path[2:]) if path[0] == "profiles" else path


def _value_at(document: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def _unknown_key(path: tuple[str | int, ...]) -> tuple[Message, Text]:
    key = str(path[-1])
    model = table_at(path[:-1])
    hint = _SECRETS.get(key) or (suggestion(key, key_names(model)) if model else NOTHING)
    if not hint:
        # One head for each table, though it may be under several.
        homes = {owner: home for home, owner in reversed(tables().items()) if key in key_names(owner)}
        if tuple(homes) == (Configuration,):
            hint = Text("this key belongs at the top of the file, above the first table")
        elif homes:
            hint = Text("this key belongs in {tables}", tables=" or ".join(reversed(homes.values())))
    return _UNKNOWN, hint
