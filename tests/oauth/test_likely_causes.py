"""What is said of a refusal: what is known first, then guesses that fit what was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fla_gateway.catalog.model import Right
from fla_gateway.oauth.likely_causes import NOTHING, Known, ago, cure, explain, missing_right

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
    assert facts == "This machine's clock is 3600 s behind the token server's: set it right."
    assert CLOCK not in guesses


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "temporarily_unavailable"),
        (403, "server_error"),
        (400, "slow_down"),
        (400, "tooManyRequests"),
        (408, ""),
        (425, ""),
    ],
)
def test_a_state_of_the_server_is_no_fault_of_the_configuration(status, error):
    """What passes by itself names neither client id nor audience as the cause."""
    facts, guesses = explain(status, error, NOTHING)
    assert facts == ""
    assert guesses in (
        "The fault is the token server's; the gateway tries again.",
        "The gateway waits as long as it is asked to.",
    )


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
    ("description", "error", "meant"),
    [
        ("JWT is not valid", "invalid_client", "registered in ChaMan does not belong to this key"),
        ("JWT has expired or is not valid", "invalid_client", CLOCK),
        ("Client authentication failed", "invalid_client", REGISTRATION),
        ("Unknown/invalid scope(s): [scope:x]", "invalid_scope", "lacks the right in ChaMan"),
    ],
)
def test_words_that_were_seen_elsewhere_are_a_hint_and_called_a_guess(description, error, meant):
    """What they meant elsewhere comes first, once; it is never said to be what this server means."""
    _, guesses = explain(400, error, NOTHING, f"{description}.")
    hint = f'A guess: elsewhere "{description.partition("(")[0]}" meant: '
    assert guesses.startswith(hint)
    assert meant in guesses.removeprefix(hint).partition(". ")[0]
    assert guesses.count(meant) == 1


def test_a_hint_that_contradicts_what_was_seen_is_left_out():
    """Words that elsewhere meant a wrong clock say nothing of a clock that was measured and is right."""
    _, guesses = explain(400, "invalid_client", Known(NOW, clock_offset=0.0), "JWT has expired or is not valid")
    assert CLOCK not in guesses
    _, guesses = explain(400, "invalid_client", Known(NOW, clock_offset=0.0, last_token=NOW), "JWT is not valid")
    assert "does not belong to this key" not in guesses


def test_a_scope_that_is_refused_names_the_box_to_tick():
    """The details of the token leg say it, and what to do says nothing of certificates."""
    known = Known(NOW, rights=(Right("Dimona-aangiftes verrichten", "scope:d"),))
    said = missing_right("invalid_scope", known)
    assert 'tick "Dimona-aangiftes verrichten" under Beveiligde machtigingen' in said
    assert missing_right("invalid_client", known) == ""
    what = cure("token-refused", 400, "invalid_scope", known)
    assert '"Dimona-aangiftes verrichten"' in what
    assert "Vervaldatum" not in what


def test_what_to_do_fits_what_was_refused():
    """A client is compared in ChaMan; a server that fails is waited for; a malformed request is neither."""
    assert "Vervaldatum" in cure("token-refused", 401, "invalid_client", NOTHING)
    assert "Vervaldatum" in cure("token-refused", 401, "", NOTHING)
    assert "Wait" in cure("token-failed", 503, "", NOTHING)
    assert "Vervaldatum" not in cure("token-refused", 400, "invalid_request", NOTHING)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "less than a minute ago"), (60, "1 minute ago"), (7200, "2 hours ago"), (90_000, "1 day ago")],
)
def test_lengths_of_time(seconds, words):
    """In whole units, as people say it."""
    assert ago(seconds) == words


def test_an_audience_that_is_the_token_servers_own_address_is_no_cause():
    """Then only the client id can be of another environment."""
    fits = Known(NOW, audience_fits=True)
    assert "audience" not in explain(400, "invalid_client", fits)[1]
    assert "the client id is misspelt, or that of another environment" in explain(400, "invalid_client", fits)[1]
    assert "audience" not in explain(400, "invalid_grant", fits)[1]
    assert "audience" in explain(400, "invalid_grant", NOTHING)[1]


def test_where_no_proxy_opens_tls_none_forbids_the_way():
    """What was excluded by the server's certificate is not guessed at."""
    assert "a proxy forbids" in explain(403, "", NOTHING)[1]
    assert "a proxy" not in explain(403, "", Known(NOW, not_inspected=True))[1]


def test_beside_a_known_cause_guesses_are_the_lesser_ones():
    """A clock that is wrong is set first, and only then anything is compared in ChaMan."""
    wrong = Known(NOW, clock_offset=3600.0)
    assert "If that is not the cause, it may be: " in explain(400, "invalid_client", wrong)[1]
    assert cure("token-refused", 400, "invalid_client", wrong).startswith("Set this host's clock")
    ended = Known(NOW, certificate_ends=NOW - timedelta(days=1))
    assert "If that is not the cause, it may be: " in explain(400, "invalid_client", ended)[1]
    assert "likeliest first" in explain(400, "invalid_client", Known(NOW, last_token=NOW))[1]
