from __future__ import annotations

import os
from pathlib import Path

import pytest

from fla_gateway.config.load import load
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message
from tests.support.configurations import EMPLOYER


def test_a_small_file_is_enough(folder):
    """One profile makes a configuration; everything else has its default."""
    settings = folder.load(EMPLOYER)
    listen = [listener.address for listener in settings.configuration.gateway.listen]
    assert listen == ["127.0.0.1:8480", "[::1]:8480"]
    assert settings.sources == (folder.path / "gateway.toml",)
    assert settings.warnings == ()


def test_relative_paths_are_relative_to_their_file(folder):
    """Each path is made absolute against the directory of the file in which it stands, sockets included."""
    folder.write('[keys.acme]\npkcs12 = "acme.pfx"\npassword_file = "/etc/acme"', "more/keys.toml")
    settings = folder.load(
        'include = ["more/keys.toml"]\n[egress]\nca_file = "ca.pem"\n[audit]\npath = "journal"\n'
        '[gateway]\nlisten = ["unix:gw.sock", { address = "unix:run/gw.sock", mode = "0600" }, "unix:@gw"]\n'
        '[profiles.p]\nenvironment = "acceptance"\nclient_id = "x"\nkey = "acme"\n'
        '[profiles.pem]\nenvironment = "acceptance"\nclient_id = "x"\nkey = "acme"\n'
        'listen = { address = "localhost:1", tls = { certificate = "c.pem", key = "k.pem", client_ca = "ca.pem" } }\n'
        '[callers.erp]\nuid = 1\nallow = { pem = ["GET /REST/**"] }\n'
    )
    configuration = settings.configuration
    assert configuration.keys["acme"].pkcs12 == folder.path / "more/acme.pfx"
    assert configuration.keys["acme"].password_file == Path("/etc/acme")
    assert configuration.egress.ca_file == folder.path / "ca.pem"
    listen = [listener.address for listener in configuration.gateway.listen]
    assert listen == [f"unix:{folder.path}/gw.sock", f"unix:{folder.path}/run/gw.sock", "unix:@gw"]
    listener = configuration.profiles["pem"].listen
    assert listener is not None
    assert listener.tls is not None
    assert [listener.tls.certificate, listener.tls.key] == [folder.path / "c.pem", folder.path / "k.pem"]
    assert listener.tls.client_ca == folder.path / "ca.pem"
    assert configuration.audit is not None
    assert configuration.audit.path == folder.path / "journal"
    # A profile may be called as a key that holds a path is; what stands there is none.
    assert configuration.callers["erp"].allow == {"pem": ["GET /REST/**"]}


def test_a_relative_file_name_gives_absolute_paths(folder, monkeypatch):
    """A configuration named relative to the working directory still has absolute paths."""
    folder.write(EMPLOYER)
    monkeypatch.chdir(folder.path)
    key = load(Path("gateway.toml"), {}).configuration.profiles["employer"].key
    assert not isinstance(key, str)
    assert key.pem == folder.path / "employer.key.pem"


def test_variables_are_replaced(folder):
    """`${NAME}` takes an environment variable anywhere in a text, and `$$` is a dollar sign."""
    text = EMPLOYER.replace("self_service_chaman_654321_tests", "a_${SENDER}_$$b$c")
    settings = folder.load(text, {"SENDER": "42"})
    assert settings.configuration.profiles["employer"].client_id == "a_42_$b$c"


@pytest.mark.parametrize("text", ["${UNSET}", "x${UNSET}y", "${not a name}", "${"])
def test_an_unset_variable_is_a_fault(folder, text):
    """A variable that is not set is reported at its place, once, and nothing follows from it."""
    fault = folder.fault(EMPLOYER.replace("simulation", text))
    assert fault.startswith("gateway.toml: profiles.employer.environment: ")
    assert "environment variable" in fault


@pytest.mark.parametrize("path", ["~/employer.pem", "file:///etc/employer.pem"])
def test_a_path_that_a_shell_or_a_browser_would_replace_is_a_fault(folder, path):
    """Joined to the folder of the file it would be missing there, and the cure would be to make it."""
    fault = folder.fault(EMPLOYER.replace("employer.key.pem", path))
    assert fault.startswith("gateway.toml: profiles.employer.key.pem: must be a plain path")


def test_passwords_come_out_of_the_environment(folder):
    """The values of every password_env are in the settings, wrapped; those of keys and of profiles alike."""
    settings = folder.load(
        '[keys.acme]\npem = "a"\npassword_env = "ONE"\n[profiles.p]\nenvironment = "acceptance"\nclient_id = "x"\n'
        'key = { pem = "b", password_env = "TWO" }',
        {"ONE": "hunter2", "TWO": "", "OTHER": "x"},
    )
    assert {name: secret.reveal() for name, secret in settings.passwords.items()} == {"ONE": "hunter2", "TWO": ""}
    assert "hunter2" not in repr(settings)


