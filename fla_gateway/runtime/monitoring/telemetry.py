"""Root: everything that watches exchanges, made for one run of the process.

Owns what is switched on, the one key for the hashes of paths and tokens in log, journal and status, and the order in
which all of it ends. Refuses to know what any of it does.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from fla_gateway import __version__
from fla_gateway.access.path_masking import KEY_BYTES
from fla_gateway.admin.status.in_doubt_calls import DoubtfulCalls
from fla_gateway.clock import Clock
from fla_gateway.config.schema import Configuration
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.observe.api_health import ApiHealth
from fla_gateway.observe.doubt_events import DoubtEvents
from fla_gateway.observe.fan_out import FanOut, in_order
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
    from fla_gateway.observe.tracing.span_queue import Collector, Tracing
    from fla_gateway.profiles import Profile
    from fla_gateway.runtime.composition.signing_keys import Keys


@dataclass(slots=True)
class Observation:
    """What watches.

    Attributes:
        observer: receives every finished exchange; passes it on to all the others. The journal, if there is one.
        fan_out: the same without the journal.
        counters: what metrics read.
        recent: what the status page reads.
        health: which APIs fail, for the status page and metrics.
        doubts: calls in doubt, for the status page as well.
        output: writes request lines and events; closed by who made it.
        journal: the audit journal, or None.
        key: under which paths are masked and tokens named.
        clock: the host's clocks.
        log: the request lines, if a configuration has had them.
        notices: of policies that only observe, if a configuration has had one.
        tracing: OpenTelemetry, if a configuration has had it.
    """

    observer: FanOut | AuditJournal
    fan_out: FanOut
    counters: Counters
    recent: RecentExchanges
    health: ApiHealth
    doubts: DoubtfulCalls
    output: LineWriter
    journal: AuditJournal | None
    key: bytes
    clock: Clock
    log: AccessLog | None = None
    notices: PolicyNotices | None = None
    tracing: Tracing | None = None
    _traced: _TraceRoute | None = None

    def for_configuration(self, configuration: Configuration) -> tuple[Observer, AuditJournal | None]:
        """Return what a generation of a configuration reports to, and its journal, if it has one.

        A journal that is left out while the process runs stays open for what has begun with it.
        """
        journal = None if configuration.audit is None else self.journal
        return journal or self.fan_out, journal

    def note_accounts(self, profiles: Iterable[Profile], keys: Keys) -> None:
        """Let the journal record as which clients profiles act, with keys that are known."""
        if self.journal is not None:
            from fla_gateway.runtime.monitoring.accounts import account_of  # noqa: PLC0415 - read where there is a journal

            self.journal.accounts([account_of(it, keys.get(it.token_request.key)) for it in profiles])

    def begin(self, configured: Configured) -> None:
        """Watch as the first configuration says; raises as `prepare`."""
        route = _trace_route(configured)
        self._watch(configured, route, None if route is None else _collector(configured))

    def prepare(self, configured: Configured) -> Callable[[], None]:
        """Prepare to follow a configuration, in any thread; what is returned follows, on the event loop's.

        Raises:
            ConfigurationError: its traces cannot be sent.
        """
        route = _trace_route(configured)
        collector = None if route is None or route == self._traced else _collector(configured)

        def follow() -> None:
            self._watch(configured, route, collector)
            audit = configured.settings.configuration.audit
            if self.journal is not None and audit is not None:
                self.journal.follow_settings(audit)
                self.journal.configured(configured.fingerprint)

        return follow

    def _watch(self, configured: Configured, route: _TraceRoute | None, collector: Collector | None) -> None:
        if route is not None:
            self._trace(configured, collector)
            self._traced = route
        self._list_observers(configured.settings.configuration)

    def _trace(self, configured: Configured, collector: Collector | None) -> None:
        from fla_gateway.observe.tracing.span_queue import Tracing, span_writer  # noqa: PLC0415 - read where it is configured

        writer = span_writer(configured.profiles, self.key)
        if self.tracing is not None:
            self.tracing.follow(collector, writer)
        elif collector is not None:
            self.tracing = Tracing(collector, writer, self.clock)

    def _list_observers(self, configuration: Configuration) -> None:
        """Pass exchanges to the observers that a configuration switches on; the others stay, for a later one."""
        log, notices = configuration.log, None
        if log.requests:
            form = event_log.chosen_format(log, sys.stdout)
            if self.log is None:
                later = asyncio.get_running_loop().call_later
                self.log = AccessLog(self.output, form, self.key, self.clock.wall, later, prefixes(sys.stdout))
            else:
                self.log.follow(form)
        if _is_watched(configuration):
            notices = self.notices = self.notices or PolicyNotices(self.key)
        self.fan_out.replace(
            in_order(
                self.counters, self.log if log.requests else None, recent=self.recent, health=self.health,
                doubts=self.doubts,
                notices=notices, tracing=None if configuration.tracing is None else self.tracing,
            )
        )  # fmt: skip

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
    journal = _journal(current, clock)
    key = secrets.token_bytes(KEY_BYTES) if journal is None else journal.masking_key
    fan_out = FanOut((), asyncio.get_running_loop().call_soon)
    if journal is not None:
        journal.follow(fan_out.exchanges)
    observation = Observation(
        observer=journal or fan_out, fan_out=fan_out, counters=Counters(), recent=RecentExchanges(key),
        health=ApiHealth(), doubts=DoubtfulCalls(key, clock.wall(), DoubtEvents(key).report), output=output,
        journal=journal, key=key, clock=clock,
    )  # fmt: skip
    observation.begin(configured)
    return observation


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


class _TraceRoute(NamedTuple):
    """What a connection to a collector depends on."""

    endpoint: str
    roots: bytes


def _trace_route(configured: Configured) -> _TraceRoute | None:
    configuration = configured.settings.configuration
    if configuration.tracing is None:
        return None
    ca_file = configuration.egress.ca_file
    return _TraceRoute(configuration.tracing.endpoint, b"" if ca_file is None else configured.files.sha256(ca_file))


def _collector(configured: Configured) -> Collector | None:
    configuration = configured.settings.configuration
    if configuration.tracing is None:
        return None
    from fla_gateway.observe.tracing.span_queue import open_collector  # noqa: PLC0415 - read where it is configured

    trust = Trust(configuration.egress.ca_file, configured.files)
    return open_collector(configuration.tracing.endpoint, lambda: trust.context(None))
