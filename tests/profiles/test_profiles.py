from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fla_gateway import profiles
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.config.document.schema_check import check
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import ConfigurationError
from fla_gateway.oauth.model import AssertionOptions

CATALOGUE = load_catalogue()


def configuration(**further) -> Configuration:
    """Make a configuration with one profile, `employer`, and what is given for it."""
    tables: dict[str, Any] = {
        name: further.pop(name) for name in ("keys", "environments", "profiles") if name in further
    }
    employer = {"environment": "simulation", "client_id": "self_service_1", "key": {"pem": "/k.pem"}, **further}
    return check(Configuration, {"profiles": {"employer": employer}, **tables})


def resolve(**further) -> profiles.Profile:
    """Resolve the profile `employer`, with what is given for it."""
    return profiles.resolve(configuration(**further), CATALOGUE)[0]


def messages(**further) -> list[str]:
    """Give the faults of the profile `employer`, with what is given for it."""
    with pytest.raises(ConfigurationError) as caught:
        profiles.resolve(configuration(**further), CATALOGUE)
    return [str(fault) for fault in caught.value.faults]


def test_a_profile_has_everything_that_is_known():
    """Environment, key and options become a token request and an upstream; nothing is left to guess."""
    profile = resolve(scope=["a", "b"], listen="127.0.0.1:1", assertion={"alg": "PS256", "typ": "", "x5t#S256": True})
    request = profile.token_request
    listen = Listener(address="127.0.0.1:1")
    assert (profile.name, profile.environment, profile.listen) == ("employer", "simulation", listen)
    assert (profile.upstream.host, profile.upstream.port) == ("services-sim.socialsecurity.be", 443)
    assert request.token_url == request.audience == "https://services.socialsecurity.be/REST/oauth/v5/token"
    assert (request.client_id, request.scope, request.key) == ("self_service_1", ("a", "b"), "profile:employer")
    assert request.assertion == AssertionOptions(alg="PS256", x5t_s256=True, typ=None)


def test_the_defaults_of_schema_and_model_agree():
    """A profile without `assertion` has the assertion options that the token engine takes for default."""
    assert resolve().token_request.assertion == AssertionOptions()


def test_simulation_and_production_share_no_token():
    """The same account in both environments asks the same server, with token requests that differ."""
    pair = [resolve(environment=name) for name in ("simulation", "production")]
    assert pair[0].token_request.token_url == pair[1].token_request.token_url
    assert pair[0].token_request != pair[1].token_request
    assert [profile.production for profile in pair] == [False, True]


def test_production_by_another_name_is_production():
    """An environment that spells out the production preset acts on real data, whatever it is called."""
    host = "https://services.socialsecurity.be"
    live = {"live": {"api_base": host, "token_url": f"{host}/REST/oauth/v5/token"}}
    profile = resolve(environment="live", environments=live)
    assert (profile.environment, profile.production) == ("live", True)
    assert profile.environment_shown == "LIVE"


@pytest.mark.parametrize(
    ("api_base", "borrows"),
    [("https://services-sim.socialsecurity.be", True), ("https://services.socialsecurity.be", False)],
)
def test_simulation_by_another_name_borrows_the_tokens_of_production(api_base, borrows):
    """Whoever gets a token for simulation has one for production; production itself borrows from nobody."""
    own = {"own": {"api_base": api_base, "token_url": "https://services.socialsecurity.be/REST/oauth/v5/token"}}
    profile = resolve(environment="own", environments=own)
    assert (profile.borrows_production, profile.production) == (borrows, not borrows)


def test_an_environment_of_ones_own_is_used():
    """Addresses, audience and roots of a free environment arrive in the profile."""
    mine = {"api_base": "https://[::1]:9443/", "token_url": "https://LOCALHOST:1/t", "ca_file": "/ca.pem"}
    profile = resolve(environment="mine", environments={"mine": mine})
    assert (profile.upstream.authority, profile.upstream.ca_file) == ("[::1]:9443", Path("/ca.pem"))
    assert profile.token_request.audience == profile.token_request.token_url == "https://LOCALHOST:1/t"
    assert profile.token_request.ca_file == Path("/ca.pem")


