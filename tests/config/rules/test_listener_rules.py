from __future__ import annotations

import pytest

from tests.support.configurations import EMPLOYER

CALLER = "[callers.erp]\nuid = 1001\nallow = { employer = ['GET /REST/**'] }\n"
PRODUCTION = EMPLOYER.replace("simulation", "production")
TLS = 'tls = { certificate = "door.pem", key = "door.key.pem" }'


def listening(*entries: str) -> str:
    """Write `[gateway]` with these entries of `listen`."""
    return f"[gateway]\nlisten = [{', '.join(entries)}]\n"


def shown(faults) -> list[tuple[str, str]]:
    """Give place and cure of each fault or warning."""
    return [(fault.place.removeprefix("gateway.toml: "), fault.cure) for fault in faults]


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
    assert "metrics and probes" in warning.message


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
    ("entry", "place"),
    [
        ('{ address = "unix:gw.sock", tls = { certificate = "a", key = "b" } }', "gateway.listen[0].tls"),
        ('{ address = "unix:@gw", tls = { certificate = "a", key = "b" } }', "gateway.listen[0].tls"),
        ('{ address = "127.0.0.1:1", mode = "0600" }', "gateway.listen[0].mode"),
        ('{ address = "127.0.0.1:1", group = "payroll" }', "gateway.listen[0].group"),
        ('{ address = "unix:@gw", mode = "0600" }', "gateway.listen[0].mode"),
        ('{ address = "unix:@gw", group = "7" }', "gateway.listen[0].group"),
    ],
)
def test_what_goes_with_an_address_depends_on_its_kind(folder, entry, place):
    """TLS is spoken on TCP, and only a unix socket with a path has a mode and a group."""
    assert shown(folder.faults(listening(entry) + CALLER + EMPLOYER)) == [(place, "take it out")]


def test_a_faulty_address_is_placed_at_its_entry(folder):
    """An address that is none is reported at the entry, whichever way it is written."""
    for entry in ('"nowhere"', '{ address = "nowhere" }'):
        (fault,) = folder.faults(listening('"127.0.0.1:1"', entry) + EMPLOYER)
        assert fault.place == "gateway.toml: gateway.listen[1]"


@pytest.mark.parametrize("mode", ["0660", "606", "0610"])
def test_a_socket_lets_nobody_else_in_without_callers(folder, mode):
    """Any bit of the mode for group or others needs callers, or the key with the ugly name; the owner's do not."""
    entry = f'{{ address = "unix:gw.sock", mode = "{mode}" }}'
    (fault,) = folder.faults(listening(entry) + EMPLOYER)
    assert fault.place == "gateway.toml: gateway.listen[0].mode"
    assert "[callers]" in fault.cure
    assert "unsafe_allow_anonymous = true" in fault.cure
    assert folder.load(listening(entry) + "unsafe_allow_anonymous = true\n" + EMPLOYER).warnings == ()
    assert folder.load(listening(entry) + CALLER + EMPLOYER).warnings == ()
    assert folder.load(listening('{ address = "unix:gw.sock", mode = "0700" }') + EMPLOYER).warnings == ()


def test_an_abstract_name_is_for_callers_alone(folder):
    """A name without a file has no mode: without callers it is a fault, even with the ugly key."""
    gateway = listening('"unix:@gw"')
    for text in (gateway, gateway + "unsafe_allow_anonymous = true\n"):
        (fault,) = folder.faults(text + EMPLOYER)
        assert fault.place == "gateway.toml: gateway.listen[0]"
        assert "every program of this machine" in fault.message
    assert folder.load(gateway + CALLER + EMPLOYER).warnings == ()


def test_callers_take_the_place_of_the_ugly_key(folder):
    """With callers, an address beyond loopback needs encryption and no leave to be anonymous."""
    caller = CALLER.replace("uid = 1001", f"keys = [{{ sha256 = '{'1' * 64}' }}]")
    gateway = listening('"0.0.0.0:8480"') + 'hosts = ["gateway"]\n'
    (fault,) = folder.faults(gateway + caller + EMPLOYER)
    assert "not encrypted" in fault.message
    assert folder.load(gateway + "unsafe_cleartext = true\n" + caller + EMPLOYER).warnings == ()


