"""What a person has to know, in which words, with which command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from fla_gateway.observe.alerts.conditions import TokenTrouble, of_apis, of_doubts, of_expiries, of_profiles, of_reload
from fla_gateway.observe.api_health import FailingApi
from fla_gateway.observe.expiries import Expiry
from tests.observe.alerts.samples import WALL

NOW = datetime.fromtimestamp(WALL, UTC)


def ending(kind="certificate", name="acme", profiles=("employer", "hr"), **left):
    """Name the condition of an end that is so far away."""
    return [*of_expiries([Expiry(kind, name, NOW + timedelta(**left), profiles)], NOW)]


def test_an_end_is_a_new_state_on_each_day_of_the_list_and_then_daily_and_weekly():
    """60, 30, 14, 7, 3, 2 and 1 days before; each day of the first week after it; then each week."""
    levels = [(days, [it.level for it in ending(days=days)]) for days in range(61, -30, -1)]
    changes = [days for (_, before), (days, now) in pairwise(levels) if now != before]
    assert changes == [60, 30, 14, 7, 3, 2, 1, 0, *range(-2, -9, -1), -15, -22, -29]
    assert levels[0] == (61, [])
    assert [it for _, it in levels[1:]] == sorted(it for _, it in levels[1:])


@pytest.mark.parametrize(
    ("kind", "name", "code", "command", "words"),
    [
        ("certificate", "acme", "certificate-ends", "cert renew employer", "the certificate of the key acme"),
        ("certificate", "profile:hr", "certificate-ends", "cert renew employer", "the certificate of the profile hr"),
        (
            "listener-certificate",
            "a",
            "listener-certificate-ends",
            "reload",
            "the certificate of the listener a",
        ),
        ("caller-key", "erp 01234567", "caller-key-ends", "caller new erp", "the key 01234567 of the caller erp"),
        ("admin-key", "01234567", "admin-key-ends", "admin new", "the admin key 01234567"),
    ],
)
def test_each_end_names_its_one_command(kind, name, code, command, words):
    """Before and after it."""
    (before,), (after,) = ending(kind, name, days=7), ending(kind, name, days=-1)
    assert before.code == after.code == code
    assert before.command == after.command == f"fla-gateway {command}"
    assert before.what == f"7 days are left, until 2026-09-28: {words}."
    assert after.what == f"It has ended on 2026-09-20: {words}."
    assert (before.over, bool(after.over)) == ("", True)


def test_a_profile_that_is_not_served_is_named_without_the_reason():
    """The reason may name files: the command says it."""
    (found,) = of_profiles(["employer"], ())
    assert (found.code, found.command) == ("profile-not-served", "fla-gateway doctor employer")


def test_a_token_server_has_to_fail_for_half_an_hour():
    """From the first failure to the last: what was not asked for has not failed."""

    def trouble(latest):
        return TokenTrouble("employer", "token-refused", WALL, WALL + latest)

    assert [*of_profiles((), [trouble(1799)])] == []
    (found,) = of_profiles((), [trouble(1800)])
    assert (found.code, found.command, found.since) == ("no-token", "fla-gateway doctor employer", WALL)
    assert "(token-refused)" in found.what


def test_an_api_has_to_fail_for_half_an_hour_and_more_than_once():
    """One call in the evening that failed shows nothing that lasts."""

    def failing(since, failures):
        return FailingApi("employer", "dimona", "503", WALL - since, WALL, failures)

    assert [*of_apis([failing(1799, 9), failing(9000, 1)], WALL)] == []
    (found,) = of_apis([failing(1800, 2)], WALL)
    assert (found.code, found.subject, found.since) == ("api-failing", "employer dimona", WALL - 1800)
    assert found.what == "Calls of the profile employer to dimona have failed for 30 minutes (503)."


def test_doubts_are_said_by_their_number():
    """More of them are a new state."""
    assert [*of_doubts(0)] == []
    assert [(it.level, it.what.split()[1]) for n in (1, 3) for it in of_doubts(n)] == [(1, "1"), (3, "3")]


def test_a_refused_reload_is_said_with_the_number_of_faults():
    """Which they are, `check` says."""
    assert [*of_reload(0, refused=False)] == []
    (found,) = of_reload(2, refused=True)
    assert (found.code, found.command) == ("reload-refused", "fla-gateway check")
    assert "for 2 faults" in found.what
