from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fla_gateway.config.load import load
from fla_gateway.config.schema import ApiKey
from fla_gateway.config.values.timestamps import written
from tests.support.configurations import EMPLOYER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
ONE, OTHER = "1" * 64, "2" * 64
OLD = f"{{ sha256 = '{ONE}', expires = 2026-01-01 }}"
SOCKET = '[gateway]\nlisten = ["unix:gw.sock"]\n'
TLS = (
    '[gateway]\nlisten = [{ address = "127.0.0.1:1", tls = { certificate = "a", key = "b", client_ca = "c" } }, '
    '"unix:gw.sock"]\n'
)
KUBERNETES = "[kubernetes]\nissuer = 'https://cluster'\naudience = 'fla-gateway'\n"
JWKS = KUBERNETES + "jwks_file = 'jwks.json'\n"


class At:
    """A clock that stands still."""

    def __init__(self, now: float) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return 0.0


def caller(lines: str, name: str = "erp", allow: str = '{ employer = ["GET /REST/**"] }') -> str:
    """Write a caller with these lines and what it may do."""
    return f"[callers.{name}]\nallow = {allow}\n{lines}\n"


def key(digest: str = ONE, expires: str = "") -> str:
    """Write `keys` with one key."""
    return f"keys = [{{ sha256 = '{digest}'{', expires = ' + expires if expires else ''} }}]"


def warnings(folder, text: str, now: float = NOW) -> list[tuple[str, str]]:
    """Give place and message of each warning at a time."""
    found = load(folder.write(text), {}, clock=At(now)).warnings
    return [(warning.place.removeprefix("gateway.toml: "), warning.message) for warning in found]


@pytest.mark.parametrize(
    "proof",
    [
        key(),
        "uid = 0",
        "gid = 100",
        "uid = 1001\n" + key(),
        "service_account = 'payroll/declarations'",
        "certificate_names = ['erp.example']",
        "certificate_names = ['erp.example']\n" + key(),
        f"keys = [{{ sha256 = '{ONE}' }}, {{ sha256 = '{OTHER}', expires = 2026-06-30T18:00:00+02:00 }}]",
        key() + "\nobserve_until = 2026-04-01\nlimits = { concurrent = 1, per_second = 0.5, body_bytes = 0 }",
    ],
)
def test_a_caller_has_a_proof_and_a_list(folder, proof):
    """Each kind of proof makes a caller, alone or with another that can stand beside it, without a word."""
    kubernetes = JWKS if "service" in proof else ""
    gateway = TLS if "certificate" in proof else SOCKET
    assert warnings(folder, gateway + kubernetes + caller(proof) + EMPLOYER) == []


@pytest.mark.parametrize(
    ("text", "place", "words", "cure"),
    [
        (caller(""), "callers.erp", "nothing says by what it is known", "`fla-gateway caller new` makes a key"),
        (caller("keys = []\ncertificate_names = []"), "callers.erp", "nothing says by what", "give it keys"),
        (caller(key(), allow="{}"), "callers.erp", "there is no allow", "write [callers.erp.allow]"),
        ("[callers.erp]\n" + key(), "callers.erp", "there is no allow", "write [callers.erp.allow]"),
        (caller(key(), allow='{ employr = ["GET /REST/**"] }'), "callers.erp.allow.employr", "no such profile",
         "did you mean 'employer'?"),
        (caller(key(), allow='{ zz = ["GET /REST/**"] }'), "callers.erp.allow.zz", "no such profile",
         "there are: employer"),
        (caller("uid = 65534"), "callers.erp.uid", "must not be 65534", "a user and group of its own"),
        (caller("gid = 65534"), "callers.erp.gid", "must not be 65534", "a user and group of its own"),
        (caller("service_account = 'a/b'"), "callers.erp.service_account", "no table",
         "write [kubernetes]"),
        (caller("certificate_names = ['a']"), "callers.erp.certificate_names", "no listener asks", "client_ca"),
        (TLS + caller("certificate_names = ['ERP.example']"), "callers.erp.certificate_names[0]", "in lower case", ""),
        ("[callers]\n", "callers", "is empty, and so no client has to prove who it is", "name at least one caller"),
        (TLS + caller("certificate_names = ['a']\nuid = 1"), "callers.erp", "unix sockets, certificates", "take uid"),
        (JWKS + caller("service_account = 'a/b'\n" + key()), "callers.erp", "one credential", "take keys or"),
        (caller("uid = 1") + caller("uid = 1", "mes"), "callers.mes", "same proof as callers.erp", "join them"),
        (JWKS + caller("service_account = 'a/b'") + caller("service_account = 'a/b'", "mes"), "callers.mes",
         "same proof as callers.erp", "join them"),
        (TLS + caller("certificate_names = ['a', 'b']") + caller("certificate_names = ['c', 'b']", "mes"),
         "callers.mes", "same proof as callers.erp", "join them"),
    ],
)  # fmt: skip
def test_what_no_caller_can_be_is_a_fault(folder, text, place, words, cure):
    """A caller without proof or list, or with a proof that cannot be had or is another's, is said with its cure."""
    (fault,) = folder.faults(text + EMPLOYER)
    assert fault.place == f"gateway.toml: {place}"
    assert words in fault.message
    assert cure in fault.cure