def test_encryption_is_asked_of_each_listener(folder):
    """TLS on one listener does not excuse another without it."""
    gateway = listening(f'{{ address = "0.0.0.0:1", {TLS} }}', '"0.0.0.0:2"')
    (fault,) = folder.faults(gateway + "unsafe_allow_anonymous = true\n" + EMPLOYER)
    assert fault.place == "gateway.toml: gateway.listen[1]"
    assert "(tls)" in fault.cure


def test_leave_to_be_anonymous_has_no_effect_on_callers(folder):
    """Whoever thinks that the ugly key opens the listener beside callers is told that it does not."""
    text = listening('"unix:a"') + "unsafe_allow_anonymous = true\n" + CALLER + EMPLOYER
    assert shown(folder.load(text).warnings) == [("gateway.unsafe_allow_anonymous", "take it out")]


def test_a_group_without_a_mode_is_a_warning(folder):
    """A group that the default mode keeps out was meant to come in."""
    text = listening('{ address = "unix:a", group = "payroll" }') + EMPLOYER
    assert shown(folder.load(text).warnings) == [("gateway.listen[0].group", 'add mode = "0660"')]


@pytest.mark.parametrize(
    ("listen", "place"),
    [
        ('"unix:@admin"', "admin.listen"),
        ('{ address = "127.0.0.1:1", tls = { certificate = "a", key = "b", client_ca = "c" } }',
         "admin.listen.tls.client_ca"),
        ('{ address = "127.0.0.1:1", mode = "0600" }', "admin.listen.mode"),
    ],
)  # fmt: skip
def test_the_admin_listener_is_a_file_or_a_port(folder, listen, place):
    """The status page stands neither behind an abstract name nor behind client certificates."""
    (fault,) = folder.faults(f"[admin]\nlisten = {listen}\n{CALLER}{EMPLOYER}")
    assert fault.place == f"gateway.toml: {place}"


@pytest.mark.parametrize(
    ("listen", "key", "words"),
    [
        ('"127.0.0.1:1"', False, "without a key"),
        ('"127.0.0.1:1"', True, ""),
        ('"0.0.0.0:1"', True, "no TLS"),
        (f'{{ address = "0.0.0.0:1", {TLS} }}', True, ""),
    ],
)
def test_actions_that_have_no_effect_are_said(folder, listen, key, words):
    """The key acts neither where there is none nor in clear beyond loopback."""
    keyed = f"key = {{ sha256 = '{'1' * 64}' }}\n" if key else ""
    warnings = folder.load(f"[admin]\nlisten = {listen}\nactions = true\n{keyed}{EMPLOYER}").warnings
    found = [it.message for it in warnings if it.place.endswith("admin.actions")]
    assert [words in it for it in found] == ([True] if words else [])


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ('"0.0.0.0:1"', ["metrics and probes", "travels in clear"]),
        (f'{{ address = "0.0.0.0:1", {TLS} }}', ["metrics and probes"]),
        ('"127.0.0.1:1"', []),
        ('{ address = "unix:a", mode = "0660" }', []),
        ('{ address = "unix:a", mode = "0666" }', ["every user of this machine"]),
    ],
)
def test_the_key_of_the_status_page_travels_encrypted_or_with_a_warning(folder, listen, words):
    """What others could read or open on the admin listener is said."""
    text = f"[admin]\nlisten = {listen}\nkey = {{ sha256 = '{'1' * 64}' }}\n{EMPLOYER}"
    warnings = folder.load(text).warnings
    assert len(warnings) == len(words)
    assert all(word in warning.message for word, warning in zip(words, warnings, strict=True))


