"""Port: the files that a gateway needs from its start to its end, for a process that is confined to them.

Owns the list: Python itself, what the system's resolver and TLS read, and what the configuration names. Refuses to know
how the kernel is told (`landlock`). The disk is asked only where links lead.
"""

from __future__ import annotations

import ssl
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

import certifi
from pydantic import BaseModel

import fla_gateway
from fla_gateway.config.address import UnixAddress, parse_listen
from fla_gateway.config.files import has_wildcard
from fla_gateway.config.schema import Configuration, Listener
from fla_gateway.runtime.configured import Configured
from fla_gateway.runtime.landlock import Paths

_LIBRARIES: Final = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share")
_LOADER: Final = ("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_RESOLVER: Final = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
    "/etc/protocols", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
)  # fmt: skip
_ACCOUNTS: Final = ("/etc/passwd", "/etc/group")
_SYSTEM: Final = (
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/usr/local/share/ca-certificates",
    "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/dev/urandom", "/dev/random", "/sys/devices/system/cpu",
)  # fmt: skip
_PROCESS: Final = (
    "/proc/self", "/proc/stat", "/proc/sys/kernel/overflowuid", "/proc/sys/kernel/overflowgid",
)  # fmt: skip
# Private keys stand there on Debian and Red Hat; a key of the gateway's own is named in the configuration.
_WITHOUT_KEYS: Final = {"/etc/ssl": ("certs", "openssl.cnf"), "/etc/pki": ("tls/certs", "tls/openssl.cnf", "ca-trust")}


def allowed_paths(configured: Configured) -> Paths:
    """List what a gateway with this configuration needs.

    The files of the configuration are allowed by their directories, so that those that are replaced later can be read
    as well: an editor, certbot and Kubernetes put a new file in the place of the old one.
    """
    configuration = configured.settings.configuration
    named = [*configured.settings.sources, *_includes(configured), *_files(configuration)]
    journal = () if configuration.audit is None else (configuration.audit.path, configuration.audit.path.resolve())
    directories = (directory for path in named for directory in _directories(path))
    return Paths(
        read=_distinct((*_python(), *_system(), *_roots(), *directories)),
        write=_distinct(journal),
        sockets=_distinct(path.parent for path in _sockets(configuration)),
    )


def _python() -> Iterator[Path]:
    yield Path(fla_gateway.__file__).parent
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    yield from map(Path, (sys.prefix, sys.base_prefix, sys.exec_prefix))
    # The working directory is among them when Python was started with -m; nothing there is the gateway's.
    here = Path.cwd()
    yield from (Path(entry) for entry in sys.path if entry and Path(entry) != here)


def _system() -> Iterator[Path]:
    for name in (*_LIBRARIES, *_LOADER, *_RESOLVER, *_ACCOUNTS, *_SYSTEM, *_PROCESS):
        path = Path(name)
        if name in _WITHOUT_KEYS:
            yield from (path / part for part in _WITHOUT_KEYS[name])
            continue
        yield path
        if path.is_symlink() and name.startswith("/etc/"):
            # resolv.conf, localtime: what the link leads to is replaced, not written to.
            yield path.resolve().parent


def _roots() -> Iterator[Path]:
    places = ssl.get_default_verify_paths()
    files = (places.cafile, places.openssl_cafile, certifi.where())
    folders = (places.capath, places.openssl_capath)
    for name in (*files, *folders):
        if name:
            yield from (Path(name), Path(name).resolve())


def _includes(configured: Configured) -> Iterator[Path]:
    base = configured.settings.sources[0].parent
    for pattern in configured.settings.configuration.include:
        parts = takewhile(lambda part: not has_wildcard(part), (base / pattern).parts)
        yield Path(*parts) / "*"


def _files(table: BaseModel) -> Iterator[Path]:
    """Find every file that a table names, whatever the key; the journal is a directory, and not for reading alone."""
    for name in type(table).model_fields:
        if isinstance(table, Configuration) and name == "audit":
            continue
        yield from _files_in(getattr(table, name))


def _files_in(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        yield from _files(value)
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _files_in(one)


def _directories(path: Path) -> tuple[Path, ...]:
    """Give the directory of a file, and the one that it really lies in: Kubernetes mounts links to links."""
    return path.parent, path.resolve().parent


def _sockets(configuration: Configuration) -> Iterator[Path]:
    listeners: list[Listener] = [*configuration.gateway.listen, configuration.admin.listen]
    listeners += [profile.listen for profile in configuration.profiles.values() if profile.listen is not None]
    for listener in listeners:
        address = parse_listen(listener.address)
        if isinstance(address, UnixAddress):
            yield address.path


def _distinct(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for path in paths if path.is_absolute()))
