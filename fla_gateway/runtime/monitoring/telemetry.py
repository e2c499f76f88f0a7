"""Root: everything that watches exchanges, made for one run of the process.

Owns what is switched on, the one key for the hashes of paths and tokens in log, journal and status, and the order in
which all of it ends. Refuses to know what any of it does.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fla_gateway import __version__
from fla_gateway.access.path_masking import KEY_BYTES
from fla_gateway.admin.status.in_doubt_calls import DoubtfulCalls
from fla_gateway.clock import Clock
from fla_gateway.config.schema import Configuration
from fla_gateway.observe.fan_out import fan_out_to
from fla_gateway.observe.logs import event_log
from fla_gateway.observe.logs.access_log import AccessLog
from fla_gateway.observe.logs.journal_priority import prefixes
from fla_gateway.observe.logs.line_writer import LineWriter
from fla_gateway.observe.metrics.counters import Counters
from fla_gateway.observe.policy_notices import PolicyNotices
from fla_gateway.observe.recent_exchanges import RecentExchanges
from fla_gateway.proxy.records.exchange_record import Observer
from fla_gateway.runtime.composition.resolved_config import Configured, CurrentConfiguration
from fla_gateway.runtime.composition.trust_store import Trust

if TYPE_CHECKING:  # neither is read where it is not configured
    from fla_gateway.journal.writer.audit_journal import AuditJournal
    from fla_gateway.observe.fan_out import FanOut
    from fla_gateway.observe.tracing.span_queue import Tracing


@dataclass(frozen=True, slots=True)
class Observation:
    """What watches.

    Attributes:
        observer: receives every finished exchange; passes it on to all the others. The journal, if there is one.
        fan_out: the same without the journal.
        counters: what metrics read.
        recent: what the status page reads.
        doubts: calls in doubt, for the status page as well.
        log: the request lines, or None.
        output: writes request lines and events; closed by who made it.
        journal: the audit journal, or None.
        tracing: OpenTelemetry, or None.
        key: under which paths are masked and tokens named.
    """

    observer: FanOut | AuditJournal
    fan_out: FanOut
    counters: Counters
    recent: RecentExchanges
    doubts: DoubtfulCalls
    log: AccessLog | None
    output: LineWriter
    journal: AuditJournal | None
    tracing: Tracing | None
    key: bytes

    def for_configuration(self, configuration: Configuration) -> tuple[Observer, AuditJournal | None]:
        """Return what a generation of a configuration reports to, and its journal, if it has one.

        A journal that is left out while the process runs stays open for what has begun with it.
        """
        journal = None if configuration.audit is None else self.journal
        return journal or self.fan_out, journal

    def follow(self, configured: Configured) -> None:
        """Let what watches follow a configuration that is in force from now on."""
        if _is_watched(configured.settings.configuration):
            self.fan_out.add_notices(lambda: PolicyNotices(self.key))
        if self.journal is not None and configured.settings.configuration.audit is not None:
            self.journal.configured(configured.fingerprint)

    def close(self) -> None:
        """End everything, the journal last; blocks, so call it when nothing else runs any more."""
        self.observer.settle()
        # What ended under a configuration without the journal, while there was one before.
        self.fan_out.settle()
        if self.tracing is not None:
            self.tracing.close()
        if self.log is not None:
            self.log.close()
        if self.journal is not None:
            self.journal.close()


def observe(current: CurrentConfiguration, clock: Clock, output: LineWriter) -> Observation:
    """Make everything that watches; on the running loop.

    Args:
        current: the configuration in force; the first decides what is switched on.
        clock: the host's clocks.
        output: takes the request lines.

    Raises:
        ConfigurationError: the journal cannot be had, or what traces.
    """
    configured = current.configured
    configuration = configured.settings.configuration
    journal = _journal(current, clock)
    key = secrets.token_bytes(KEY_BYTES) if journal is None else journal.masking_key
    counters, recent, doubts = Counters(), RecentExchanges(key), DoubtfulCalls(key, clock.wall())
    log = _access_log(configured, key, clock, output)
    tracing = _tracing(configured, key, clock)
    fan_out = fan_out_to(
        counters, log, soon=asyncio.get_running_loop().call_soon, recent=recent, doubts=doubts,
        notices=PolicyNotices(key) if _is_watched(configuration) else None, tracing=tracing,
    )  # fmt: skip
    if journal is not None:
        journal.follow(fan_out.exchanges)
    observer = fan_out if journal is None else journal
    return Observation(observer, fan_out, counters, recent, doubts, log, output, journal, tracing, key)


def _is_watched(configuration: Configuration) -> bool:
    return any(caller.observe_until is not None for caller in configuration.callers.values())


def _journal(current: CurrentConfiguration, clock: Clock) -> AuditJournal | None:
    audit = current.configured.settings.configuration.audit
    if audit is None:
        return None
    from fla_gateway.journal.open import open_journal  # noqa: PLC0415 - read where there is one
    from fla_gateway.journal.snapshot import Facts  # noqa: PLC0415 - as above

    facts = Facts(__version__, current.configured.fingerprint, lambda: current.environments)
    return open_journal(audit, clock, facts, asyncio.get_running_loop())


def _access_log(configured: Configured, key: bytes, clock: Clock, output: LineWriter) -> AccessLog | None:
    log = configured.settings.configuration.log
    if not log.requests:
        return None
    form = event_log.chosen_format(log, sys.stdout)
    later = asyncio.get_running_loop().call_later
    return AccessLog(output, form, key, clock.wall, later, prefixes(sys.stdout))


def _tracing(configured: Configured, key: bytes, clock: Clock) -> Tracing | None:
    configuration = configured.settings.configuration
    if configuration.tracing is None:
        return None
    from fla_gateway.observe.tracing.span_queue import open_tracing  # noqa: PLC0415 - read where it is configured

    trust = Trust(configuration.egress.ca_file, configured.files)
    endpoint = configuration.tracing.endpoint
    return open_tracing(endpoint, configured.profiles, clock, key, lambda: trust.context(None))
