"""The exposition, as Prometheus reads it, and its documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from fla_gateway.oauth.model import TokenRequest
from fla_gateway.observe.counters import BUCKETS, Counters
from fla_gateway.observe.metrics import Exposition, Suppliers
from fla_gateway.profiles import Profile, Upstream
from fla_gateway.proxy.record import DoorSnapshot, PoolSnapshot
from fla_gateway.tokens.snapshot import TokenSnapshot
from tests.observe.records import a_record

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def a_request(client_id):
    """Make a token request of one client."""
    return TokenRequest("production", "https://t.example/token", "https://t.example/token", client_id, (), "acme")


def a_profile(name, client_id):
    """Make a profile of one client."""
    return Profile(name, "production", production=True, token_request=a_request(client_id), upstream=Upstream("a", 443))


def suppliers(**changes):
    """Make suppliers of one of everything, but for some."""
    token = TokenSnapshot(a_request("one"), "stale", 300.5, 299.5, 0.0, {"ok": 7, "token-timeout": 2})
    given = {
        "tokens": lambda: [token],
        "pools": lambda: [PoolSnapshot("employer", 1, 2, 3, 4, 5, 6, 7)],
        "doors": lambda: DoorSnapshot(8, 9, limited=True),
        "offsets": lambda: {"t.example": -31.5},
        "certificates": lambda: {"acme": 1_800_000_000.0},
        "dropped": lambda: 11,
    }
    return Suppliers(**{**given, **changes})


@pytest.fixture
def counters():
    """Two GETs, one refused call, one caller who left."""
    counters = Counters()
    counters.exchange(a_record(seconds=0.02))
    counters.exchange(a_record(status=204, seconds=0.2, attempts=2))
    counters.exchange(
        a_record(
            profile="",
            method=b"BREW",
            status=404,
            origin="gateway",
            code="unknown-profile",
            outcome="refused",
            attempts=0,
        )
    )
    counters.exchange(a_record(status=0, outcome="caller-gone", method=b"POST", received=5, sent=0))
    return counters


@pytest.fixture
def families(counters):
    """The parsed exposition, by name."""
    text = Exposition(counters, [a_profile("employer", "one"), a_profile("other", "two")], suppliers()).text()
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def values(family):
    """Give a family's numbers by the values of its labels, which the text format sorts by name."""
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def test_exchanges_by_profile_method_class_and_origin(families):
    """Exchanges are counted by profile, method (OTHER for made-up ones), status class and origin."""
    family = families["fla_gateway_exchanges"]
    assert {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples} == {
        (("method", "GET"), ("origin", "upstream"), ("profile", "employer"), ("status_class", "2xx")): 2,
        (("method", "OTHER"), ("origin", "gateway"), ("profile", ""), ("status_class", "4xx")): 1,
        (("method", "POST"), ("origin", "upstream"), ("profile", "employer"), ("status_class", "none")): 1,
    }


def test_outcomes_problems_bytes_and_attempts(families):
    """How exchanges ended, why, how much was carried and how often something was sent."""
    assert values(families["fla_gateway_exchange_outcomes"])["caller-gone", "employer"] == 1
    assert values(families["fla_gateway_problems"]) == {("unknown-profile", ""): 1}
    assert values(families["fla_gateway_received_bytes"])["employer",] == 5
    assert values(families["fla_gateway_sent_bytes"])["employer",] == 2048
    assert values(families["fla_gateway_upstream_requests"])["employer",] == 4


def test_duration_histogram_is_cumulative_and_whole(families):
    """Buckets rise to the count, for each label set, and the sum is the sum."""
    samples = [
        sample
        for sample in families["fla_gateway_exchange_duration_seconds"].samples
        if sample.labels["profile"] == "employer" and sample.labels["method"] == "GET"
    ]
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    assert len(buckets) == len(BUCKETS) + 1
    assert buckets == sorted(buckets)
    assert buckets[-1] == next(sample.value for sample in samples if sample.name.endswith("_count")) == 2
    assert next(sample.value for sample in samples if sample.name.endswith("_sum")) == pytest.approx(0.22)
    assert [sample.value for sample in samples if sample.labels.get("le") in {"0.01", "0.025"}] == [0, 1]


def test_token_state_age_and_mints(families):
    """A token appears under every profile that uses it; a profile that never asked has state none."""
    states = values(families["fla_gateway_token_state"])
    assert (states["employer", "stale"], states["employer", "fresh"], states["other", "none"]) == (1, 0, 1)
    assert values(families["fla_gateway_token_age_seconds"]) == {("employer",): 300.5}
    assert values(families["fla_gateway_token_expires_in_seconds"]) == {("employer",): 299.5}
    assert values(families["fla_gateway_token_backoff_seconds"]) == {("employer",): 0}
    assert values(families["fla_gateway_token_mints"]) == {("employer", "ok"): 7, ("employer", "token-timeout"): 2}


def test_connections_and_callers(families):
    """The pool and the callers' side are shown as they are at this moment."""
    assert values(families["fla_gateway_upstream_connections"]) == {
        ("employer", "idle"): 1,
        ("employer", "busy"): 2,
        ("employer", "opening"): 3,
    }
    names = (
        "upstream_waiting",
        "upstream_connections_opened",
        "upstream_connections_reused",
        "upstream_connections_failed",
    )
    assert [values(families[f"fla_gateway_{name}"])["employer",] for name in names] == [4, 5, 6, 7]
    single = ("caller_connections", "exchanges_in_flight", "accepting_limited", "request_lines_dropped")
    assert [values(families[f"fla_gateway_{name}"])[()] for name in single] == [8, 9, 1, 11]


def test_clock_and_certificates(families):
    """The learned offset and the end of each certificate are exported, so that alarms can be set on them."""
    assert values(families["fla_gateway_token_server_clock_offset_seconds"]) == {("t.example",): -31.5}
    assert values(families["fla_gateway_certificate_not_after_timestamp_seconds"]) == {("acme",): 1_800_000_000}


def test_nothing_is_asked_before_the_first_scrape(counters):
    """Suppliers may come to life after the exposition was made."""

    def fail():
        raise AssertionError("asked too early")

    Exposition(counters, [], suppliers(tokens=fail, pools=fail, doors=fail))


def test_two_gateways_in_one_process_do_not_meet(counters):
    """Each has a registry of its own; the global one stays empty of ours."""
    first, second = Exposition(counters, [], suppliers()), Exposition(Counters(), [], suppliers())
    assert b'status_class="2xx"' in first.text()
    assert b'status_class="2xx"' not in second.text()
    assert not any(family.name.startswith("fla_gateway") for family in REGISTRY.collect())


def documented():
    """Read the names and labels of docs/metrics.md: rows of its tables that begin with a name in code marks."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_document_lists_every_metric_with_its_labels(families):
    """docs/metrics.md and the program agree on names, types and labels."""
    exposed = {}
    for family in families.values():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        exposed[name] = (family.type, labels)
    assert documented() == exposed


def test_document_names_the_buckets():
    """docs/metrics.md gives the bounds of the histogram."""
    assert ", ".join(f"{bound:g}" for bound in BUCKETS) in DOCUMENT.read_text(encoding="utf-8")
