"""Values of examples: placeholders are faults, client ids of screenshots are warnings."""

from __future__ import annotations

import pytest

from tests.support.configurations import EMPLOYER, Folder

ZEROS = "0" * 64
EXAMPLE = "self_service_chaman_123456_78912"
STAGING = """
[environments.staging]
api_base = "https://localhost:9443"
token_url = "https://localhost:9443/token"
"""
OFFICIAL = """
[environments.staging]
api_base = "https://services-acpt.socialsecurity.be"
token_url = "https://services-acpt.socialsecurity.be/REST/oauth/v5/token"
"""


@pytest.fixture
def folder(tmp_path):
    """Give a folder for configurations."""
    return Folder(tmp_path)


def profile(client_id, environment="simulation"):
    """Write a profile of a client."""
    return EMPLOYER.replace("self_service_chaman_654321_tests", client_id).replace("simulation", environment)


def test_placeholders_are_faults_all_at_once(folder):
    """Each of the three is named with the command that makes what belongs there; one zero is not another's twin."""
    caller = f"[callers.erp]\nkeys = [{{ sha256 = '{ZEROS}' }}]\nallow = {{ employer = ['GET /REST/**'] }}\n"
    found = folder.faults(profile(EXAMPLE) + caller + f"[admin.key]\nsha256 = '{ZEROS}'\n")
    assert {(it.path, it.code) for it in found} == {
        ("callers.erp.keys[0].sha256", "key-placeholder"),
        ("admin.key.sha256", "key-placeholder"),
        ("profiles.employer.client_id", "client-id-placeholder"),
    }
    assert {str(it.cure) for it in found} >= {
        "put in what `fla-gateway caller new` prints",
        "put in what `fla-gateway admin new` prints",
    }


@pytest.mark.parametrize("environment", ["production", "simulation", "acceptance", "staging"])
def test_the_examples_client_id_is_refused_by_official_environments(folder, environment):
    """Also where a table of another name has an official host."""
    text = profile(EXAMPLE, environment) + "anonymous = true\n" + (OFFICIAL if environment == "staging" else "")
    assert [it.code for it in folder.faults(text)] == ["client-id-placeholder"]


@pytest.mark.parametrize("client_id", ["self_service_expeditor_10", "self_service_expeditior_10"])
def test_client_ids_of_screenshots_are_warned_of(folder, client_id):
    """They may be the id of a real account, so that they are no fault."""
    assert [it.code for it in folder.load(profile(client_id)).warnings] == ["client-id-of-manual"]


@pytest.mark.parametrize("client_id", [EXAMPLE, "self_service_expeditor_10"])
def test_a_sandbox_may_have_any_client(folder, client_id):
    """Where no official host is, nothing is said."""
    assert folder.load(profile(client_id, "staging") + STAGING).warnings == ()
