"""Whom the gateway believes: contexts that verify, whatever stands in the environment."""

from __future__ import annotations

import ssl

import certifi
import pytest

from fla_gateway.errors import ConfigurationError
from fla_gateway.runtime.trust import Trust
from tests.support.keys import TlsAuthority


def _roots(context):
    """Give the roots of a context."""
    return set(context.get_ca_certs(binary_form=True))


def _der(authority):
    """Give the root of an authority."""
    return ssl.PEM_cert_to_DER_cert(authority.pem.decode())


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


def test_the_keys_of_connections_are_not_written_down(tmp_path, monkeypatch):
    """SSLKEYLOGFILE, left in the environment by somebody who debugs another program, opens no door here."""
    path = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    assert Trust().context(None).keylog_filename is None


def test_a_file_without_certificates_is_a_fault(tmp_path):
    """With its place in the configuration."""
    path = tmp_path / "roots.pem"
    path.write_text("nothing")
    with pytest.raises(ConfigurationError, match="environments: ca_file"):
        Trust().context(path)
    with pytest.raises(ConfigurationError, match=r"egress\.ca_file.*cannot be read"):
        Trust(tmp_path / "none.pem").context(None)
