"""State: names become addresses, by the system's own resolver.

Owns one look-up per name at a time, and the last good addresses, which serve while no name server answers. Refuses to
know ports, and how long a caller may wait: the dialer bounds that.

getaddrinfo is asked each time, so that nsswitch.conf, /etc/hosts and the order of RFC 6724 hold as for every other
program, and a new address in the DNS is seen at once.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from fla_gateway.i18n.message import Text
from fla_gateway.network.address import Address
from fla_gateway.network.lookup_threads import LookupThreads

STALE_SECONDS: Final = 3_600.0
"""How long the last good addresses serve while no name server answers."""
PATIENCE_SECONDS: Final = 1.0
"""How long a look-up may take before the last good addresses serve, unless less is asked; it goes on meanwhile."""
REST_SECONDS: Final = 5.0
"""How long the last good addresses serve without another look-up after one failed."""
_LARGEST_HOSTS_FILE: Final = 1_048_576

# The name server's answer: there is no such name, or it has no address of a family that is used here. Anything else
# says that it could not be asked. EAI_NODATA and EAI_ADDRFAMILY are missing on some systems.
_NO_SUCH_NAME: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
)

_LOG = structlog.get_logger()

Lookup = Callable[[str], Sequence[Address]]
"""Blocks until a name's addresses are known; raises OSError, in particular socket.gaierror."""


def look_up(host: str) -> list[Address]:
    """Ask the system's resolver; blocks.

    Raises:
        OSError: there is no answer, or a negative one.
    """
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, Text("it is no name that the DNS could have")) from None
    families = (socket.AF_INET, socket.AF_INET6)
    return [_address(family, address) for family, _, _, _, address in found if family in families]


def _address(family: int, address: tuple[str | int | bytes, ...]) -> Address:
    # The zone of an IPv6 address is in its text and again in the scope id; with the text alone the event loops would
    # resolve the address once more.
    host, *rest = address
    return Address(family, (str(host).partition("%")[0], *rest))  # type: ignore[arg-type]  # typeshed: Python without IPv6


class _Name:
    """What is known of one name."""

    __slots__ = ("addresses", "begun", "doubtful", "found_at", "lookup", "rests_until", "trouble_reported")

    def __init__(self) -> None:
        self.addresses: Sequence[Address] = ()
        self.found_at = 0.0
        self.begun = 0.0
        # Returns addresses or the error; as a value, since no task may be left to retrieve an exception.
        self.lookup: asyncio.Future[Sequence[Address] | OSError] | None = None
        self.doubtful = False
        self.rests_until = 0.0
        self.trouble_reported = False


class Resolver:
    """Finds the addresses of names. The mutable state is a record for each name of the configuration."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        lookup: Lookup = look_up,
        threads: LookupThreads | None = None,
        hosts: Path = Path("/etc/hosts"),
    ) -> None:
        """Take what is needed; no thread is started before the first look-up.

        Args:
            now: `Clock.monotonic`.
            lookup: the system's resolver, or a fake in a test.
            threads: where it blocks; by default threads of its own.
            hosts: file whose names never wait for a thread.
        """
        self._now = now
        self._lookup = lookup
        self._threads = threads or LookupThreads()
        self._hosts = hosts
        # Names come from the configuration alone, so that this is bounded by it.
        self._names: dict[str, _Name] = {}

    async def addresses(self, host: str, *, stale: bool, patience: float = PATIENCE_SECONDS) -> Sequence[Address]:
        """Find the addresses of a name or of a literal address.

        Args:
            host: name or address, without brackets.
            stale: whether the last good addresses may serve while no name server answers.
            patience: seconds that a look-up may take before they do.

        Raises:
            OSError: the name has no address, or cannot be resolved.
        """
        if _is_literal(host):
            return look_up(host)
        name = self._names.setdefault(host, _Name())
        known = name.addresses if stale and self._now() < name.found_at + STALE_SECONDS else ()
        if known and name.lookup is None and self._now() < name.rests_until:
            return known
        lookup = name.lookup or self._begin(host, name)
        left = max(0.0, name.begun + patience - self._now()) if known else None
        # Not awaited itself: one caller that is cancelled would cancel the look-up of all.
        await asyncio.wait((lookup,), timeout=left)
        found = lookup.result() if lookup.done() else TimeoutError()
        if not isinstance(found, OSError):
            return found
        if not known or does_not_exist(found):
            raise found
        self._report_trouble(host, name, found)
        return known

    def _begin(self, host: str, name: _Name) -> asyncio.Future[Sequence[Address] | OSError]:
        loop = asyncio.get_running_loop()
        lookup = name.lookup = loop.create_future()
        name.begun = self._now()

        def job() -> None:
            try:
                found: Sequence[Address] | OSError = self._lookup(host)
            except OSError as error:
                found = error
            # The loop may have ended meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end, host, name, found)

        try:
            self._threads.begin(job, doubtful=name.doubtful, never_waits=lambda: in_hosts_file(host, self._hosts))
        except RuntimeError:
            self._end(host, name, OSError(errno.EAGAIN, Text("the system gives no thread for the look-up")))
        return lookup

    def _end(self, host: str, name: _Name, found: Sequence[Address] | OSError) -> None:
        lookup, name.lookup = name.lookup, None
        if isinstance(found, OSError) or not found:
            name.doubtful = True
            name.rests_until = self._now() + REST_SECONDS
            if not isinstance(found, OSError) or does_not_exist(found):
                name.addresses = ()
        else:
            name.addresses, name.found_at, name.doubtful = found, self._now(), False
            if name.trouble_reported:
                name.trouble_reported = False
                _LOG.info("resolver-works", host=host)
        if lookup is not None and not lookup.done():
            lookup.set_result(found)

    def _report_trouble(self, host: str, name: _Name, error: OSError) -> None:
        if name.trouble_reported:
            return
        name.trouble_reported = True
        reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        _LOG.warning("resolver-fails", host=host, reason=reason, addresses_age=round(self._now() - name.found_at))


def does_not_exist(error: OSError) -> bool:
    """Return whether a name server answered that the name has no address."""
    return isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_NAME


def in_hosts_file(host: str, path: Path) -> bool:
    """Return whether a hosts file (hosts(5)) names a host; a file that is unreadable or very large names none."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_HOSTS_FILE)
    except OSError:
        return False
    wanted = host.lower().encode()
    lines = (line.partition(b"#")[0].lower().split() for line in content.splitlines())
    return any(wanted in fields[1:] for fields in lines)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
