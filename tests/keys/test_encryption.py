"""Ciphers and digests that protect key files: read, or named, and never taken for a wrong password."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess

import pytest

from fla_gateway.keys import asn1
from fla_gateway.keys.files.pkcs12_structure import algorithms
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, pkcs12_bytes
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.needs_program("openssl")

KEY = make_ec()
PASSWORD = "geheim"
PROVIDERS = "-provider default -provider legacy"
WORDS = f"-passout pass:{PASSWORD} {PROVIDERS}"
OLDER = "des des3 aes128 aes192 aes256 camellia128 camellia192 camellia256 seed bf cast5-cbc rc2"
SCHEMES = (
    "PBE-MD5-DES PBE-SHA1-DES PBE-MD5-RC2-64 PBE-SHA1-RC2-64 PBE-SHA1-RC4-128 PBE-SHA1-RC4-40 PBE-SHA1-3DES"
    " PBE-SHA1-2DES PBE-SHA1-RC2-128 PBE-SHA1-RC2-40"
)
CIPHERS = (
    "des des3 rc2 rc2-40-cbc aes128 aes-192-cbc aes-256-cfb aes-256-ofb camellia-128-cbc camellia-256-cbc aria-256-cbc"
    " aria-128-cfb seed bf cast5-cbc des-cfb sm4-cbc rc4"
)
DERIVATIONS = (
    "-v2prf hmacWithMD5|-v2prf hmacWithSHA1|-v2prf hmacWithSHA224|-v2prf hmacWithSHA384|-v2prf hmacWithSHA512"
    "|-v2prf hmacWithSHA512-256|-scrypt"
)
COMMANDS = {
    **{f"older PEM, {name}": f"ec -{name}" for name in OLDER.split()},
    **{f"PKCS#8, {name}": f"pkcs8 -topk8 -v1 {name}" for name in SCHEMES.split()},
    **{f"PKCS#8, {name}": f"pkcs8 -topk8 -v2 {name}" for name in CIPHERS.split()},
    **{f"PKCS#8, {options}": f"pkcs8 -topk8 {options}" for options in DERIVATIONS.split("|")},
}


def _made(folder, command: str) -> None:
    """Make a file with the words of a command; a version of OpenSSL that lacks the cipher is no finding."""
    folder.write("plain.pem", key_pem(KEY, traditional=True))
    folder.write("acme.cer", certificate_pem(make_certificate(KEY)))
    made = subprocess.run(
        f"openssl {command}".split(), cwd=folder.path, capture_output=True, timeout=PATIENCE, check=False
    )
    if made.returncode:
        pytest.skip("this OpenSSL does not make it")
    for file in folder.path.iterdir():
        file.chmod(0o600)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_encrypted_keys_that_openssl_makes_are_read(folder, command) -> None:
    """Whatever cipher and derivation OpenSSL encrypted a key with, it is read, and another password is wrong."""
    _made(folder, f"{command} -in plain.pem -out key.pem {WORDS}")
    assert folder.load(pem="key.pem", certificate="acme.cer", password=PASSWORD).warnings == ()
    assert "is wrong" in folder.refused(pem="key.pem", password="other").message


@pytest.mark.parametrize("cipher", ["aria256", "aes-256-cfb", "sm4-cbc", "des-ede3-cfb"])
def test_older_pem_with_a_cipher_that_is_not_read_is_named(folder, cipher) -> None:
    """The older form with a cipher that is not read here is refused by its name, with the command that rewrites it."""
    _made(folder, f"ec -{cipher} -in plain.pem -out odd.pem {WORDS}")
    refused = folder.refused(pem="odd.pem", password=PASSWORD)
    assert "which is not supported here" in refused.message
    assert cipher.upper()[:3] in refused.message
    command = refused.cure.split("with: ")[1]
    folder.run(f"{command} -passin pass:{PASSWORD} -passout pass:{PASSWORD}")
    assert folder.load(pem="key.pem", certificate="acme.cer", password=PASSWORD).warnings == ()


IDENTIFIERS = {
    "known by name": ("60864801650304012a", "60864801650304012e", "AES-256 in GCM"),
    "not known at all": ("60864801650304012a", "60864801650304017f", "not known here (2.16.840.1.101.3.4.1.127)"),
}


@pytest.mark.parametrize(("old", "new", "name"), IDENTIFIERS.values(), ids=IDENTIFIERS)
@pytest.mark.parametrize("kind", ["pem", "pkcs12"])
def test_a_cipher_that_nothing_reads_is_named(folder, kind, old, new, name) -> None:
    """A key under a cipher that neither library nor OpenSSL reads is refused by that, not for its password."""
    _made(folder, f"pkcs8 -topk8 -outform DER -in plain.pem -out key.pem {WORDS}")
    folder.run(f"openssl pkcs12 -export -inkey plain.pem -in acme.cer -out key.pfx -passout pass:{PASSWORD}")
    for file in ("key.pem", "key.pfx"):
        content = (folder.path / file).read_bytes()
        assert bytes.fromhex(old) in content
        folder.write(file, content.replace(bytes.fromhex(old), bytes.fromhex(new)))
    files = {"pem": "key.pem"} if kind == "pem" else {"pkcs12": "key.pfx"}
    refused = folder.refused(password=PASSWORD, **files)
    assert name in refused.message
    assert "wrong" not in refused.message
    assert "damaged" not in refused.message


MACS = ("md5", "sha1", "sha224", "sha384", "sha512", "sha512-256", "sha3-256", "ripemd160")
BAG_CIPHERS = ("PBE-SHA1-2DES", "PBE-SHA1-RC4-40", "PBE-SHA1-RC2-128", "camellia-256-cbc", "aria-256-cbc")
OPTIONS = (
    *(f"-macalg {name}" for name in MACS),
    *(f"-keypbe {name} -certpbe {name}" for name in BAG_CIPHERS),
    *("-keypbe NONE", "-certpbe NONE", "-keypbe NONE -certpbe NONE", "-nomac", "-noiter -nomaciter"),
)


@pytest.mark.parametrize("options", OPTIONS)
def test_pkcs12_under_every_digest_and_cipher_is_read(folder, options) -> None:
    """Whatever MAC and ciphers OpenSSL put on a PKCS#12 file, it is read."""
    _made(folder, f"pkcs12 -export -inkey plain.pem -in acme.cer -out key.pfx {options} {WORDS}")
    assert folder.load(pkcs12="key.pfx", password=PASSWORD).warnings == ()


