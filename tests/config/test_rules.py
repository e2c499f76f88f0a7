from __future__ import annotations

import pytest

from tests.support.configurations import EMPLOYER

KEY = '{ pem = "employer.key.pem" }'


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("{}", "neither pkcs12 nor pem"),
        ('{ pkcs12 = "a", pem = "b" }', "both pkcs12 and pem"),
        ('{ pkcs12 = "a", certificate = "b" }', "certificate: stands beside pkcs12"),
        ('{ pem = "a", password_file = "b", password_env = "SET" }', "both password_file and password_env"),
        ('{ pem = "-----BEGIN PRIVATE KEY-----hunter2" }', "not what stands in the file"),
        ('{ pem = """\nhunter2\n""" }', "key.pem: "),
        ('{ pem = "" }', "must not be empty"),
        ("{ pem = 3 }", "path of a file"),
        ("3", "must be a table"),
        ('"hunter2 "', "a name has 1 to 32"),
    ],
)
def test_a_key_source_says_where_one_key_is(folder, key, words):
    """A key comes from one file with at most one password, and what stands there is never repeated."""
    fault = folder.fault(EMPLOYER.replace(KEY, key), {"SET": ""})
    assert fault.startswith("gateway.toml: profiles.employer.key")
    assert words in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    ("egress", "place"),
    [
        ('proxy = "http://user:hunter2@proxy:3128"', "egress.proxy"),
        ('proxy = "proxy:3128"', "egress.proxy"),
        ('proxy = "https://proxy:3128"', "egress.proxy"),
        ('proxy = "http://proxy"', "egress.proxy"),
        ('proxy = "http://proxy:3128/path"', "egress.proxy"),
        ('proxy = "http://proxy:3128"\nproxy_user = "u"', "egress"),
        ('proxy = "http://proxy:3128"\nproxy_password_file = "f"', "egress"),
        ('proxy_user = "u"\nproxy_password_file = "f"', "egress"),
        ('proxy = "http://proxy:3128"\nproxy_user = "u:v"\nproxy_password_file = "f"', "egress.proxy_user"),
    ],
)
def test_the_proxy_is_host_and_port_with_credentials_apart(folder, egress, place):
    """Credentials never stand in the address, and come both or not at all."""
    fault = folder.fault(f"[egress]\n{egress}\n{EMPLOYER}")
    assert fault.startswith(f"gateway.toml: {place}: ")
    assert "hunter2" not in fault


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "http://[::1]:3128/", "http://10.0.0.1:80"])
def test_a_proxy_is_taken(folder, proxy):
    """A proxy by name or address is taken as written."""
    assert folder.load(f'[egress]\nproxy = "{proxy}"\n{EMPLOYER}').configuration.egress.proxy == proxy


@pytest.mark.parametrize("name", ["Employer", "1st", "a_b", '"a.b"', "x" * 33])
def test_names_follow_one_rule(folder, name):
    """A name that breaks the rule is refused with the rule."""
    faults = folder.faults(EMPLOYER.replace("employer]", f"{name}]"))
    assert "a name has 1 to 32" in faults[0].message


def test_the_name_api_is_reserved(folder):
    """No profile can take the name that later addresses need."""
    assert "reserved" in folder.fault(EMPLOYER.replace("employer]", "api]"))


def test_a_preset_cannot_be_redefined(folder):
    """An environment with a preset's name is a fault."""
    text = '[environments.production]\napi_base = "https://a"\ntoken_url = "https://a/t"\n'
    assert "environments.production: the name is that of a preset" in folder.fault(text + EMPLOYER)


def test_listening_beyond_loopback_needs_both_ugly_flags(folder):
    """Each missing flag is a fault of its own that names it; with both, there is a word about Host."""
    gateway = '[gateway]\nlisten = ["0.0.0.0:8480"]\n'
    cures = [fault.cure for fault in folder.faults(gateway + EMPLOYER)]
    assert ["unsafe_allow_anonymous = true" in cures[0], "unsafe_cleartext = true" in cures[1]] == [True, True]
    assert len(folder.faults(gateway + "unsafe_cleartext = true\n" + EMPLOYER)) == 1
    assert len(folder.faults(gateway + "unsafe_allow_anonymous = true\n" + EMPLOYER)) == 1
    settings = folder.load(gateway + "unsafe_allow_anonymous = true\nunsafe_cleartext = true\n" + EMPLOYER)
    assert [warning.place for warning in settings.warnings] == ["gateway.toml: gateway.hosts"]


