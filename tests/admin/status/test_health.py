"""Is a profile well, and if not, what is the matter?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fla_gateway.admin.status.call_status import Doubts
from fla_gateway.admin.status.gateway_status import (
    CallerStatus,
    ClockStatus,
    DoorStatus,
    ExpiryStatus,
    JournalStatus,
    KeyStatus,
)
from fla_gateway.admin.status.health import Finding, Level, clock_skew, ends_near, findings, level, overall
from fla_gateway.admin.status.profile_status import CertificateStatus, FailingApiStatus, Failure
from tests.admin import samples

FAILURE = Failure(samples.NOW, "token-refused", detail="no")


def certificate(days):
    """Give a profile whose certificate has so many days left."""
    end = samples.NOW + timedelta(days=days)
    return samples.profile(certificate=CertificateStatus("CN=x", end, days))


def test_a_profile_that_works_has_no_findings():
    """A fresh token, a long certificate and a last call that went well are nothing to look at."""
    assert findings(samples.profile()) == ()
    assert findings(samples.simulation()) == ()
    assert level(()) is Level.GOOD


@pytest.mark.parametrize(
    ("days", "finding", "expected"),
    [
        (31, None, Level.GOOD),
        (30, Finding.CERTIFICATE_SOON, Level.ATTENTION),
        (8, Finding.CERTIFICATE_SOON, Level.ATTENTION),
        (7, Finding.CERTIFICATE_URGENT, Level.ATTENTION),
        (0, Finding.CERTIFICATE_URGENT, Level.ATTENTION),
        (-1, Finding.CERTIFICATE_ENDED, Level.BAD),
    ],
)
def test_days_left_of_a_certificate(days, finding, expected):
    """A month before its end somebody should act, a week before at once; afterwards nothing works."""
    found = findings(certificate(days))
    assert found == (() if finding is None else (finding,))
    assert level(found) is expected


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        ("none", Finding.NO_TOKEN),
        ("expired", Finding.NO_TOKEN),
        ("stale", Finding.TOKEN_FAILING),
        ("fresh", Finding.TOKEN_FAILING),
    ],
)
def test_a_token_that_cannot_be_had(state, finding):
    """While the old one lasts that deserves attention; without one the profile does not work."""
    failing = samples.token(state=state, failures=1, last_failure=FAILURE)
    assert findings(samples.profile(token=failing)) == (finding,)


def test_a_failure_that_was_made_good_is_none():
    """Neither a token that came in the end nor a call that failed before the last good one counts."""
    mended = samples.profile(token=samples.token(failures=0, last_failure=FAILURE))
    assert findings(mended) == ()
    assert findings(samples.profile(last_success=samples.ago(hours=1))) == (Finding.CALLS_FAILING,)
    assert findings(samples.profile(last_success=None)) == (Finding.CALLS_FAILING,)


def test_an_api_that_fails_needs_attention_whatever_other_apis_answer():
    """A success of one API does not hide that another one fails, or that a scope is missing for it."""
    api = FailingApiStatus("dimona", "missing-scope", samples.ago(hours=2), samples.ago(hours=1), 3)
    found = findings(samples.profile(failing=(api,), last_success=samples.NOW))
    assert found == (Finding.API_FAILING,)
    assert level(found) is Level.ATTENTION


def test_a_profile_that_is_not_served_says_just_that():
    """Everything else about it is beside the point."""
    broken = replace(certificate(-4), served=False, why_not="x")
    assert findings(broken) == (Finding.NOT_SERVED,)
    assert level(findings(broken)) is Level.BAD


@pytest.mark.parametrize(
    ("end", "near"),
    [
        (("listener-certificate", "0.0.0.0:8443", 30), True),
        (("listener-certificate", "0.0.0.0:8443", 31), False),
        (("admin-key", "1a2b3c4d", 7), True),
        (("caller-key", "payroll 1a2b3c4d", 7), True),
        (("caller-key", "payroll 1a2b3c4d", 8), False),
        (("caller-key", "payroll 1a2b3c4d", -3), True),
        (("caller-key", "other 1a2b3c4d", 3), False),
        (("certificate", "acme", 3), False),
    ],
)
def test_an_end_that_needs_an_action_is_attention(end, near):
    """Of two keys of a caller the old one is meant to end; certificates of signing keys are judged with profiles."""
    kind, name, days = end
    moment = samples.NOW + timedelta(days=days)
    callers = (
        CallerStatus("payroll", ("key",), (KeyStatus("1a2b3c4d", moment),)),
        CallerStatus("other", ("key",), (KeyStatus("1a2b3c4d", moment), KeyStatus("5e6f7a8b"))),
    )
    status = samples.calm(ends=(ExpiryStatus(kind, name, moment, days),), callers=callers)
    assert bool(ends_near(status)) is near
    assert overall(status) is (Level.ATTENTION if near else Level.GOOD)


@pytest.mark.parametrize(("offset", "skew"), [(0.0, 0.0), (-29.0, 0.0), (31.0, 31.0), (-3600.0, -3600.0)])
def test_a_clock_that_is_wrong_is_attention(offset, skew):
    """Calls go through with a corrected assertion; the clock has to be set all the same."""
    status = samples.calm(clocks=(ClockStatus("https://a.example", 0.5), ClockStatus("https://b.example", offset)))
    assert clock_skew(status) == skew
    assert overall(status) is (Level.ATTENTION if skew else Level.GOOD)


def test_the_whole_is_as_ill_as_its_worst_part():
    """One profile, the journal, doubts, a limit or a gateway that does not serve decide about the headline."""
    assert overall(samples.calm()) is Level.GOOD
    assert overall(samples.calm(profiles=(samples.profile(), certificate(20)))) is Level.ATTENTION
    assert overall(samples.calm(profiles=(samples.profile(), certificate(-1)))) is Level.BAD
    assert overall(samples.calm(doubts=Doubts(1, samples.NOW))) is Level.ATTENTION
    assert overall(samples.calm(door=DoorStatus(9, 9, limited=True))) is Level.ATTENTION
    assert overall(samples.calm(journal=JournalStatus(failing=True, lost=0, lag_seconds=0, records=1))) is Level.BAD
    assert overall(samples.calm(state="stopping")) is Level.BAD