def test_an_unencrypted_pkcs12_is_not_called_protected(folder) -> None:
    """Where nothing is encrypted, no password is missed: damage is called damage, and the checksum by its name."""
    plain = pkcs12_bytes(KEY, make_certificate(KEY))
    folder.write("key.pfx", plain)
    assert folder.load(pkcs12="key.pfx").warnings == ()
    (unused,) = folder.load(pkcs12="key.pfx", password=PASSWORD).warnings
    assert "a password is configured, but the key" in unused.message
    place = plain.index(bytes.fromhex("2b81040022"))  # the curve P-384, in key and certificate
    folder.write("key.pfx", plain[:place] + b"\xff" + plain[place + 1 :])
    for password in (None, PASSWORD):
        message = folder.refused(pkcs12="key.pfx", password=password).message
        assert "protected by a password" not in message
    _made(folder, f"pkcs12 -export -inkey plain.pem -in acme.cer -out key.pfx -keypbe NONE -certpbe NONE {WORDS}")
    assert "is not encrypted, but its checksum" in folder.refused(pkcs12="key.pfx").message
    assert "is wrong" in folder.refused(pkcs12="key.pfx", password="other").message


def test_a_file_under_a_recipients_key_is_named(folder) -> None:
    """PKCS#12 knows privacy and integrity by public keys (RFC 7292, section 3.1), which no password opens."""
    content = pkcs12_bytes(KEY, make_certificate(KEY), PASSWORD)
    encrypted, enveloped = bytes.fromhex("2a864886f70d010706"), bytes.fromhex("2a864886f70d010703")
    folder.write("key.pfx", content.replace(encrypted, enveloped))
    assert "the key of a recipient" in folder.refused(pkcs12="key.pfx", password=PASSWORD).message


def _with_pbmac1(pfx: bytes, prf: str, digest: str) -> bytes:
    """Give a file the MAC of RFC 9579: HMAC with a key of PBKDF2, and the salt in its parameters."""
    write, sequence = asn1.write, asn1.SEQUENCE
    version, safe = asn1.read(pfx).children()[:2]
    octets = safe.children()[1].children()[0].octets()
    prf_identifiers = {"sha256": "2a864886f70d0209", "sha512": "2a864886f70d020b"}
    salt, rounds, size = b"saltsalt", 2048, hashlib.new(digest).digest_size

    def identifier(text: str) -> bytes:
        return write(asn1.OBJECT_IDENTIFIER, bytes.fromhex(text))

    def algorithm(text: str, parameters: bytes = b"\x05\x00") -> bytes:
        return write(sequence, identifier(text), parameters)

    derivation = write(
        sequence,
        write(asn1.OCTET_STRING, salt),
        write(asn1.INTEGER, rounds.to_bytes(2, "big")),
        write(asn1.INTEGER, bytes((size,))),
        algorithm(prf_identifiers[prf]),
    )
    parameters = write(sequence, algorithm("2a864886f70d01050c", derivation), algorithm(prf_identifiers[digest]))
    mac = hmac.digest(hashlib.pbkdf2_hmac(prf, PASSWORD.encode(), salt, rounds, size), octets, digest)
    info = write(sequence, algorithm("2a864886f70d01050e", parameters), write(asn1.OCTET_STRING, mac))
    data = write(sequence, info, write(asn1.OCTET_STRING, b"NOT USED"))
    return write(sequence, version.encoding, safe.encoding, data)


