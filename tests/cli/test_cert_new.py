"""`fla-gateway cert new`: a pair that the manual allows, in files that are closed from the first byte."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

from fla_gateway.cli.main import execute
from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import KeySource
from fla_gateway.keys.certificates.issue import KEY_TYPES, new_pair
from fla_gateway.keys.files.new_files import write_new
from fla_gateway.keys.load import load_key
from tests.support.waiting import PATIENCE

COMPANY = "Société Générale d'Essai & Fils NV"
WORDS = ("--company", COMPANY, "--enterprise-number", "BE 0123.456.749", "--type", "p384")
FILES = {"acme.pfx", "acme.pass", "acme.pem", "acme.cer", "acme.crt"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with one pair, made once, and what was printed."""
    folder = tmp_path_factory.mktemp("pair") / "keys"
    program = [sys.executable, "-m", "fla_gateway", "cert", "new", "acme", *WORDS, "--directory", str(folder)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=PATIENCE)
    return folder, done.stdout


def numbers(key: Any) -> Any:
    """Give the numbers of an EC key, which it must be."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.private_numbers()


def certificate_of(folder):
    """Give the certificate that would be uploaded."""
    return x509.load_der_x509_certificate((folder / "acme.cer").read_bytes())


def test_the_files_are_those_of_the_contract(made):
    """Five files, and one for ChaMan whose name has month and year of the end."""
    folder, printed = made
    end = certificate_of(folder).not_valid_after_utc
    assert {it.name for it in folder.iterdir()} == {*FILES, "for-chaman"}
    (copy,) = (folder / "for-chaman").iterdir()
    assert copy.name == f"acme-{end:%Y-%m}.cer"
    assert copy.read_bytes() == (folder / "acme.cer").read_bytes()
    assert f"Certificaatnaam: {copy.stem}" in printed
    assert abs((end - datetime.now(UTC)).days - 730) <= 1


def test_one_password_opens_both_forms(made):
    """.pass opens .pfx and .pem, which have the same key and the certificate of .cer and .crt."""
    folder, _ = made
    password = (folder / "acme.pass").read_bytes().removesuffix(b"\n")
    assert len(password) >= 32
    key, certificate, others = pkcs12.load_key_and_certificates((folder / "acme.pfx").read_bytes(), password)
    pem = (folder / "acme.pem").read_bytes()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    again = load_pem_private_key(pem, password)
    assert numbers(key) == numbers(again)
    assert certificate is not None
    assert certificate == certificate_of(folder) == x509.load_pem_x509_certificate(pem)
    assert others == []
    assert (folder / "acme.crt").read_bytes() == certificate.public_bytes(Encoding.PEM)


def test_the_subject_is_the_company(made):
    """CN and O are the company's name, and the enterprise number has its ten digits."""
    subject = certificate_of(made[0]).subject
    values = {it.oid: it.value for it in subject}
    assert values == {
        NameOID.COUNTRY_NAME: "BE",
        NameOID.ORGANIZATION_NAME: COMPANY,
        NameOID.SERIAL_NUMBER: "0123456749",
        NameOID.COMMON_NAME: COMPANY,
    }


def test_the_printed_table_is_a_key_without_a_warning(made):
    """What is printed goes into the configuration as it is, and the gateway's own rules find nothing to warn of."""
    folder, printed = made
    table = printed[printed.index("[keys.acme]") : printed.index("\nnote:")]
    source = check(KeySource, tomllib.loads(table)["keys"]["acme"])
    assert load_key("acme", source, {}, datetime.now(UTC)).warnings == ()
    assert source.pkcs12 == folder / "acme.pfx"


