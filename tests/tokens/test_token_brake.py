from __future__ import annotations

from fla_gateway.tokens.token_brake import ACCEPTED_AFTER, FIRST, LIMIT, LONGEST, QUIET, TokenBrake, Verdict


def refuse(brake, now, service="dimona", profile="employer", *, fresh=True, replays=False):
    """Report a refusal."""
    return brake.judge(profile, service, now, fresh=fresh, replays=replays)


def test_a_service_gets_one_other_token():
    """The first refusal discards; the refusal of the token fetched for it brakes; further ones are braked."""
    brake = TokenBrake()
    assert refuse(brake, 0) is Verdict.DISCARD
    assert refuse(brake, 1) is Verdict.BRAKE
    assert refuse(brake, 2) is Verdict.BRAKED
    assert refuse(brake, 1 + FIRST - 0.01) is Verdict.BRAKED
    assert brake.remaining("employer", "dimona", 11) == FIRST - 10


def test_a_service_that_took_the_other_token_is_not_braked_for_a_later_refusal():
    """A token server that is restarted every 20 s forgets every token; a call sent again shows the API well."""
    brake = TokenBrake()
    for now in range(0, 200, 20):
        assert refuse(brake, now, replays=True) is Verdict.DISCARD
    assert refuse(brake, 180 + ACCEPTED_AFTER - 0.01) is Verdict.BRAKE


def test_without_a_call_that_was_sent_again_nothing_shows_that_the_other_token_was_taken():
    """A 401 that does not name the token, or to a body that was not kept, leaves it open however long."""
    brake = TokenBrake()
    assert refuse(brake, 0) is Verdict.DISCARD
    assert refuse(brake, 10 * ACCEPTED_AFTER) is Verdict.BRAKE


def test_the_brake_doubles_to_five_minutes():
    """After each brake the service gets one other token; if it refuses that too, the brake is twice as long."""
    brake, now, lengths = TokenBrake(), 0.0, []
    for _ in range(6):
        assert refuse(brake, now) is Verdict.DISCARD
        assert refuse(brake, now) is Verdict.BRAKE
        lengths.append(brake.remaining("employer", "dimona", now))
        now += lengths[-1]
    assert lengths == [30, 60, 120, 240, LONGEST, LONGEST]


def test_quiet_time_forgives():
    """After five minutes without a refusal a service starts anew."""
    brake = TokenBrake()
    refuse(brake, 0)
    refuse(brake, 0)
    calm = FIRST + QUIET
    assert refuse(brake, calm) is Verdict.DISCARD
    assert refuse(brake, calm) is Verdict.BRAKE
    assert brake.remaining("employer", "dimona", calm) == FIRST


def test_an_aged_token_proves_nothing():
    """The refusal of a token that is no longer fresh discards it without braking its service."""
    brake = TokenBrake()
    assert refuse(brake, 0) is Verdict.DISCARD
    assert refuse(brake, 1, fresh=False) is Verdict.DISCARD
    assert refuse(brake, 2) is Verdict.BRAKE


def test_held_brakes_are_listed_while_they_hold():
    """What is under the brake is listed with its remaining time, and no longer than that."""
    brake = TokenBrake()
    refuse(brake, 0)
    assert brake.held(0) == ()
    refuse(brake, 0)
    assert brake.held(10) == (("employer", "dimona", FIRST - 10),)
    assert brake.held(FIRST) == ()


def test_services_and_profiles_are_judged_apart():
    """The brake of one service holds neither for another service nor for another profile."""
    brake = TokenBrake()
    refuse(brake, 0)
    refuse(brake, 0)
    assert refuse(brake, 1, "ebox") is Verdict.DISCARD
    assert refuse(brake, 1, profile="provider") is Verdict.DISCARD
    assert brake.remaining("employer", "ebox", 1) == 0


def test_the_memory_is_bounded():
    """Past the limit all further services share one record, and forgotten ones make room."""
    brake = TokenBrake()
    for number in range(LIMIT):
        refuse(brake, 0, f"service-{number}")
    assert refuse(brake, 1, "one-more") is Verdict.DISCARD
    assert refuse(brake, 1, "yet-another") is Verdict.BRAKE
    assert brake.remaining("employer", "a-third", 2) > 0
    assert len(brake) == LIMIT + 1
    assert refuse(brake, QUIET + FIRST + 1, "late") is Verdict.DISCARD
    assert len(brake) == 1
