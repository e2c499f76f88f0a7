"""The configuration that `fla-gateway init` writes: commented, narrow, and without a fault."""

from __future__ import annotations

import tomllib

import pytest

from fla_gateway.onboarding.allow_lists import allow_list, prefix_of, trial_path
from fla_gateway.onboarding.channel_questions import offered_services
from fla_gateway.onboarding.config_writer import Alerts, KeyFiles, Plan, further_file, further_line, whole_file

KEY = KeyFiles("secrets/employer.pfx", pkcs12=True, password_file="secrets/employer.pass")
DIGESTS = {"payroll": "a" * 64, "timeclock": "b" * 64}


def plan(**changes):
    """Give a plan."""
    given = {
        "profile": "employer",
        "environment": "simulation",
        "client_id": "self_service_chaman_1_a",
        "key": KEY,
        "services": ("dimona",),
        "callers": DIGESTS,
        "admin_digest": "c" * 64,
    }
    return Plan(**{**given, **changes})


def test_each_caller_gets_the_list_of_the_services_and_nothing_else():
    """Known by its key alone."""
    document = tomllib.loads(whole_file(plan(), str))
    assert set(document["callers"]) == set(DIGESTS)
    for name, digest in DIGESTS.items():
        assert document["callers"][name] == {
            "keys": [{"sha256": digest}],
            "allow": {"employer": ["POST /REST/dimona/v2/declarations", "GET /REST/dimona/v2/declarations/*"]},
        }
    assert document["audit"] == {"path": "journal"}
    assert document["admin"] == {"key": {"sha256": "c" * 64}}


@pytest.mark.parametrize("service", [it.name for it in offered_services()])
def test_no_service_gets_more_than_its_own_paths(service):
    """What is not known may be read alone."""
    entries = allow_list((service,))
    assert entries
    for entry in entries:
        method, path = entry.split(" ")
        assert path.startswith(prefix_of(service) + "/")
        assert method == "GET" or service == "dimona"
    assert trial_path((service,)).startswith(prefix_of(service))


@pytest.mark.parametrize("environment", ["production", "simulation", "acceptance"])
def test_nothing_is_opened(environment):
    """Neither an unsafe setting nor an anonymous caller nor a path of all APIs."""
    for text in (whole_file(plan(environment=environment), str), further_file(plan(environment=environment), str)):
        for word in ("unsafe", "anonymous", "/REST/**", '"observe"', "observe_until"):
            assert word not in text


def test_every_table_is_explained():
    """Above its head, or above the group of its kind; so that a reader needs no other page."""
    rows = whole_file(plan(), str).splitlines()
    heads = [number for number, row in enumerate(rows) if row.startswith("[") and "timeclock" not in row]
    assert len(heads) > 4
    assert [rows[number] for number in heads if not rows[number - 1].startswith("#")] == []


def test_further_profiles_have_nothing_that_the_first_file_has():
    """Tables of the gateway are written once; the key's paths are as they were given."""
    document = tomllib.loads(further_file(plan(profile="secretariat"), str))
    assert set(document) == {"keys", "profiles", "callers"}
    assert set(document["profiles"]) == set(document["keys"]) == {"secretariat"}
    assert tomllib.loads(further_line("secretariat", ("dimona",)))["secretariat"] == list(allow_list(("dimona",)))


def test_texts_of_people_are_written_as_toml():
    """Quotes, backslashes and accents come back as they were; a dollar sign is doubled, or it would be a variable."""
    path = 'C:\\keys\\é "x".pem'
    document = tomllib.loads(whole_file(plan(key=KeyFiles(path, pkcs12=False, certificate="c")), str))
    assert document["keys"]["employer"] == {"pem": path, "certificate": "c"}
    assert 'client_id = "$${HOME}"' in whole_file(plan(client_id="${HOME}"), str)


def test_alerts_have_both_addresses():
    """A person's, and one that outlives it, from which mails come; without a server they wait as comments."""
    to = ("ann@acme.example", "it@acme.example")
    mail = {"to": list(to), "from": "it@acme.example", "server": "mail.acme.example:587"}
    document = tomllib.loads(whole_file(plan(alerts=Alerts(to, "mail.acme.example:587")), str))
    assert document["alerts"] == {"mail": mail}
    for waiting in (Alerts(to, ""), None):
        text = whole_file(plan(alerts=waiting), str)
        assert "alerts" not in tomllib.loads(text)
        assert "\n# mail = { to = [" in text


def test_the_language_is_that_of_init():
    """Page, alerts and calendar speak it; without one the page follows the browser."""
    assert tomllib.loads(whole_file(plan(language="nl"), str))["gateway"] == {"language": "nl"}
    assert "gateway" not in tomllib.loads(whole_file(plan(), str))
