"""One reader for every file that is there for its certificates: of a key, of an authority, of a trust store."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Text
from fla_gateway.keys.files.certificate_bundle import read_certificates
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, make_rsa, pkcs12_bytes
from tests.support.waiting import PATIENCE

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
ONE = make_certificate(make_rsa(), subject="One")
TWO = make_certificate(make_ec(), subject="Two")
BOTH = certificate_pem(ONE, TWO)
PATH = Path("bundle.pem")
CURE = Text("name another file")


def _read(content: bytes):
    return read_certificates(PATH, content, CURE)


def _refused(content: bytes) -> UnusableKeyError:
    with pytest.raises(UnusableKeyError) as caught:
        _read(content)
    return caught.value


FORMS = {
    "PEM": BOTH,
    "X509 labels": BOTH.replace(b" CERT", b" X509 CERT"),
    "TRUSTED labels": BOTH.replace(b" CERT", b" TRUSTED CERT"),
    "labels of something else": BOTH.replace(b" CERTIFICATE", b" ANY THING"),
    "labels that differ at the end": BOTH.replace(b"END CERTIFICATE", b"END TRUSTED CERTIFICATE"),
    "CRLF": BOTH.replace(b"\n", b"\r\n"),
    "UTF-16": b"\xff\xfe" + BOTH.decode().encode("utf-16-le"),
    "one line": BOTH.replace(b"\n", b" "),
    "literal line breaks": BOTH.replace(b"\n", b"\\n"),
    "JSON of PHP": BOTH.replace(b"\n", b"\\n").replace(b"/", b"\\/"),
    "no padding": BOTH.replace(b"=", b""),
    "lines of one character": b"\n".join(
        b"\n".join(bytes((c,)) for c in line) if b"-" not in line else line for line in BOTH.split(b"\n")
    ),
    "text between": b"# One\n" + BOTH.replace(b"-----BEGIN", b"subject=x\n-----BEGIN"),
    "a key among them": certificate_pem(ONE) + key_pem(make_ec()) + certificate_pem(TWO),
    "DER one after the other": ONE.public_bytes(DER) + TWO.public_bytes(DER),
    "DER with a line break at its end": ONE.public_bytes(DER) + TWO.public_bytes(DER) + b"\r\n",
    "base64 of DER": base64.b64encode(ONE.public_bytes(DER) + TWO.public_bytes(DER)),
    "PKCS#7": pkcs7.serialize_certificates([ONE, TWO], PEM),
    "PKCS#7 in DER": pkcs7.serialize_certificates([ONE, TWO], DER),
    "PKCS#7 as CERTIFICATE": pkcs7.serialize_certificates([ONE, TWO], PEM).replace(b"PKCS7", b"CERTIFICATE"),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_certificates(content) -> None:
    """Whatever form a bundle has, the same certificates come out of it."""
    assert set(_read(content)) == {ONE, TWO}


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("options", ["-addtrust clientAuth", "-setalias acme -addreject emailProtection", ""])
def test_trust_settings_behind_a_certificate_are_skipped(tmp_path, form, options) -> None:
    """A TRUSTED CERTIFICATE of OpenSSL is the certificate, with settings behind it that are not ours to follow."""
    (tmp_path / "one.cer").write_bytes(ONE.public_bytes(PEM))
    command = f"openssl x509 -in one.cer -trustout -outform {form} {options}"
    made = subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE).stdout
    assert _read(made) == (ONE,)
    assert set(_read(made + (certificate_pem(TWO) if form == "PEM" else TWO.public_bytes(DER)))) == {ONE, TWO}


DAMAGED = {
    "changed": certificate_pem(TWO).replace(b"\nMII", b"\nMIJ"),
    "no base64": certificate_pem(TWO).replace(b"\nMII", b"\nM*I"),
    "emptied": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "a line short": b"\n".join(line for at, line in enumerate(certificate_pem(TWO).split(b"\n")) if at != 3),
    "PKCS#7": b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n",
    "end lost": certificate_pem(TWO).replace(b"-----END CERTIFICATE-----\n", b""),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_block_is_named_by_its_number(damaged) -> None:
    """One damaged block among good ones is a fault that counts the blocks, and never a certificate less."""
    refused = _refused(certificate_pem(ONE) + damaged + certificate_pem(ONE))
    assert "block 2 " in refused.message
    assert "cut off" in refused.message
    assert str(PATH) in refused.message


def test_a_bundle_cut_off_at_its_end_is_a_fault() -> None:
    """A copy that stopped in the last certificate is no shorter bundle, as PEM and as DER."""
    assert "block 2 (CERTIFICATE) begins and does not end" in _refused(BOTH[:-40]).message
    assert "block 2 " in _refused((ONE.public_bytes(DER) + TWO.public_bytes(DER))[:-40]).message
    assert "cut off" in _refused(BOTH + b"-----BEGIN CERTIF").message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello", "holds no certificate"),
        (key_pem(make_rsa()), "holds no certificate, but: PRIVATE KEY"),
        (pkcs12_bytes(make_ec(), None, "abcd"), "holds no certificate, but: PKCS12"),
    ],
    ids=["a greeting", "a key", "PKCS#12"],
)
def test_what_holds_no_certificate_is_named(content, sentence) -> None:
    """A file without a certificate is named by what it is, with the caller's cure."""
    refused = _refused(content)
    assert sentence in refused.message
    assert refused.cure.startswith(CURE)


def test_a_store_of_java_is_named_with_the_command_that_takes_certificates_out() -> None:
    """Trust stores of Java are named together with the command that writes them as PEM."""
    refused = _refused(b"\xfe\xed\xfe\xed\x00\x00\x00\x02")
    assert "Java key store (JKS)" in refused.message
    assert "keytool -list -rfc -keystore bundle.pem" in refused.cure