def test_for_chaman_holds_no_private_key(made):
    """Nothing in the folder, and no byte of the certificate, is the key's or the password's; the others are closed."""
    folder, _ = made
    password = (folder / "acme.pass").read_bytes().strip()
    key, _, _ = pkcs12.load_key_and_certificates((folder / "acme.pfx").read_bytes(), password)
    number = numbers(key).private_value
    secret = number.to_bytes((number.bit_length() + 7) // 8, "big")
    for path in (folder / "for-chaman").rglob("*"):
        content = path.read_bytes()
        assert b"PRIVATE KEY" not in content
        assert secret not in content
        assert password not in content
        x509.load_der_x509_certificate(content)
        with pytest.raises(ValueError, match=r".*"):
            pkcs12.load_key_and_certificates(content, password)
    assert {it.stat().st_mode & 0o777 for it in folder.iterdir() if it.is_file()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_overwritten(made, capsys):
    """A second pair of that name ends with 2, names the file, and leaves every byte as it was."""
    folder, _ = made
    before = {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()}
    assert execute(["cert", "new", "acme", *WORDS, "--directory", str(folder)]) == 2
    assert "exists, and nothing is overwritten" in capsys.readouterr().err
    assert {it: it.read_bytes() for it in folder.rglob("*") if it.is_file()} == before


@pytest.mark.parametrize("name", ["a.pfx", "a.cer", "for-chaman/a.cer"])
def test_all_files_are_written_or_none(name, tmp_path):
    """Whichever of the files is there already, none of the others appears, and nothing half-written is left."""
    contents = {PurePath(it): b"new" for it in ("a.pfx", "a.pass", "a.cer", "for-chaman/a.cer")}
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_new(tmp_path, contents)
    assert [it for it in tmp_path.rglob("*") if it.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_bytes() == b"old"


def test_files_are_closed_from_the_first_byte(tmp_path):
    """With a umask that closes nothing a file is 0600, since open(2) gets the mode; what is public is not."""
    before = os.umask(0)
    try:
        write_new(tmp_path, {PurePath("a.pfx"): b"1", PurePath("b.cer"): b"2"}, [PurePath("b.cer")])
    finally:
        os.umask(before)
    assert {it.name: it.stat().st_mode & 0o777 for it in tmp_path.iterdir()} == {"a.pfx": 0o600, "b.cer": 0o644}


@pytest.mark.parametrize("kind", [kind for kind in KEY_TYPES if kind not in ("rsa3072", "rsa4096")])
def test_each_kind_is_what_it_says(kind):
    """Size or curve, and the digest that goes with it; the two sizes of RSA that are left out differ by a number."""
    pair = new_pair(kind, "Acme", "0123456749", datetime.now(UTC), 1)
    digest = getattr(pair.certificate.signature_hash_algorithm, "name", None)
    if isinstance(pair.key, rsa.RSAPrivateKey):
        assert (f"rsa{pair.key.key_size}", digest) == (kind, "sha256")
    else:
        assert isinstance(pair.key, ec.EllipticCurvePrivateKey)
        assert {"p384": ("secp384r1", "sha384"), "p521": ("secp521r1", "sha512")}[kind] == (pair.key.curve.name, digest)


def test_without_a_terminal_what_is_missing_is_named(capsys, tmp_path):
    """Every missing argument at once, exit code 2, and no file."""
    assert execute(["cert", "new", "acme", "--directory", str(tmp_path)]) == 2
    complaint = capsys.readouterr().err
    assert "--company" in complaint
    assert "--enterprise-number" in complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--enterprise-number", "0123.456.748"], ["--company", "x" * 65],
        ["--company", "\u00e9" * 33], ["--company", " "], ["--days", "0"],
        ["--days", "4000"], ["--type", "rsa1024"], ["--type", "p256"], ["--company", "a\nb"],
    ],
)  # fmt: skip
def test_what_the_manual_or_x509_does_not_allow_is_wrong_use(words, capsys):
    """Such an argument ends with 2 before anything is made."""
    with pytest.raises(SystemExit) as end:
        execute(["cert", "new", "acme", *words])
    assert end.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_on_a_terminal_it_asks(tmp_path):
    """For what is missing, and once more where the answer will not do."""
    master, slave = pty.openpty()
    program = [sys.executable, "-m", "fla_gateway", "cert", "new", "--type", "p384", "--directory", str(tmp_path)]
    with subprocess.Popen(program, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.close(slave)
        os.write(master, b"acme\nAcme NV\n0123.456.748\n0123.456.749\n")
        out, err = process.communicate(timeout=PATIENCE)
    os.close(master)
    assert process.returncode == 0, err
    assert err.count("Enterprise number") == 2
    assert "look for a mistyped digit" in err
    assert (tmp_path / "acme.pfx").exists()
    assert "Acme NV (0123.456.749)" in out
