"""Counters of the data path, and the one observer."""

from __future__ import annotations

import subprocess
import sys

from fla_gateway.observe.counters import BUCKETS, Counters
from fla_gateway.observe.observers import join
from tests.observe.records import a_record


def test_exchanges_of_a_kind_are_added_up():
    """Exchanges that differ in no label share one tally."""
    counters = Counters()
    counters.exchange(a_record(received=1, sent=10, seconds=0.25, attempts=1))
    counters.exchange(a_record(received=2, sent=20, seconds=0.5, attempts=2))
    ((kind, tally),) = counters.read()
    assert kind == ("employer", "GET", 200, "upstream", "", "answered")
    assert (tally.count, tally.received, tally.sent, tally.seconds, tally.attempts) == (2, 3, 30, 0.75, 3)


def test_duration_falls_into_the_bucket_that_ends_at_it():
    """A bucket's bound belongs to the bucket (Prometheus: less than or equal)."""
    counters = Counters()
    for seconds in (BUCKETS[0], BUCKETS[0] + 0.001, 3600.0):
        counters.exchange(a_record(seconds=seconds))
    ((_, tally),) = counters.read()
    assert (tally.buckets[0], tally.buckets[1], tally.buckets[-1]) == (1, 1, 1)


def test_made_up_methods_are_one_kind():
    """A caller cannot fill the memory with methods of his own."""
    counters = Counters()
    for number in range(1000):
        counters.exchange(a_record(method=b"M%d" % number))
    ((kind, tally),) = counters.read()
    assert (kind.method, tally.count) == ("OTHER", 1000)
    assert len(counters._tallies) == 1


def test_joined_observer_serves_both():
    """With a log, a record reaches counters and log; without one, the counters are the observer themselves."""

    class Kept:
        def __init__(self):
            self.records = []

        def exchange(self, record):
            self.records.append(record)

    counters, kept = Counters(), Kept()
    join(counters, kept).exchange(a_record())
    assert len(kept.records) == len(list(counters.read())) == 1
    assert join(counters, None) is counters


def test_counting_does_not_import_prometheus():
    """Serving does not wait for prometheus_client."""
    code = "import sys, fla_gateway.observe.observers; print('prometheus_client' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