@pytest.mark.parametrize(
    ("one", "other"),
    [("uid = 1", "uid = 2"), ("uid = 1", "uid = 1\ngid = 1"), ("uid = 1", "uid = 1\n" + key()),
     ("uid = 1\n" + key(), "uid = 1\n" + key(OTHER))],
)  # fmt: skip
def test_callers_that_can_be_told_apart_are_none(folder, one, other):
    """The same user with another group or with a key is another caller."""
    assert folder.load(SOCKET + caller(one) + caller(other, "mes") + EMPLOYER).warnings == ()


@pytest.mark.parametrize(
    ("text", "place", "first"),
    [
        (caller(key()) + caller(key(), "mes"), "callers.mes.keys[0].sha256", "callers.erp.keys[0]"),
        (caller(f"keys = [{{ sha256 = '{ONE}' }}, {{ sha256 = '{ONE}' }}]"), "callers.erp.keys[1].sha256",
         "callers.erp.keys[0]"),
        (caller(key()) + f"[admin.key]\nsha256 = '{ONE}'\n", "admin.key.sha256", "callers.erp.keys[0]"),
    ],
)  # fmt: skip
def test_a_key_belongs_to_one(folder, text, place, first):
    """The same digest twice is a fault that names both places and no digest."""
    (fault,) = folder.faults(text + EMPLOYER)
    assert fault.place == f"gateway.toml: {place}"
    assert f"the same key as {first}" in fault.message
    assert ONE not in str(fault)


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("", "kubernetes", "neither of"),
        ("jwks_file = 'a'\njwks_url = 'https://a/b'", "kubernetes", "both of"),
        ("jwks_url = 'http://a/b'", "kubernetes.jwks_url", "https://"),
        ("jwks_url = 'https://u:hunter2@a/b'", "kubernetes.jwks_url", "user name"),
        ("jwks_file = 'a'\ntoken_file = 't'", "kubernetes.token_file", "jwks_url"),
        ("jwks_file = 'a'\nca_file = 't'", "kubernetes.ca_file", "jwks_url"),
    ],
)
def test_the_keys_of_a_cluster_come_one_way(folder, lines, place, words):
    """A JWKS is in a file or at an https address, and only the latter needs roots and a token."""
    (fault,) = folder.faults(KUBERNETES + lines + "\n" + EMPLOYER)
    assert fault.place == f"gateway.toml: {place}"
    assert words in fault.message
    assert "hunter2" not in str(fault)


