"""PKCS#12 files of every maker, and that exactly one private key counts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.serialization import pkcs12

from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys import asn1
from fla_gateway.keys.encryption.pkcs12_derivation import MAC_KEY, derive
from fla_gateway.keys.files.pkcs12_structure import look_into
from fla_gateway.keys.load import load_key
from tests.support.forked_process import fork_gateway
from tests.support.keys import (
    NOW,
    Issuer,
    PrivateKey,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    pkcs12_bytes,
)
from tests.support.waiting import PATIENCE

PASSWORD = "Correct-Horse-Battery"
KEY = make_ec()
"""Of a kind that is validated in a hundredth of the time that RSA takes: here the container counts."""


@pytest.fixture(scope="module")
def certificate():
    """The certificate of `KEY`."""
    return make_certificate(KEY)


@pytest.fixture
def parts(folder, certificate):
    """A folder with key.pem and cert.pem, for programs that make PKCS#12 files of them."""
    folder.write("key.pem", key_pem(KEY))
    folder.write("cert.pem", certificate_pem(certificate))
    return folder


def _is_good(loaded) -> bool:
    return loaded.certificate is not None and loaded.signer.algorithms == ("ES384",) and loaded.warnings == ()


OPENSSL = "openssl pkcs12 -export -inkey key.pem -in cert.pem -out acme.pfx -passout"
OPENSSL_VARIANTS = {
    "AES, SHA-256": "",
    "legacy, RC2-40 and 3DES": "-legacy",
    "legacy, SHA-1 MAC": "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg SHA1",
    "certificate in the open": "-certpbe NONE",
    "no MAC": "-nomac",
}


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("options", OPENSSL_VARIANTS.values(), ids=OPENSSL_VARIANTS)
def test_files_of_openssl_are_read(parts, options) -> None:
    """Modern and legacy files of OpenSSL are read with their password, and without or with another one refused."""
    parts.run(f"{OPENSSL} pass:{PASSWORD} {options}")
    assert _is_good(parts.load(pkcs12="acme.pfx", password=PASSWORD))
    assert "is wrong" in parts.refused(pkcs12="acme.pfx", password="other").message
    assert "none is configured" in parts.refused(pkcs12="acme.pfx").message
    assert "the one that is configured is empty" in parts.refused(pkcs12="acme.pfx", password="").message


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("options", ["", "-legacy"], ids=["modern", "legacy"])
@pytest.mark.parametrize("password", [None, ""], ids=["none", "empty"])
def test_empty_password_of_openssl_is_read(parts, options, password) -> None:
    """A file with an empty password opens with an empty one and with none."""
    parts.run(f"{OPENSSL} pass: {options}")
    assert _is_good(parts.load(pkcs12="acme.pfx", password=password))
    assert "is wrong" in parts.refused(pkcs12="acme.pfx", password="other").message


CERTTOOL = "certtool --to-p12 --load-privkey key.pem --load-certificate cert.pem --p12-name acme --outder"


@pytest.mark.needs_program("certtool")
@pytest.mark.parametrize(
    ("options", "password"),
    [
        (f"--password {PASSWORD}", PASSWORD),
        (f"--password {PASSWORD} --pkcs-cipher rc2-40", PASSWORD),
        (f"--password {PASSWORD} --pkcs-cipher 3des-pkcs12", PASSWORD),
        ("--empty-password", None),
    ],
    ids=["AES", "RC2-40", "3DES", "empty password"],
)
def test_files_of_gnutls_are_read(parts, options, password) -> None:
    """Files of GnuTLS are read, whatever their cipher and whatever GnuTLS takes for no password."""
    parts.run(f"{CERTTOOL} {options} --outfile acme.pfx")
    assert _is_good(parts.load(pkcs12="acme.pfx", password=password))


def _null_password(der: bytes) -> bytes:
    """Give a file of the empty password the MAC of no octets, as `certtool --null-password` does (GnuTLS 3.7).

    Made by hand, since GnuTLS 3.8.13 dies of that option. See RFC 7292, appendices A and B.2.
    """
    version, safe, _ = asn1.read(der).children()
    salt = bytes(range(8))
    key = hashlib.sha256(b"\x03" * 64 + salt * 8).digest()
    digest = hmac.digest(key, safe.children()[1].children()[0].octets(), "sha256")
    algorithm = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("608648016503040201")))
    info = asn1.write(asn1.SEQUENCE, algorithm, asn1.write(asn1.OCTET_STRING, digest))
    mac = asn1.write(asn1.SEQUENCE, info, asn1.write(asn1.OCTET_STRING, salt))
    return asn1.write(asn1.SEQUENCE, version.encoding, safe.encoding, mac)


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("password", [None, ""], ids=["none", "empty"])
def test_null_password_of_gnutls_is_read(parts, password) -> None:
    """The other way to write no password into a MAC opens with an empty password and with none."""
    parts.run(f"{OPENSSL} pass:")
    parts.write("acme.pfx", _null_password((parts.path / "acme.pfx").read_bytes()))
    assert _is_good(parts.load(pkcs12="acme.pfx", password=password))
    assert "is wrong" in parts.refused(pkcs12="acme.pfx", password="other").message


