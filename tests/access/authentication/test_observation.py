"""A list or a whole profile that is observed: what is let through for a while, and what never is."""

from __future__ import annotations

import pytest

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.access.refusal import Refusal
from tests.access.authentication.test_authenticator import (
    KEY,
    OTHER,
    PATH,
    WALL,
    SteppingClock,
    admissions,
    identified,
    key,
    permit,
    proof_of,
    table,
)


class TestObservation:
    def observed(self, until, **asked):
        clock = SteppingClock(wall=WALL)
        callers = admissions(clock=clock, erp=table(keys=[KEY], observe_until=until))
        return permit(callers.identify(key(KEY), None, clock.monotonic()), now=clock.monotonic(), **asked)

    def test_what_no_entry_permits_is_let_through_and_marked(self):
        """While a caller is observed his other requests pass, marked, and without a rule."""
        assert self.observed(WALL + 10, method=b"DELETE") == Admission("erp", proof_of(KEY), "", observed=True)

    def test_what_an_entry_permits_is_not_marked(self):
        """A request that an entry permits is permitted by it, observed or not."""
        admission = self.observed(WALL + 10)
        assert isinstance(admission, Admission)
        assert (admission.rule, admission.observed) == ("GET /REST/dimona/v2/**", False)

    @pytest.mark.parametrize(
        ("asked", "code"),
        [({"profile": "other"}, "caller-not-permitted"), ({"path": PATH + b";x"}, "ambiguous-path")],
    )
    def test_profile_and_ambiguity_are_never_relaxed(self, asked, code):
        """A profile that is not allowed and a path of two readings stay refused."""
        refusal = self.observed(WALL + 10, **asked)
        assert isinstance(refusal, Refusal)
        assert refusal.code == code

    def test_identity_is_never_relaxed(self):
        """No request is let in without a proof because callers are observed."""
        callers = admissions(erp=table(keys=[KEY], observe_until=WALL + 10))
        assert identified(callers.identify(key(OTHER), None, 0.0)) == "credentials-refused"
        assert identified(callers.identify(None, None, 0.0)) == "credentials-missing"

    def test_observation_that_is_over_refuses(self):
        """From its moment on nothing is relaxed."""
        assert isinstance(self.observed(WALL, method=b"DELETE"), Refusal)

    def test_observation_ends_on_time(self):
        """A request that passed just before the end is refused at the end, although it was judged before."""
        clock = SteppingClock(wall=WALL)
        found = admissions(clock=clock, erp=table(keys=[KEY], observe_until=WALL + 10)).identify(key(KEY), None, 0.0)
        verdicts = []
        for seconds in (0, 9.9, 0.1):
            clock.advance(seconds)
            verdicts.append(type(permit(found, method=b"DELETE", now=clock.monotonic())))
        assert verdicts == [Admission, Admission, Refusal]

    def test_a_step_of_the_clock_is_noticed_within_a_minute(self):
        """A clock that is set past the end, or back before it, counts after a minute at the latest."""
        clock = SteppingClock(wall=WALL)
        found = admissions(clock=clock, erp=table(keys=[KEY], observe_until=WALL + 86_400)).identify(
            key(KEY), None, 0.0
        )
        verdicts = []
        for step in (0, 2 * 86_400, -2 * 86_400):
            clock.step(step)
            clock.advance(60)
            verdicts.append(type(permit(found, method=b"DELETE", now=clock.monotonic())))
        assert verdicts == [Admission, Refusal, Admission]


class TestAProfileThatIsObserved:
    """`observe` in the place of a list: for a while, for some methods, and nothing afterwards."""

    @staticmethod
    def permit(entries, method=b"GET", path=b"/REST/dimona/v2/x", days=1, clock=None):
        """Judge one request of a caller; give its admission, or the code of the refusal."""
        until = WALL + days * 86_400
        callers = admissions(clock=clock, erp=table(keys=[KEY], observe_until=until, allow={"employer": entries}))
        found = callers.identify(key(KEY), None, 0.0).permit("employer", method, path, 0.0)
        return found.code if isinstance(found, Refusal) else found

    @pytest.mark.parametrize(
        ("entries", "admitted", "refused"),
        [
            (["observe"], (b"GET", b"HEAD"), (b"POST", b"DELETE")),
            (["observe POST GET"], (b"GET", b"HEAD", b"POST"), (b"PUT",)),
        ],
    )
    def test_methods_that_read_or_are_named_are_let_through(self, entries, admitted, refused):
        """They are marked as observed, so that they are reported."""
        assert all(self.permit(entries, method).observed for method in admitted)
        assert {self.permit(entries, method) for method in refused} == {"caller-not-permitted"}

    def test_nothing_is_permitted_after_its_end_or_long_before(self):
        """The end is a moment; further ahead than 31 days nothing has begun."""
        assert self.permit(["observe"], days=31).observed
        assert self.permit(["observe"], days=0) == self.permit(["observe"], days=32) == "caller-not-permitted"

    def test_what_can_be_read_in_two_ways_is_refused(self):
        """As with a list: the observation relaxes the list alone."""
        assert self.permit(["observe"], path=b"/REST/dimona/v2/..%2Fx") == "ambiguous-path"

    def test_other_profiles_stay_closed(self):
        """One that `allow` does not name is not observed."""
        callers = admissions(erp=table(keys=[KEY], observe_until=WALL + 60, allow={"employer": ["observe"]}))
        assert (
            callers.identify(key(KEY), None, 0.0).permit("other", b"GET", b"/REST/x", 0.0).code
            == "caller-not-permitted"
        )
