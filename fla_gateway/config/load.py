"""Adapter: files and environment become Settings, or every fault at once.

Owns the order of the steps: read, expand, join, judge each table, judge the rules between tables. Refuses to know the
rules themselves, and the catalogue; rules of layers above are handed in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from fla_gateway.clock import Clock, SystemClock
from fla_gateway.config.document.expand import Expander
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.document.key_path import Origins
from fla_gateway.config.document.merge import merge
from fla_gateway.config.document.schema_check import MisfitsError, check
from fla_gateway.config.document.toml_file import has_wildcard, read_document
from fla_gateway.config.rules.alert_rules import alert_faults
from fla_gateway.config.rules.caller_rules import (
    allowed_profile_faults,
    caller_faults,
    caller_warnings,
    no_caller_faults,
)
from fla_gateway.config.rules.example_values import example_faults, example_warnings
from fla_gateway.config.rules.listener_rules import listener_faults, listener_warnings
from fla_gateway.config.rules.table_rules import placed_key_sources, reference_faults, table_faults, unused_warnings
from fla_gateway.config.schema import Configuration
from fla_gateway.config.settings import Settings
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text
from fla_gateway.secret import Secret

if TYPE_CHECKING:  # read where there is a fault
    from fla_gateway.config.document.line_numbers import Lines
    from fla_gateway.config.document.misspelling import AsWritten, Misspelling

Rule = Callable[[Configuration], Iterable[Fault]]

_NOT_SET: Final = Message("password-variable-not-set", "names an environment variable that is not set")
# A fault at one of these, or at the whole table, leaves the rules of listeners without ground.
_LISTENER_KEYS: Final = frozenset({(), ("listen",), ("unsafe_allow_anonymous",), ("unsafe_cleartext",)})


def load(
    path: Path,
    environ: Mapping[str, str] | None = None,
    further: Sequence[Rule] = (),
    clock: Clock | None = None,
    files: FileSnapshot | None = None,
) -> Settings:
    """Read a configuration.

    Args:
        path: the file; relative to the working directory.
        environ: environment variables; those of the process by default.
        further: rules of layers above, for example `profiles.faults`, so that their faults are reported together with
            all others; their places are paths of keys without a file. They are given only tables that are whole.
        clock: decides what has expired; the host's by default.
        files: reads the files, and keeps them for those who use them later.

    Raises:
        ConfigurationError: with every fault of every file, each with its file and path.
    """
    first = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    loading = _Loading(first, os.environ if environ is None else environ, files or FileSnapshot(clock))
    document = loading.read_all()
    while (configuration := loading.judge_tables(document)) is None:
        loading = loading.with_keys_as_meant()
        document = loading.read_all()
    loading.judge_between(document, configuration, further)
    passwords = loading.read_passwords(configuration)
    if loading.faults:
        raise ConfigurationError(loading.located(dict.fromkeys(loading.faults)))
    warnings = loading.located(loading.warnings_of(configuration, (clock or SystemClock()).wall()))
    return Settings(configuration, passwords, tuple(loading.sources), warnings)


def label(path: Path, first: Path) -> str:
    """Return the name of a file in faults: relative to the folder of the first file where it is below that."""
    base = first.parent
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


class _Loading:
    """One run of `load`: the faults found so far, and which file wrote what."""

    def __init__(
        self, path: Path, environ: Mapping[str, str], files: FileSnapshot, misspelt: tuple[Misspelling, ...] = ()
    ) -> None:
        self.faults: list[Fault] = []
        self.sources: list[Path] = []
        self._warnings: list[Fault] = []
        self._environ = environ
        self._files = files
        self._path = path
        self._origins = Origins(path.name)
        self._unread = False
        self._faulty: list[tuple[str | int, ...]] = []
        self._misspelt = misspelt
        self._as_written: AsWritten | None = None

    def with_keys_as_meant(self) -> _Loading:
        """Begin anew, with every misspelt key that has been found moved to the one that was meant."""
        return _Loading(self._path, self._environ, self._files, self._misspelt)

    def read_all(self) -> dict[str, Any]:
        """Read the file and those that it includes, and join them."""
        whole: dict[str, Any] = {}
        first = self._read(self._path)
        self.faults.extend(merge(whole, first, self._path.name, self._origins))
        for path in self._included(first.get("include")):
            part = self._read(path)
            if "include" in part:
                del part["include"]
                message = Message("include-nested", "an included file cannot include others")
                cure = Text("move it to the first file")
                self.faults.append(Fault("include", message, cure, self._label(path)))
            self.faults.extend(merge(whole, part, self._label(path), self._origins))
        return whole

    def judge_tables(self, document: dict[str, Any]) -> Configuration | None:
        """Hold the document against the schema; what does not fit is left out, so that the rest can be judged.

        Returns:
            None if keys are misspelt: `with_keys_as_meant` begins anew.
        """
        found: list[tuple[tuple[str | int, ...], Fault]] = []
        try:
            configuration = check(Configuration, document)
        except MisfitsError as error:
            from fla_gateway.config.document.misspelling import misspellings  # noqa: PLC0415 - see TYPE_CHECKING above
            from fla_gateway.config.document.schema_errors import schema_faults  # noqa: PLC0415 - as above

            if more := misspellings(error.misfits, document):
                self._misspelt += more
                return None
            found = [
                (path, fault) for path, fault in schema_faults(error.misfits, document) if path not in self._faulty
            ]
        else:
            if not self._faulty:
                return configuration
        sure = (fault for _, fault in found if not (self._as_written and self._as_written.is_doubtful(fault.path)))
        self.faults.extend(self._placed(sure))
        self._faulty.extend(path for path, _ in found)
        from fla_gateway.config.document.partial_document import salvage  # noqa: PLC0415 - as above

        return check(Configuration, salvage(document, self._faulty))

    def judge_between(self, document: Mapping[str, Any], configuration: Configuration, further: Sequence[Rule]) -> None:
        """Apply the rules that look at more than one key, but for those that would misjudge what was left out."""
        self.faults.extend(self._placed(table_faults(configuration)))
        self.faults.extend(self._placed(alert_faults(configuration)))
        self.faults.extend(self._placed(no_caller_faults(document)))
        self.faults.extend(self._placed(caller_faults(configuration)))
        self.faults.extend(self._placed(example_faults(configuration)))
        if not any(map(_is_of_listeners, self._faulty)):
            self.faults.extend(self._placed(listener_faults(configuration)))
        if self._unread:
            return
        if not configuration.profiles and not any(path[0] == "profiles" for path in self._faulty):
            cure = Text("write at least one [profiles.NAME] with environment, client_id and key")
            self.faults.append(Fault("", Message("no-profile", "there is no profile"), cure, self._path.name))
        for rule in (reference_faults, allowed_profile_faults, *further):
            self.faults.extend(self._placed(rule(configuration)))

    def read_passwords(self, configuration: Configuration) -> Mapping[str, Secret]:
        """Take the values of every `password_env` out of the environment."""
        passwords: dict[str, Secret] = {}
        for where, source in placed_key_sources(configuration):
            if source.password_env is None:
                continue
            if source.password_env in self._environ:
                passwords[source.password_env] = Secret(self._environ[source.password_env])
            else:
                # The name is not repeated: people paste the password itself here.
                fault = Fault(f"{where}.password_env", _NOT_SET)
                self.faults.extend(self._placed([fault]))
        return MappingProxyType(passwords)

    def warnings_of(self, configuration: Configuration, now: float) -> tuple[Fault, ...]:
        """Gather the warnings of a configuration without faults, at a time in seconds since the epoch."""
        found = (*listener_warnings(configuration), *unused_warnings(configuration), *example_warnings(configuration))
        return (*self._warnings, *self._placed((*found, *caller_warnings(configuration, now))))

    def located(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Add to each fault the line that it is on, as far as that is known."""
        found: dict[str, Lines] = {}
        return tuple(self._located(fault, found) for fault in faults)

    def _located(self, fault: Fault, found: dict[str, Lines]) -> Fault:
        path = next((it for it in self.sources if self._label(it) == fault.file), None)
        if fault.line or not fault.path or path is None:
            return fault
        if fault.file not in found:
            from fla_gateway.config.document.line_numbers import Lines  # noqa: PLC0415 - as above

            try:
                text = self._files.read(path).decode("utf-8-sig")
            except (OSError, ValueError):
                text = ""
            found[fault.file] = Lines(text)
        return replace(fault, line=found[fault.file].find(fault.path))

    def _read(self, path: Path) -> dict[str, Any]:
        self.sources.append(path)
        try:
            document = read_document(path, self._label(path), self._files)
        except ConfigurationError as error:
            self._unread = True
            self.faults.extend(error.faults)
            return {}
        if self._misspelt:
            self._respell(document, self._label(path))
        expander = Expander(self._label(path), path.parent, self._environ)
        expanded: dict[str, Any] = expander.expand(document)
        self.faults.extend(self._as_it_is_written(fault) for _, fault in expander.faults)
        self._faulty.extend(path for path, _ in expander.faults)
        return expanded

    def _respell(self, document: dict[str, Any], label: str) -> None:
        """Move what is under misspelt keys of a file to where it was meant, and report each."""
        from fla_gateway.config.document.misspelling import AsWritten  # noqa: PLC0415 - as above
        from fla_gateway.config.document.schema_errors import unknown_key_fault  # noqa: PLC0415 - as above

        self._as_written = self._as_written or AsWritten()
        for one in self._misspelt:
            if self._as_written.move(document, one):
                fault = unknown_key_fault((*one.table, one.written))
                self.faults.append(replace(self._as_it_is_written(fault), file=label))

    def _as_it_is_written(self, fault: Fault) -> Fault:
        return replace(fault, path=self._as_written.path(fault.path)) if self._as_written else fault

    def _included(self, patterns: object) -> Iterator[Path]:
        seen = {self._path}
        for pattern in patterns if isinstance(patterns, list) else []:
            if not isinstance(pattern, str) or not pattern.isprintable():
                continue  # the schema says so
            found = self._files.listing(pattern, self._path.parent)
            if not found:
                self._nothing_included(pattern)
            for path in found:
                if path not in seen:
                    seen.add(path)
                    yield path

    def _nothing_included(self, pattern: str) -> None:
        if has_wildcard(pattern):
            message = Message("include-without-file", "a pattern matches no file")
            self._warnings.append(Fault("include", message, file=self._path.name))
        else:
            self._unread = True
            message = Message("include-not-found", "names a file that does not exist")
            cure = Text("paths are relative to this file")
            self.faults.append(Fault("include", message, cure, self._path.name))

    def _label(self, path: Path) -> str:
        return label(path, self._path)

    def _placed(self, faults: Iterable[Fault]) -> Iterator[Fault]:
        for fault in faults:
            yield replace(self._as_it_is_written(fault), file=self._origins.label(fault.path))


def _is_of_listeners(path: tuple[str | int, ...]) -> bool:
    match path:
        case ("gateway" | "admin", *keys):
            return tuple(keys[:1]) in _LISTENER_KEYS
        case ("profiles",) | ("profiles", _) | ("profiles", _, "listen", *_):
            return True
    return False
