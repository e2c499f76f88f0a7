"""Files with roots: every form is read, and no entry is skipped in silence."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtensionOID, NameOID

from fla_gateway.config.gateway_tables import ListenerTls
from fla_gateway.errors import ConfigurationError
from fla_gateway.keys.certificates.ca_file import read_roots
from fla_gateway.kubernetes.jwks_source import _context
from fla_gateway.listeners.tls_context import server_context
from fla_gateway.runtime.composition.trust_store import Trust
from tests.support.keys import NOW, TlsAuthority, certificate_pem, key_pem, make_rsa, write_private

ONE, TWO = TlsAuthority("One"), TlsAuthority("Two")
LEAF = certificate_pem(ONE.issue()[0])


def self_made(*extensions):
    """Make a certificate that signs itself, with these extensions and no other."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Home\u202emade")])
    builder = x509.CertificateBuilder(name, name, make_rsa().public_key(), 1, NOW, NOW + timedelta(days=99))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return certificate_pem(builder.sign(make_rsa(), hashes.SHA256()))


def revocations(encoding=Encoding.PEM):
    """Make a CRL, as bundles of authorities have them beside the certificates."""
    builder = x509.CertificateRevocationListBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "One")]), NOW, NOW + timedelta(days=9)
    ).add_extension(x509.CRLNumber(1), critical=False)
    return builder.sign(make_rsa(), hashes.SHA256()).public_bytes(encoding)


PLAIN_ROOT = self_made(x509.BasicConstraints(ca=True, path_length=None))


def faults(tmp_path, content):
    """Expect faults and give them as texts without the file's path."""
    path = tmp_path / "roots.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_roots(path, "egress.ca_file")
    return [str(fault).replace(str(path), "FILE") for fault in caught.value.faults]


def _parsed(pem):
    return x509.load_pem_x509_certificate(pem)


@pytest.mark.parametrize(
    "content",
    [
        ONE.pem + TWO.pem,
        b"# comments\r\n" + (ONE.pem + TWO.pem).replace(b"\n", b"\r\n"),
        (ONE.pem + TWO.pem).replace(b" CERTIFICATE", b" TRUSTED CERTIFICATE"),
        (ONE.pem + TWO.pem).decode().encode("utf-16"),
        (ONE.pem + TWO.pem).replace(b"\n", b"\\n"),
        pkcs7.serialize_certificates([_parsed(ONE.pem), _parsed(TWO.pem)], Encoding.DER),
        pkcs7.serialize_certificates([_parsed(ONE.pem), _parsed(TWO.pem)], Encoding.PEM),
        ONE.pem + TWO.pem + ONE.pem,
        ONE.pem + revocations() + TWO.pem,
    ],
)
def test_every_form_is_read(tmp_path, content):
    """PEM under its labels, UTF-16, one line, PKCS#7: the same two roots, and each is trusted."""
    path = tmp_path / "roots"
    path.write_bytes(content)
    wanted = {ssl.PEM_cert_to_DER_cert(it.pem.decode()) for it in (ONE, TWO)}
    assert wanted <= set(Trust(path).context(None).get_ca_certs(binary_form=True))


def test_der(tmp_path):
    """One certificate in DER, as Windows exports it."""
    der = ssl.PEM_cert_to_DER_cert(ONE.pem.decode())
    (tmp_path / "root.cer").write_bytes(der)
    assert read_roots(tmp_path / "root.cer", "ca_file") == der


def test_whole_bundles_are_read():
    """Nothing in the bundles that everybody has is taken for damaged or for no CA."""
    found = {certifi.where(), ssl.get_default_verify_paths().cafile or certifi.where()}
    assert all(read_roots(Path(path), "ca_file") for path in found)


@pytest.mark.parametrize("entry", [LEAF, self_made(), self_made(x509.BasicConstraints(ca=False, path_length=None))])
def test_an_entry_that_is_no_ca(tmp_path, entry):
    """The file, the entry, its name and a cure; every such entry at once."""
    found = faults(tmp_path, ONE.pem + entry + TWO.pem + entry)
    assert [fault.partition(" (CN=")[0] for fault in found] == [
        "egress.ca_file: certificate 2 of FILE",
        "egress.ca_file: certificate 4 of FILE",
    ]
    assert all("is not one of a CA (put the root certificate" in fault for fault in found)
    assert all(fault.isprintable() for fault in found)


