"""The exposition, as Prometheus reads it, and its documentation."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from fla_gateway import __version__
from fla_gateway.access.authentication.caller import UNAUTHENTICATED, Admission
from fla_gateway.build_info import compiled_word
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.observe.alerts.alert import AlertNumbers
from fla_gateway.observe.metrics.counters import BUCKETS, Counters
from fla_gateway.observe.metrics.registry import Exposition
from fla_gateway.observe.metrics.sources import Facts, JournalNumbers, LimitNumber, MetricSources, ReloadNumbers
from fla_gateway.profiles import Profile, Upstream
from fla_gateway.proxy.records.exchange_record import DoorSnapshot, PoolSnapshot
from fla_gateway.tokens.snapshot import HeldBrake, TokenSnapshot
from tests.observe.records import a_record

HEAD = "ab" * 32
PAYROLL = Admission("payroll", "key:1a2b3c4d", "GET /REST/**")
BRAKES = (HeldBrake("employer", "dimona", 30.0), HeldBrake("", "(other)", 20.0), HeldBrake("", "(other)", 9.0))
FACTS = Facts(
    fingerprint="c0ffee",
    event_loop="uvloop",
    callers=2,
    key_expiries={("payroll", "1a2b3c4d"): 1_900_000_000.0},
    limits=(LimitNumber("employer", "", concurrent=8), LimitNumber("employer", "payroll", per_second=2.5)),
    admin_key_expires=1_850_000_000.0,
)
DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def a_request(client_id):
    """Make a token request of one client."""
    return TokenRequest("production", "https://t.example/token", "https://t.example/token", client_id, (), "acme")


def a_profile(name, client_id):
    """Make a profile of one client."""
    return Profile(name, "production", production=True, token_request=a_request(client_id), upstream=Upstream("a", 443))


def sources(**changes):
    """Make sources of one of everything, but for some."""
    token = TokenSnapshot(
        a_request("one"), "stale", 300.5, 299.5, 0.0, {"ok": 7, "token-timeout": 2}, failures=2, brakes=BRAKES
    )
    given = {
        "tokens": lambda: [token],
        "pools": lambda: [PoolSnapshot("employer", 1, 2, 3, 4, 5, 6, 7)],
        "caller_connections": lambda: DoorSnapshot(8, 9, limited=True),
        "offsets": lambda: {"t.example": -31.5},
        "certificates": lambda: {"acme": 1_800_000_000.0},
        "dropped": lambda: 11,
        "dropped_events": lambda: 19,
        "in_flight": lambda: {"employer": 12},
        "api_brakes": lambda: [HeldBrake("employer", "(other)", 13.5)],
        "listener_certificates": lambda: {"127.0.0.1:8443": 1_800_000_000.0},
        "failing_apis": lambda: [("employer", "dimona")],
        "journal": lambda: JournalNumbers(14, 0.5, 15, failing=True, lost=16, seq=17, head=HEAD),
        "untraced": lambda: 18,
        "facts": lambda: FACTS,
        "actions": lambda: {("reload", "done"): 21},
        "alerts": lambda: {"mail": AlertNumbers(23, 24, 25, 26)},
        "reload": lambda: ReloadNumbers(successful=False, last_success=22.0),
    }
    return MetricSources(**{**given, **changes})


@pytest.fixture
def counters():
    """Two GETs of a caller, a stranger refused, a caller refused, one that the policy observed, one who left."""
    counters = Counters()
    counters.exchange(a_record(seconds=0.02, upstream_seconds=0.01, admission=PAYROLL))
    counters.exchange(a_record(status=204, seconds=0.2, attempts=2, admission=PAYROLL, token_seconds=0.1))
    refused = {"origin": "gateway", "outcome": "refused", "attempts": 0, "sent": 0}
    counters.exchange(a_record(profile="", method=b"BREW", status=404, code="unknown-profile", **refused))
    counters.exchange(
        a_record(profile="", status=401, code="credentials-missing", admission=UNAUTHENTICATED, **refused),
    )
    counters.exchange(a_record(status=403, code="caller-not-permitted", admission=PAYROLL, **refused))
    observed = PAYROLL._replace(rule="", observed=True)
    counters.exchange(a_record(method=b"PUT", admission=observed, connection_seconds=0.3))
    counters.exchange(a_record(status=0, outcome="caller-gone", method=b"POST", received=5, sent=0))
    return counters


@pytest.fixture
def families(counters):
    """The parsed exposition, by name."""
    text = Exposition(counters, lambda: [a_profile("employer", "one"), a_profile("other", "two")], sources()).text()
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def values(family):
    """Give a family's numbers by the values of its labels, which the text format sorts by name."""
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def test_exchanges_by_profile_method_class_and_origin(families):
    """Exchanges are counted by profile, method (OTHER for made-up ones), status class and origin."""
    family = families["fla_gateway_exchanges"]
    names = ("profile", "method", "status_class", "origin")
    assert {tuple(sample.labels[name] for name in names): sample.value for sample in family.samples} == {
        ("employer", "GET", "2xx", "upstream"): 2,
        ("employer", "GET", "4xx", "gateway"): 1,
        ("employer", "PUT", "2xx", "upstream"): 1,
        ("employer", "POST", "none", "upstream"): 1,
        ("", "GET", "4xx", "gateway"): 1,
        ("", "OTHER", "4xx", "gateway"): 1,
    }


