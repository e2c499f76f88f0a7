"""What a key is recognised by."""

from __future__ import annotations

import pytest

from fla_gateway.config.schema import KeySource
from fla_gateway.keys.identity import key_identity
from fla_gateway.secret import Secret


@pytest.fixture
def source(tmp_path):
    """A key with certificate and password, each in a file."""
    for name in ("key", "certificate", "password"):
        (tmp_path / name).write_text(name)
    return KeySource(pem=tmp_path / "key", certificate=tmp_path / "certificate", password_file=tmp_path / "password")


def identity(source, **passwords):
    """Return the identity of a key."""
    secrets = {name: Secret(value) for name, value in passwords.items()}
    return key_identity(source, secrets, lambda path: path.read_bytes())


def test_the_same_bytes_are_the_same_key_wherever_they_are(source, tmp_path):
    """A key that was moved or renamed is still that key."""
    moved = source.pem.rename(tmp_path / "moved")
    before = identity(KeySource(pem=moved, certificate=source.certificate, password_file=source.password_file))
    moved.rename(source.pem)
    assert identity(source) == before


@pytest.mark.parametrize("name", ["key", "certificate", "password"])
def test_another_byte_in_any_of_its_files_is_another_key(source, tmp_path, name):
    """What replaces a key inherits nothing, even if only its certificate is another one."""
    before = identity(source)
    (tmp_path / name).write_text("other")
    assert identity(source) != before


def test_another_password_of_the_environment_is_another_key(source):
    """The name of the variable stays the same."""
    source = KeySource(pem=source.pem, password_env="SECRET")
    assert identity(source, SECRET="one") != identity(source, SECRET="two") != identity(source)


def test_a_file_that_cannot_be_read_is_a_content_as_well(source):
    """A key whose file comes later is another one then."""
    path = source.pem.with_name("missing")
    missing = KeySource(pem=path)
    before = identity(missing)
    assert identity(missing) == before
    path.write_bytes(b"")
    assert identity(missing) != before


def test_bytes_that_move_from_one_file_to_the_next_are_another_key(source):
    """Where a part ends is a part of the identity."""
    before = identity(source)
    source.pem.write_text("keyc")
    source.certificate.write_text("ertificate")
    assert identity(source) != before
