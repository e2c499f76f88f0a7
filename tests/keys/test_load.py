"""Keys in PEM and DER, and the certificates beside them."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.keys import (
    NOW,
    YEAR,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
)

DER = serialization.Encoding.DER
CANARY = "Correct-Horse-Battery"


def test_good_key_is_loaded_without_a_word(acme) -> None:
    """A PEM key with its certificate that obeys every rule gives a signer, the certificate's facts and no warning."""
    loaded = acme.load(pem="acme.pem", certificate="acme.cer")
    der = x509.load_pem_x509_certificate((acme.path / "acme.cer").read_bytes()).public_bytes(DER)
    assert loaded.name == "acme"
    assert loaded.signer.algorithms[0] == "RS256"
    assert loaded.warnings == ()
    assert loaded.certificate is not None
    assert loaded.certificate.subject == "CN=acme"
    assert loaded.certificate.self_signed
    assert loaded.certificate.not_after == NOW + YEAR
    assert loaded.certificate.sha1_thumbprint == hashlib.sha1(der).digest()  # noqa: S324 - RFC 7515, section 4.1.7
    assert loaded.certificate.sha256_thumbprint == hashlib.sha256(der).digest()


@pytest.mark.parametrize("traditional", [True, False], ids=["PKCS#1 or SEC1", "PKCS#8"])
@pytest.mark.parametrize("password", [None, CANARY], ids=["open", "encrypted"])
@pytest.mark.parametrize(("key", "default"), [(make_rsa(), "RS256"), (make_ec(), "ES384")], ids=["RSA", "EC"])
def test_pem_forms_are_read(folder, key, default, password, traditional) -> None:
    """PKCS#1, PKCS#8 and SEC1 are read, open and encrypted, with the certificate in the same file."""
    content = key_pem(key, password=password, traditional=traditional) + certificate_pem(make_certificate(key))
    folder.write("key.pem", content)
    loaded = folder.load(pem="key.pem", password=password)
    assert loaded.signer.algorithms[0] == default
    assert loaded.certificate is not None
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    "form",
    [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL],
    ids=["PKCS#8", "PKCS#1 or SEC1"],
)
@pytest.mark.parametrize("key", [make_rsa(), make_ec(ec.SECP521R1())], ids=["RSA", "EC"])
def test_der_forms_are_read(folder, key, form) -> None:
    """Binary PKCS#1, PKCS#8 and SEC1 are read from pem as well, with the certificate as DER."""
    folder.write("key.der", key.private_bytes(DER, form, serialization.NoEncryption()))
    folder.write("acme.cer", make_certificate(key).public_bytes(DER))
    assert folder.load(pem="key.der", certificate="acme.cer").warnings == ()


def test_encrypted_der_is_read(folder) -> None:
    """An encrypted binary PKCS#8 key is read with its password."""
    encryption = serialization.BestAvailableEncryption(CANARY.encode())
    folder.write("key.der", make_rsa().private_bytes(DER, serialization.PrivateFormat.PKCS8, encryption))
    assert folder.load(pem="key.der", password=CANARY).signer.algorithms[0] == "RS256"


def test_damaged_text_is_repaired_when_loading(folder) -> None:
    """The repairs reach the loader: an encrypted key of the older form, in base64 of UTF-16 with CRLF, is read."""
    content = key_pem(make_rsa(), password=CANARY, traditional=True).replace(b"\n", b"\r\n").decode()
    folder.write("key.pem", b"\xff\xfe" + content.encode("utf-16-le"))
    assert folder.load(pem="key.pem", password=CANARY).signer.algorithms[0] == "RS256"


@pytest.mark.needs_program("openssl")
def test_ec_parameters_in_front_are_skipped(folder) -> None:
    """What `openssl ecparam -genkey` writes, with EC PARAMETERS before the key, is read."""
    folder.run("openssl ecparam -name secp521r1 -genkey -out ec.pem")
    assert b"BEGIN EC PARAMETERS" in (folder.path / "ec.pem").read_bytes()
    assert folder.load(pem="ec.pem").signer.algorithms == ("ES512",)


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, DER], ids=["PEM", "DER"])
def test_certificate_file_is_read_as_pem_and_der(folder, encoding, certificate) -> None:
    """A .cer file may be PEM or DER: ChaMan's manual says neither."""
    folder.write("key.pem", key_pem(make_rsa()))
    folder.write("acme.cer", certificate.public_bytes(encoding))
    assert folder.load(pem="key.pem", certificate="acme.cer").certificate is not None


def test_certificate_that_belongs_to_the_key_is_picked(folder, authority) -> None:
    """Of several certificates the one of the key is taken, wherever it stands."""
    own = make_certificate(make_rsa(), issuer=authority)
    folder.write("key.pem", key_pem(make_rsa()) + certificate_pem(authority.certificate, own))
    loaded = folder.load(pem="key.pem")
    assert loaded.certificate is not None
    assert loaded.certificate.subject == "CN=Acme NV"
    assert not loaded.certificate.self_signed


def test_key_without_certificate_is_used_with_a_warning(folder) -> None:
    """Without a certificate the key is used and its rules are checked, and the rest is said to be unchecked."""
    folder.write("key.pem", key_pem(make_rsa()))
    loaded = folder.load(pem="key.pem")
    assert loaded.certificate is None
    assert len(loaded.warnings) == 1
    assert "key.pem holds no certificate" in str(loaded.warnings[0])
    assert "unchecked" in str(loaded.warnings[0])


def test_foreign_certificate_is_refused(folder, certificate) -> None:
    """A certificate of another key is refused, and its file is named."""
    folder.write("key.pem", key_pem(make_ec()))
    folder.write("acme.cer", certificate_pem(certificate))
    refused = folder.refused(pem="key.pem", certificate="acme.cer")
    assert f"the certificate in {folder.path / 'acme.cer'} does not belong to the private key" in refused.message


def test_several_foreign_certificates_are_refused(folder, certificate, authority) -> None:
    """Where none of several certificates fits, their number is told."""
    folder.write("key.pem", key_pem(make_ec()) + certificate_pem(certificate, authority.certificate))
    assert "none of the 2 certificates" in folder.refused(pem="key.pem").message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (key_pem(make_rsa()), "holds no certificate, but: PRIVATE KEY"),
        (b"hello", "holds no certificate"),
        (certificate_pem(make_certificate(make_rsa())).replace(b"\nMII", b"\nMIJ"), "is damaged or cut off"),
    ],
    ids=["a key", "a greeting", "damaged"],
)
def test_certificate_file_without_certificate_is_refused(acme, content, sentence) -> None:
    """A certificate file that holds none, or a damaged one, is refused by name."""
    acme.write("other.cer", content)
    refused = acme.refused(pem="acme.pem", certificate="other.cer")
    assert sentence in refused.message
    assert "other.cer" in refused.message