def test_key_sources_have_the_names_of_token_requests():
    """A named key and an inline one are found under the name that the token request has."""
    made = configuration(keys={"acme": {"pkcs12": "/a.pfx"}})
    assert set(profiles.key_sources(made)) == {"acme", "profile:employer"}
    assert resolve(keys={"acme": {"pkcs12": "/a.pfx"}}, key="acme").token_request.key == "acme"


def test_services_become_prefixes():
    """Catalogue names and literal prefixes become path prefixes, each once; without services there are none."""
    profile = resolve(services=["dimona", "/REST/new/v1/", "/REST/dimona/v2"])
    assert profile.prefixes == ("/REST/dimona/v2", "/REST/new/v1")
    assert resolve().prefixes == ()


def test_every_fault_of_every_profile_is_reported():
    """Unknown environment, key and service are reported together, with near names and without what was written."""
    cure = "for example /REST/dimona/v2; leave services out for all of /REST/"
    found = messages(environment="simulatoin", key="acne", keys={"acme": {"pem": "/a"}}, services=["dimna", "/x"])
    assert found == [
        "profiles.employer.environment: there is no such environment (did you mean 'simulation'?)",
        "profiles.employer.key: there is no such key among [keys.*] (did you mean 'acme'?)",
        "profiles.employer.services[0]: there is no such service in the catalogue (did you mean 'dimona'?)",
        f"profiles.employer.services[1]: must begin with /REST/ and name a service after it ({cure})",
    ]


def test_a_service_without_a_public_path_wants_a_literal_one():
    """A service whose path nobody knows is a fault that tells the way out."""
    (fault,) = messages(services=["bill-retainment"])
    assert "the path of this service is not public (write it as a literal prefix: /REST/...)" in fault


def test_the_rule_of_official_hosts_holds_without_the_loader():
    """A configuration made by hand cannot send a production assertion elsewhere either."""
    foreign = {
        "api_base": "https://evil.example",
        "token_url": "https://services.socialsecurity.be/REST/oauth/v5/token",
    }
    (fault,) = messages(environment="mine", environments={"mine": foreign})
    assert "official" in fault


@pytest.mark.parametrize(
    "further",
    [
        {"services": ["federal-learning-account"]},
        {"services": ["dimona", "/REST/federalLearningAccount/v1"]},
        {"services": ["/REST/federalLearningAccount/v1/trainings"]},
        {"services": ["/REST/federalLearningAccount/v2"]},
        {"services": ["/REST/federalLearningAccount"]},
        {"scope": ["scope:x", "scope:sigedis:gestion:careerpro-federal-learning-account:employer"]},
        {"scope": ["scope:sigedis:gestion:careerpro-federal-learning-account:provider"]},
    ],
    ids=str,
)
def test_what_leads_to_the_learning_account_is_said(further):
    """By name, path or scope: that its data ends, that its API may not read, and which way out is sure."""
    (found,) = profiles.warnings(configuration(environment="production", **further), CATALOGUE)
    assert found.place.startswith(f"profiles.employer.{next(iter(further))}[")
    assert "destroyed on 1 January 2027" in found.message
    assert "Whether the API can still read is not known" in found.message
    assert "CareerPro is the sure way to export, until 31 December 2026" in found.message


def test_callers_that_may_call_the_learning_account_are_said():
    """A profile that serves all of /REST/ serves it too: what callers are allowed shows whether it is meant."""
    caller = {"uid": 1, "allow": {"employer": ["GET /REST/dimona/v2/**", "GET /REST/federalLearningAccount/v1/**"]}}
    tables = {"profiles": {"employer": {"environment": "acceptance", "client_id": "c", "key": {"pem": "/k.pem"}}}}
    made = check(Configuration, {**tables, "callers": {"hr": caller}})
    assert [it.place for it in profiles.warnings(made, CATALOGUE)] == ["callers.hr.allow.employer[1]"]


@pytest.mark.parametrize(
    "further",
    [{}, {"services": ["dimona"]}, {"services": ["/REST/federalLearningAccounts/v1"]}, {"scope": ["scope:dimona:x"]}],
    ids=str,
)
def test_other_profiles_hear_nothing_of_the_learning_account(further):
    """Who does not use it is not told of its end."""
    assert not profiles.warnings(configuration(**further), CATALOGUE)