def test_an_unset_password_is_a_fault_that_keeps_the_name_to_itself(folder):
    """An unset password_env is reported without its value, since people paste the password there."""
    fault = folder.fault(EMPLOYER.replace('pem"', 'pem", password_env = "hunter2"'))
    assert fault.startswith("gateway.toml: profiles.employer.key.password_env: ")
    assert "hunter2" not in fault


def test_byte_order_mark_and_windows_line_ends_do_no_harm(folder):
    """A file saved by a Windows editor is read."""
    assert folder.load(b"\xef\xbb\xbf" + EMPLOYER.replace("\n", "\r\n").encode()).configuration.profiles


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (EMPLOYER.encode("utf-16"), "UTF-16"),
        (EMPLOYER.replace("employer]", "employer] # é").encode("latin-1"), "not UTF-8 (at line 2)"),
        (b"a = 1\nb = hunter2", "not valid TOML: Invalid value (at line 2, column 5)"),
        (b"a = 1\na = 2\nb = 1", "written twice (at line 2"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
        (b"a = " + b"9" * 5000, "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_parsed_says_why_and_where(folder, data, words):
    """Encoding and syntax faults have words for people, and the line."""
    fault = folder.fault(data)
    assert fault.startswith("gateway.toml: ")
    assert words in fault
    assert "hunter2" not in fault


def test_a_missing_file_and_a_directory_are_told_apart(folder):
    """What cannot be read says what it is."""
    (folder.path / "dir.toml").mkdir()
    for name, words in (("gone.toml", "no such file"), ("dir.toml", "directory")):
        with pytest.raises(ConfigurationError, match=words):
            load(folder.path / name, {})


def test_a_missing_file_says_where_it_was_looked_for(folder, monkeypatch):
    """The fault has the whole path, although a gateway.toml is right here."""
    folder.write(EMPLOYER)
    monkeypatch.chdir(folder.path)
    with pytest.raises(ConfigurationError, match=rf"looked for at {folder.path}/other/gateway\.toml"):
        load(Path("other/gateway.toml"), {})


def test_an_unreadable_file_is_told_apart(folder):
    """A file without permission says so."""
    path = folder.write(EMPLOYER)
    path.chmod(0)
    me = os.geteuid()
    os.seteuid(65534 if me == 0 else me)  # root would read it
    try:
        with pytest.raises(ConfigurationError, match="may not be read"):
            load(path, {})
    finally:
        os.seteuid(me)


def test_every_fault_is_reported_at_once(folder):
    """Faults of syntax, schema, tables, references, listeners, environment and a further rule come together."""
    folder.write('[log]\nlevel = "inf"\n[profiles.second]\nenvironment = "staging"', "more.toml")
    faults = folder.faults(
        'include = ["more.toml"]\n[gateway]\nlisten = ["0.0.0.0:1"]\ntimeouts = { hed = 1 }\n'
        '[admin]\nlisten = "nowhere"\n[callers.payroll]\nallow = { employr = ["GET /"] }\n'
        '[keys.acme]\npem = "a"\npkcs12 = "b"\npasword_env = "X"\n'
        '[profiles.employer]\nenvironment = "prodction"\nclientid = "x"\nkey = "acne"\nscope = ["${UNSET}"]\n'
        '[environments.live]\napi_base = "https://services.socialsecurity.be"\ntoken_url = "https://evil.example"\n',
        further=[lambda _: [Fault("profiles.employer.services", Message("further", "further"))]],
    )
    assert {(fault.place, fault.cure[:12]) for fault in faults} == {
        ("more.toml: log.level", "did you mean"),
        ("more.toml: profiles.second.client_id", ""),
        ("more.toml: profiles.second.key", ""),
        ("more.toml: profiles.second.environment", "known: produ"),
        ("gateway.toml: gateway.timeouts.hed", "did you mean"),
        ("gateway.toml: gateway.listen[0]", "listen on 12"),
        ("gateway.toml: admin.listen", ""),
        ("gateway.toml: callers.payroll", "give it keys"),
        ("gateway.toml: callers.payroll.allow.employr", "did you mean"),
        ("gateway.toml: keys.acme", "a key is in "),
        ("gateway.toml: keys.acme.pasword_env", "did you mean"),
        ("gateway.toml: keys.acme.pasword_env", ""),
        ("gateway.toml: profiles.employer.environment", "did you mean"),
        ("gateway.toml: profiles.employer.clientid", "did you mean"),
        ("gateway.toml: profiles.employer.key", "did you mean"),
        ("gateway.toml: profiles.employer.scope[0]", "$$ means a d"),
        ("gateway.toml: profiles.employer.services", ""),
        ("gateway.toml: environments.live", "use environm"),
    }


def test_a_broken_table_is_not_reported_as_missing(folder):
    """Profiles that use a key or environment with a fault are not told that there is none."""
    faults = folder.faults(
        "[keys.acme]\npem = 3\n[environments.mine]\napi_base = 4\n[profiles.employer]\n"
        'environment = "mine"\nclient_id = "x"\nkey = "acme"'
    )
    assert [fault.place for fault in faults] == [
        "gateway.toml: keys.acme.pem",
        "gateway.toml: environments.mine.api_base",
        "gateway.toml: environments.mine.token_url",
    ]


def test_a_configuration_without_profiles_is_a_fault(folder):
    """Nothing to serve is no configuration."""
    assert "there is no profile" in folder.fault("")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("callers = 3\n" + EMPLOYER, ["callers"]),
        (EMPLOYER + "[callers.Erp]\nuid = 1", ["callers.Erp"]),
        (EMPLOYER + '[callers.erp]\nuid = "1"\nallow = { employer = ["GET /REST/**"] }', ["callers.erp.uid"]),
        (EMPLOYER + "[callers.erp]\nuid = 1\nallow = 3", ["callers.erp.allow"]),
        (EMPLOYER + '[callers.erp]\nkeys = ["${X}"]\nallow = { employer = [] }',
         ["callers.erp.keys[0]", "callers.erp.allow.employer"]),
        (EMPLOYER + "[callers.erp]\nuid = 1\nallow = { Employer = ['GET /REST/**'] }", ["callers.erp.allow.Employer"]),
        (EMPLOYER + "[callers.erp]\nuid = 1\nallow = { employer = ['GET /REST/**'] }\nlimits = { x = 1 }",
         ["callers.erp.limits.x"]),
        ("[profiles.p]\nkey = 3\n[callers.erp]\nuid = 1\nallow = { p = ['GET /REST/**'] }",
         ["profiles.p.environment", "profiles.p.client_id", "profiles.p.key"]),
        ("[profiles]\np = 3\n[callers.erp]\nuid = 1\nallow = { p = ['GET /REST/**'] }", ["profiles.p"]),
        ("profiles = 3\n[callers.erp]\nuid = 1\nallow = { p = ['GET /REST/**'] }", ["profiles"]),
        (EMPLOYER + "[callers.erp]\nservice_account = 'a/b'\nallow = { employer = ['GET /REST/**'] }\n[kubernetes]\n"
         "issuer = 1\naudience = 'x'\njwks_file = 'x'", ["kubernetes.issuer"]),
        (EMPLOYER + "[callers.erp]\ncertificate_names = ['a']\nallow = { employer = ['GET /REST/**'] }\n"
         "[gateway]\nlisten = [{ address = 'localhost:1', tls = { key = 'a', client_ca = 'b' } }]",
         ["gateway.listen[0].tls.certificate"]),
        (EMPLOYER.replace("simulation", "production") + "anonymous = 1", ["profiles.employer.anonymous"]),
        (EMPLOYER.replace("simulation", "production") + "listen = 3", ["profiles.employer.listen"]),
    ],
)  # fmt: skip
def test_nothing_follows_from_what_could_not_be_read(folder, text, places):
    """Where a caller, or what it needs, is faulty, no rule takes him for missing or for one without proof."""
    faults = folder.faults(text if "production" not in text else f'{text}\n[gateway]\nlisten = ["unix:a"]')
    assert sorted(fault.place.removeprefix("gateway.toml: ") for fault in faults) == sorted(places)


