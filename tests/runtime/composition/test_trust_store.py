"""Whom the gateway believes: contexts that verify, whatever stands in the environment."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest

from fla_gateway.errors import ConfigurationError
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.profiles import Profile, Upstream
from fla_gateway.runtime.composition.trust_store import Trust
from tests.support.keys import TlsAuthority


def _roots(context):
    """Give the roots of a context."""
    return set(context.get_ca_certs(binary_form=True))


def _der(authority):
    """Give the root of an authority."""
    return ssl.PEM_cert_to_DER_cert(authority.pem.decode())


def _profiles(**environments):
    """Give a profile for each environment with roots of its own."""
    request = TokenRequest("one", "https://localhost/t", "https://localhost/t", "client-7", (), "acme")
    return [
        Profile(name, name, production=False, token_request=request, upstream=Upstream("localhost", 443, path))
        for name, path in environments.items()
    ]


def test_certificates_and_names_are_verified():
    """TLS 1.2 at least, with no way around the roots and the host's name."""
    context = Trust().context(None)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_roots_add_up(tmp_path):
    """System, certifi, the company's and the environment's own count together, and an environment's for it alone."""
    company, own = TlsAuthority("Company"), TlsAuthority("Environment")
    (tmp_path / "company.pem").write_bytes(company.pem)
    (tmp_path / "own.pem").write_bytes(own.pem)
    trust = Trust(tmp_path / "company.pem")
    bundled = ssl.create_default_context(cafile=certifi.where())
    known = _roots(ssl.create_default_context()) | _roots(bundled) | {_der(company)}
    assert _roots(trust.context(tmp_path / "own.pem")) == known | {_der(own)}
    assert _roots(trust.context(None)) == known


@pytest.mark.parametrize("system", ["another", "all", "missing"])
def test_each_root_counts_whichever_file_has_it(tmp_path, monkeypatch, system):
    """Those of certifi that the system has as well are read once; where the system has others or none, all are read."""
    other, file = TlsAuthority("System"), tmp_path / "system.pem"
    contents = {"another": other.pem, "all": other.pem + Path(certifi.where()).read_bytes()}
    if system in contents:
        file.write_bytes(contents[system])
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    known = _roots(ssl.create_default_context(cafile=certifi.where()))
    assert _roots(Trust().context(None)) == known | ({_der(other)} if system in contents else set())


def test_the_keys_of_connections_are_not_written_down(tmp_path, monkeypatch):
    """SSLKEYLOGFILE, left in the environment by somebody who debugs another program, opens no door here."""
    path = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    assert Trust().context(None).keylog_filename is None


def test_files_without_certificates_are_faults(tmp_path):
    """Each with its place in the configuration, all at once, and each once."""
    (tmp_path / "roots.pem").write_text("nothing")
    trust = Trust(tmp_path / "none.pem")
    with pytest.raises(ConfigurationError) as caught:
        trust.prepare(_profiles(one=tmp_path / "roots.pem", two=tmp_path / "missing.pem"))
    assert [fault.place for fault in caught.value.faults] == [
        "egress.ca_file",
        "environments.one.ca_file",
        "environments.two.ca_file",
    ]
    with pytest.raises(ConfigurationError, match=r"egress\.ca_file.*cannot be read"):
        trust.context(None)


def test_a_faulty_file_is_tried_once_for_each_environment(tmp_path):
    """However many profiles an environment has: a thousand tries would take a minute."""

    class Tried(Trust):
        times = 0

        def context(self, ca_file, place="ca_file"):
            self.times += 1
            return super().context(ca_file, place)

    trust = Tried()
    with pytest.raises(ConfigurationError):
        trust.prepare(_profiles(one=tmp_path / "missing.pem") * 3)
    assert trust.times == 1
