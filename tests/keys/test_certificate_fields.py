"""Certificates of careless make, which OpenSSL reads: they are read, or refused for what they are."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fla_gateway.keys import asn1
from fla_gateway.keys.certificate_fields import permits_digital_signature
from tests.support.keys import key_pem, make_certificate, make_rsa

DER = make_certificate(make_rsa()).public_bytes(Encoding.DER)
_VERSION, _ISSUER, _VALIDITY, _SUBJECT, _EXTENSIONS = 0, 3, 4, 5, 7
_ORGANIZATION = bytes.fromhex("55040a")
_TELETEX, _PRINTABLE, _IA5 = 0x14, 0x13, 0x16
_SIGNS = asn1.write(0x03, b"\x07\x80")
_TEXT = "Soci\u00e9t\u00e9"


def _changed(**fields: bytes) -> bytes:
    """Put other fields into a certificate; its signature does not fit then, which nothing here looks at."""
    tbs, *rest = asn1.read(DER).children()
    parts = [it.encoding for it in tbs.children()]
    for name, encoding in fields.items():
        for place in {"name": (_ISSUER, _SUBJECT), "extensions": (_EXTENSIONS,), "version": (_VERSION,)}[name]:
            parts[place] = encoding
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.SEQUENCE, *parts), *(it.encoding for it in rest))


def _name(tag: int, text: bytes) -> bytes:
    pair = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, _ORGANIZATION), asn1.write(tag, text))
    return asn1.write(asn1.SEQUENCE, asn1.write(0x31, pair))


def _extension(last: int, value: bytes, *, critical: bytes = b"") -> bytes:
    identifier = asn1.write(asn1.OBJECT_IDENTIFIER, bytes((0x55, 0x1D, last)))
    return asn1.write(asn1.SEQUENCE, identifier, critical, asn1.write(asn1.OCTET_STRING, value))


def _extensions(*listed: bytes) -> bytes:
    return asn1.write(0xA3, asn1.write(asn1.SEQUENCE, *listed))


@pytest.mark.parametrize(
    ("tag", "octets"),
    [(_TELETEX, _TEXT.encode("latin-1")), (_TELETEX, _TEXT.encode()), (_IA5, _TEXT.encode("latin-1"))],
    ids=["Latin-1 in TeletexString", "UTF-8 in TeletexString", "Latin-1 in IA5String"],
)
def test_accents_where_none_may_be_are_read(folder, tag, octets) -> None:
    """OpenSSL before 1.0 and others wrote them so: the certificate is used without a warning, its name shown."""
    folder.write("acme.pem", key_pem(make_rsa()))
    folder.write("acme.cer", _changed(name=_name(tag, octets)))
    loaded = folder.load(pem="acme.pem", certificate="acme.cer")
    assert loaded.warnings == ()
    assert loaded.certificate.subject == f"O={_TEXT}"
    assert loaded.certificate.self_signed


@pytest.mark.parametrize(
    ("listed", "permitted"),
    [
        ((_extension(15, _SIGNS), _extension(19, bytes.fromhex("3003010100"))), True),
        ((_extension(15, asn1.write(0x03, b"\x07\xff")),), True),
        ((_extension(15, asn1.write(0x03, b"\x05\x20")), _extension(17, b"\x30\x00junk")), False),
        ((_extension(14, b"junk"),), None),
    ],
    ids=["FALSE spelled out elsewhere", "bits behind the last", "another usage", "none"],
)
def test_key_usage_is_read_beside_a_malformed_extension(listed, permitted) -> None:
    """The library reads all extensions or none; OpenSSL reads this one."""
    certificate = x509.load_der_x509_certificate(_changed(extensions=_extensions(*listed)))
    assert permits_digital_signature(certificate) is permitted


@pytest.mark.parametrize(
    "listed",
    [(_extension(15, b"\x05\x00"),), (_extension(15, b"junk"),), (_extension(15, _SIGNS), _extension(15, _SIGNS))],
    ids=["of another type", "junk", "twice"],
)
def test_a_key_usage_that_cannot_be_read_is_a_warning(folder, listed) -> None:
    """It says so, and the key is used."""
    folder.write("acme.pem", key_pem(make_rsa()))
    folder.write("acme.cer", _changed(extensions=_extensions(*listed)))
    (warning,) = folder.load(pem="acme.pem", certificate="acme.cer").warnings
    assert "extensions cannot be read" in warning.message


@pytest.mark.parametrize(
    "der",
    [
        _changed(extensions=_extensions(_extension(15, _SIGNS, critical=asn1.write(0x01, b"\0")))),
        _changed(name=_name(_PRINTABLE, b"Acme & Co")),
        _changed(version=asn1.write(asn1.CONTEXT_0, asn1.write(asn1.INTEGER, b"\x01"))),
        b"\x30\x80" + asn1.read(DER).content + b"\0\0",
    ],
    ids=["FALSE spelled out", "sign that PrintableString has not", "version 2", "indefinite length"],
)
def test_what_is_not_read_is_not_called_damaged(folder, der) -> None:
    """Copying it again would not help; leaving it out does."""
    folder.write("acme.pem", key_pem(make_rsa()))
    folder.write("acme.cer", der)
    refused = folder.refused(pem="acme.pem", certificate="acme.cer")
    assert "block 1 (CERTIFICATE)" in refused.message
    assert "is damaged, or written in a way that is not read here" in refused.message
    assert "leave it out" in refused.cure
    assert "holds no certificate" in str(folder.load(pem="acme.pem").warnings[0])
