"""What the record of a negotiation says without asking again: for the page, and for a doctor that may not ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fla_gateway.catalog.load import load
from fla_gateway.diagnosis.findings import worst
from fla_gateway.diagnosis.token_checks import check_scopes, checks_of
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.profiles import Profile, Upstream

URL = "https://services.socialsecurity.be/REST/oauth/v5/token"
DECLARE, CONSULT = "scope:dimona:declaration:declarant", "scope:dimona:declaration:consult"
PROFILE = Profile(
    "employer", "production", True, TokenRequest("production", URL, URL, "client-1", (), "acme"),
    Upstream("services.socialsecurity.be", 443), ("/REST/dimona/v2",),
)  # fmt: skip
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
REFUSED = Negotiation(
    time=NOW.timestamp(),
    endpoint=URL,
    environment="production",
    header={"alg": "RS256"},
    claims={"iss": "client-1"},
    certificate="ab" * 32,
    certificate_ends=None,
    clock_offset=0.0,
    clock_sample=-0.5,
    phases={"dns": 0.01, "tcp": 0.01, "tls": 0.03, "request": 0.0, "response": 0.1},
    status=400,
    fields={},
    result="token-refused",
    detail="The token server answered 400 invalid_client: no. And guesses.",
    error="invalid_client",
    scope="",
    lifetime=0.0,
    answer=Text("The token server answered {answer}: {description}.", answer="400 invalid_client", description="no"),
)
GRANTED = replace(
    REFUSED, result="granted", status=200, error="", detail="", answer="", scope=f"{DECLARE} {CONSULT}", lifetime=600.0,
    time=NOW.timestamp() - 7200,
)  # fmt: skip


def finding(*negotiations):
    """Give the worst of what is found."""
    return worst(checks_of(PROFILE, load(), negotiations))


def test_without_a_negotiation_nothing_is_found():
    """Nor of one that the end of the gateway cut off."""
    assert finding() is None
    assert finding(replace(REFUSED, result="cut", status=0, answer="", error="")) is None


def test_a_refusal_is_told_apart_into_what_was_answered_and_what_is_guessed():
    """The clock that its response showed is no guess any more; what to do is another sentence."""
    found = finding(REFUSED)
    assert (found.code, found.verdict, found.seen) == ("token", "fatal", REFUSED.answer)
    assert "clock is wrong" not in found.cause
    assert "Vervaldatum" in found.cure
    assert "fla-gateway doctor employer --share FILE" in found.cure


def test_what_the_same_certificate_got_before_excludes_causes():
    """After a token the pair is registered and the client id is right; one for another certificate says nothing."""
    assert "a token with this key 2 hours ago" in finding(REFUSED, GRANTED).seen
    assert "misspelt" not in finding(REFUSED, GRANTED).cause
    assert "misspelt" in finding(REFUSED, replace(GRANTED, certificate="cd" * 32)).cause


@pytest.mark.parametrize(
    ("phases", "code"),
    [(["dns"], "name"), (["dns", "tcp"], "tcp"), (["dns", "tcp", "proxy"], "proxy"), (["dns", "tcp", "tls"], "tls")],
)
def test_a_connection_that_failed_is_the_finding_of_its_hop(phases, code):
    """The anchor leads to what is said about that hop."""
    failed = replace(
        REFUSED, result="token-unreachable", status=0, error="", answer="", phases=dict.fromkeys(phases, 0.1)
    )
    found = finding(failed, GRANTED)
    assert (found.code, found.anchor, found.seen) == (code, f"docs/doctor.md#{code}", REFUSED.detail)


def test_a_response_that_cannot_be_used_is_a_finding_of_the_token():
    """It came, so that no hop is to blame."""
    strange = replace(REFUSED, result="token-malformed", status=302, error="", answer="")
    assert finding(strange).code == "token"


def test_a_scope_that_some_calls_need_is_no_cause_that_was_ruled_out():
    """One of two scopes is enough for some calls; that the other is missing is said."""
    partly = check_scopes(PROFILE, load(), DECLARE)
    assert (partly.verdict, partly.rules_out) == ("ok", "")
    assert f"needed for some calls: {CONSULT}" in partly.seen
    assert check_scopes(PROFILE, load(), f"{DECLARE} {CONSULT}").rules_out


def test_a_scope_that_was_asked_for_and_is_not_the_accounts_own_is_named():
    """Also where no service of the profile needs it, and no box is known for it."""
    found = check_scopes(replace(PROFILE, prefixes=()), load(), DECLARE, asked=("scope:unheard:of",))
    assert found.verdict == "warning"
    assert "not granted: scope:unheard:of" in found.seen
    assert "is not known here" in found.cure


def test_a_path_within_a_service_needs_the_services_scopes():
    """A profile may name less than all of an API."""
    within = replace(PROFILE, prefixes=("/REST/dimona/v2/declarations",))
    assert check_scopes(within, load(), "scope:other").verdict == "warning"
    assert check_scopes(replace(PROFILE, prefixes=("/REST/dimona/v22",)), load(), "scope:other").verdict == "skipped"