@pytest.mark.parametrize(
    ("listen", "faulty"),
    [
        (['"127.0.0.1:1"'], True),
        (['"unix:a"', '"[::1]:1"'], True),
        (['"unix:a"'], False),
        (['{ address = "unix:a", mode = "0700" }'], False),
    ],
)
def test_production_is_served_to_nobody_in_particular_only_if_that_is_written(folder, listen, faulty):
    """Without callers a profile of production needs its owner's socket, or `anonymous = true`."""
    text = listening(*listen) + PRODUCTION
    if faulty:
        assert shown(folder.faults(text)) == [
            ("profiles.employer", "name the callers under [callers], or write anonymous = true into the profile")
        ]
    else:
        assert folder.load(text).warnings == ()
    assert folder.load(text + "anonymous = true").warnings == ()
    assert {place for place, _ in shown(folder.load(text + CALLER).warnings)} <= {"callers.erp.uid"}


def test_a_door_of_production_counts_by_itself(folder):
    """A profile's own TCP listener opens it, and no other profile."""
    second = PRODUCTION.replace("employer]", "second]") + 'listen = "127.0.0.1:1"'
    (fault,) = folder.faults(listening('"unix:a"') + PRODUCTION + second)
    assert fault.place == "gateway.toml: profiles.second"


def test_production_by_another_name_needs_the_same(folder):
    """An environment that spells out production is production; one that is faulty is judged as nothing."""
    host = "https://services.socialsecurity.be"
    text = EMPLOYER.replace("simulation", "live") + f'[environments.live]\napi_base = "{host}"\n'
    (fault,) = folder.faults(text + f'token_url = "{host}/REST/oauth/v5/token"')
    assert fault.place == "gateway.toml: profiles.employer"
    (fault,) = folder.faults(text + 'token_url = "https://evil.example"')
    assert fault.place == "gateway.toml: environments.live"


def test_leave_for_production_has_no_effect_beside_callers(folder):
    """`anonymous = true` beside callers is a warning."""
    text = listening('"unix:a"') + PRODUCTION + "anonymous = true\n" + CALLER
    assert shown(folder.load(text).warnings) == [("profiles.employer.anonymous", "take it out")]


@pytest.mark.parametrize(
    "origin",
    ["https://erp.example", "http://localhost:3000", "app://erp", "capacitor://localhost", "http://[::1]:3000",
     "https://erp.example:8443", "chrome-extension://abcdefghijklmnop", "http://10.0.0.1"],
)  # fmt: skip
def test_an_origin_is_taken_as_browsers_write_it(folder, origin):
    """Scheme and host, a port where it is not the default, of any scheme."""
    text = f'[gateway]\ntrusted_origins = ["{origin}"]\n{EMPLOYER}'
    assert folder.load(text).configuration.gateway.trusted_origins == [origin]


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("null", "sandboxed"), ("*", "must be an origin"), ("erp.example", "must be an origin"),
        ("https://erp.example/", "must be an origin"), ("https://ERP.example", "must be an origin"),
        ("HTTPS://erp.example", "must be an origin"), ("https://u@erp.example", "must be an origin"),
        ("https://erp.example:443", "port"), ("http://erp.example:80", "port"), ("http://erp.example:080", "port"),
        ("http://erp.example:0", "port"), ("http://erp.example:65536", "port"), ("https://*.example", "must be"),
        ("http://[0:0:0:0:0:0:0:1]", "shortest"), ("http://[::g]", "must be an origin"), ("http://[1:2]", "must have"),
        ("http://127.1", "must have a host"), ("http://erp.example.", "shortest"), ("file://", "must be an origin"),
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_no_origin(folder, origin, words):
    """An origin that would never match, or always, is a fault at its place that does not repeat it."""
    (fault,) = folder.faults(f'[gateway]\ntrusted_origins = ["app://erp", "{origin}"]\n{EMPLOYER}')
    assert fault.place == "gateway.toml: gateway.trusted_origins[1]"
    assert words in fault.message
