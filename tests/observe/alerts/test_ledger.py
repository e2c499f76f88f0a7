"""When something is said: once for each state, and not over and over."""

from __future__ import annotations

from fla_gateway.i18n.message import NOTHING
from fla_gateway.observe.alerts.ledger import QUIET_SECONDS, Ledger
from tests.observe.alerts.samples import NOT_SERVED, WALL

PROFILES = ("employer",)


class Telling:
    """A ledger, and a clock that is moved by hand."""

    def __init__(self):
        self.ledger = Ledger()
        self.now = 0.0

    def __call__(self, *conditions, after=60.0, profiles=PROFILES):
        self.now += after
        found = self.ledger.update(conditions, profiles, self.now, WALL + self.now)
        return [(it.state, it.condition.code, it.condition.level) for it in found]


def test_a_condition_is_said_once_and_so_is_its_end():
    """As often as it is seen."""
    tell = Telling()
    assert tell(NOT_SERVED) == [("raised", "profile-not-served", 1)]
    assert tell(NOT_SERVED) == tell(NOT_SERVED, after=90_000) == []
    assert tell() == [("recovered", "profile-not-served", 1)]
    assert tell() == []


def test_an_end_that_has_come_nearer_is_said_again():
    """And none that has gone back: a clock that is set back says nothing twice."""
    tell = Telling()
    ending = NOT_SERVED._replace(ends=WALL)
    assert tell(ending)
    assert tell(ending._replace(level=2), after=QUIET_SECONDS) == [("raised", "profile-not-served", 2)]
    assert tell(ending._replace(level=1), after=QUIET_SECONDS) == []
    assert tell(ending._replace(level=2), after=QUIET_SECONDS) == []


def test_a_clock_that_was_years_ahead_silences_nothing():
    """What it said of an end is said again when it is so; nothing is said of the way back."""
    tell = Telling()
    ending = NOT_SERVED._replace(ends=WALL)
    assert tell(ending)
    assert tell(ending._replace(level=9), after=900 * 86_400) == [("raised", "profile-not-served", 9)]
    tell.now += QUIET_SECONDS
    for level, said in ((1, []), (2, [("raised", "profile-not-served", 2)])):
        tell.now += QUIET_SECONDS
        found = tell.ledger.update([ending._replace(level=level)], PROFILES, tell.now, WALL + level * 60)
        assert [(it.state, it.condition.code, it.condition.level) for it in found] == said


def test_a_number_that_grows_again_after_it_fell_is_said_again():
    """One more call in doubt is news, also after others were settled."""
    tell = Telling()
    assert tell(NOT_SERVED._replace(level=3))
    assert tell(NOT_SERVED._replace(level=1), after=QUIET_SECONDS) == []
    assert tell(NOT_SERVED._replace(level=2), after=QUIET_SECONDS) == [("raised", "profile-not-served", 2)]


def test_what_comes_and_goes_is_quiet_for_an_hour():
    """Then it is said if it still holds, with the time since which it does."""
    tell = Telling()
    assert tell(NOT_SERVED)
    assert tell() == [("recovered", "profile-not-served", 1)]
    assert tell(NOT_SERVED) == tell() == tell(NOT_SERVED) == []
    came_back = tell.now
    (alert,) = tell.ledger.update([NOT_SERVED], PROFILES, QUIET_SECONDS + 120, WALL + QUIET_SECONDS + 120)
    assert alert.since == WALL + came_back


def test_what_grows_quickly_is_said_once_an_hour():
    """Calls in doubt become more with every call while an API is down."""
    tell = Telling()
    found = [tell(NOT_SERVED._replace(level=level)) for level in range(1, 121)]
    assert [len(it) for it in found] == [1, *[0] * 59, 1, *[0] * 59]


def test_of_what_was_taken_out_no_recovery_is_said():
    """A profile that is no longer configured has not been mended."""
    tell = Telling()
    assert tell(NOT_SERVED)
    assert tell(profiles=()) == []


def test_an_end_without_words_is_not_said():
    """A certificate that was renewed in time needs no word."""
    tell = Telling()
    silent = NOT_SERVED._replace(over=NOTHING)
    assert tell(silent)
    assert tell() == []


def test_conditions_are_told_apart_and_forgotten():
    """By code and subject; an hour after the last word nothing is kept."""
    tell = Telling()
    assert len(tell(NOT_SERVED, NOT_SERVED._replace(subject="other"))) == 2
    assert len(tell()) == 2
    tell(after=QUIET_SECONDS)
    assert not tell.ledger._known