def test_a_profiles_own_door_is_as_guarded(folder):
    """The rule holds for a profile's listener as well."""
    faults = folder.faults(EMPLOYER + 'listen = "10.0.0.1:8490"')
    assert [fault.place for fault in faults] == ["gateway.toml: profiles.employer.listen"] * 2


def test_an_unreadable_flag_is_not_reported_as_missing(folder):
    """A flag of the wrong type is one fault, and the rule that needs it is not judged."""
    text = '[gateway]\nlisten = ["0.0.0.0:1"]\nunsafe_cleartext = "true"\n'
    assert "must be true or false" in folder.fault(text + EMPLOYER)


def test_admin_beyond_loopback_is_a_warning(folder):
    """Probes and metrics may be read from outside, with a warning."""
    (warning,) = folder.load(f'[admin]\nlisten = "0.0.0.0:8481"\n{EMPLOYER}').warnings
    assert warning.place == "gateway.toml: admin.listen"


@pytest.mark.parametrize("listen", ["127.0.0.1:8480", "127.0.0.1:8481", "0.0.0.0:8481", "localhost:8480"])
def test_an_address_belongs_to_one_listener(folder, listen):
    """Gateway, admin and profiles cannot share an address."""
    flags = "[gateway]\nunsafe_cleartext = true\nunsafe_allow_anonymous = true\n"
    faults = folder.faults(f'{flags}{EMPLOYER}listen = "{listen}"')
    assert all("has the same address as" in fault.message for fault in faults)


@pytest.mark.parametrize("host", ["Gateway", "gateway:8480", "http://gateway", "a b", "*"])
def test_hosts_are_bare_names(folder, host):
    """A further host name has no port, no scheme and no capitals."""
    assert "gateway.hosts[0]" in folder.fault(f'[gateway]\nhosts = ["{host}"]\n{EMPLOYER}')


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('[gateway]\nmax_connections = "9"', "gateway.max_connections: must be a whole number, without quotes"),
        ("[gateway]\nmax_connections = 1.5", "gateway.max_connections: must be a whole number"),
        ("[gateway]\nmax_connections = 0", "gateway.max_connections: must be at least 1"),
        ("[gateway]\nmax_connections = 100001", "gateway.max_connections: must be at most 100000"),
        ("[gateway]\nlisten = []", "gateway.listen: must have at least one entry"),
        ('[gateway]\nlisten = "127.0.0.1:1"', "gateway.listen: must be a list in [ ]"),
        ("[gateway.timeouts]\nhead = 0", "gateway.timeouts.head: must be more than 0"),
        ("[gateway.timeouts]\nhead = nan", "gateway.timeouts.head: must be a number, neither nan nor inf"),
        ("[gateway.timeouts]\nhead = true", "gateway.timeouts.head: must be a number, without quotes"),
        ("[log]\nrequests = 1", "log.requests: must be true or false, without quotes"),
        ('[log]\nformat = "jsn"', "log.format: must be one of 'auto', 'console' or 'json' (did you mean 'json'?)"),
        ("[log]\nformat = 1", "log.format: must be one of"),
        ("[gateway]\nclient_id = 1", "gateway.client_id: unknown key (this key belongs in [profiles.NAME])"),
        ("profile = 1", "profile: unknown key (did you mean 'profiles'?)"),
        ('[keys.x]\npem = "x"\npassword = 1', "keys.x.password: unknown key (a password does not stand in this file"),
        ("[egress]\nproxy_password = 1", "egress.proxy_password: unknown key (did you mean 'proxy_password_file'?)"),
        (
            '[keys.x]\npem = "x"\nclient_secret = 1',
            "keys.x.client_secret: unknown key (the channel has no client secret",
        ),
        ("log = 3", "log: must be a table"),
        ("keys = 3", "keys: must be a table"),
        ('"pass word" = 3', "(unreadable key): unknown key"),
    ],
)
def test_schema_faults_are_sentences_for_people(folder, line, words):
    """What the schema refuses is said in plain words, at its place."""
    assert words in folder.fault(f"{line}\n{EMPLOYER}")


@pytest.mark.parametrize("scope", ["a b", "", 'a"b', "é", "a\\\\b"])
def test_a_scope_is_one_token(folder, scope):
    """An entry of scope is one scope-token of RFC 6749, section 3.3."""
    faults = folder.faults(f"{EMPLOYER}scope = ['{scope}']")
    assert "one scope" in faults[0].message
