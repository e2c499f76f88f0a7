"""Adapter: numbers become metric families of prometheus_client.

Owns the prefix of all names and the form of a histogram. Refuses to know what any number means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from fla_gateway.observe.metrics.counters import BUCKETS, Durations

PREFIX: Final = "fla_gateway_"

_BOUNDS: Final = (*(str(bound) for bound in BUCKETS), "+Inf")

Samples = dict[tuple[str, ...], float]
"""Numbers by the values of the labels."""


def counter(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    """Make a counter.

    Args:
        name: without prefix and without ``_total``.
        text: the help text.
        labels: their names.
        samples: numbers by the values of the labels, in the order of `labels`.
    """
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def gauge(name: str, text: str, labels: Sequence[str], samples: Samples) -> Metric:
    """Make a gauge.

    Args:
        name: without prefix.
        text: the help text.
        labels: their names.
        samples: numbers by the values of the labels, in the order of `labels`.
    """
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def histogram(name: str, text: str, labels: Sequence[str], durations: Mapping[tuple[str, ...], Durations]) -> Metric:
    """Make a histogram of durations.

    Args:
        name: without prefix, with ``_seconds``.
        text: the help text.
        labels: their names.
        durations: by the values of the labels, in the order of `labels`.
    """
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for values, one in durations.items():
        cumulative = list(zip(_BOUNDS, accumulate(one.buckets), strict=True))
        family.add_metric(values, cumulative, sum_value=one.seconds)
    return family