def _without_padding(pem):
    lines = pem.splitlines(keepends=True)
    return b"".join([*lines[:5], lines[5][:-9] + b"\n", *lines[6:]])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (ONE.pem + _without_padding(TWO.pem), "block 2 (CERTIFICATE) of FILE is damaged"),
        (_without_padding(ONE.pem) + TWO.pem, "block 1 (CERTIFICATE) of FILE is damaged"),
        (ONE.pem + TWO.pem[:300], "FILE is cut off"),
        (ONE.pem + TWO.pem[1:], "more BEGIN or END lines than the 1 blocks"),
        (ONE.pem + TWO.pem.replace(b"--BEGIN", b"--BEGIM"), "more BEGIN or END lines than the 1 blocks"),
        (ONE.pem + TWO.pem.replace(b"-----END", b"-- END"), "FILE"),
        (ONE.pem.replace(b"E-----", b"E---"), "FILE"),
        (b"", "holds no certificate"),
        (b"\xff\xfe\x00", "holds no certificate"),
        (b"x" * 9_000_000, "larger than 8 MiB"),
    ],
)
def test_a_damaged_block_is_a_fault(tmp_path, content, says):
    """Wherever it is, and also where nothing is left that looks like a block."""
    (found,) = faults(tmp_path, content)
    assert says in found


def test_a_root_with_a_malformed_extension_is_named_and_harms_nothing_else(tmp_path):
    """OpenSSL does not take it for a CA, and would report its error at the next use of a good root."""
    usage = x509.UnrecognizedExtension(ExtensionOID.KEY_USAGE, b"\x05\x00")
    root = self_made(x509.BasicConstraints(ca=True, path_length=None), usage)
    (fault,) = faults(tmp_path, root + ONE.pem)
    assert "certificate 1 of FILE" in fault
    assert "is not one of a CA" in fault
    ssl.create_default_context(cadata=ONE.pem.decode())


@pytest.mark.parametrize("authorities", [True, False])
def test_a_root_that_openssl_does_not_read_is_named(tmp_path, authorities):
    """Where the library is more tolerant than OpenSSL, it is a fault and no internal error, for clients as well."""
    der = ssl.PEM_cert_to_DER_cert(self_made(x509.BasicConstraints(ca=True, path_length=None)).decode())
    name = b"\x0c\x0bHome"  # a UTF8String of eleven bytes
    assert name in der
    path = tmp_path / "roots.pem"
    path.write_text(ONE.pem.decode() + ssl.DER_cert_to_PEM_cert(der.replace(name, b"\x1b" + name[1:])))
    with pytest.raises(ConfigurationError) as caught:
        read_roots(path, "ca_file", authorities=authorities)
    assert "block 2 (CERTIFICATE)" in str(caught.value.faults[0])


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER], ids=["PEM", "DER"])
def test_a_list_of_revocations_alone_is_called_so(tmp_path, encoding):
    """It is no damaged certificate."""
    (fault,) = faults(tmp_path, revocations(encoding))
    assert "holds no certificate, but: X509 CRL" in str(fault)


def test_clients_may_be_named_one_by_one(tmp_path):
    """`client_ca` takes certificates that clients signed themselves, and refuses damaged ones as well."""
    certificate, key = ONE.write_server(tmp_path)
    own = write_private(tmp_path / "client.pem", self_made())
    server_context(ListenerTls(certificate=certificate, key=key, client_ca=own), "tls")
    own.write_bytes(ONE.pem + _without_padding(TWO.pem))
    with pytest.raises(ConfigurationError, match=r"tls\.client_ca: block 2"):
        server_context(ListenerTls(certificate=certificate, key=key, client_ca=own), "tls")


@pytest.fixture
def newest(monkeypatch):
    """Let contexts be made as Python 3.13 makes them."""
    make = ssl.create_default_context

    def strict(*words, **more):
        context = make(*words, **more)
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


def contexts(tmp_path):
    """Make one context of each kind."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(PLAIN_ROOT)
    certificate, key = ONE.write_server(tmp_path)
    listener = ListenerTls(certificate=certificate, key=key, client_ca=ca)
    yield from (Trust(ca).context(None), Trust().context(ca), _context(ca), _context(None))
    yield server_context(listener, "tls")


@pytest.mark.usefixtures("newest")
def test_certificates_are_verified_alike_on_every_python(tmp_path):
    """Neither strict nor partial chains, in every context."""
    assert {context.verify_flags for context in contexts(tmp_path)} == {ssl.VERIFY_X509_TRUSTED_FIRST}


def _handshake(client, server, name):
    """Let two contexts shake hands in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(back, there, server_hostname=name)
    other = server.wrap_bio(there, back, server_side=True)
    for _ in range(3):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.usefixtures("newest")
def test_a_company_s_root_of_old_make_is_good_enough(tmp_path):
    """A root without key usage and a leaf without authority key identifier; a wrong name stays wrong."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(PLAIN_ROOT)
    issuer = _parsed(PLAIN_ROOT).subject
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api")])
    key = make_rsa(label="leaf")
    builder = x509.CertificateBuilder(issuer, name, key.public_key(), 2, NOW, NOW + timedelta(days=9))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("api.example")]), critical=False)
    leaf = certificate_pem(builder.sign(make_rsa(), hashes.SHA256()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    private = write_private(tmp_path / "leaf.key", key_pem(key))
    server.load_cert_chain(write_private(tmp_path / "leaf.pem", leaf), private)
    for client in (Trust(ca).context(None), _context(ca)):
        _handshake(client, server, "api.example")
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            _handshake(client, server, "other.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(Trust().context(None), server, "api.example")
