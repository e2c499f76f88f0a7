"""State: the public keys of a Kubernetes cluster, kept in memory.

Owns when they are read and how a failure is handled: the last good set stays, and is never replaced by an empty or
unusable one. Refuses to know how they are read (`kubernetes.jwks_source`), and which keys are good (`kubernetes.jwks`).

It is imported only where `[kubernetes]` is configured.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from fla_gateway.clock import Clock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import Kubernetes
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text
from fla_gateway.kubernetes.jwks import VerificationKey, read_key_set
from fla_gateway.kubernetes.jwks_source import LARGEST_SET, Failure, Fetched, File, Source
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.dialer import Dialer

LOG_AGAIN_SECONDS: Final = 600.0
"""A failure that stays the same is logged this often."""

_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often keys are read, in seconds.

    Attributes:
        refresh: after a success.
        retry: after a failure.
        unknown: least time between two readings because of an unknown key.
        total: limit for one reading.
        start: how long the start waits for the first keys; what takes longer goes on while other callers are served.
    """

    refresh: float
    retry: float
    unknown: float
    total: float = 10.0
    start: float = 2.0


FETCHING: Final = Pace(refresh=600, retry=10, unknown=30)
READING: Final = Pace(refresh=600, retry=10, unknown=60)
"""Of a file: it is read again only when an unknown key shows up."""


class ClusterKeys:
    """The keys in memory; a `kubernetes.jwks.KeySource`."""

    def __init__(
        self,
        settings: Kubernetes,
        clock: Clock,
        pace: Pace | None = None,
        dialer: Dialer | None = None,
        files: FileSnapshot | None = None,
    ) -> None:
        """Take what is needed; nothing is read before `start`.

        Args:
            settings: with `jwks_file` or `jwks_url`.
            clock: its monotonic time.
            pace: by default that of the kind of source.
            dialer: that of the process; by default one of its own.
            files: those that were read with the configuration; without them the roots are read now.

        Raises:
            ConfigurationError: `ca_file` cannot be read, or there is no source.
        """
        self._place, self._source, usual = _source(settings, pace, dialer or Dialer(clock.monotonic), files)
        self._pace = pace or usual
        self._clock = clock
        self._keys: Sequence[VerificationKey] = ()
        self._document = b""
        self._failure = ""
        self._reported_at = -math.inf
        self._read_at = -math.inf
        self._due = -math.inf
        # Set while a reading is wanted or under way.
        self._wanted = asyncio.Event()

    def current(self) -> Sequence[VerificationKey]:
        """See `kubernetes.jwks.KeySource`."""
        return self._keys

    def missing(self) -> bool:
        """See `kubernetes.jwks.KeySource`."""
        if not self._wanted.is_set() and self._clock.monotonic() >= self._read_at + self._pace.unknown:
            self._wanted.set()
        return self._wanted.is_set()

    async def start(self) -> None:
        """Read the keys for the first time, within the time of the pace; `run` goes on where that is too short."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.start):
                await self._refresh()

    async def run(self) -> None:
        """Keep the keys fresh until cancelled. A failure is logged, and never ends this loop."""
        while True:
            left = max(0.0, self._due - self._clock.monotonic())
            with suppress(TimeoutError):
                # No timer is set for a time that never comes: uvloop does not accept infinity.
                async with asyncio.timeout(left if math.isfinite(left) else None):
                    await self._wanted.wait()
            await self._refresh()

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()

    async def _refresh(self) -> None:
        self._wanted.set()
        self._read_at = self._clock.monotonic()
        try:
            found = await self._source.read()
            failure = self._take(found) if isinstance(found, bytes) else found
        except Exception as error:  # noqa: BLE001 - keys that are asked for no more would end with their cluster's change
            failure = Failure(Text("the reading failed ({kind})", kind=type(error).__name__))
        finally:
            self._wanted.clear()
        if failure is not None:
            self._log_failure(failure.reason)
        self._due = self._clock.monotonic() + (self._pace.refresh if failure is None else self._pace.retry)

    def _take(self, document: bytes) -> Failure | None:
        if len(document) > LARGEST_SET:
            return Failure(Text("the set is larger than {most} bytes", most=LARGEST_SET))
        if document != self._document:
            keys = read_key_set(document)
            if not keys:
                return Failure(Text("there is no key in it that could verify a token"))
            self._keys, self._document = keys, document
            _LOG.info("cluster-keys-loaded", source=self._place, keys=[key.kid or "-" for key in keys])
        elif self._failure:
            _LOG.info("cluster-keys-loaded", source=self._place, keys=[key.kid or "-" for key in self._keys])
        self._failure = ""
        return None

    def _log_failure(self, reason: str) -> None:
        now = self._clock.monotonic()
        if reason == self._failure and now < self._reported_at + LOG_AGAIN_SECONDS:
            return
        self._failure, self._reported_at = reason, now
        if self._keys:
            _LOG.warning("cluster-keys-failed", source=self._place, reason=reason, kept=len(self._keys))
        else:
            _LOG.error("cluster-keys-failed", source=self._place, reason=reason, kept=0)


def _source(
    settings: Kubernetes, pace: Pace | None, dialer: Dialer, files: FileSnapshot | None
) -> tuple[str, Source, Pace]:
    if settings.jwks_url is not None:
        total = (pace or FETCHING).total
        fetched = Fetched(settings.jwks_url, settings.ca_file, settings.token_file, total, dialer, files)
        return settings.jwks_url, fetched, FETCHING
    if settings.jwks_file is not None:
        return str(settings.jwks_file), File(settings.jwks_file), READING
    message = Message("jwks-missing", "has neither of jwks_file and jwks_url")
    raise ConfigurationError((Fault("kubernetes", message),))
