"""The keys of a configuration, loaded side by side."""

from __future__ import annotations

import pytest

from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.model import LoadedKey
from fla_gateway.runtime.composition.resolved_config import Configured, read
from fla_gateway.runtime.composition.signing_keys import load_keys
from tests.support.keys import NOW, make_rsa, write_identity

CONFIGURATION = """
[keys.good]
pem = "good.pem"
certificate = "good.cer"
[keys.missing]
pem = "missing.pem"
[profiles.one]
environment = "acceptance"
client_id = "one"
key = "good"
"""


@pytest.fixture
def configured(tmp_path) -> Configured:
    """Two keys: a good one, and one without a file."""
    write_identity(tmp_path, "good", make_rsa(2048, "good"))
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIGURATION)
    return read(path)


def test_a_key_that_cannot_be_read_leaves_the_others_alone(configured):
    """Each key by its name: what can sign, or why it cannot."""
    keys = load_keys(configured, NOW)
    assert isinstance(keys["good"], LoadedKey)
    missing = keys["missing"]
    assert isinstance(missing, UnusableKeyError)
    assert "missing.pem" in missing.message


def test_an_accident_that_nobody_foresaw_is_one_keys_own(configured):
    """Here a clock without a time zone: the key is unusable by the accident's name, and nothing is raised."""
    key = load_keys(configured, NOW.replace(tzinfo=None))["good"]
    assert isinstance(key, UnusableKeyError)
    assert key.message == "the key could not be read (TypeError)"
