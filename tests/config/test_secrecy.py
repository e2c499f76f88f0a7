from __future__ import annotations

import contextlib
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fla_gateway.config.document.schema_paths import key_names, tables
from fla_gateway.config.load import load
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import ConfigurationError
from tests.support.configurations import Folder

# Long and of mixed kinds, so that no sentence of ours holds it by chance.
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="'\"\\"), min_size=12).map(
    lambda text: f"Zq{text}7X"
)
PLACES = sorted(
    (head.strip("[]").replace("NAME", "mine"), key)
    for head, model in tables().items()
    for key in key_names(model) | {"unknown-key"}
    if head.startswith("[")
)


def _toml(key: str, secret: str, form: str) -> str:
    value = {"text": f"'{secret}'", "list": f"['{secret}']", "table": f"{{ x = '{secret}' }}", "bare": secret}[form]
    return f"'{key}' = {value}\n"


@given(st.sampled_from(PLACES), SECRETS, st.sampled_from(["text", "list", "table", "bare"]))
def test_no_fault_repeats_a_value(where, secret, form):
    """Whatever is pasted into whichever key, in whatever form, is in no fault."""
    table, key = where
    with tempfile.TemporaryDirectory() as directory:
        path = Folder(Path(directory)).write(f"[{table}]\n{_toml(key, secret, form)}")
        with pytest.raises(ConfigurationError) as caught:
            load(path, {})
    error = caught.value
    assert secret not in f"{error}{error!r}{error.faults!r}{error.__cause__!r}{error.__context__!r}"


@given(st.dictionaries(st.sampled_from([*key_names(Configuration), "more"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.datetimes() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["a", "listen", "timeouts", "pem", "key", "environment", "client_id", "services", "scope", "assertion",
         "address", "tls", "keys", "allow", "uid", "limits", "sha256", "expires", "certificate_names", "issuer", "path"]
    ), inner, max_size=3),
    max_leaves=12,
)))  # fmt: skip
@example({"profiles": {"client_id": {}}})
@example({"profiles": {"a": {"key": "k"}}, "keys": {"k": 1}})
@example({"callers": {"a": {"uid": 1, "allow": {"b": ["x"]}}, "b": 3}, "kubernetes": 1})
@example({"callers": {"unset": {"allow": {"unset": 3}}}, "profiles": {"unset": 4}})
@example({"callers": {"a": {"keys": [{"expires": date(9999, 12, 31)}, {"expires": datetime(1, 1, 1, tzinfo=UTC)}]}}})
def test_any_document_ends_in_faults_or_settings(document):
    """No document, however odd, breaks the loader: the answer is a configuration or a list of faults."""
    with tempfile.TemporaryDirectory() as directory:
        path = Folder(Path(directory)).write(_write(document))
        with contextlib.suppress(ConfigurationError):
            assert load(path, {}).configuration.profiles


def _write(value: Any, *, top: bool = True) -> str:
    match value:
        case dict() if top:
            return "".join(f"{key} = {_write(item, top=False)}\n" for key, item in value.items())
        case dict():
            return "{" + ", ".join(f"{key} = {_write(item, top=False)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(_write(item, top=False) for item in value) + "]"
        case bool() | None:
            return str(bool(value)).lower()
        case str():
            return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
        case int() | float():
            return repr(value)
        case datetime():
            return value.replace(microsecond=0).isoformat()
        case _:
            return str(value.isoformat())
