"""The one observer of the data path."""

from __future__ import annotations

from structlog.testing import capture_logs

from fla_gateway.observe.fan_out import FanOut, in_order
from fla_gateway.observe.metrics.counters import Counters
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


class Loop:
    """Keeps what is to be called in the next turn, until it is asked to take one."""

    def __init__(self):
        self.waiting = []

    def soon(self, callback):
        self.waiting.append(callback)

    def turn(self):
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()
        return len(waiting)


def fanned_out(*observers, soon, **others):
    """Fan out to observers, as the gateway does to those that are switched on."""
    return FanOut(in_order(*observers, **others), soon)


def test_all_of_a_turn_are_told_together_each_observer_in_its_turn():
    """One call in the loop's next turn has everybody who is switched on told of all records, one after the other."""
    loop = Loop()
    told: list[str] = []
    names = ("recent", "doubts", "notices", "tracing")
    fan_out = fanned_out(
        Kept("counters", told), Kept("log", told), soon=loop.soon, **{name: Kept(name, told) for name in names}
    )
    fan_out.exchange(a_record())
    fan_out.exchange(a_record())
    assert told == []
    assert loop.turn() == 1
    order = ("counters", "recent", "doubts", "log", "notices", "tracing")
    assert told == [name for name in order for _ in range(2)]
    fan_out.exchange(a_record())
    assert loop.turn() == 1
    assert len(told) == 18


def test_what_is_settled_is_not_told_again():
    """Before the observers are closed they are told at once, and the turn that comes after it brings nothing more."""
    loop, log = Loop(), Kept()
    fan_out = fanned_out(Kept(), log, soon=loop.soon)
    fan_out.exchange(a_record())
    fan_out.settle()
    assert log.told == ["kept"]
    loop.turn()
    fan_out.settle()
    assert log.told == ["kept"]


def test_observers_can_be_replaced():
    """What ended in this turn goes to the new ones, once."""
    loop, former, later = Loop(), Kept(), Kept()
    fan_out = fanned_out(former, soon=loop.soon)
    fan_out.exchange(a_record())
    fan_out.replace([later])
    loop.turn()
    assert (former.told, later.told) == ([], ["kept"])


def test_counting_alone_is_enough():
    """Without log and journal, exchanges are counted."""
    counters = Counters()
    fanned_out(counters, soon=Loop().soon).exchanges([a_record()])
    assert len(list(counters.freeze().tallies)) == 1


def test_fault_of_one_reaches_neither_the_loop_nor_the_others():
    """An observer that raises keeps neither the others from their records nor itself from the next one."""
    counters, log = Counters(), Kept()
    with capture_logs() as events:
        fanned_out(counters, log, soon=Loop().soon, recent=Broken()).exchanges([a_record(), a_record()])
    assert [(tally.count, len(log.told)) for tally in counters.freeze().tallies] == [(2, 2)]
    assert [(event["event"], event["observer"]) for event in events] == [("observer-failed", "Broken.exchange")]


def test_fault_is_told_once_a_minute():
    """A fault that comes with every exchange does not fill the log, and its count is told."""
    fan_out = fanned_out(Broken(), Broken(), soon=Loop().soon)
    with capture_logs() as events:
        fan_out.exchanges([a_record(ended=ended) for ended in (1000.0, 1001.0, 1059.0, 1060.0, 1061.0)])
    assert [event["count"] for event in events] == [1, 4, 1, 4]
