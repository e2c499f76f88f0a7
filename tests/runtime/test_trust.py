"""Whom the gateway believes: contexts that verify, whatever stands in the environment."""

from __future__ import annotations

import ssl

import pytest

from fla_gateway.errors import ConfigurationError
from fla_gateway.runtime.trust import Trust


def test_certificates_and_names_are_verified():
    """TLS 1.2 at least, with no way around the roots and the host's name."""
    context = Trust().context(None)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


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