_CALLER: str = (
    "[callers.erp]\nuid = 1\n[callers.erp.allow]\nemployer = ['GET /REST/**']\n[gateway]\nlisten = ['unix:a']"
)


@pytest.mark.parametrize(
    ("right", "wrong", "place", "cure"),
    [
        ("client_id", "clientid", "profiles.employer.clientid", "did you mean 'client_id'?"),
        ("[profiles.employer]", "[profile.employer]", "profile", "did you mean 'profiles'?"),
        ("[callers.erp]", "[caller.erp]", "caller", "did you mean 'callers'?"),
        ("[callers.erp.allow]", "[caller.erp.allow]", "caller", "did you mean 'callers'?"),
        ("[callers.erp.allow]", "[callers.erp.alow]", "callers.erp.alow", "did you mean 'allow'?"),
        ("[callers.erp.allow]", "[callers.epr.allow]", "callers.epr", "did you mean 'erp'?"),
        ("[callers.erp.allow]", "[callers.allow]", "callers.allow", "[callers.NAME.allow]"),
        ("[profiles.employer]", "[profiles]", "profiles", "[profiles.NAME]"),
        ("[profiles.employer]", "[[profiles.employer]]", "profiles.employer", "single brackets"),
        ("[keys.acme]", "[key.acme]", "key", "did you mean 'keys'?"),
        ("[keys.acme]", "[keys]", "keys", "[keys.NAME]"),
        ("[environments.mine]", "[environment.mine]", "environment", "did you mean 'environments'?"),
        ("[environments.mine]", "[environments]", "environments", "[environments.NAME]"),
        ("[profiles.second]", "[profile.second]", "profile", "did you mean 'profiles'?"),
        ('key = "acme"', 'key = "secrets/acme.pem"', "profiles.second.key", 'key = { pem = "..." }'),
    ],
)
def test_a_word_in_the_wrong_place_is_one_fault(folder, right, wrong, place, cure):
    """What follows from a misspelt key or a table without its name is not reported as well: nothing is missing."""
    second = EMPLOYER.replace("employer]", "second]").replace("simulation", "mine")
    second = second[: second.index("key =")] + 'key = "acme"\n[keys.acme]\npem = "a.pem"\n'
    mine = '[environments.mine]\napi_base = "https://localhost"\ntoken_url = "https://localhost/token"\n'
    text = f"{EMPLOYER}\n{second}\n{mine}\n{_CALLER}"
    folder.load(text)
    (fault,) = folder.faults(text.replace(right, wrong, 1))
    assert (fault.path, cure in str(fault.cure)) == (place, True)


