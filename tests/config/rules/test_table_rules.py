from __future__ import annotations

import pytest

from tests.support.configurations import EMPLOYER

KEY = '{ pem = "employer.key.pem" }'
DIGEST = "5" * 64


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("{}", "neither pkcs12 nor pem"),
        ('{ pkcs12 = "a", pem = "b" }', "both pkcs12 and pem"),
        ('{ pem = "a", password_file = "b", password_env = "SET" }', "both password_file and password_env"),
        ('{ pem = "-----BEGIN PRIVATE KEY-----hunter2" }', "not what the file holds"),
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
        (
            '[keys.x]\npem = "x"\npassword = 1',
            "keys.x.password: unknown key (a password is never written into this file",
        ),
        (
            "[egress]\nproxy = 'http://proxy:3128'\nproxy_user = 'x'\nproxy_password = 1",
            "egress.proxy_password: unknown key (did you mean 'proxy_password_file'?)",
        ),
        (
            '[keys.x]\npem = "x"\nclient_secret = 1',
            "keys.x.client_secret: unknown key (the channel has no client secret",
        ),
        ("[gateway]\nlisten = [3]", "gateway.listen[0]: must be an address in quotes, or a table that has one"),
        ('[gateway]\nlisten = [""]', "gateway.listen[0]: must not be empty"),
        ("[gateway]\nlisten = [{ address = '' }]", "gateway.listen[0].address: must not be empty"),
        (
            "[gateway]\nlisten = [{ address = 'localhost:1', adress = 1 }]",
            "gateway.listen[0].adress: unknown key (did you mean 'address'?)",
        ),
        (
            "[gateway]\nlisten = [{ address = 'localhost:1', tls = { certficate = 1, certificate = 'a', key = 'b' } }]",
            "gateway.listen[0].tls.certficate: unknown key (did you mean 'certificate'?)",
        ),
        (
            "[gateway]\nlisten = [{ address = 'unix:a', mode = '660x' }]",
            'gateway.listen[0].mode: must be a mode in three octal digits (for example "0660")',
        ),
        ("[admin]\nlisten = 3", "admin.listen: must be an address in quotes, or a table that has one"),
        ("[admin]\nkey = 'flagw_1'", "admin.key: must be a table with the digest of a key"),
        ("[admin.key]\nsha256 = 'A'", "admin.key.sha256: must be a SHA-256 in 64 lower-case hexadecimal digits"),
        ("[callers.a]\nkeys = ['flagw_1']", "callers.a.keys[0]: must be a table with the digest of a key"),
        ("[callers.a]\nkeys = [{ sha256 = '1' }]", "callers.a.keys[0].sha256: must be a SHA-256 in 64 lower-case"),
        (
            f"[callers.a]\nkeys = [{{ sha256 = '{DIGEST}', expire = 1 }}]",
            "callers.a.keys[0].expire: unknown key (did you mean 'expires'?)",
        ),
        (
            f"[callers.a]\nkeys = [{{ sha256 = '{DIGEST}', expires = '2027-06-30' }}]",
            "callers.a.keys[0].expires: must be a date without quotes, for example 2027-06-30",
        ),
        ("[callers.a]\nobserve_until = 2027-06-30T12:00:00", "callers.a.observe_until: must have an offset"),
        ("[callers.a]\nobserve_until = 1969-12-30", "callers.a.observe_until: must be a date between 1970 and 9999"),
        ("[callers.a]\nobserve_until = 12:00:00", "callers.a.observe_until: must be a date without quotes"),
        ("[callers.a]\nservice_account = 'payroll'", "callers.a.service_account: must be a namespace and a service"),
        ("[callers.a]\nuid = -1", "callers.a.uid: must be at least 0"),
        ("[callers.a]\nallow = ['GET /REST/**']", "callers.a.allow: must be a table"),
        ("[callers.a]\nallow = { employer = 'GET /REST/**' }", "callers.a.allow.employer: must be a list in [ ]"),
        ("[callers.a]\nallow = { employer = [] }", "callers.a.allow.employer: must have at least one entry"),
        ("[callers.a]\nallow = { Employer = ['GET /REST/**'] }", "callers.a.allow.Employer: a name has 1 to 32"),
        ("[callers.a_b]\nuid = 1", "callers.a_b: a name has 1 to 32"),
        (
            "[callers.a]\nuid = 1\nallow = { employer = ['GET /REST/**'] }\nlimits = { concurrnt = 1 }",
            "callers.a.limits.concurrnt: unknown key (did you mean 'concurrent'?)",
        ),
        (
            "[callers.a]\nuid = 1\nallow = { employer = ['GET /REST/**'] }\npem = 1",
            "callers.a.pem: unknown key (this key belongs in [keys.NAME])",
        ),
        (
            "[audit]\npath = 'j'\nfsync = 'allways'",
            "audit.fsync: must be one of 'never', 'interval' or 'always' (did you mean 'always'?)",
        ),
        ("[audit]", "audit.path: is missing"),
        ("[security]\nlandlock = 'true'", "security.landlock: must be true or false, without quotes"),
        ("log = 3", "log: must be a table"),
        ("keys = 3", "keys: must be a table"),
        ('"pass word" = 3', "(unreadable key): unknown key"),
    ],
)
def test_schema_faults_are_sentences_for_people(folder, line, words):
    """What the schema refuses is said in plain words, at its place; what a caller lacks besides is said as well."""
    first, *others = folder.faults(f"{line}\n{EMPLOYER}")
    assert words in str(first)
    assert {fault.code for fault in others} <= {"allow-missing", "proof-missing"}


@pytest.mark.parametrize("scope", ["a b", "", 'a"b', "é", "a\\\\b"])
def test_a_scope_is_one_token(folder, scope):
    """An entry of scope is one scope-token of RFC 6749, section 3.3."""
    faults = folder.faults(f"{EMPLOYER}scope = ['{scope}']")
    assert "one scope" in faults[0].message


def test_the_known_environments_are_named_once_each(folder):
    """A table that takes the name of a preset does not make it appear twice in the cure."""
    own = "[environments.{}]\napi_base = 'https://a.example'\ntoken_url = 'https://a.example/t'\n"
    text = EMPLOYER.replace("simulation", "zzz") + own.format("acceptance") + own.format("mine")
    cures = [str(fault) for fault in folder.faults(text) if fault.code == "environment-unknown"]
    assert [cure.partition("known: ")[2] for cure in cures] == ["production, simulation, acceptance, mine)"]
