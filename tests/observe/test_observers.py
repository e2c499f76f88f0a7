"""The one observer of the data path."""

from __future__ import annotations

from structlog.testing import capture_logs

from fla_gateway.observe.counters import Counters
from fla_gateway.observe.observers import join
from tests.observe.records import a_record


class Kept:
    """An observer that keeps what it is told, in a list that several may share."""

    def __init__(self, name="kept", told=None):
        self.name = name
        self.told = [] if told is None else told

    def exchange(self, record):
        self.told.append(self.name)


class Broken:
    """An observer with a fault, as none should have."""

    def exchange(self, record):
        raise ValueError("canary")


def test_each_is_told_and_the_journal_first():
    """A record reaches everybody who is switched on; the journal before all others."""
    told: list[str] = []
    names = ("recent", "notices", "tracing", "journal")
    joined = join(Kept("counters", told), Kept("log", told), **{name: Kept(name, told) for name in names})
    joined.exchange(a_record())
    assert told == ["journal", "counters", "recent", "log", "notices", "tracing"]


def test_counting_alone_is_enough():
    """Without log and journal, exchanges are counted."""
    counters = Counters()
    join(counters).exchange(a_record())
    assert len(list(counters.read())) == 1


def test_fault_of_one_reaches_neither_the_exchange_nor_the_others():
    """An observer that raises does not keep the others from their record, nor does it break the exchange."""
    counters, log = Counters(), Kept()
    with capture_logs() as events:
        join(counters, log, journal=Broken()).exchange(a_record())
    assert len(list(counters.read())) == len(log.told) == 1
    assert [(event["event"], event["observer"]) for event in events] == [("observer-failed", "Broken.exchange")]


def test_fault_is_told_once_a_minute():
    """A fault that comes with every exchange does not fill the log, and its count is told."""
    joined = join(Broken(), Broken())
    with capture_logs() as events:
        for ended in (1000.0, 1001.0, 1059.0, 1060.0, 1061.0):
            joined.exchange(a_record(ended=ended))
    assert [event["count"] for event in events] == [1, 1, 4, 4]