def test_outcomes_problems_bytes_and_attempts(families):
    """How exchanges ended, why, how much was carried and how often something was sent."""
    assert values(families["fla_gateway_exchange_outcomes"])["caller-gone", "employer"] == 1
    assert values(families["fla_gateway_problems"]) == {
        ("unknown-profile", ""): 1,
        ("credentials-missing", ""): 1,
        ("caller-not-permitted", "employer"): 1,
    }
    assert values(families["fla_gateway_received_bytes"])["employer",] == 5
    assert values(families["fla_gateway_sent_bytes"])["employer",] == 3072
    assert values(families["fla_gateway_upstream_requests"])["employer",] == 5


def test_callers_and_refusals(families):
    """What each caller did and came to, who was refused why, and what a policy only observed."""
    assert values(families["fla_gateway_caller_requests"]) == {
        ("payroll", "answered", "employer"): 3,
        ("payroll", "refused", "employer"): 1,
    }
    assert values(families["fla_gateway_refusals"]) == {
        ("", "unknown-profile"): 1,
        ("", "credentials-missing"): 1,
        ("payroll", "caller-not-permitted"): 1,
    }
    assert values(families["fla_gateway_policy_observed"]) == {("payroll", "employer"): 1}


def test_waits_and_the_time_of_the_api(families):
    """How long the API took, and how long exchanges waited for token and connection, those that did."""
    for name, seconds in (("upstream_duration", 0.01), ("token_wait", 0.1), ("connection_wait", 0.3)):
        samples = {sample.name.rpartition("_")[2]: sample for sample in families[f"fla_gateway_{name}_seconds"].samples}
        assert samples["count"].labels == {"profile": "employer"}
        assert (samples["count"].value, samples["sum"].value) == (1, seconds)