def test_a_cluster_is_asked_over_https(folder):
    """An https address with roots and a token is taken, and files are relative to the configuration."""
    text = KUBERNETES + "jwks_url = 'https://a/b'\nca_file = 'ca'\ntoken_file = 'token'\n"
    kubernetes = folder.load(SOCKET + text + caller("service_account = 'a/b'") + EMPLOYER).configuration.kubernetes
    assert (kubernetes.ca_file, kubernetes.token_file) == (folder.path / "ca", folder.path / "token")


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [("http://127.0.0.1:4318/v1/traces", True), ("https://otel.example/v1/traces", True), ("otel:4318", False),
     ("ftp://otel/", False), ("https://u:p@otel/", False), ("http://otel/?x=1", False)],
)  # fmt: skip
def test_spans_are_sent_to_an_http_address(folder, endpoint, good):
    """The collector's address is http or https, without credentials and query."""
    text = f"[tracing]\nendpoint = '{endpoint}'\n{EMPLOYER}"
    if good:
        assert folder.load(text).configuration.tracing.endpoint == endpoint
    else:
        assert folder.fault(text).startswith("gateway.toml: tracing.endpoint: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (caller(key(expires="2026-03-01")), [("callers.erp.keys[0]", "is accepted only until 2026-03-01")]),
        (caller(key(expires="2026-03-30")), [("callers.erp.keys[0]", "is accepted only until 2026-03-30")]),
        (caller(key(expires="2026-03-01T13:00:00+01:00")),
         [("callers.erp.keys", "has expired, and the caller is refused")]),
        (caller(key(expires="2026-03-31")), []),
        (caller(key(expires="2026-02-28")), [("callers.erp.keys", "has expired, and the caller is refused")]),
        (caller(f"keys = [{OLD}, {{ sha256 = '{OTHER}', expires = 2026-02-28 }}]"),
         [("callers.erp.keys", "have all expired")]),
        (caller(f"keys = [{OLD}, {{ sha256 = '{OTHER}' }}]"), []),
        (f"[admin.key]\nsha256 = '{ONE}'\nexpires = 2026-02-28\n",
         [("admin.key", "has expired, and the status page is shown to no client over TCP")]),
        (caller(key() + "\nobserve_until = 2026-02-28"),
         [("callers.erp.observe_until", "ended (2026-02-28): requests outside of allow are refused")]),
        (caller(key() + "\nobserve_until = 2026-03-01"), []),
        (caller("uid = 1\ngid = 2"),
         [(f"callers.erp.{it}", "can never be proven: no listener of the gateway or of a profile is a unix socket")
          for it in ("uid", "gid")]),
        (JWKS + caller(key()), [("kubernetes", "no caller has a service_account")]),
        (TLS + caller(key()), [("gateway.listen[0].tls.client_ca", "no caller has certificate_names")]),
        (EMPLOYER.replace("employer]", "idle]") + caller(key()), [("profiles.idle", "no caller may use this profile")]),
    ],
)  # fmt: skip
def test_what_deserves_a_look_is_a_warning(folder, text, expected):
    """What has ended, ends soon, or serves nobody is said, by the time that is given."""
    assert warnings(folder, text + EMPLOYER) == expected


def test_a_users_caller_may_come_through_the_door_of_a_profile(folder):
    """A unix socket of a single profile is enough to be known by user, and so is an abstract name."""
    assert warnings(folder, EMPLOYER + 'listen = "unix:@employer"\n' + caller("uid = 1")) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-06-30", "2027-07-01T00:00:00Z"),
        ("9999-12-31", None),
        ("2027-06-30T18:00:00Z", "2027-06-30T18:00:00Z"),
        ("2027-06-30T18:00:00+02:00", "2027-06-30T16:00:00Z"),
    ],
)
def test_a_date_lasts_until_its_end(folder, text, seconds):
    """A date ends with the day, in UTC, whatever the host's zone; a time is taken by its offset."""
    settings = folder.load(caller(key(expires=text)) + SOCKET + EMPLOYER)
    (found,) = settings.configuration.callers["erp"].keys
    assert found.expires is not None
    if seconds is not None:
        assert found.expires == datetime.fromisoformat(seconds).timestamp()
    assert written(found.expires) == text.replace("18:00:00+02:00", "16:00:00Z")


def test_the_first_moment_can_be_written():
    """The least moment that the schema takes has a notation, too."""
    assert written(ApiKey(sha256=ONE, expires=0.0).expires or 0.0) == "1970-01-01T00:00:00Z"
