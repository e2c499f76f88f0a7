"""Fixtures for key files: a folder, a way to load from it, and the programs that make files of their own kind."""

from __future__ import annotations

import shlex
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.load import load_key
from fla_gateway.keys.model import LoadedKey
from fla_gateway.secret import Secret
from tests.support.keys import NOW, Issuer, make_certificate, make_rsa, write_identity, write_private
from tests.support.waiting import PATIENCE


class KeyFolder:
    """A folder with key files, and shorthands to write and to load them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, content: bytes | str) -> Path:
        return write_private(self.path / name, content)

    def run(self, command: str) -> None:
        """Run a program in the folder; what it makes is then closed to others."""
        subprocess.run(shlex.split(command), cwd=self.path, check=True, capture_output=True, timeout=PATIENCE)
        for file in self.path.iterdir():
            file.chmod(0o600)

    def source(self, *, password: str | None = None, **files: str) -> KeySource:
        paths = {kind: self.path / name for kind, name in files.items()}
        if password is not None:
            paths["password_file"] = self.write("password", f"{password}\n")
        return check(KeySource, paths)

    def load(self, *, password: str | None = None, now: datetime = NOW, **files: str) -> LoadedKey:
        return load_both_ways(self.source(password=password, **files), {}, now)

    def refused(self, *, password: str | None = None, now: datetime = NOW, **files: str) -> UnusableKeyError:
        """Load what must be refused; every refusal must come with a cure."""
        with pytest.raises(UnusableKeyError) as caught:
            self.load(password=password, now=now, **files)
        assert caught.value.cure
        return caught.value

    def later(self, **span: float) -> datetime:
        """The time after which certificates that a program makes during the tests are surely valid."""
        return NOW + timedelta(**span)

    def environment(self, source: KeySource, **passwords: str) -> LoadedKey:
        return load_both_ways(source, {name: Secret(value) for name, value in passwords.items()}, NOW)


def load_both_ways(source: KeySource, passwords: dict[str, Secret], now: datetime) -> LoadedKey:
    """Load a key as `check` does and as `run` does, which must come to the same in every test of this folder."""
    validated, proven = (_outcome(source, passwords, now, validate=validate) for validate in (True, False))
    if isinstance(validated, UnusableKeyError):
        assert isinstance(proven, UnusableKeyError)
        assert (proven.message, proven.cure) == (validated.message, validated.cure)
        raise proven
    assert isinstance(proven, LoadedKey)
    assert (proven.certificate, proven.warnings) == (validated.certificate, validated.warnings)
    assert proven.signer.algorithms == validated.signer.algorithms
    return proven


def _outcome(
    source: KeySource, passwords: dict[str, Secret], now: datetime, *, validate: bool
) -> LoadedKey | UnusableKeyError:
    try:
        return load_key("acme", source, passwords, now, validate=validate)
    except UnusableKeyError as error:
        return error


@pytest.fixture
def folder(tmp_path) -> KeyFolder:
    """An empty folder."""
    return KeyFolder(tmp_path)


@pytest.fixture
def acme(folder: KeyFolder) -> KeyFolder:
    """A folder with acme.pem (RSA 2048) and acme.cer, both beyond reproach."""
    write_identity(folder.path)
    return folder


@pytest.fixture(scope="session")
def certificate():
    """The certificate of `make_rsa()`."""
    return make_certificate(make_rsa())


@pytest.fixture(scope="session")
def authority() -> Issuer:
    """A CA whose certificates may deviate from the manual's rules."""
    key = make_rsa(2048, "authority")
    return Issuer(make_certificate(key, subject="Some CA", key_usage="key_cert_sign"), key)
