"""Passwords of PEM keys, and that no refusal shows a secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import traceback
import unicodedata

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys import asn1
from fla_gateway.keys.encryption.password_encodings import spellings
from fla_gateway.keys.load import load_key
from tests.support.keys import (
    NOW,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
)

PEM = serialization.Encoding.PEM
CANARY = "Correct-Horse-Battery"


@pytest.fixture
def locked(folder, certificate):
    """A folder with an encrypted key."""
    folder.write("key.pem", key_pem(make_rsa(), password=CANARY))
    folder.write("acme.cer", certificate_pem(certificate))
    return folder


@pytest.mark.parametrize(
    "content",
    [
        CANARY.encode(),
        CANARY.encode() + b"\n",
        CANARY.encode() + b"\r\n",
        b"\xef\xbb\xbf" + CANARY.encode(),
        b"\xff\xfe" + f"{CANARY}\r\n".encode("utf-16-le"),
    ],
    ids=["bare", "LF", "CRLF", "byte order mark", "UTF-16"],
)
def test_password_file_is_read_as_editors_write_it(locked, content) -> None:
    """One line break at the end and a mark at the start do not belong to the password."""
    locked.write("password", content)
    assert locked.load(pem="key.pem", certificate="acme.cer", password_file="password").warnings == ()


ACCENTED = "Société2026é"
OCTETS = {
    "ASCII": CANARY.encode(),
    "UTF-8": ACCENTED.encode(),
    "Latin-1": ACCENTED.encode("latin-1"),
    "command prompt": ACCENTED.encode("cp850"),
    "any octets": bytes(octet for octet in range(1, 256) if octet not in b"\r\n"),
}
ENDS = {"bare": (b"", b""), "LF": (b"", b"\n"), "CRLF": (b"", b"\r\n"), "mark": (b"\xef\xbb\xbf", b"\r\n")}


@pytest.mark.parametrize(("front", "end"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("octets", OCTETS.values(), ids=OCTETS)
def test_the_same_octets_mean_the_same_in_file_and_environment(folder, octets, front, end) -> None:
    """Whatever octets a password has, a file with them and a variable with them open the same key."""
    key = make_ec()
    encryption = serialization.BestAvailableEncryption(octets)
    folder.write("key.pem", key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption))
    folder.write("acme.cer", certificate_pem(make_certificate(key)))
    folder.write("password", front + octets + end)
    files = {"pem": "key.pem", "certificate": "acme.cer"}
    assert folder.load(**files, password_file="password").warnings == ()
    source = KeySource(pem=folder.path / "key.pem", certificate=folder.path / "acme.cer", password_env="KEY_PASSWORD")
    variable = os.fsdecode(front + octets + end)
    assert folder.environment(source, KEY_PASSWORD=variable).warnings == ()


def _pkcs12_under_octets(key, certificate, password: str, octets: bytes) -> bytes:
    """Write a PKCS#12 file whose MAC is made with a password, and whose PBES2 is made with other octets."""
    write, sequence, identifier = asn1.write, asn1.SEQUENCE, asn1.OBJECT_IDENTIFIER

    def oid(text: str) -> bytes:
        return write(identifier, bytes.fromhex(text))

    def data(content: bytes) -> bytes:
        return write(sequence, oid("2a864886f70d010701"), write(0xA0, write(asn1.OCTET_STRING, content)))

    encryption = serialization.BestAvailableEncryption(octets)
    shrouded = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption)
    bag = write(sequence, oid("2a864886f70d010c0a0102"), write(0xA0, shrouded))
    der = write(asn1.OCTET_STRING, certificate.public_bytes(serialization.Encoding.DER))
    inner = write(sequence, oid("2a864886f70d01091601"), write(0xA0, der))
    certificates = write(sequence, write(sequence, oid("2a864886f70d010c0a0103"), write(0xA0, inner)))
    salt, vector = b"saltsalt", bytes(16)
    secret = hashlib.pbkdf2_hmac("sha256", octets, salt, 2048, 32)
    padded = certificates + bytes((16 - len(certificates) % 16,)) * (16 - len(certificates) % 16)
    encryptor = Cipher(AES(secret), modes.CBC(vector)).encryptor()
    rounds = write(asn1.INTEGER, (2048).to_bytes(2, "big"))
    prf = write(sequence, oid("2a864886f70d0209"))
    derivation = write(sequence, oid("2a864886f70d01050c"), write(sequence, write(4, salt), rounds, prf))
    cipher = write(sequence, oid("60864801650304012a"), write(4, vector))
    algorithm = write(sequence, oid("2a864886f70d01050d"), write(sequence, derivation, cipher))
    info = write(sequence, oid("2a864886f70d010701"), algorithm, write(0x80, encryptor.update(padded)))
    sealed = write(sequence, oid("2a864886f70d010706"), write(0xA0, write(sequence, write(2, b"\0"), info)))
    safes = write(sequence, sealed, data(write(sequence, bag)))
    block = hashlib.sha256(b"\x03" * 64 + (salt * 8) + _filled(password.encode("utf-16-be") + b"\0\0", 64)).digest()
    mac = write(sequence, write(sequence, oid("608648016503040201")), write(4, hmac.digest(block, safes, "sha256")))
    return write(sequence, write(2, b"\3"), data(safes), write(sequence, mac, write(4, salt)))


