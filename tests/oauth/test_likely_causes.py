"""What is said of a refusal: what is known first, then guesses that fit what was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.oauth.likely_causes import NOTHING, Known, ago, explain

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLOCK = "this host's clock is wrong"
REGISTRATION = "not, or not yet, registered"


def test_guesses_are_called_guesses():
    """Without any knowledge there are no facts, and every cause is a guess."""
    facts, guesses = explain(401, "invalid_client", NOTHING)
    assert facts == ""
    assert guesses.startswith("Guesses at the cause, the likeliest first: the certificate is not")
    assert CLOCK in guesses


def test_a_certificate_that_has_expired_comes_first():
    """What the gateway knows is not hidden behind guesses."""
    facts, _ = explain(401, "invalid_client", Known(NOW, NOW - timedelta(minutes=2)))
    assert facts == "The certificate expired 2 minutes ago."
    assert explain(401, "invalid_client", Known(NOW, NOW + timedelta(minutes=2)))[0] == ""


def test_a_clock_that_was_measured_is_no_guess():
    """A right clock is said to be right; a wrong one is a fact with its size; neither is guessed at."""
    facts, guesses = explain(401, "invalid_client", Known(NOW, clock_offset=-0.5))
    assert facts == ""
    assert guesses.startswith("The clock was measured, and is right: offset 0 s.")
    assert CLOCK not in guesses
    facts, guesses = explain(401, "invalid_client", Known(NOW, clock_offset=3600.0))
    assert facts == "This host's clock differs from the token server's by 3600 s; set it right."
    assert CLOCK not in guesses


def test_a_client_id_may_be_misspelt():
    """Before the first token that is a cause to look at; an account that had one is spelt rightly."""
    assert "misspelt" in explain(400, "invalid_client", NOTHING)[1]
    assert "misspelt" not in explain(400, "invalid_client", Known(NOW, last_token=NOW))[1]


def test_the_algorithm_of_the_manual_is_no_guess():
    """RS256 is taken; another one may not be."""
    assert "assertion.alg" not in explain(401, "invalid_client", Known(NOW, algorithm="RS256"))[1]
    assert "assertion.alg" in explain(401, "invalid_client", Known(NOW, algorithm="ES384"))[1]


def test_an_account_that_had_a_token_is_registered():
    """After a good token the pair fits and the environment is right: something was changed in ChaMan since."""
    facts, guesses = explain(401, "invalid_client", Known(NOW, last_token=NOW - timedelta(hours=3)))
    assert facts == "The same account got a token with this key 3 hours ago."
    assert "replaced or withdrawn in ChaMan" in guesses
    assert REGISTRATION not in guesses
    assert "another environment" not in guesses


@pytest.mark.parametrize("error", ["invalid_scope", "access_denied", "unsupported_grant_type"])
def test_refusals_of_other_things_are_not_explained_by_the_clock(error):
    """What is known of certificate and clock is said where it can be the cause."""
    facts, guesses = explain(400, error, Known(NOW, NOW - timedelta(days=1), 0.0))
    assert facts == ""
    assert "clock" not in guesses


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "less than a minute ago"), (60, "1 minute ago"), (7200, "2 hours ago"), (90_000, "1 day ago")],
)
def test_lengths_of_time(seconds, words):
    """In whole units, as people say it."""
    assert ago(seconds) == words
