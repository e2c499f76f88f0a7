"""Counters of the data path."""

from __future__ import annotations

import subprocess
import sys

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.observe.metrics.counters import BUCKETS, Counters
from fla_gateway.proxy.records.exchange_record import Attempt
from tests.observe.records import a_record

PAYROLL = Admission("payroll", "key:12345678", "GET /REST/**")


def test_exchanges_of_a_kind_are_added_up():
    """Exchanges that differ in no label share one tally."""
    counters = Counters()
    counters.exchange(a_record(received=1, sent=10, seconds=0.25, attempts=1))
    counters.exchange(a_record(received=2, sent=20, seconds=0.5, attempts=2))
    (tally,) = counters.freeze().tallies
    assert tally.kind == ("employer", "GET", 200, "upstream", "", "answered", "", False)
    assert (tally.count, tally.received, tally.sent, tally.whole.seconds, tally.attempts) == (2, 3, 30, 0.75, 3)


def test_callers_are_told_apart():
    """Exchanges of two callers are two kinds, and so are those that a policy only observed."""
    counters = Counters()
    counters.exchange(a_record(admission=PAYROLL))
    counters.exchange(a_record(admission=PAYROLL._replace(caller="planning")))
    counters.exchange(a_record(admission=PAYROLL._replace(rule="", observed=True)))
    kinds = [tally.kind for tally in counters.freeze().tallies]
    assert [(kind.caller, kind.observed) for kind in kinds] == [
        ("payroll", False),
        ("planning", False),
        ("payroll", True),
    ]


def test_duration_falls_into_the_bucket_that_ends_at_it():
    """A bucket's bound belongs to the bucket (Prometheus: less than or equal)."""
    counters = Counters()
    for seconds in (BUCKETS[0], BUCKETS[0] + 0.001, 3600.0):
        counters.exchange(a_record(seconds=seconds, upstream_seconds=seconds))
    (tally,) = counters.freeze().tallies
    for durations in (tally.whole, tally.upstream):
        assert (durations.buckets[0], durations.buckets[1], durations.buckets[-1]) == (1, 1, 1)


def test_api_that_gave_no_answer_has_no_duration():
    """Only answers of the API have a duration; the answer that refused a token is one of them."""
    counters = Counters()
    counters.exchange(a_record(upstream_seconds=0.0))
    counters.exchange(a_record(upstream_seconds=0.5, refused=Attempt(401, "", "", 0.25)))
    (tally,) = counters.freeze().tallies
    assert (sum(tally.upstream.buckets), tally.upstream.seconds) == (2, 0.75)


def test_waits_are_counted_for_those_that_waited():
    """An exchange that found token and connection at hand is no wait of zero seconds."""
    counters = Counters()
    counters.exchange(a_record())
    counters.exchange(a_record(token_seconds=0.25))
    counters.exchange(a_record(token_seconds=0.25, connection_seconds=2.0))
    counted = counters.freeze()
    assert (counted.token_waits["employer"].seconds, sum(counted.token_waits["employer"].buckets)) == (0.5, 2)
    assert counted.connection_waits["employer"].seconds == 2.0


def test_made_up_methods_are_one_kind():
    """A caller cannot fill the memory with methods of his own."""
    counters = Counters()
    for number in range(1000):
        counters.exchange(a_record(method=b"M%d" % number))
    (tally,) = counters.freeze().tallies
    assert (tally.kind.method, tally.count) == ("OTHER", 1000)
    assert len(counters._tallies) == 1


def test_made_up_statuses_are_one_kind_for_each_class():
    """An API cannot fill the memory with status codes that nobody has registered."""
    counters = Counters()
    for status in range(1_000):
        counters.exchange(a_record(status=status))
    kinds = {tally.kind.status for tally in counters.freeze().tallies}
    assert {0, 200, 404, 503, 900} <= kinds
    assert not {299, 499, 999} & kinds
    assert len(kinds) < 80
    assert sum(tally.count for tally in counters.freeze().tallies) == 1_000


def test_counting_does_not_import_prometheus():
    """Serving does not wait for prometheus_client."""
    code = (
        "import sys, fla_gateway.observe.fan_out, fla_gateway.observe.metrics.counters;"
        "import fla_gateway.observe.recent_exchanges;"
    )
    code += "print('prometheus_client' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