# Of a key that is there already, and with few rounds of derivation: both cost Java seconds.
KEYTOOL = (
    f"keytool -importkeystore -noprompt -srckeystore source.p12 -srcstoretype PKCS12 -srcstorepass {PASSWORD}"
    f" -srcalias acme -destkeystore acme.p12 -deststoretype PKCS12 -deststorepass {PASSWORD}"
    # A virtual machine for so short a life: one thread that collects garbage, one compiler.
    " -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -J-Dkeystore.pkcs12.macIterationCount=100"
    " -J-Dkeystore.pkcs12.certPbeIterationCount=100 -J-Dkeystore.pkcs12.keyPbeIterationCount=100"
)
# What keystore.pkcs12.legacy means, which has rounds of its own.
LEGACY = (
    "-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithSHA1AndRC2_40 -J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA1"
    " -J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithSHA1AndDESede"
)


@pytest.fixture
def source(folder, certificate):
    """A folder with source.p12, from which keytool takes key and certificate."""
    quick = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).build(PASSWORD.encode())
    folder.write("source.p12", pkcs12.serialize_key_and_certificates(b"acme", KEY, certificate, None, quick))
    return folder


@pytest.mark.needs_program("keytool")
@pytest.mark.parametrize("options", ["", LEGACY], ids=["modern", "legacy"])
def test_files_of_keytool_are_read_and_a_second_key_refused(source, options) -> None:
    """A PKCS#12 file of keytool is read; as soon as it holds a second private key it is refused."""
    source.run(f"{KEYTOOL} -destalias first {options}")
    assert _is_good(source.load(pkcs12="acme.p12", password=PASSWORD))
    source.run(f"{KEYTOOL} -destalias second {options}")
    assert "holds 2 private keys" in source.refused(pkcs12="acme.p12", password=PASSWORD).message


@pytest.mark.needs_program("keytool")
def test_java_key_store_of_keytool_is_named(source) -> None:
    """A real JKS file is recognised by its first bytes, whatever it is called."""
    source.run(f"{KEYTOOL.replace('-deststoretype PKCS12', '-deststoretype JKS')} -destalias first")
    refused = source.refused(pkcs12="acme.p12", password=PASSWORD)
    assert "Java key store (JKS)" in refused.message
    assert f"-srckeystore {source.path / 'acme.p12'}" in refused.cure


def test_file_with_a_chain_is_read(folder) -> None:
    """Of a chain the certificate of the key is taken."""
    authority_key = make_ec()
    authority = Issuer(make_certificate(authority_key, subject="Some CA"), authority_key)
    own = make_certificate(KEY, issuer=authority)
    folder.write("acme.pfx", pkcs12_bytes(KEY, own, PASSWORD, authority.certificate))
    loaded = folder.load(pkcs12="acme.pfx", password=PASSWORD)
    assert loaded.certificate is not None
    assert loaded.certificate.subject == "CN=Acme NV"


def test_password_outside_ascii_is_read(folder, certificate) -> None:
    """A password with an accent opens a PKCS#12 file."""
    folder.write("acme.pfx", pkcs12_bytes(KEY, certificate, "clé-été"))
    assert _is_good(folder.load(pkcs12="acme.pfx", password="clé-été"))


@pytest.mark.parametrize(("key", "first"), [(KEY, "ES384"), (make_rsa(), "RS256")], ids=["EC", "RSA"])
def test_a_key_comes_out_with_its_own_algorithm(folder, key, first) -> None:
    """A P-384 key and an RSA key, each with its certificate."""
    folder.write("acme.pfx", pkcs12_bytes(key, make_certificate(key), PASSWORD))
    loaded = folder.load(pkcs12="acme.pfx", password=PASSWORD)
    assert (loaded.certificate is None, loaded.signer.algorithms[0], loaded.warnings) == (False, first, ())


def test_file_in_base64_is_read(folder, certificate) -> None:
    """A PKCS#12 file that a secret store keeps as base64 is read."""
    folder.write("acme.pfx", base64.encodebytes(pkcs12_bytes(KEY, certificate, PASSWORD)))
    assert _is_good(folder.load(pkcs12="acme.pfx", password=PASSWORD))