def _filled(value: bytes, size: int) -> bytes:
    """Repeat a value to a multiple of a block's size (RFC 7292, appendix B.2)."""
    length = size * -(-len(value) // size)
    return (value * length)[:length]


def _utf8_as_characters(password: str) -> bytes:
    return password.encode().decode("latin-1").encode()


SPELLINGS = {
    "UTF-8": lambda password: password.encode(),
    "OpenSSL before 1.1.0": _utf8_as_characters,
    "Windows": lambda password: password.encode("cp1252"),
    "command prompt": lambda password: password.encode("cp850"),
    "macOS": lambda password: unicodedata.normalize("NFD", password).encode(),
}


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("kind", ["PKCS#8", "older PEM", "PKCS#12"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_accented_passwords_are_tried_as_old_tools_took_them(folder, spell, kind) -> None:
    """A password with accents opens a file, whatever octets the tool that made it was given for them."""
    key = make_ec()
    octets = spell(ACCENTED)
    if kind == "PKCS#12":
        folder.write("both.pem", key_pem(key) + certificate_pem(make_certificate(key)))
        folder.write("octets", octets)
        folder.run("openssl pkcs12 -export -in both.pem -out key -passout file:octets")
    else:
        forms = serialization.PrivateFormat
        form = forms.PKCS8 if kind == "PKCS#8" else forms.TraditionalOpenSSL
        folder.write("key", key.private_bytes(PEM, form, serialization.BestAvailableEncryption(octets)))
    files = {"pkcs12" if kind == "PKCS#12" else "pem": "key"}
    assert folder.load(**files, password=ACCENTED).signer.algorithms == ("ES384",)
    assert "is wrong" in folder.refused(**files, password="Société2026").message


@pytest.mark.parametrize("password", [CANARY, ACCENTED], ids=["ASCII", "accents"])
def test_the_bmpstring_of_nss_is_tried(folder, password) -> None:
    """Older NSS gave PBES2 the BMPString that PKCS#12 has for its MAC, and UTF-8 does not decrypt that."""
    key = make_ec()
    bmp = password.encode("utf-16-be") + b"\0\0"
    content = _pkcs12_under_octets(key, make_certificate(key), password, bmp)
    folder.write("key.pfx", content)
    assert folder.load(pkcs12="key.pfx", password=password).warnings == ()
    assert "is wrong" in folder.refused(pkcs12="key.pfx", password="other").message


def test_spellings_are_few_and_one_for_ascii() -> None:
    """A wrong password costs a bounded number of attempts: one for ASCII, nine at most for others."""
    assert spellings(CANARY) == (CANARY.encode(),)
    assert spellings("") == (b"",)
    for password in (ACCENTED, "€urø", "пароль", "\udce9t\udce9"):
        assert 1 < len(spellings(password)) <= 9
        assert len(set(spellings(password))) == len(spellings(password))


@pytest.mark.parametrize("content", [CANARY + "\n\n", CANARY + " ", " " + CANARY], ids=repr)
def test_only_one_line_break_is_dropped(locked, content) -> None:
    """Blanks and further line breaks belong to the password."""
    locked.write("password", content)
    refused = locked.refused(pem="key.pem", password_file="password")
    assert "is wrong" in refused.message
    assert "spaces" in refused.cure


def test_password_comes_from_the_environment(locked) -> None:
    """A password from the environment reaches the key through the mapping that the caller read."""
    source = KeySource(pem=locked.path / "key.pem", certificate=locked.path / "acme.cer", password_env="KEY_PASSWORD")
    assert locked.environment(source, KEY_PASSWORD=CANARY).warnings == ()
    with pytest.raises(UnusableKeyError, match="that password_env names is not set"):
        locked.environment(source)


@pytest.mark.parametrize("traditional", [True, False], ids=["PKCS#1", "PKCS#8"])
def test_encrypted_key_needs_its_password(folder, traditional) -> None:
    """No password, an empty one, a wrong one and a damaged file are four different things."""
    content = key_pem(make_rsa(), password=CANARY, traditional=traditional)
    folder.write("key.pem", content)
    lines = content.splitlines(keepends=True)
    folder.write("cut.pem", b"".join([*lines[:-3], lines[-3][4:], *lines[-2:]]))
    folder.write("empty", "\n")
    assert "none is configured" in folder.refused(pem="key.pem").message
    empty = folder.refused(pem="key.pem", password_file="empty")
    assert "the one that is configured is empty" in empty.message
    assert "password_file" in empty.cure
    assert "is wrong" in folder.refused(pem="key.pem", password="other").message
    assert "is damaged or cut off" in folder.refused(pem="cut.pem", password=CANARY).message


def test_password_of_an_open_key_is_a_warning(acme) -> None:
    """A password for a key that is not encrypted is no reason to refuse, but somebody believes it to be protected."""
    warning = str(*acme.load(pem="acme.pem", certificate="acme.cer", password="abcd").warnings)
    assert "is not encrypted" in warning


def test_trouble_with_the_password_file_is_told(locked) -> None:
    """A missing password file, one that is no text and one that others may read are told."""
    assert "does not exist" in locked.refused(pem="key.pem", password_file="nowhere").message
    locked.write("password", b"\xff\x00\xff")
    assert "no text file" in locked.refused(pem="key.pem", password_file="password").message
    locked.write("password", CANARY.encode("utf-16-le"))
    assert "no text file" in locked.refused(pem="key.pem", password_file="password").message
    locked.write("password", CANARY).chmod(0o644)
    warning = str(*locked.load(pem="key.pem", certificate="acme.cer", password_file="password").warnings)
    assert "password can be read by other users" in warning


def _everything(error: BaseException) -> str:
    """Every text that a logger could make of an error, with the errors that hang behind it."""
    texts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        texts += [repr(seen), str(seen), repr(vars(seen)), repr(seen.args)]
        seen = seen.__context__
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (key_pem(make_rsa(), password="other-password"), CANARY),
        (key_pem(make_rsa(), password=CANARY, traditional=True)[:-50], CANARY),
        (CANARY.encode(), CANARY),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n".encode(), CANARY),
        (key_pem(make_rsa(), password="other-password"), f"{CANARY}\udcff"),
    ],
    ids=["wrong password", "cut off", "password in the key's place", "no key", "no UTF-8"],
)
def test_no_refusal_shows_a_secret(folder, content, password, caplog) -> None:
    """Neither message, cure, repr, traceback nor the errors behind it show a password or a file's content."""
    caplog.set_level(logging.DEBUG)
    folder.write("key.pem", content)
    folder.write("password", password.encode("utf-8", "surrogateescape"))
    source = KeySource(pem=folder.path / "key.pem", password_file=folder.path / "password")
    with pytest.raises(UnusableKeyError) as caught:
        load_key("acme", source, {}, NOW)
    assert CANARY not in _everything(caught.value)
    assert CANARY not in caplog.text


PASTED = {
    "PEM": key_pem(make_rsa()).decode(),
    "the base64 in it": "".join(key_pem(make_ec()).decode().splitlines()[1:-1]),
    "base64 of PEM": base64.b64encode(key_pem(make_rsa())).decode(),
}


@pytest.mark.parametrize("kind", ["pem", "pkcs12", "certificate", "password_file"])
@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED)
def test_key_in_the_place_of_a_path_is_not_repeated(acme, kind, pasted) -> None:
    """Whoever pastes the key where its path belongs is told so, without a letter of it."""
    files = {"pem": "acme.pem", "certificate": "acme.cer", kind: pasted}
    if kind == "pkcs12":
        del files["pem"]
    refused = acme.refused(**files)
    assert pasted[40:80] not in _everything(refused)
    assert "path" in refused.message


def test_loaded_key_shows_no_secret(acme) -> None:
    """The repr of a loaded key names its kind and its certificate, and holds no number of the private key."""
    shown = repr(acme.load(pem="acme.pem", certificate="acme.cer"))
    numbers = make_rsa().private_numbers()
    assert "RsaSigner(2048 bits)" in shown
    assert not any(f"{secret}" in shown or f"{secret:x}" in shown for secret in (numbers.d, numbers.p, numbers.q))
