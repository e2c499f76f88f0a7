"""Root: the gateway's numbers in the Prometheus text format.

Owns the registry, and what is collected on each scrape. Refuses to count, and to name: names and help texts are
in `observe.metrics.exchange_metrics` and `observe.metrics.gateway_metrics`; docs/metrics.md is compared with them by a
test.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from fla_gateway import __version__
from fla_gateway.build_info import compiled_word
from fla_gateway.observe.metrics import gateway_metrics
from fla_gateway.observe.metrics.counters import Counted, Counters
from fla_gateway.observe.metrics.exchange_metrics import traffic
from fla_gateway.observe.metrics.sources import MetricSources
from fla_gateway.profiles import Profile


class Exposition:
    """The numbers of one gateway, in a registry of its own.

    Args:
        counters: what the data path counted.
        profiles: gives every profile that is served, so that a token is named after the profiles that use it.
        sources: the rest.
    """

    def __init__(self, counters: Counters, profiles: Callable[[], Sequence[Profile]], sources: MetricSources) -> None:
        self._counters = counters
        self._profiles = profiles
        self._sources = sources

    def read(self) -> Callable[[], bytes]:
        """Read every number, on the event loop's thread, where the sources live.

        Returns:
            What writes the exposition (text format 0.0.4), in any thread: that takes a tenth of a second for a thousand
            profiles.
        """
        numbers = _GatewayCollector(self._counters.freeze(), self._profiles(), self._sources.read())
        return lambda: _written(numbers)

    def text(self) -> bytes:
        """Do both at once."""
        return self.read()()


def _written(numbers: Collector) -> bytes:
    registry = CollectorRegistry()
    registry.register(numbers)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _GatewayCollector(Collector):
    def __init__(self, counted: Counted, profiles: Sequence[Profile], sources: MetricSources) -> None:
        self._counted = counted
        self._profiles = profiles
        self._sources = sources
        self._python = platform.python_version()

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: registration must not call the sources, which may not be ready yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        ask = self._sources
        yield from gateway_metrics.facts(ask.facts(), __version__, self._python, compiled_word())
        yield from traffic(self._counted, ask.in_flight())
        tokens = list(ask.tokens())
        yield from gateway_metrics.token_states(self._profiles, {one.request: one for one in tokens})
        yield from gateway_metrics.brakes((held for one in tokens for held in one.brakes), ask.api_brakes())
        yield from gateway_metrics.failing_apis(ask.failing_apis())
        if alerts := ask.alerts():
            yield from gateway_metrics.alerts(alerts)
        yield from gateway_metrics.connections(list(ask.pools()))
        yield from gateway_metrics.caller_connections(ask.caller_connections())
        yield from gateway_metrics.clocks_and_certificates(
            ask.offsets(), ask.certificates(), ask.listener_certificates()
        )
        journal = ask.journal()
        if journal is not None:
            yield from gateway_metrics.journal(journal)
        yield from gateway_metrics.actions(ask.actions())
        yield from gateway_metrics.reload(ask.reload())
        yield from gateway_metrics.losses(ask.dropped(), ask.dropped_events(), ask.untraced())