def test_what_is_wrong_within_a_misspelt_table_is_found_where_it_is_written(folder):
    """With the place and the line that the file has, whether the schema, the expansion or a rule notices it."""
    folder.write("[profile.third]\nclient_id = 3\n", "more.toml")
    faults = folder.faults(
        f'include = ["more.toml"]\n{EMPLOYER}\n[profile.second]\nenvironment = "nowhere"\nclient_id = "${{UNSET}}"\n'
        'key = { pm = "a" }\n'
    )
    assert sorted((fault.file, fault.line, fault.path) for fault in faults) == [
        ("gateway.toml", 8, "profile"),
        ("gateway.toml", 9, "profile.second.environment"),
        ("gateway.toml", 10, "profile.second.client_id"),
        ("gateway.toml", 11, "profile.second.key.pm"),
        ("more.toml", 1, "profile"),
        ("more.toml", 1, "profile.third.environment"),
        ("more.toml", 1, "profile.third.key"),
        ("more.toml", 2, "profile.third.client_id"),
    ]


def test_a_misspelt_key_takes_no_place_of_another(folder):
    """Beside the right key, the wrong one is unknown and no more; of two wrong ones, the second has no place left."""
    second = EMPLOYER.replace("client_id", "clientid").replace("employer]", "second]") + "\nclientd = 5"
    faults = folder.faults(f"{EMPLOYER}\nclientid = 5\n{second}")
    assert [fault.path for fault in faults] == [
        "profiles.second.clientid", "profiles.employer.clientid", "profiles.second.clientd",
    ]  # fmt: skip


def test_callers_may_come_from_several_files(folder):
    """Each caller stands in one file; two files may bring one each, and the same name twice is a fault."""
    caller = "[callers.{}]\nuid = {}\nallow = {{ employer = ['GET /REST/**'] }}\n"
    folder.write(caller.format("second", 2), "more.toml")
    first = f'include = ["more.toml"]\n{EMPLOYER}\n' + caller.format("first", 1)
    assert list(folder.load(first).configuration.callers) == ["first", "second"]
    folder.write(caller.format("first", 2), "more.toml")
    assert "more.toml: callers.first: is written twice" in folder.fault(first)


def test_the_environment_of_the_process_is_the_default(folder, monkeypatch):
    """Without an environment given, variables are those of the process."""
    monkeypatch.setenv("FLA_GATEWAY_TEST_CLIENT", "from-outside")
    path = folder.write(EMPLOYER.replace("self_service_chaman_654321_tests", "${FLA_GATEWAY_TEST_CLIENT}"))
    assert load(path).configuration.profiles["employer"].client_id == "from-outside"


def test_unused_keys_and_environments_are_warnings(folder):
    """A key or environment that no profile uses is allowed and said."""
    settings = folder.load(
        f'{EMPLOYER}\n[keys.spare]\npem = "x"\n[environments.mine]\napi_base = "https://a"\ntoken_url = "https://a/t"'
    )
    assert [warning.place for warning in settings.warnings] == [
        "gateway.toml: keys.spare",
        "gateway.toml: environments.mine",
    ]
