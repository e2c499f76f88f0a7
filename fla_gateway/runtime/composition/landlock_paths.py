"""Adapter: the files that a gateway needs from its start to its end, for a process that is confined to them.

Owns the list: Python itself, what the system's resolver and TLS read, and what the configuration names. Refuses to know
how the kernel is asked (`system.landlock`). The disk is asked only where links lead, and which libraries are loaded.
"""

from __future__ import annotations

import mimetypes
import ssl
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

import fla_gateway
from fla_gateway.config.document.toml_file import has_wildcard
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.rules.named_files import named_files
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.address import UnixAddress, parse_listen
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.trust_store import certifi_roots
from fla_gateway.system.landlock import Paths

# Where a prefix is shared with everything else that is installed, it is not the interpreter's own.
_SHARED_PREFIXES: Final = frozenset(map(Path, ("/", "/usr", "/usr/local")))
# The loader's folders for this machine; glibc on Debian has one of its own, other systems lib64, musl only the last.
_LIBRARIES: Final = ("/lib64", "/usr/lib64")
_ONLY_LIBRARIES: Final = ("/lib", "/usr/lib")
# Read when they are asked for: character sets of texts, time zones, certificates behind the links of /etc/ssl/certs.
_SHARED_DATA: Final = (
    "/usr/lib/locale", "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/usr/share/pki",
    "/usr/share/crypto-policies", "/var/lib/ca-certificates",
)  # fmt: skip
_LOADER: Final = ("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_RESOLVER: Final = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
    "/etc/protocols", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
)  # fmt: skip
_ACCOUNTS: Final = ("/etc/passwd", "/etc/group")
_SYSTEM: Final = (
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/usr/local/share/ca-certificates",
    "/etc/localtime", "/etc/timezone", "/dev/urandom", "/dev/random", "/sys/devices/system/cpu",
)  # fmt: skip
_PROCESS: Final = (
    "/proc/self", "/proc/stat", "/proc/sys/kernel/overflowuid", "/proc/sys/kernel/overflowgid",
)  # fmt: skip
# Private keys are there on Debian and Red Hat; a key of the gateway's own is named in the configuration.
_WITHOUT_KEYS: Final = {"/etc/ssl": ("certs", "openssl.cnf"), "/etc/pki": ("tls/certs", "tls/openssl.cnf", "ca-trust")}


def allowed_paths(configured: Configured) -> Paths:
    """List what a gateway with this configuration needs.

    The files of the configuration are allowed by their directories, so that those that are replaced later can be read
    as well: an editor, certbot and Kubernetes put a new file in the place of the old one.
    """
    configuration = configured.settings.configuration
    named = [*configured.settings.sources, *_includes(configured), *named_files(configuration)]
    journal = () if configuration.audit is None else (configuration.audit.path, configuration.audit.path.resolve())
    directories = (directory for path in named for directory in _directories(path))
    return Paths(
        read=_distinct((*_python(), *_system(), *_roots(), *directories)),
        write=_distinct(journal),
        sockets=_distinct(path.parent for path in _sockets(configuration)),
    )


def includes(allowed: Iterable[Path], path: Path) -> bool:
    """Return whether a file is in one of the directories that a process is confined to, wherever links lead."""
    known = frozenset(allowed)
    return all(not known.isdisjoint((it, *it.parents)) for it in _files_of(path))


def _files_of(path: Path) -> tuple[Path, ...]:
    return path, path.resolve()


def _python() -> Iterator[Path]:
    """Name the folders of the interpreter, of its packages and of this program; never a prefix that others share."""
    yield Path(fla_gateway.__file__).parent
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    for prefix in map(Path, dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix))):
        if prefix not in _SHARED_PREFIXES:
            yield from (prefix / name for name in ("lib", "lib64", "pyvenv.cfg"))
    # The first entry is the folder of the script (/usr/local/bin, say) or, with -m, the working directory.
    aside = {Path.cwd(), Path(sys.argv[0]).resolve().parent if sys.argv and sys.argv[0] else Path.cwd()}
    yield from (
        Path(it) for it in sys.path if it and Path(it) not in _SHARED_PREFIXES and Path(it).resolve() not in aside
    )


def _libraries() -> Iterator[Path]:
    """Name the folders in which the loader finds shared libraries, the resolver's modules and OpenSSL's among them."""
    own = sysconfig.get_config_var("MULTIARCH")
    places = [Path(root) / own for root in ("/lib", "/usr/lib", "/usr/local/lib")] if own else []
    places += map(Path, _LIBRARIES)
    yield from places
    if not any(place.is_dir() for place in places):
        yield from map(Path, _ONLY_LIBRARIES)
    # Of a Python built against libraries elsewhere, /opt/openssl say: those beside the ones that it has loaded already.
    yield from (
        place for place in _loaded_from() if place not in {Path("/lib"), Path("/usr/lib"), Path("/usr/local/lib")}
    )


def _loaded_from() -> Iterator[Path]:
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    names = (line.partition("/")[2] for line in lines)
    yield from dict.fromkeys(Path(f"/{name}").parent for name in names if ".so" in name)


def _system() -> Iterator[Path]:
    yield from _libraries()
    # A mimetypes table is read by aiohttp when it is there.
    for name in (*_SHARED_DATA, *_LOADER, *map(str, mimetypes.knownfiles), *_RESOLVER, *_ACCOUNTS, *_SYSTEM, *_PROCESS):
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
    files = (places.cafile, places.openssl_cafile, certifi_roots())
    folders = (places.capath, places.openssl_capath)
    configuration = str(Path(places.openssl_cafile).parent / "openssl.cnf")
    for name in (*files, *folders, configuration):
        if name:
            yield from (Path(name), Path(name).resolve())


def _includes(configured: Configured) -> Iterator[Path]:
    base = configured.settings.sources[0].parent
    for pattern in configured.settings.configuration.include:
        parts = takewhile(lambda part: not has_wildcard(part), (base / pattern).parts)
        yield Path(*parts) / "*"


def _directories(path: Path) -> tuple[Path, ...]:
    """Return the directory of a file, and the one that it really is in: Kubernetes mounts links to links."""
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
