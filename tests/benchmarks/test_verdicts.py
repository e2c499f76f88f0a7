from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import report
from benchmarks.report import Circumstances
from benchmarks.verdicts import Sample, Samples, Spread, judge
from benchmarks.work import ANSWER_BYTES, Work, answer

CIRCUMSTANCES = Circumstances("2026-11-23", "a machine", {"nginx": "1.22"}, {"go": "no network"}, "none", "9 pairs")
GATEWAY, ENVOY = "fla-gateway", "envoy"


def cpu(peer: str, number: int, value: float, reference: float = 10.0, errors: int = 0) -> Sample:
    """Make one reading of CPU per GET at 16 connections."""
    return Sample("cpu", "GET", 16, peer, number, value, reference, 1000.0, errors)


def verdict(samples: Samples, what: str):
    """Find one target by its words."""
    return next(one for one in judge(samples, GATEWAY) if one.what == what)


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
    what = "CPU per GET, 16 connections, against nginx"
    assert verdict(Samples(good), what).passed
    assert not verdict(void, what).passed
    assert "3: ROW VOID" in report.write(CIRCUMSTANCES, void, judge(void, GATEWAY), [GATEWAY])


@pytest.mark.parametrize(("value", "passed"), [(17.0, True), (17.1, False)])
def test_a_target_is_reached_up_to_and_with_its_limit(value, passed):
    """1.70 times nginx reaches "at most 1.7", anything above does not."""
    samples = Samples((cpu(GATEWAY, 0, value),))
    assert verdict(samples, "CPU per GET, 16 connections, against nginx").passed is passed


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
    text = report.write(CIRCUMSTANCES, samples, judge(samples, GATEWAY), [GATEWAY, "go"])
    assert "- ABSENT: go: no network" in text
    assert any("| go " in line and "ABSENT" in line for line in text.splitlines())


def test_the_small_answer_is_exactly_one_kilobyte():
    """The work is the same for all and as documented: 1 KB of JSON."""
    assert len(answer()) == ANSWER_BYTES == 1024


def test_every_template_is_filled_in_completely(tmp_path):
    """No name between @ signs is left in any configuration of a run."""
    names = ("upstream.conf", "nginx.conf", "haproxy.cfg", "envoy.yaml", "gateway.toml", "get.lua", "post.lua")
    work = Work(tmp_path, "the-bearer", 1, 2, {"admin": 3, "guarded-admin": 4})
    for name in names:
        text = work.render(name, port=4).read_text()
        assert not [word for word in text.split() if word.startswith("@") and word.rstrip(";").endswith("@")], name