def test_duration_histogram_is_cumulative_and_whole(families):
    """Buckets rise to the count, for each label set, and the sum is the sum."""
    samples = [
        sample
        for sample in families["fla_gateway_exchange_duration_seconds"].samples
        if (sample.labels["profile"], sample.labels["method"], sample.labels["origin"])
        == ("employer", "GET", "upstream")
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
    assert values(families["fla_gateway_token_failures"]) == {("employer",): 2}
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
    single = (
        "caller_connections",
        "exchanges_in_flight",
        "accepting_limited",
        "request_lines_dropped",
        "events_dropped",
    )
    assert [values(families[f"fla_gateway_{name}"])[()] for name in single] == [8, 9, 1, 11, 19]


def test_clock_and_certificates(families):
    """The learned offset and the end of each certificate are exported, so that alarms can be set on them."""
    assert values(families["fla_gateway_token_server_clock_offset_seconds"]) == {("t.example",): -31.5}
    assert values(families["fla_gateway_certificate_not_after_timestamp_seconds"]) == {("acme",): 1_800_000_000}


def test_running_exchanges_limits_and_brakes(families):
    """What runs, what may run, and which services are spared for how long."""
    assert values(families["fla_gateway_profile_exchanges_in_flight"]) == {("employer",): 12}
    assert values(families["fla_gateway_limit_concurrent"]) == {("", "employer"): 8}
    assert values(families["fla_gateway_limit_per_second"]) == {("payroll", "employer"): 2.5}
    assert values(families["fla_gateway_token_brake_seconds"]) == {("employer", "dimona"): 30, ("", "(other)"): 20}
    assert values(families["fla_gateway_api_brake_seconds"]) == {("employer", "(other)"): 13.5}
    assert values(families["fla_gateway_api_failing"]) == {("employer", "dimona"): 1}
    assert values(families["fla_gateway_listener_certificate_not_after_timestamp_seconds"]) == {
        ("127.0.0.1:8443",): 1_800_000_000.0
    }


def test_journal_is_watched(families):
    """The journal's backlog, failures, losses and head are exported, so that alarms can be set on them."""
    names = ("waiting_records", "lag_seconds", "failures", "failing", "lost_records", "sequence")
    assert [values(families[f"fla_gateway_journal_{name}"])[()] for name in names] == [14, 0.5, 15, 1, 16, 17]
    assert values(families["fla_gateway_journal_head_info"]) == {(HEAD,): 1}
    assert values(families["fla_gateway_untraced_exchanges"]) == {(): 18}


def test_configuration_and_keys_of_callers(families):
    """Which configuration is in use, what runs it, and when a caller's key ends."""
    assert values(families["fla_gateway_configuration_info"]) == {("c0ffee",): 1}
    assert values(families["fla_gateway_callers"]) == {(): 2}
    assert values(families["fla_gateway_caller_key_expires_timestamp_seconds"]) == {
        ("payroll", "1a2b3c4d"): 1_900_000_000
    }
    (build,) = families["fla_gateway_build_info"].samples
    assert build.labels == {
        "version": __version__,
        "python": platform.python_version(),
        "event_loop": "uvloop",
        "compiled": compiled_word(),
    }


def test_what_is_switched_off_is_absent(counters):
    """Without journal and tracing there are no metrics of theirs, since 0 would look like health."""
    text = Exposition(counters, list, sources(journal=lambda: None, untraced=lambda: None)).text()
    assert b"fla_gateway_journal" not in text
    assert b"untraced" not in text


@pytest.mark.needs_program("promtool")
def test_promtool_finds_nothing(counters):
    """Prometheus' own linter accepts every name, type and help text."""
    text = Exposition(counters, lambda: [a_profile("employer", "one")], sources()).text()
    answer = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)  # noqa: S607 - wherever it is installed
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, b"", b"")


def test_nothing_is_asked_before_the_first_scrape(counters):
    """Sources may come to life after the exposition was made."""

    def fail():
        raise AssertionError("asked too early")

    Exposition(counters, list, sources(tokens=fail, pools=fail, caller_connections=fail))


def test_two_gateways_in_one_process_do_not_meet(counters):
    """Each has a registry of its own; the global one stays empty of ours."""
    first, second = Exposition(counters, list, sources()), Exposition(Counters(), list, sources())
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


def test_document_gives_alarms_on_metrics_that_exist(families):
    """Every name in the alarms of docs/metrics.md is one that is exposed."""
    known = {sample.name for family in families.values() for sample in family.samples}
    alarms = DOCUMENT.read_text(encoding="utf-8").partition("## Alarms worth having")[2]
    named = set(re.findall(r"\bfla_gateway_\w+", alarms))
    assert len(named) > 10
    assert named <= known


@pytest.mark.needs_program("promtool")
def test_document_gives_alarms_that_prometheus_takes(tmp_path):
    """The rules in docs/metrics.md can be loaded as they stand."""
    rules = tmp_path / "rules.yml"
    rules.write_text(
        DOCUMENT.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0], encoding="utf-8"
    )
    answer = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True, check=False)  # noqa: S607 - as above
    assert answer.returncode == 0, answer.stderr
    assert "20 rules found" in answer.stdout


def test_document_names_the_buckets():
    """docs/metrics.md gives the bounds of the histogram."""
    assert ", ".join(f"{bound:g}" for bound in BUCKETS) in DOCUMENT.read_text(encoding="utf-8")