def _indefinite(der: bytes) -> bytes:
    """Write DER anew as BER with indefinite lengths wherever a value is constructed, as browsers do."""
    element = asn1.read(der)
    if not element.tag & 0x20:
        return der
    inner = b"".join(_indefinite(child.encoding) for child in element.children())
    return bytes((element.tag, 0x80)) + inner + b"\x00\x00"


@pytest.mark.filterwarnings("ignore:PKCS#12 bundle could not be parsed as DER")
def test_file_with_indefinite_lengths_is_read(folder, certificate) -> None:
    """BER as Firefox writes it is read, and its one key is counted."""
    ber = _indefinite(pkcs12_bytes(KEY, certificate, PASSWORD))
    assert look_into(ber).keys == 1
    folder.write("acme.pfx", ber)
    assert _is_good(folder.load(pkcs12="acme.pfx", password=PASSWORD))


def test_file_without_a_key_is_refused(folder, certificate) -> None:
    """A PKCS#12 file that holds only a certificate has a sentence of its own."""
    folder.write("acme.pfx", pkcs12_bytes(None, certificate, PASSWORD))
    assert "holds no private key" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message


def test_file_without_a_certificate_needs_one_beside_it(folder, certificate) -> None:
    """A PKCS#12 file without a certificate gives a warning, and none once the certificate stands beside it."""
    folder.write("acme.pfx", pkcs12_bytes(KEY, None, PASSWORD))
    warning = str(*folder.load(pkcs12="acme.pfx", password=PASSWORD).warnings)
    assert "acme.pfx holds no certificate" in warning
    folder.write("acme.cer", certificate_pem(certificate))
    assert _is_good(folder.load(pkcs12="acme.pfx", certificate="acme.cer", password=PASSWORD))


def test_file_with_a_foreign_certificate_is_refused(folder, certificate) -> None:
    """A PKCS#12 file whose certificate is of another key is refused."""
    folder.write("acme.pfx", pkcs12_bytes(make_ec(), None, PASSWORD, certificate))
    assert "does not belong to the private key" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message


# --- damage ---


@pytest.mark.parametrize("cut", [1, 30, 1000])
def test_cut_file_is_told_from_a_wrong_password(folder, certificate, cut) -> None:
    """A file that was cut off is damaged, whatever the password."""
    folder.write("acme.pfx", pkcs12_bytes(KEY, certificate, PASSWORD)[:-cut])
    assert "is damaged or cut off" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message


def test_changed_file_is_told_from_a_wrong_password(folder, certificate) -> None:
    """A file whose certificate part was changed fails its checksum, yet its key opens: the password is right."""
    content = bytearray(pkcs12_bytes(KEY, certificate, PASSWORD))
    sealed = look_into(bytes(content)).sealed[0]
    content[content.index(sealed) + len(sealed) - 20] ^= 1
    folder.write("acme.pfx", bytes(content))
    assert "is right, but the file is damaged" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message
    assert "is wrong" in folder.refused(pkcs12="acme.pfx", password="other").message


def _with_mac(safes: bytes) -> bytes:
    """Put safes into a file with the MAC of PASSWORD (RFC 7292, appendix B, as the file of OpenSSL has it)."""
    salt, digest = bytes(8), bytes.fromhex("608648016503040201")
    key = derive("sha256", PASSWORD.encode("utf-16-be") + b"\0\0", salt, 1, MAC_KEY, 32)
    algorithm = asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, digest))
    value = asn1.write(asn1.OCTET_STRING, hmac.digest(key, safes, "sha256"))
    mac = asn1.write(asn1.SEQUENCE, asn1.write(asn1.SEQUENCE, algorithm, value), asn1.write(asn1.OCTET_STRING, salt))
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.INTEGER, b"\x03"), _data(safes), mac)


@pytest.mark.parametrize(
    ("own", "says"),
    [("other", "not the private key in it, which has a password of its own"), (PASSWORD, "")],
    ids=["two passwords", "one password"],
)
def test_a_key_with_a_password_of_its_own_is_said_to_have_one(folder, certificate, own, says) -> None:
    """Programs in Java can give key and file two passwords; a file whose checksum fits is not called damaged."""
    folder.write("acme.cer", certificate_pem(certificate))
    folder.write("acme.pfx", _with_mac(asn1.write(asn1.SEQUENCE, _safe(_bag(2, _pkcs8(KEY, own))))))
    files = {"pkcs12": "acme.pfx", "certificate": "acme.cer", "password": PASSWORD}
    if says:
        assert says in folder.refused(**files).message
    else:
        assert folder.load(**files).warnings == ()


