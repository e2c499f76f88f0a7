from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.config.rules.environments import PRESETS, environment_faults, is_official, resolve_environment
from fla_gateway.config.schema import EnvironmentTable
from fla_gateway.errors import ConfigurationError

PRODUCTION = "https://services.socialsecurity.be"
SIMULATION = "https://services-sim.socialsecurity.be"
ACCEPTANCE = "https://services-acpt.socialsecurity.be"
TOKEN = "/REST/oauth/v5/token"
FOREIGN = "https://localhost:9443"
HOSTS = (PRODUCTION, SIMULATION, ACCEPTANCE, FOREIGN)
ALLOWED = {
    (PRODUCTION, PRODUCTION, PRODUCTION),
    (SIMULATION, PRODUCTION, PRODUCTION),
    (ACCEPTANCE, ACCEPTANCE, ACCEPTANCE),
    (FOREIGN, FOREIGN, FOREIGN),
}


def table(api=FOREIGN, token=FOREIGN + TOKEN, audience=None) -> EnvironmentTable:
    """Make an environment that is foreign but for what is given."""
    return EnvironmentTable(api_base=api, token_url=token, audience=audience)


def test_simulation_takes_its_tokens_from_production():
    """The simulation preset has an API host of its own and the production token server and audience."""
    simulation, production = PRESETS["simulation"], PRESETS["production"]
    assert simulation.host == "services-sim.socialsecurity.be"
    assert simulation.token_url == simulation.audience == production.token_url == PRODUCTION + TOKEN
    assert [name for name, preset in PRESETS.items() if preset.production] == ["production"]


@pytest.mark.parametrize("combination", list(product(HOSTS, repeat=3)))
def test_official_addresses_come_in_the_presets_combinations_only(combination):
    """Of all ways to mix official and foreign hosts, only those of a preset and the wholly foreign one pass."""
    api, token, audience = combination
    faults = environment_faults("mine", table(api, token + TOKEN, audience + TOKEN))
    assert (not faults) is (combination in ALLOWED)
    assert all("official" in fault.message and fault.place == "environments.mine" for fault in faults)


@pytest.mark.parametrize(
    "audience",
    [
        "https://SERVICES.socialsecurity.be/REST/oauth/v5/token",
        "https://services.socialsecurity.be./REST/oauth/v5/token",
        "https://services.socialsecurity.be:443/REST/oauth/v5/token",
        "http://services.socialsecurity.be/REST/oauth/v5/token",
        "https://oauth.socialsecurity.be",
        "https://user@services.socialsecurity.be/REST/oauth/v5/token",
        "https://services.socialsecurity.be/REST/oauth/v5/token?x",
        "//services.socialsecurity.be/REST/oauth/v5/token",
        "services.SocialSecurity.be",
        "https:\\\\services.socialsecurity.be",
    ],
)
def test_a_foreign_token_server_gets_no_official_audience(audience):
    """However an official audience is spelled, it never goes with a foreign token server."""
    assert environment_faults("mine", table(audience=audience))


@pytest.mark.parametrize("audience", ["urn:example:token-server", "https://notsocialsecurity.be", "sandbox"])
def test_any_audience_goes_with_foreign_addresses(audience):
    """Where nothing official is involved, the audience is free text."""
    assert resolve_environment("mine", table(audience=audience)).audience == audience


def test_a_preset_spelled_differently_becomes_the_preset():
    """Case, a dot at the end and the default port make no difference, and the preset's own spelling is used."""
    found = resolve_environment(
        "mine", table("https://Services.SocialSecurity.be.:443/", "https://services.socialsecurity.be:443" + TOKEN)
    )
    assert (found.host, found.port) == ("services.socialsecurity.be", 443)
    assert found.token_url == found.audience == PRODUCTION + TOKEN
    assert found.production


def test_an_official_host_at_another_port_or_path_is_no_preset():
    """Port and path belong to the combination."""
    assert environment_faults("mine", table(PRODUCTION + ":8443", PRODUCTION + TOKEN))
    assert environment_faults("mine", table(PRODUCTION, PRODUCTION + "/REST/oauth/v4/token"))


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:9443", "localhost:9443", "https://", "https://user:hunter2@localhost", "https://localhost?a",
        "https://localhost#a", "https://loc alhost", "https://localhost\\@evil", "https://lôcalhost", "https://[::1",
        "https://localhost:0", "https://localhost:65536", "https://1.2.3", "https://%6cocalhost", "ftp://localhost",
    ],
)  # fmt: skip
def test_addresses_leave_no_room_for_two_readings(address):
    """What is not plainly https, host, port and path is refused, without repeating it."""
    faults = environment_faults("mine", table(api=address, token=address))
    assert [fault.place for fault in faults] == ["environments.mine.api_base", "environments.mine.token_url"]
    assert not any("hunter2" in str(fault) for fault in faults)


def test_api_base_ends_after_the_port():
    """A path in api_base is refused, a single slash is tolerated."""
    assert environment_faults("mine", table(api=FOREIGN + "/REST"))
    assert environment_faults("mine", table(api=FOREIGN + "//"))
    assert not environment_faults("mine", table(api=FOREIGN + "/"))


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_cannot_be_defined_anew(name):
    """The names of the presets are taken."""
    with pytest.raises(ConfigurationError, match="preset"):
        resolve_environment(name, table())


@given(st.text("socialecurtybe.-", max_size=30))
def test_only_the_domain_and_what_is_below_it_is_official(prefix):
    """A host is official if it is the domain or ends with a dot and the domain, and never otherwise."""
    assert is_official(f"{prefix}.socialsecurity.be")
    assert is_official(f"{prefix}socialsecurity.be") is (prefix == "" or prefix.endswith("."))
    assert not is_official(f"socialsecurity.be.{prefix}x")
