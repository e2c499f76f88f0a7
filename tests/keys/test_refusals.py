"""Files that hold no usable key, and files that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from fla_gateway.keys.files.key_file import unreadable
from tests.support.keys import (
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
)

DER = serialization.Encoding.DER


def _request() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Acme")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(make_rsa(), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def _public(encoding=serialization.Encoding.PEM) -> bytes:
    return make_rsa().public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def _openssh() -> bytes:
    form, encoding = serialization.PrivateFormat.OpenSSH, serialization.Encoding.PEM
    return make_rsa().private_bytes(encoding, form, serialization.NoEncryption())


def _armoured(label: bytes) -> bytes:
    return b"-----BEGIN " + label + b"-----\nAAAA\n-----END " + label + b"-----\n"


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_csr(pem).public_bytes(DER)


FOREIGN = {
    "empty": (b"", "is empty"),
    "blank": (b" \r\n", "is empty"),
    "huge": (b"x" * 1_048_577, "larger than 1 MiB"),
    "a greeting": (b"hello", "no key file that is known"),
    "a certificate": (certificate_pem(make_certificate(make_rsa())), "a certificate only"),
    "a certificate in DER": (make_certificate(make_rsa()).public_bytes(DER), "a certificate only"),
    "a request": (_request(), "a certificate request"),
    "a request in DER": (_der(_request()), "a certificate request"),
    "a public key": (_public(), "a public key only"),
    "a public key in DER": (_public(DER), "a public key only"),
    "a public key of OpenSSH": (b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB me@here\n", "a public key only"),
    "a public key of RFC 4716": (b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "a public key only"),
    "OpenSSH": (_openssh(), "format of OpenSSH"),
    "PuTTY": (b"PuTTY-User-Key-File-3: ssh-rsa\n", "a key of PuTTY"),
    "OpenPGP": (_armoured(b"PGP PRIVATE KEY BLOCK"), "an OpenPGP key"),
    "OpenPGP, binary": (b"\x95\x03\x98\x04", "an OpenPGP key"),
    "PKCS#7": (_armoured(b"PKCS7"), "a PKCS#7 bundle"),
    "something else": (_armoured(b"DH PARAMETERS"), "no private key, but: DH PARAMETERS"),
    "JKS": (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "Java key store (JKS)"),
    "JCEKS": (b"\xce\xce\xce\xce\x00\x00\x00\x02", "Java key store (JCEKS)"),
    "BKS": (b"\x00\x00\x00\x02\x00\x00\x00\x14" + b"s" * 20, "Java key store (BKS)"),
    "cut off": (key_pem(make_rsa())[:900], "is cut off"),
    "cut off, binary": (b"\x30\x82\x04\xbd\x02\x01\x00", "damaged or cut off"),
    "cut off inside": (_armoured(b"PRIVATE KEY"), "is damaged or cut off"),
    "no base64": (_armoured(b"RSA PRIVATE KEY").replace(b"AAAA", b"*"), "is damaged or cut off"),
    "two keys": (key_pem(make_rsa()) + key_pem(make_ec()), "holds 2 private keys"),
}


@pytest.mark.parametrize(("content", "sentence"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("kind", ["pem", "pkcs12"])
def test_what_is_no_key_file_is_named(folder, kind, content, sentence) -> None:
    """Each kind of file that holds no usable key is refused by what it is, whether it was meant as PEM or PKCS#12."""
    path = folder.write("key", content)
    refused = folder.refused(**{kind: "key"})
    if kind == "pkcs12" and sentence not in refused.message:
        assert "not PKCS#12" in refused.message or "no PKCS#12 file, but" in refused.message
        assert "no private key" not in folder.refused(pem="key").message, "the cure does not work"
    else:
        assert sentence in refused.message
    assert str(path) in refused.message


@pytest.mark.parametrize("name", ["certificate", "PKCS#7", "public key"])
def test_what_has_no_key_in_it_is_not_sent_to_the_other_setting(folder, name) -> None:
    """A file without a private key is refused for that, not with a cure that would be refused as well."""
    folder.write("key", FOREIGN[name if name == "PKCS#7" else f"a {name}"][0])
    assert "pem =" not in folder.refused(pkcs12="key").cure


def test_the_same_key_twice_is_one_key(folder, certificate) -> None:
    """Files that were joined once too often hold one private key."""
    key = key_pem(make_rsa())
    folder.write("key.pem", key + certificate_pem(certificate) + key.replace(b"\n", b"\r\n"))
    assert folder.load(pem="key.pem").warnings == ()


def test_changed_number_is_damage(folder) -> None:
    """A key whose numbers were changed is refused as damaged, not used."""
    der = bytearray(make_rsa().private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    der[200] ^= 1
    folder.write("key.der", bytes(der))
    assert "is damaged" in folder.refused(pem="key.der").message


def test_java_store_comes_with_its_cure(folder) -> None:
    """A JKS is named together with the very command that converts it."""
    folder.write("acme.jks", b"\xfe\xed\xfe\xed\x00\x00\x00\x02")
    assert "keytool -importkeystore" in folder.refused(pkcs12="acme.jks").cure


@pytest.mark.needs_program("openssl")
def test_unknown_curve_is_refused(folder) -> None:
    """A key on a curve that the library does not know is refused as unknown, not as damaged."""
    folder.run("openssl ecparam -name sect283r1 -genkey -noout -out key.pem")
    assert "of a kind that is not known" in folder.refused(pem="key.pem").message


def test_neither_and_both_sources_are_refused(acme) -> None:
    """A source without a file, or with two, is refused."""
    assert "either pem or pkcs12" in acme.refused().message
    assert "either pem or pkcs12" in acme.refused(pem="acme.pem", pkcs12="acme.pem").message


def test_missing_file_is_named(folder) -> None:
    """A missing file is told from an unreadable one."""
    assert "does not exist" in folder.refused(pem="nowhere/key.pem").message


def test_directory_is_named(folder) -> None:
    """A directory in a file's place is named, with Docker's habit as a hint."""
    (folder.path / "key.pem").mkdir()
    refused = folder.refused(pem="key.pem")
    assert "is a directory" in refused.message
    assert "Docker" in refused.cure


def test_missing_permission_is_named(acme) -> None:
    """A file that the gateway's user may not read is told from a missing one."""
    (acme.path / "acme.pem").chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        refused = acme.refused(pem="acme.pem")
    finally:
        if is_root:
            os.seteuid(0)
    assert "may not be read" in refused.message


def test_other_trouble_is_told_in_the_systems_words() -> None:
    """A failing disk is told as the system tells it."""
    assert "Input/output error" in unreadable(Path("key.pem"), OSError(5, "Input/output error")).message


def test_a_key_that_its_group_may_read_is_no_finding(acme) -> None:
    """Kubernetes (fsGroup) and Debian (ssl-cert) give a service its key by a group."""
    (acme.path / "acme.pem").chmod(0o440)
    assert acme.load(pem="acme.pem", certificate="acme.cer").warnings == ()


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602])
def test_exposed_key_file_is_a_warning(acme, mode) -> None:
    """A key that everybody may touch, or the group may change, is used with a warning that names the command."""
    (acme.path / "acme.pem").chmod(mode)
    (warning,) = acme.load(pem="acme.pem", certificate="acme.cer").warnings
    assert f"chmod 600 {acme.path / 'acme.pem'}" in warning
