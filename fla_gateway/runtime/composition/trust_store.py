"""Adapter: which servers the gateway believes to be the government's, for both legs.

Owns the TLS contexts towards token servers, APIs and through corporate networks. Refuses to have a way to switch
verification off.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.keys.certificates.ca_file import read_roots
from fla_gateway.network.verification import set_verify_flags
from fla_gateway.profiles import Profile

_CERTIFICATE: Final = re.compile(b"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


class _Roots(NamedTuple):
    """What the roots of a context are recognised by."""

    system: tuple[object, ...]
    egress: bytes
    environment: bytes


class Trust:
    """Verifying TLS contexts, one for each set of roots; made once, since reading the roots takes tens of milliseconds.

    Args:
        egress_ca: further roots of the corporate network, or None.
        files: those that were read with the configuration; without them each file is read when it is needed.
        before: of the generation before: contexts with the same roots are taken over, so that what was opened with
            them can be used again. Its others are kept for what that generation has begun.

    Attributes:
        contexts: by the file of the environment's roots.
        known: the same by what their roots are recognised by.
    """

    def __init__(
        self, egress_ca: Path | None = None, files: FileSnapshot | None = None, before: Trust | None = None
    ) -> None:
        self._egress_ca = egress_ca
        self._files = files
        self.contexts: dict[Path | None, ssl.SSLContext] = {}
        self.known: dict[_Roots, ssl.SSLContext] = {}
        self._former: dict[Path | None, ssl.SSLContext] = {} if before is None else before.contexts
        self._taken: dict[_Roots, ssl.SSLContext] = {} if before is None else before.known
        self._system: tuple[object, ...] | None = None

    def prepare(self, profiles: Iterable[Profile]) -> None:
        """Make the contexts of profiles, so that roots that cannot be read are reported before anything is connected.

        Raises:
            ConfigurationError: with every file that cannot be read, and every entry that is damaged or no CA.
        """
        faults: list[Fault] = []
        # Once for each environment: what cannot be read is not kept, and a thousand profiles may name the same.
        for ca_file, environment in dict.fromkeys((it.upstream.ca_file, it.environment) for it in profiles):
            try:
                self.context(ca_file, f"environments.{environment}.ca_file")
            except ConfigurationError as error:
                faults.extend(error.faults)
        if faults:
            raise ConfigurationError(tuple(dict.fromkeys(faults)))

    def context(self, ca_file: Path | None, place: str = "ca_file") -> ssl.SSLContext:
        """Give the context for an environment.

        Args:
            ca_file: further roots of the environment, or None.
            place: of these in the configuration, for the fault.

        Raises:
            ConfigurationError: as `prepare`.
        """
        context = self.contexts.get(ca_file)
        if context is None:
            context = self.contexts[ca_file] = self._taken_over(ca_file, place)
        return context

    def context_for(self, ca_file: Path | None) -> ssl.SSLContext:
        """Give the context for an environment of this generation or of the one before; reads no file for the latter."""
        return self.contexts.get(ca_file) or self._former.get(ca_file) or self.context(ca_file)

    def _taken_over(self, ca_file: Path | None, place: str) -> ssl.SSLContext:
        if self._files is None:
            return self._make(ca_file, place)
        if self._system is None:
            self._system = system_roots()
        digest = self._files.sha256
        roots = _Roots(
            self._system,
            b"" if self._egress_ca is None else digest(self._egress_ca),
            b"" if ca_file is None else digest(ca_file),
        )
        context = self.known.get(roots) or self._taken.get(roots)
        if context is None:
            context = self._make(ca_file, place)
        self.known[roots] = context
        return context

    def _make(self, ca_file: Path | None, place: str) -> ssl.SSLContext:
        context = verifying_context(((self._egress_ca, "egress.ca_file"), (ca_file, place)), self._files)
        context.set_alpn_protocols(["http/1.1"])
        return context


def verifying_context(roots: Iterable[tuple[Path | None, str]], files: FileSnapshot | None) -> ssl.SSLContext:
    """Make a context that believes the system's roots, certifi's and further ones; it names no protocol (ALPN).

    Args:
        roots: files of further roots, with their places in the configuration.
        files: as for `Trust`.

    Raises:
        ConfigurationError: as `Trust.prepare`.
    """
    # create_default_context: the system's roots, CERT_REQUIRED, host names checked.
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # It would also write the keys of every connection to the file that SSLKEYLOGFILE names: a leak with a
    # harmless name, which developers leave in their environment.
    context.keylog_filename = None  # type: ignore[assignment]  # None switches it off, which typeshed does not know
    # The system's roots may be old or, in a small image, none; certifi's do not know the company's own.
    if further := _further(certifi_roots(), ssl.get_default_verify_paths().cafile):
        context.load_verify_locations(cadata=further)
    set_verify_flags(context)
    faults: list[Fault] = []
    for path, where in roots:
        try:
            if path is not None:
                context.load_verify_locations(cadata=read_roots(path, where, files))
        except ConfigurationError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigurationError(tuple(faults))
    return context


def _further(roots: str, known: str | None) -> str:
    """Return the certificates of a file that another one does not have: most are the same, and each takes 0.2 ms."""
    try:
        there = frozenset(_CERTIFICATE.findall(Path(known).read_bytes())) if known is not None else frozenset()
    except OSError:
        there = frozenset()
    return b"\n".join(it for it in _CERTIFICATE.findall(Path(roots).read_bytes()) if it not in there).decode()


def certifi_roots() -> str:
    """Return the file of certifi's roots; what certifi imports to find it needs more memory than the roots."""
    spec = find_spec("certifi")
    file = Path(spec.origin).with_name("cacert.pem") if spec is not None and spec.origin is not None else None
    if file is None or not file.is_file():
        # Distributions change certifi so that it names the system's roots.
        import certifi  # noqa: PLC0415 - as above

        return certifi.where()
    return str(file)


def system_roots() -> tuple[object, ...]:
    """Return what the system's roots and certifi's are recognised by: an update replaces files."""
    places = ssl.get_default_verify_paths()
    found: list[object] = []
    for name in filter(None, (places.cafile, places.capath, certifi_roots())):
        try:
            seen: os.stat_result | None = Path(name).stat()
        except OSError:
            seen = None
        found.append(None if seen is None else (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return tuple(found)
