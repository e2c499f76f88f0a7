"""Adapter: the folder in which `fla-gateway init` works: where its files are, and what is there already.

Owns the names of the files, and the answers that are kept so that one can leave and go on: one file for each profile,
without a secret. Refuses to know questions, and never changes a file that a person wrote.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Final

from cryptography import x509

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.document.unjudged import read_unjudged
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificates.pair_files import FOR_CHAMAN
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding.chaman_steps import Upload
from fla_gateway.onboarding.question import SEPARATOR, Answers

ANSWERS: Final = "onboarding"
SECRETS: Final = PurePath("secrets")
FURTHER: Final = PurePath("profiles.d")
CONFIGURATION: Final = PurePath("gateway.toml")
_HEAD: Final = "# Answers given to `fla-gateway init`, so that it can be left and taken up. There is no secret in it.\n"


@dataclass(frozen=True)
class Folder:
    """The folder.

    Attributes:
        path: absolute.
    """

    path: Path

    @property
    def configuration(self) -> Path:
        """The first file of a configuration."""
        return self.path / CONFIGURATION

    def further(self, profile: str) -> Path:
        """Return the file that a profile gets beside a configuration that is there."""
        return self.path / FURTHER / f"{profile}.toml"

    def answers_file(self, profile: str) -> Path:
        """Return where the answers for a profile are kept."""
        return self.path / ANSWERS / f"{profile}.toml"

    def key_of(self, caller: str) -> Path:
        """Return where the key of a caller, or that of the status page, is put."""
        return self.path / SECRETS / f"{caller}.key"

    def page_of(self, profile: str) -> Path:
        """Return where the page for the person at ChaMan is."""
        return self.path / FOR_CHAMAN / f"{profile}.html"

    def mail_of(self, profile: str) -> Path:
        """Return where the draft of the mail for acceptance is."""
        return self.path / FOR_CHAMAN / f"{profile}-acceptance-mail.txt"

    @cached_property
    def documents(self) -> list[tuple[Path, dict[str, Any]]]:
        """The configuration as it is written; empty if there is none.

        Raises:
            ConfigurationError: it cannot be read, or is no TOML.
        """
        if not self.configuration.exists():
            return []
        return read_unjudged(self.configuration, FileSnapshot())[0]

    @property
    def includes(self) -> tuple[str, ...]:
        """The patterns of further files in the first file of the configuration."""
        found = self.documents[0][1].get("include") if self.documents else None
        return tuple(map(str, found)) if isinstance(found, list) else ()

    def prepare(self) -> None:
        """Make the folder, closed to others, if it is missing.

        Raises:
            ConfigurationError: it cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(error, self.path) from error

    def names(self, table: str) -> frozenset[str]:
        """Return the names in a table of the configuration, such as profiles."""
        found = [document.get(table) for _, document in self.documents]
        return frozenset(name for it in found if isinstance(it, dict) for name in it)

    def names_of_file(self, file: Path, table: str) -> frozenset[str]:
        """Return the names in a table of one file of the configuration, whether that is included or not."""
        try:
            found = tomllib.loads(file.read_text("utf-8")).get(table)
        except (OSError, ValueError):
            return frozenset()
        return frozenset(found) if isinstance(found, dict) else frozenset()

    def callers_of(self, profile: str) -> tuple[str, ...]:
        """Return the names of the callers that may use a profile."""
        tables = [document.get("callers") for _, document in self.documents]
        return tuple(
            name
            for it in tables
            if isinstance(it, dict)
            for name, caller in it.items()
            if isinstance(caller, dict) and profile in caller.get("allow", {})
        )

    def is_configured(self, profile: str) -> bool:
        """Return whether a profile is in the configuration, or in a file of its own that might not be included yet."""
        return profile in self.names("profiles") or self.further(profile).exists()

    def saved(self) -> dict[str, dict[str, str]]:
        """Read the answers of every profile that was begun here.

        Raises:
            ConfigurationError: a file of them is damaged.
            OSError: their folder cannot be read.
        """
        directory = self.path / ANSWERS
        if not directory.exists():
            return {}
        files = sorted(it for it in directory.iterdir() if it.suffix == ".toml")
        return {file.stem: read_answers(file) for file in files}

    def save(self, answers: Answers) -> None:
        """Keep the answers of a profile: whole, or as they were before."""
        path = self.answers_file(answers["profile"])
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in answers.items()]
        replace_file(path, _HEAD + "".join(lines))

    def upload_of(self, profile: str) -> Upload | None:
        """Return what is uploaded for a profile, of several the last one; None if there is none yet."""
        files = sorted((self.path / FOR_CHAMAN).glob(f"{profile}-[0-9][0-9][0-9][0-9]-[0-9][0-9].cer"))
        if not files:
            return None
        certificate = _certificate(files[-1])
        return Upload(files[-1].name, files[-1].stem, f"{certificate.not_valid_after_utc:%Y-%m-%d}")

    def made_certificate(self, profile: str) -> x509.Certificate | None:
        """Return the certificate of the key that was made here, whatever became of its copy; None if none was made."""
        file = self.path / SECRETS / f"{profile}.cer"
        return _certificate(file) if file.exists() else None


def _certificate(path: Path) -> x509.Certificate:
    """Read a certificate that was made here.

    Raises:
        ConfigurationError: it is none any more.
    """
    try:
        return x509.load_der_x509_certificate(path.read_bytes())
    except ValueError:
        message = Message(
            "init-certificate-damaged", "{path} is no certificate in DER, or not the whole of one", path=path
        )
        cure = Text("move it away, and start init again")
        raise ConfigurationError((Fault("--directory", message, cure),)) from None


def replace_file(path: Path, text: str) -> None:
    """Write a file of this program's own, for its owner alone; a reader sees the former one or the whole of this.

    Raises:
        ConfigurationError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        raise unwritable(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def usable_files() -> Iterator[None]:
    """Work in a folder.

    Raises:
        ConfigurationError: a file or folder in it cannot be used.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:  # no file: a pipe that is closed, for instance
            raise
        raise _unusable(error) from error


def _unusable(error: OSError) -> ConfigurationError:
    message = Message(
        "init-file-unusable", "{path} cannot be used: {reason}", path=str(error.filename), reason=str(error.strerror)
    )
    cure = Text("let this user read and write it, or name another folder with --directory")
    return ConfigurationError((Fault("--directory", message, cure),))


def unwritable(error: OSError, path: Path) -> ConfigurationError:
    """Say that a file or folder cannot be written."""
    message = Message(
        "init-file-unwritable",
        "{path} cannot be written: {reason}",
        path=str(error.filename or path),
        reason=str(error.strerror),
    )
    return ConfigurationError((Fault("--directory", message, Text("name another folder with --directory")),))


def read_answers(path: Path) -> dict[str, str]:
    """Read a file of answers: a key for each, with a text, a list of texts, true or false.

    Raises:
        ConfigurationError: it cannot be read, or has something else.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = Message("answers-unreadable", "cannot be read: {reason}", reason=reason or "")
        raise ConfigurationError((Fault("", message, file=str(path)),)) from error
    return _texts(document, path)


def _texts(document: Mapping[str, Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for key, value in document.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            found[name] = "yes" if value else "no"
        elif isinstance(value, str):
            found[name] = value
        elif isinstance(value, list) and all(isinstance(it, str) for it in value):
            found[name] = SEPARATOR.join(value)
        else:
            message = Message("answer-of-another-kind", "must be a text, a list of texts, true or false")
            faults.append(Fault(name, message, file=str(path)))
    if faults:
        raise ConfigurationError(tuple(faults))
    return found