@pytest.mark.parametrize(("prf", "digest"), [("sha256", "sha256"), ("sha512", "sha256"), ("sha256", "sha512")])
def test_pbmac1_is_read(folder, prf, digest) -> None:
    """A PKCS#12 file with the MAC of RFC 9579 is read with its password, and another one is wrong."""
    folder.write("key.pfx", _with_pbmac1(pkcs12_bytes(KEY, make_certificate(KEY), PASSWORD), prf, digest))
    assert folder.load(pkcs12="key.pfx", password=PASSWORD).warnings == ()
    assert "is wrong" in folder.refused(pkcs12="key.pfx", password="other").message


def test_algorithms_of_a_file_are_listed() -> None:
    """MAC, encrypted part and encrypted key each name their algorithm."""
    assert len(algorithms(pkcs12_bytes(KEY, make_certificate(KEY), PASSWORD))) == 3


EC_WITH = "ecparam -genkey -noout -out plain.pem -name"
KINDS = {
    "explicit parameters": (f"{EC_WITH} secp256k1 -param_enc explicit", "spells its elliptic curve out"),
    "binary curve": (f"{EC_WITH} sect283r1", "of a kind that is not known here"),
    "secp256k1": (f"{EC_WITH} secp256k1", "for which RFC 7518 has no algorithm"),
    "brainpool": (f"{EC_WITH} brainpoolP384r1", "for which RFC 7518 has no algorithm"),
    "three primes": ("genrsa -primes 3 -out plain.pem 3072", "more than two primes"),
    "short RSA": ("genrsa -out plain.pem 1024", "too short to be safe"),
    "Ed25519": ("genpkey -algorithm ed25519 -out plain.pem", "of the kind Ed25519"),
    "X25519": ("genpkey -algorithm x25519 -out plain.pem", "of the kind X25519"),
}


@pytest.mark.parametrize(("command", "sentence"), KINDS.values(), ids=KINDS)
def test_a_kind_that_cannot_sign_is_named_in_every_container(folder, command, sentence) -> None:
    """An unusable kind of key is refused for that, be it in the open, encrypted, or in PKCS#12."""
    folder.run(f"openssl {command}")
    assert sentence in folder.refused(pem="plain.pem").message
    folder.run(f"openssl pkcs8 -topk8 -in plain.pem -out key.pem -passout pass:{PASSWORD}")
    assert sentence in folder.refused(pem="key.pem", password=PASSWORD).message
    assert "is wrong" in folder.refused(pem="key.pem", password="other").message
    made = subprocess.run(
        f"openssl pkcs12 -export -nocerts -inkey plain.pem -out key.pfx -passout pass:{PASSWORD}".split(),
        cwd=folder.path, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    if made.returncode == 0:
        (folder.path / "key.pfx").chmod(0o600)
        assert sentence in folder.refused(pkcs12="key.pfx", password=PASSWORD).message


@pytest.mark.parametrize("options", ["", "-v1 PBE-SHA1-3DES", "-scrypt"])
def test_a_key_under_the_empty_password_is_read(folder, options) -> None:
    """A key that was encrypted with an empty password is read without one, and with an empty one."""
    _made(folder, f"pkcs8 -topk8 {options} -in plain.pem -out key.pem -passout pass: {PROVIDERS}")
    for password in (None, ""):
        assert folder.load(pem="key.pem", certificate="acme.cer", password=password).warnings == ()


@pytest.mark.parametrize("junk", [b"\r\n", b"\0" * 9, b"junk", b"\x1a"], ids=repr)
def test_what_follows_a_binary_file_does_not_count(folder, junk) -> None:
    """Octets behind the one value of a binary file, as copies add them, are left alone, as openssl does."""
    folder.write("key.pfx", pkcs12_bytes(KEY, make_certificate(KEY), PASSWORD) + junk)
    assert folder.load(pkcs12="key.pfx", password=PASSWORD).warnings == ()


def test_pkcs12_in_pem_is_read(folder) -> None:
    """Some tools wrap PKCS#12 in the boundaries of PEM."""
    content = base64.encodebytes(pkcs12_bytes(KEY, make_certificate(KEY), PASSWORD))
    folder.write("key.pfx", b"-----BEGIN PKCS12-----\n" + content + b"-----END PKCS12-----\n")
    assert folder.load(pkcs12="key.pfx", password=PASSWORD).warnings == ()