ACCEPTED = [
    ("acceptance", "issuer", "https://oauth-v5.acc.socialsecurity.be"),
    ("acceptance", "https://oauth-v5.acc.socialsecurity.be", None),
    ("acceptance", "https://oauth-v6.acc.socialsecurity.be/x", None),
    ("production", "https://oauth-v5.socialsecurity.be", None),
    ("simulation", "https://oauth-v5.socialsecurity.be", None),
    ("production", "https://OAuth-v5.SocialSecurity.be:443", None),
    ("mine", "https://issuer.example", None),
]


@pytest.mark.parametrize(("environment", "audience", "sent"), ACCEPTED)
def test_an_audience_of_its_own_changes_nothing_but_the_audience(environment, audience, sent):
    """A profile may name another audience below socialsecurity.be; token server and API stay the environment's."""
    own = {"mine": {"api_base": "https://api.example", "token_url": "https://token.example/t"}}
    plain = resolve(environment=environment, environments=own)
    profile = resolve(environment=environment, audience=audience, environments=own)
    assert profile.token_request.audience == (sent or audience)
    assert profile.token_request.token_url == plain.token_request.token_url
    assert profile.upstream == plain.upstream
    assert profile.token_request != plain.token_request


REFUSED = [
    ("production", "issuer", "not known for production, only for acceptance"),
    ("simulation", "issuer", "not known for simulation, only for acceptance"),
    ("mine", "issuer", "not known for mine, only for acceptance"),
    *(
        (environment, audience, "not below socialsecurity.be")
        for environment in ("production", "simulation", "acceptance")
        for audience in (
            "https://evilsocialsecurity.be", "https://socialsecurity.be", "https://socialsecurity.be.evil.example",
            "https://evil.example/.socialsecurity.be", "https://evil.example/https://x.socialsecurity.be",
            "https://localhost:9443", "https://x.socialsecurity.be.", "https://[::1]", "https://x.socialsecurity.bee",
        )
        if audience != "https://x.socialsecurity.be."
    ),
    *(
        ("acceptance", audience, "neither")
        for audience in (
            "https://x.socialsecurity.be@evil.example", "https://user@x.socialsecurity.be",
            "https://evil.example#.socialsecurity.be", "https://evil.example?.socialsecurity.be",
            "https://evil.example\\.socialsecurity.be", "http://x.socialsecurity.be", "x.socialsecurity.be",
            "//x.socialsecurity.be", "https:x.socialsecurity.be", "https://.socialsecurity.be", "ISSUER", "Issuer",
            "https://x.socialsecurity.be:99999", "https://x\uff0esocialsecurity.be", "urn:x",
            "https://x..socialsecurity.be", "https://", "https://x.socialsecurity.be%2eevil.example",
        )
    ),
    ("mine", "https://oauth-v5.acc.socialsecurity.be", "official"),
    ("mine", "https://SERVICES.socialsecurity.be./REST/oauth/v5/token", "official"),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "audience", "words"), REFUSED)
def test_an_audience_that_could_be_another_server_s_is_a_fault(environment, audience, words):
    """Unknown issuers, look-alikes and what is no plain address: one fault, at its place."""
    own = {"mine": {"api_base": "https://api.example", "token_url": "https://token.example/t"}}
    (fault,) = messages(environment=environment, audience=audience, environments=own)
    assert fault.startswith("profiles.employer.audience: ")
    assert words in fault


def test_the_issuer_is_known_for_acceptance_by_another_name():
    """An environment that spells the addresses of acceptance is acceptance."""
    acceptance = "https://services-acpt.socialsecurity.be"
    own = {"mine": {"api_base": acceptance, "token_url": f"{acceptance}/REST/oauth/v5/token"}}
    profile = resolve(environment="mine", audience="issuer", environments=own)
    assert profile.token_request.audience == "https://oauth-v5.acc.socialsecurity.be"


def test_odd_services_are_warnings():
    """A service in an environment where it is not known, and a repealed one, are allowed and said."""
    made = configuration(services=["federal-learning-account", "dimona", "/REST/x"])
    found = [str(warning) for warning in profiles.warnings(made, CATALOGUE)]
    assert len(found) == 2
    assert "not known to exist in simulation, only in production, acceptance" in found[0]
    assert "destroyed on 1 January 2027" in found[1]
