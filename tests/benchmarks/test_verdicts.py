from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest

from benchmarks import report
from benchmarks.fixed_rate import Latencies, fixed_rate
from benchmarks.load import Address
from benchmarks.report import Circumstances
from benchmarks.verdicts import Sample, Samples, Spread, judge
from benchmarks.work import ANSWER_BYTES, TEMPLATES, Work, answer

CIRCUMSTANCES = Circumstances("2026-11-23", "a machine", {"nginx": "1.22"}, {"go": "no network"}, "none", "9 pairs")
GATEWAY, ENVOY = "guarded-compiled", "envoy"


def cpu(peer: str, number: int, value: float, reference: float = 10.0, errors: int = 0) -> Sample:
    """Make one reading of CPU per GET at 16 connections."""
    return Sample("cpu", "GET", 16, peer, number, value, reference, 1000.0, errors)


def verdict(samples: Samples, what: str):
    """Find one target by its words."""
    return next(one for one in judge(samples) if one.what == what)


def test_a_ratio_is_the_median_of_the_pairs_and_not_the_quotient_of_medians():
    """Each reading is divided by nginx's of the same pair before anything is summarised."""
    samples = Samples((cpu(GATEWAY, 0, 20, 10), cpu(GATEWAY, 1, 90, 30), cpu(GATEWAY, 2, 40, 10)))
    assert samples.ratio("cpu", "GET", 16, GATEWAY) == Spread(3.0, 2.5, 3.5)


def test_two_proxies_are_compared_within_each_round():
    """The ratio between two proxies is the quotient of their ratios to nginx, and rounds are never mixed."""
    ours = [cpu(GATEWAY, 0, 20, 10), cpu(GATEWAY, 1, 60, 30), cpu(GATEWAY, 2, 10, 10)]
    theirs = [cpu(ENVOY, 1, 120, 30), cpu(ENVOY, 0, 80, 20)]
    between = Samples((*ours, *theirs)).ratio_between("cpu", "GET", 16, (GATEWAY, ENVOY))
    assert between == Spread(0.5, 0.5, 0.5)


def test_one_failed_exchange_makes_a_row_void():
    """A row with an error has no figures, reaches no target, and says so in the table."""
    good = tuple(cpu(GATEWAY, number, 15) for number in range(9))
    void = Samples((*good[:8], replace(good[8], errors=3)))
    what = "CPU per GET, guarded-compiled against nginx"
    assert verdict(Samples(good), what).passed
    assert not verdict(void, what).passed
    assert "3: ROW VOID" in report.write(CIRCUMSTANCES, void, judge(void), [GATEWAY])


@pytest.mark.parametrize(("value", "passed"), [(16.0, True), (16.1, False)])
def test_a_target_is_reached_up_to_and_with_its_limit(value, passed):
    """1.60 times nginx reaches "at most 1.6", anything above does not."""
    samples = Samples((cpu(GATEWAY, 0, value),))
    assert verdict(samples, "CPU per GET, guarded-compiled against nginx").passed is passed


def test_memory_that_grows_when_the_load_is_repeated_is_not_flat():
    """A second peak more than 5 % above the first fails, even below the limit in MB."""

    def peaks(first: float, second: float) -> Samples:
        whats = (("16 x 10 MB up", first), ("16 x 10 MB up, again", second))
        return Samples(tuple(Sample("memory", what, 0, GATEWAY, 0, value) for what, value in whats))

    what = "RSS, 16 x 10 MB up: second peak against the first"
    assert verdict(peaks(80.0, 83.9), what).passed
    assert not verdict(peaks(80.0, 85.0), what).passed


def test_a_proxy_that_could_not_be_had_is_reported_as_absent():
    """An absent proxy keeps its row in the tables, and the head of the report gives the reason."""
    samples = Samples((cpu(GATEWAY, 0, 15),))
    text = report.write(CIRCUMSTANCES, samples, judge(samples), [GATEWAY, "go"])
    assert "- ABSENT: go: no network" in text
    assert any("| go " in line and "ABSENT" in line for line in text.splitlines())


def test_parts_of_a_run_make_one_table_and_pairs_are_not_mixed():
    """Rounds of a later part follow those of the first: both count, and two proxies are compared within each."""
    first = Samples((cpu(GATEWAY, 0, 20), cpu(ENVOY, 0, 40)))
    second = Samples((cpu(GATEWAY, 0, 30), cpu(ENVOY, 0, 30)))
    both = Samples.of_plain(first.plain()) + second
    assert both.ratio("cpu", "GET", 16, GATEWAY) == Spread(2.5, 2.25, 2.75)
    assert both.ratio_between("cpu", "GET", 16, (GATEWAY, ENVOY)) == Spread(0.75, 0.625, 0.875)


def test_parts_of_different_programs_are_not_joined():
    """A part that was measured with another version of a program is refused."""
    with pytest.raises(report.PartError):
        report.joined(CIRCUMSTANCES, replace(CIRCUMSTANCES, versions={"nginx": "1.23"}))


def test_cpu_is_shown_as_vcpus_for_a_thousand_requests_a_second():
    """35 microseconds for each request are 0.035 of a core for a thousand of them in a second."""
    samples = Samples((cpu(GATEWAY, 0, 35),))
    head, _, row = (
        report.write(CIRCUMSTANCES, samples, [], [GATEWAY]).partition("### CPU per request")[2].split("\n")[2:5]
    )
    cells = dict(zip((one.strip() for one in head.split("|")), (one.strip() for one in row.split("|")), strict=True))
    assert cells["vCPU/1,000/s"] == "0.035"


def test_a_curve_has_no_percentile_that_less_than_one_answer_decides():
    """Of a hundred answers there is a 99th percentile, and none of 99.9 %."""
    curve = Latencies([float(number) for number in range(100)]).curve()
    assert curve == {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}


def test_a_request_that_finds_no_connection_is_counted_from_when_it_was_due(answering_late):
    """What an answer delays shows in the latencies of the requests behind it, and not as a lower rate."""
    outcome = fixed_rate(Address(answering_late), "/", per_second=1000, count=3, connections=1)
    first, second, third = outcome.microseconds
    assert outcome.errors == 0
    assert second > first > 0
    assert third > second


@pytest.fixture
def answering_late():
    """Serve requests of one connection, each after 20 ms; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(4096):
                    time.sleep(0.02)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_the_small_answer_is_exactly_one_kilobyte():
    """The work is the same for all and as documented: 1 KB of JSON."""
    assert len(answer()) == ANSWER_BYTES == 1024


def test_every_template_is_filled_in_completely(tmp_path):
    """No name between @ signs is left in any configuration of a run."""
    work = Work(tmp_path, "the-bearer", 1, 2, {})
    for name in (template.name for template in TEMPLATES.iterdir()):
        text = work.render(name, port=4).read_text()
        assert not [word for word in text.split() if word.startswith("@") and word.rstrip(";").endswith("@")], name