def test_a_malformed_certificate_in_a_whole_file_is_named(folder, certificate) -> None:
    """What the library does not read in it is no damage, and no wrong password."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    usage = bytes.fromhex("0603551d0f0101ff")
    malformed = der.replace(usage, usage[:-1] + b"\x01")  # a TRUE that BER permits and DER does not
    assert malformed != der
    kind = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d01091601"))
    octets = asn1.write(asn1.CONTEXT_0, asn1.write(asn1.OCTET_STRING, malformed))
    bags = (_bag(2, _pkcs8(KEY, PASSWORD)), _bag(3, asn1.write(asn1.SEQUENCE, kind, octets)))
    folder.write("acme.pfx", _with_mac(asn1.write(asn1.SEQUENCE, _safe(*bags))))
    said = folder.refused(pkcs12="acme.pfx", password=PASSWORD).message
    assert "holds a certificate that is written in a way that is not read here" in said


# --- keys that cryptography drops in silence ---


def _data(content: bytes) -> bytes:
    """Wrap octets as a ContentInfo of type data."""
    wrapped = asn1.write(asn1.CONTEXT_0, asn1.write(asn1.OCTET_STRING, content))
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010701")), wrapped)


def _pfx(*safes: bytes) -> bytes:
    """Put safes into a file without a MAC."""
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.INTEGER, b"\x03"), _data(asn1.write(asn1.SEQUENCE, *safes)))


def _bag(last: int, *value: bytes) -> bytes:
    identifier = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010c0a01") + bytes((last,)))
    return asn1.write(asn1.SEQUENCE, identifier, asn1.write(asn1.CONTEXT_0, *value))


def _pkcs8(key: PrivateKey, password: str | None = None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption)


def _safe(*bags: bytes) -> bytes:
    return _data(asn1.write(asn1.SEQUENCE, *bags))


@pytest.mark.parametrize(
    "content",
    [
        _pfx(_safe(_bag(1, _pkcs8(make_rsa())), _bag(1, _pkcs8(make_ec())))),
        _pfx(_safe(_bag(1, _pkcs8(make_rsa()))), _safe(_bag(1, _pkcs8(make_ec())))),
        _pfx(_safe(_bag(2, _pkcs8(make_rsa(), PASSWORD)), _bag(1, _pkcs8(make_ec())))),
        _pfx(_safe(_bag(1, _pkcs8(make_rsa())), _bag(6, asn1.write(asn1.SEQUENCE, _bag(1, _pkcs8(make_ec())))))),
    ],
    ids=["one safe", "two safes", "encrypted and open", "nested"],
)
def test_second_key_is_refused_wherever_it_stands(folder, content) -> None:
    """Two private keys are refused in one safe, in two, encrypted or not, and nested."""
    folder.write("acme.pfx", content)
    assert "holds 2 private keys" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message


def _named(bag: bytes, name: str) -> bytes:
    """Give a bag a friendly name (RFC 2985, section 5.5.1)."""
    value = asn1.write(0x31, asn1.write(0x1E, name.encode("utf-16-be")))
    kind = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010914"))
    attributes = asn1.write(0x31, asn1.write(asn1.SEQUENCE, kind, value))
    return asn1.write(asn1.SEQUENCE, asn1.read(bag).content, attributes)


@pytest.fixture
def several(folder):
    """A folder with a file of three keys: RSA under a name, P-384 and P-521 without one."""
    keys = (
        _named(_bag(2, _pkcs8(make_rsa(), PASSWORD)), "Loket"),
        _bag(2, _pkcs8(make_ec(), PASSWORD)),
        _bag(1, _pkcs8(make_ec(ec.SECP521R1()))),
    )
    folder.write("acme.pfx", _pfx(_safe(*keys)))
    return folder


@pytest.mark.parametrize(
    ("alias", "algorithm"), [("Loket", "RS256"), ("loket", "RS256"), ("1", "ES384"), ("2", "ES512")]
)
def test_an_alias_chooses_one_of_several_keys(several, alias, algorithm) -> None:
    """By its friendly name, in any case of letters; keys without one are numbered, as Java does."""
    source = replace(several.source(pkcs12="acme.pfx", password=PASSWORD), alias=alias)
    for validate in (True, False):
        loaded = load_key("acme", source, {}, NOW, validate=validate)
        assert loaded.signer.algorithms[0] == algorithm


def test_without_an_alias_the_error_lists_them(several) -> None:
    """So does a wrong one."""
    assert "Their aliases: Loket, 1, 2" in several.refused(pkcs12="acme.pfx", password=PASSWORD).message
    source = replace(several.source(pkcs12="acme.pfx", password=PASSWORD), alias="3")
    with pytest.raises(UnusableKeyError, match="there are: Loket, 1, 2"):
        load_key("acme", source, {}, NOW)


def test_single_open_key_of_our_own_making_is_read(folder) -> None:
    """The files of these tests are good but for what they test: with one key, one of them is read."""
    folder.write("acme.pfx", _pfx(_safe(_bag(1, _pkcs8(make_rsa())))))
    assert folder.load(pkcs12="acme.pfx").signer.algorithms[0] == "RS256"


@pytest.fixture
def sealed_key(folder):
    """An encrypted safe that holds a key bag, where no tool puts one: encrypted with PBES2 by hand."""
    salt, vector = bytes(range(16)), bytes(range(16, 32))

    def identifier(hexadecimal: str) -> bytes:
        return asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex(hexadecimal))

    plain = asn1.write(asn1.SEQUENCE, _bag(1, _pkcs8(make_ec())))
    padder = padding.PKCS7(128).padder()
    key = PBKDF2HMAC(hashes.SHA1(), 32, salt, 1000).derive(PASSWORD.encode())  # noqa: S303 - the default PRF of PBES2
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    encrypted = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    derivation = asn1.write(
        asn1.SEQUENCE,
        identifier("2a864886f70d01050c"),  # PBKDF2
        asn1.write(
            asn1.SEQUENCE, asn1.write(asn1.OCTET_STRING, salt), asn1.write(asn1.INTEGER, (1000).to_bytes(2, "big"))
        ),
    )
    cipher = asn1.write(
        asn1.SEQUENCE, identifier("60864801650304012a"), asn1.write(asn1.OCTET_STRING, vector)
    )  # AES-256-CBC
    pbes2 = asn1.write(asn1.SEQUENCE, identifier("2a864886f70d01050d"), asn1.write(asn1.SEQUENCE, derivation, cipher))
    info = asn1.write(asn1.SEQUENCE, identifier("2a864886f70d010701"), pbes2, asn1.write(0x80, encrypted))
    data = asn1.write(asn1.SEQUENCE, asn1.write(asn1.INTEGER, b"\x00"), info)
    return asn1.write(asn1.SEQUENCE, identifier("2a864886f70d010706"), asn1.write(asn1.CONTEXT_0, data))


def test_key_hidden_in_an_encrypted_part_is_found(folder, sealed_key) -> None:
    """A key inside an encrypted safe, which nobody can count from outside, is found and refused, alone or not."""
    folder.write("acme.pfx", _pfx(sealed_key, _safe(_bag(2, _pkcs8(make_rsa(), PASSWORD)))))
    assert "a further private key" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message
    folder.write("acme.pfx", _pfx(sealed_key))
    assert "keeps its private key inside" in folder.refused(pkcs12="acme.pfx", password=PASSWORD).message


# --- an OpenSSL without its legacy provider ---


@pytest.mark.needs_program("openssl")
def test_missing_legacy_provider_is_named(parts) -> None:
    """Where OpenSSL lacks RC2, it calls the right password wrong; the refusal names the cipher instead."""
    parts.run(f"{OPENSSL} pass:{PASSWORD} -legacy")
    program = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path;"
        "from fla_gateway.config.schema import KeySource; from fla_gateway.keys.load import load_key;"
        "from fla_gateway.secret import Secret;"
        "load_key('acme', KeySource(pkcs12=Path('acme.pfx'), password_env='P'), {'P': Secret(sys.argv[1])},"
        " datetime.now(UTC))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program, PASSWORD],
        cwd=parts.path,
        env={**os.environ, "CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "acme.pfx is encrypted with RC2, which this machine's OpenSSL does not offer" in outcome.stderr


async def test_the_library_says_nothing_on_standard_error(folder, certificate) -> None:
    """A file in BER is used without a word of the library's among the gateway's own."""
    folder.write("acme.pfx", _indefinite(pkcs12_bytes(KEY, certificate, PASSWORD)))
    folder.write("password", PASSWORD)
    profile = '[profiles.employer]\nenvironment = "simulation"\nclient_id = "a"\n'
    key = 'key = { pkcs12 = "acme.pfx", password_file = "password" }\n'
    (folder.path / "gateway.toml").write_text(profile + key)
    process = await fork_gateway("check", "--strict", "--config", str(folder.path / "gateway.toml"))
    out, err = await process.communicate()
    assert (err.decode(), process.returncode) == (f"configuration: {folder.path}/gateway.toml\n", 0), out
