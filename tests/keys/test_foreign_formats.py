"""Keys in the formats of other programs: each is named with a command, and the commands are run here as they stand."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.keys import certificate_pem, key_pem, make_certificate, make_ec, make_rsa
from tests.support.waiting import PATIENCE

NUMBERS = make_rsa().private_numbers()
PUBLIC = NUMBERS.public_numbers


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _url(number: int) -> str:
    return base64.urlsafe_b64encode(_octets(number)).rstrip(b"=").decode()


JWK = {
    "kty": "RSA",
    "kid": "a",
    "n": _url(PUBLIC.n),
    "e": _url(PUBLIC.e),
    "d": _url(NUMBERS.d),
    "p": _url(NUMBERS.p),
    "q": _url(NUMBERS.q),
    "dp": _url(NUMBERS.dmp1),
    "dq": _url(NUMBERS.dmq1),
    "qi": _url(NUMBERS.iqmp),
}
PUBLIC_JWK = {name: JWK[name] for name in ("kty", "kid", "n", "e")}
FIELDS = {
    "Modulus": PUBLIC.n,
    "Exponent": PUBLIC.e,
    "P": NUMBERS.p,
    "Q": NUMBERS.q,
    "DP": NUMBERS.dmp1,
    "DQ": NUMBERS.dmq1,
    "InverseQ": NUMBERS.iqmp,
    "D": NUMBERS.d,
}
XML = "".join(f"\n  <{name}>{base64.b64encode(_octets(value)).decode()}</{name}>" for name, value in FIELDS.items())
XML = f'<?xml version="1.0"?>\n<RSAKeyValue>{XML}\n</RSAKeyValue>\n'

CONVERTED = {
    "JWK": (json.dumps(JWK), "a JWK"),
    "JWK of Windows": ("\ufeff" + json.dumps(JWK, indent=2).replace("\n", "\r\n"), "a JWK"),
    "JWK set": (json.dumps({"keys": [PUBLIC_JWK, JWK]}), "a JWK set"),
    "list of JWKs": (json.dumps([PUBLIC_JWK, JWK], indent=2), "a list of JWKs"),
    "XML of .NET": (XML, "the XML of .NET"),
    "XML of .NET in UTF-16": (b"\xff\xfe" + XML.encode("utf-16-le"), "the XML of .NET"),
}


def _command(cure: str) -> str:
    found = re.search(r"(?:convert it|rewrite a copy): (.*?);? then name key\.pem in pem", cure)
    assert found is not None, cure
    return found[1].rstrip(";")


def _run(folder, command: str) -> None:
    subprocess.run(["/bin/sh", "-c", command], cwd=folder.path, check=True, capture_output=True, timeout=PATIENCE)


def _is_read(folder) -> None:
    (folder.path / "key.pem").chmod(0o600)
    folder.write("acme.cer", certificate_pem(make_certificate(make_rsa())))
    assert folder.load(pem="key.pem", certificate="acme.cer").warnings == ()


@pytest.mark.needs_program("node")
@pytest.mark.parametrize(("text", "name"), CONVERTED.values(), ids=CONVERTED)
def test_the_command_that_is_named_converts_the_key(folder, text, name) -> None:
    """The command in the message, run as it stands, makes a file that is read, also where the path has blanks."""
    path = folder.write("my odd key", text)
    refused = folder.refused(pem="my odd key")
    assert name in refused.message
    assert str(path) in refused.message
    _run(folder, _command(refused.cure))
    _is_read(folder)


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize(
    ("made", "name"),
    [("-outform PVK -pvk-none", "a PVK file"), ("-outform MSBLOB", "a PRIVATEKEYBLOB")],
    ids=["PVK", "BLOB"],
)
def test_keys_of_windows_are_named_with_the_command_of_openssl(folder, made, name) -> None:
    """A PVK file and a PRIVATEKEYBLOB are named, and openssl converts them as the message says."""
    folder.write("acme.pem", key_pem(make_rsa()))
    folder.run(f"openssl rsa -in acme.pem -out odd.key {made}")
    refused = folder.refused(pem="odd.key")
    assert name in refused.message
    command = _command(refused.cure).replace(" -aes256", "")
    _run(folder, command)
    _is_read(folder)


@pytest.mark.needs_program("ssh-keygen")
def test_a_key_of_openssh_is_rewritten_by_the_command(folder) -> None:
    """ssh-keygen rewrites a copy in the form that is read, whatever label the block had."""
    form, encoding = serialization.PrivateFormat.OpenSSH, serialization.Encoding.PEM
    text = make_rsa().private_bytes(encoding, form, serialization.NoEncryption())
    path = folder.write("odd.key", text)
    refused = folder.refused(pem="odd.key")
    assert "the format of OpenSSH" in refused.message
    command = _command(refused.cure).replace("FILE", str(path)).replace("-p ", "-p -P '' -N '' ")
    _run(folder, command)
    _is_read(folder)
    folder.write("odd.key", text.replace(b"OPENSSH PRIVATE", b"PRIVATE"))
    assert "the format of OpenSSH" in folder.refused(pem="odd.key").message


NAMED = {
    "public JWK": (json.dumps(PUBLIC_JWK), "a JWK without a private key"),
    "public JWK set": (json.dumps({"keys": [PUBLIC_JWK]}), "a JWK set without a private key"),
    "JSON": (json.dumps({"client_id": "a"}), "JSON without a key"),
    "broken JSON": ('{"kty": "RSA"', "no key file that is known"),
    "nested JSON": ("[" * 100_000, "no key file that is known"),
    "public XML": (XML.replace("<D>", "<X>"), "without its private part"),
    "DSA in XML": ("<DSAKeyValue><P>AA==</P></DSAKeyValue>", "(DSAKeyValue)"),
    "a web page": ("<!DOCTYPE html><title>Login</title>", "a web page"),
    "a web page of Apache": ('<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html>', "a web page"),
    "a web page in XHTML": ('<?xml version="1.0"?>\n<!-- a -->\n<!-- b -->\n<HTML lang="nl">', "a web page"),
    "comments": ("<!---->" * 1_000 + "<svg>", "no key file that is known"),
    "zip": ("PK\x03\x04\x14", "not the file itself, but what zip made of it"),
    "Ansible Vault": ("$ANSIBLE_VAULT;1.1;AES256\n6638\n", "but what Ansible Vault made of it"),
    "OpenPGP message": (
        "-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----\n",
        "but what OpenPGP made of it",
    ),
    "Git LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n", "but what Git LFS made of it"),
    "NSS": ("SQLite format 3\0", "a key database of NSS"),
    "PuTTY": ("PuTTY-User-Key-File-2: ssh-rsa\n", "a key of PuTTY"),
    "PuTTY with a mark": ("\ufeffPuTTY-User-Key-File-3: ssh-rsa\r\n", "a key of PuTTY"),
    "SSH2": ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", "a key of SSH Communications"),
    "TPM": ("-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----\n", "only one TPM can use"),
}


@pytest.mark.parametrize(("text", "sentence"), NAMED.values(), ids=NAMED)
def test_what_cannot_be_converted_is_named(folder, text, sentence) -> None:
    """Each kind of file is named for what it is."""
    folder.write("odd.key", text)
    assert sentence in folder.refused(pem="odd.key").message


@pytest.mark.parametrize(
    ("pack", "command"), [("gzip key.pem", "gunzip < {} > unpacked"), ("zip -q -m key.pem.gz key.pem", "unzip {}")]
)
def test_what_undoes_a_wrapping_is_named_and_works(folder, pack, command) -> None:
    """The command of the message gives the key back, whatever the file is called."""
    if shutil.which(pack.split()[0]) is None:
        pytest.skip(f"the program {pack.split()[0]} is missing")
    folder.write("key.pem", key_pem(make_ec()))
    folder.run(pack)
    cure = folder.refused(pem="key.pem.gz").cure
    line = command.format(folder.path / "key.pem.gz")
    assert line in cure
    _run(folder, line)
    made = "unpacked" if ">" in line else "key.pem"
    (folder.path / made).chmod(0o600)
    assert folder.load(pem=made).signer.algorithms == ("ES384",)


@pytest.mark.parametrize(
    "content", ["<HTML>Login</HTML>", "version https://git-lfs.github.com/spec/v1\n"], ids=["web page", "Git LFS"]
)
def test_the_same_is_said_in_the_place_of_a_certificate(folder, content) -> None:
    """What is no certificate for such a reason is refused for it."""
    folder.write("key.pem", key_pem(make_ec()))
    folder.write("acme.cer", content)
    assert "holds no certificate" not in folder.refused(pem="key.pem", certificate="acme.cer").message


def test_a_pem_within_json_is_read(folder) -> None:
    """The JSON of a service account has the PEM in it, which is taken."""
    text = json.dumps({"type": "service_account", "private_key": key_pem(make_ec()).decode()})
    folder.write("odd.key", text)
    assert folder.load(pem="odd.key").signer.algorithms == ("ES384",)
