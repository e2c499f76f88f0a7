"""`fla-gateway cert inspect` and `cert export`: what a file holds, in the words of manual and ChaMan."""

from __future__ import annotations

import base64
import errno
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from cryptography.x509.oid import NameOID

from fla_gateway.cli.main import execute
from fla_gateway.keys import asn1
from fla_gateway.keys.certificates.chaman_entry import chaman_entry, name_for_chaman
from fla_gateway.keys.certificates.issue import new_pair
from fla_gateway.keys.certificates.rule_report import VERDICTS
from tests.docs.pages import read
from tests.support.keys import (
    NOW,
    Issuer,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    pkcs12_bytes,
    write_private,
)
from tests.support.texts import texts
from tests.support.waiting import PATIENCE

PASSWORD = "a word"


@pytest.fixture(scope="module")
def pair():
    """A key and a certificate that keep every rule."""
    return new_pair("p384", "Acme NV", "0123456749", datetime.now(UTC), 730)


@pytest.fixture
def inspect(capsys):
    """Run the command; give exit code, standard output and standard error."""

    def run(*words):
        code = execute(["cert", "inspect", *map(str, words)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


@pytest.fixture
def as_json(inspect):
    """Run the command with --json; give the document, and the rules of its only identity by their names."""

    def run(*words):
        code, out, _ = inspect(*words, "--json")
        document = json.loads(out)
        assert document["ok"] is (code == 0)
        return document, {it["rule"]: it for it in document["identities"][0]["rules"]}

    return run


def bag(key, name):
    """Write a private key as a bag of a PKCS#12 file, under an alias."""
    value = asn1.write(0x31, asn1.write(0x1E, name.encode("utf-16-be")))
    kind = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010914"))
    attributes = asn1.write(0x31, asn1.write(asn1.SEQUENCE, kind, value))
    key_bag = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010c0a0101"))
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return asn1.write(asn1.SEQUENCE, key_bag, asn1.write(asn1.CONTEXT_0, der), attributes)


def certificate_bag(certificate):
    """Write a certificate as a bag of a PKCS#12 file."""
    der = certificate.public_bytes(Encoding.DER)
    x509_kind = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d01091601"))
    octets = asn1.write(asn1.CONTEXT_0, asn1.write(asn1.OCTET_STRING, der))
    kind = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010c0a0103"))
    return asn1.write(asn1.SEQUENCE, kind, asn1.write(asn1.CONTEXT_0, asn1.write(asn1.SEQUENCE, x509_kind, octets)))


def store(*bags):
    """Write a PKCS#12 file without encryption and without a checksum."""
    data = asn1.write(asn1.OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d010701"))

    def of_data(content):
        return asn1.write(asn1.SEQUENCE, data, asn1.write(asn1.CONTEXT_0, asn1.write(asn1.OCTET_STRING, content)))

    safe = asn1.write(asn1.SEQUENCE, of_data(asn1.write(asn1.SEQUENCE, *bags)))
    return asn1.write(asn1.SEQUENCE, asn1.write(asn1.INTEGER, b"\x03"), of_data(safe))


def test_a_pair_of_cert_new_is_beyond_reproach(pair, inspect, tmp_path):
    """Exit code 0: every rule holds, with thumbprints and ChaMan's words in ChaMan's order."""
    write_private(tmp_path / "acme.pfx", pkcs12_bytes(pair.key, pair.certificate, PASSWORD))
    word = write_private(tmp_path / "acme.pass", PASSWORD)
    code, out, err = inspect(tmp_path / "acme.pfx", "--password-file", word)
    assert (code, err) == (0, "")
    assert "FAILS" not in out
    assert "aliases of its private keys: acme" in out
    for digest in (hashes.SHA1(), hashes.SHA256()):  # noqa: S303 - an identifier
        assert pair.certificate.fingerprint(digest).hex(":").upper() in out
    thumbprint = base64.urlsafe_b64encode(pair.certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
    assert f"x5t#S256        {thumbprint}\n" in out
    screen = ["Certificaatnaam", "Bestandsnaam", "Eigenaar", "Onderneming", "Leverancier", "Vervaldatum"]
    assert re.findall(rf"^  ({'|'.join(screen)}) ", out, re.MULTILINE) == screen
    assert "no thumbprint" in out


def test_nothing_of_the_key_is_printed(pair, inspect, tmp_path):
    """Neither its number, in any usual form, nor the password, in text or JSON."""
    path = write_private(tmp_path / "acme.pfx", pkcs12_bytes(pair.key, pair.certificate, PASSWORD))
    word = write_private(tmp_path / "word", PASSWORD)
    number = pair.key.private_numbers().private_value
    octets = number.to_bytes(48, "big")
    secrets = (str(number), f"{number:x}", octets.hex(":"), base64.b64encode(octets).decode(), PASSWORD)
    for words in ((), ("--json",)):
        _, out, err = inspect(path, "--password-file", word, *words)
        assert not any(it.lower() in (out + err).lower() for it in secrets)


@pytest.mark.parametrize(
    "write",
    [
        lambda it: it.public_bytes(Encoding.DER),
        certificate_pem,
        lambda it: certificate_pem(it).decode().encode("utf-16"),
        lambda it: certificate_pem(it).replace(b"\n", b"\r\n"),
        lambda it: certificate_pem(it).replace(b"\n", b" "),
        lambda it: base64.b64encode(it.public_bytes(Encoding.DER)),
        lambda it: pkcs7.serialize_certificates([it], Encoding.DER),
        lambda it: pkcs7.serialize_certificates([it], Encoding.PEM),
    ],
    ids=["DER", "PEM", "UTF-16", "CRLF", "one line", "base64", "p7b", "p7b in PEM"],
)
def test_every_form_of_a_certificate_is_read(write, pair, as_json, tmp_path):
    """The same certificate comes out of each, without a private key, and that is no finding."""
    path = write_private(tmp_path / "acme.cer", write(pair.certificate))
    document, rules = as_json(path)
    (one,) = document["identities"]
    assert one["certificate"]["sha256"] == pair.certificate.fingerprint(hashes.SHA256()).hex()
    assert (document["kind"], one["private_key"], one["belongs_together"]) == ("certificates", False, None)
    assert {name: it["holds"] for name, it in rules.items()} == {
        "algorithm": True, "key-size": True, "digest": True, "key-usage": True, "subject": None,
        "pair": None, "validity": True,
    }  # fmt: skip


def sha1(key):
    """Make a certificate that says SHA-1."""
    return make_certificate(key, digest=hashes.SHA1())  # noqa: S303 - the very thing to be found


@pytest.mark.parametrize(
    ("key", "make", "rule", "code"),
    [
        (lambda: make_rsa(1024, "short"), make_certificate, "key-size", "rsa-too-short"),
        (lambda: make_ec(ec.SECP256R1()), make_certificate, "key-size", "curve-unusual"),
        (lambda: make_ec(ec.SECP256K1()), make_certificate, "key-size", "curve-unusable"),
        (ed25519.Ed25519PrivateKey.generate, make_certificate, "algorithm", "key-kind-unusable"),
        (make_rsa, sha1, "digest", "certificate-digest-unusual"),
        (make_ec, lambda it: make_certificate(it, key_usage=None), "key-usage", "certificate-usage-missing"),
        (make_ec, lambda it: make_certificate(it, key_usage="crl_sign"), "key-usage", "certificate-usage-unusual"),
        (make_ec, lambda it: make_certificate(it, not_after=NOW - timedelta(hours=1)), "validity",
         "certificate-expired"),
        (make_ec, lambda it: make_certificate(it, not_after=NOW + timedelta(days=9)), "validity",
         "certificate-expires-soon"),
        (make_ec, lambda it: make_certificate(it, not_before=NOW + timedelta(days=9)), "validity",
         "certificate-not-yet-valid"),
        (make_ec, lambda it: make_certificate(make_ec()), "pair", "certificate-of-another-key"),
        (make_ec, lambda it: make_certificate(it, subject=" "), "subject", "certificate-subject-empty"),
    ],
)  # fmt: skip
def test_each_rule_that_fails_is_named_with_what_becomes_of_it(key, make, rule, code, as_json, inspect, tmp_path):
    """Exit code 1, the rule, why, a cure, and what becomes of it; the other rules are judged as well."""
    made = key()
    path = write_private(tmp_path / "acme.pem", key_pem(made) + certificate_pem(make(made)))
    document, rules = as_json(path)
    failing = [it for it in rules.values() if it["holds"] is False and it["rule"] == rule]
    assert [(it["code"], it["gateway"], it["chaman"]) for it in failing] == [(code, *VERDICTS[code])]
    assert failing[0]["cure"]
    assert document["ok"] is False
    code, out, _ = inspect(path)
    assert code == 1
    assert out.count("FAILS") == sum(it["holds"] is False for it in rules.values())
    assert str(failing[0]["message"]) in out


def test_every_objection_of_the_rules_has_a_verdict():
    """Whatever `channel_rules` may say, the report knows what becomes of it."""
    said = {it.code for it in texts("keys") if it.kind == "Message" and "channel_rules.py" in it.place}
    assert said <= set(VERDICTS)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("RSA below 2048 bits", "rsa-too-short"),
        ("Ed25519, Ed448", "key-kind-unusable"),
        ("limited to a digest or salt", "rsa-pss-unusable"),
        ("is not valid yet", "certificate-not-yet-valid"),
        ("has expired", "certificate-expired"),
        ("expires within 60", "certificate-expires-soon"),
        ("no key usage", "certificate-usage-missing"),
        ("but not 2048, 3072 or 4096", "rsa-size-unusual"),
        ("| P-256 ", "curve-unusual"),
        ("spelled out instead of named", "certificate-curve-explicit"),
        ("SHA-1, MD5", "certificate-digest-unusual"),
        ("names no enterprise", "certificate-subject-empty"),
        ("| an RSASSA-PSS key |", "rsa-pss-key"),
    ],
)
def test_the_verdicts_are_those_of_the_documentation(row, code):
    """The two columns of docs/keys.md say what the report says."""
    table = read("docs/keys.md").partition("## Who judges")[2].partition("## ")[0]
    (line,) = [it for it in table.splitlines() if it.startswith("|") and row in it]
    _, _, gateway, chaman, _ = line.split("|")
    words = {
        "likely-refuses": "is likely to refuse",
        "may-take": "may take it",
        "takes": "takes it",
        "not-known": "not known",
    }
    verdict = VERDICTS[code]
    assert gateway.strip().startswith(verdict.gateway.partition("-")[0])
    assert chaman.strip().startswith(words.get(verdict.chaman, verdict.chaman))


def test_each_key_of_a_store_is_shown_with_its_alias(as_json, inspect, tmp_path):
    """Two keys: both are judged, each with its own certificate; --alias leaves one."""
    first, second = make_ec(), make_ec(ec.SECP521R1())
    ones = (make_certificate(first, subject="First"), make_certificate(second, subject="Second"))
    content = store(bag(first, "loket"), bag(second, "1"), *map(certificate_bag, ones))
    path = write_private(tmp_path / "many.p12", content)
    document, _ = as_json(path)
    assert document["aliases"] == ["loket", "1"]
    assert [(it["alias"], it["certificate"]["subject"]) for it in document["identities"]] == [
        ("loket", "CN=First"), ("1", "CN=Second"),
    ]  # fmt: skip
    assert document["identities"][0]["chaman"]["Certificaatnaam"].startswith("many-loket-")
    code, out, _ = inspect(path)
    assert (code, out.count("alias loket"), out.count("alias 1")) == (0, 1, 1)
    document, _ = as_json(path, "--alias", "1")
    assert [it["certificate"]["subject"] for it in document["identities"]] == ["CN=Second"]
    code, _, err = inspect(path, "--alias", "2")
    assert (code, "there are: loket, 1" in err) == (2, True)


def test_certificates_of_authorities_are_listed_and_not_judged(as_json, tmp_path):
    """Of a chain only the certificate at its end is judged: an authority signs no assertions."""
    root = make_rsa(2048, "authority")
    issuer = Issuer(make_certificate(root, subject="Some CA", key_usage="key_cert_sign"), root)
    leaf = make_certificate(make_ec(), issuer=issuer)
    path = write_private(tmp_path / "chain.p7b", pkcs7.serialize_certificates([issuer.certificate, leaf], Encoding.DER))
    document, _ = as_json(path)
    assert [it["certificate"]["subject"] for it in document["identities"]] == ["CN=Acme NV"]
    assert [it["subject"] for it in document["further_certificates"]] == ["CN=Some CA"]
    assert document["identities"][0]["chaman"]["Leverancier"] == "Some CA"


@pytest.mark.parametrize(
    ("authority", "holds"), [("GlobalSign GCC R45 PersonalSign 3 CA 2022", True), ("Some CA", None)]
)
def test_an_authority_is_compared_with_the_one_of_the_manual(authority, holds, as_json, tmp_path):
    """That of the manual holds; of another one it is not known, which is no finding."""
    issuer = Issuer(make_certificate(make_rsa(), subject=authority), make_rsa())
    path = write_private(tmp_path / "leaf.cer", certificate_pem(make_certificate(make_ec(), issuer=issuer)))
    document, rules = as_json(path)
    assert (document["ok"], rules["issuer"]["holds"], "subject" in rules) == (True, holds, False)
    assert (authority in rules["issuer"]["seen"]) is (holds is None)


def test_a_key_and_its_certificate_in_two_files(pair, as_json, tmp_path):
    """--certificate names the other one, and whether they belong together is said."""
    key = write_private(tmp_path / "acme.key", key_pem(pair.key))
    own = write_private(tmp_path / "acme.cer", certificate_pem(pair.certificate))
    other = write_private(tmp_path / "other.cer", certificate_pem(make_certificate(make_ec())))
    assert [as_json(key, "--certificate", it)[0]["identities"][0]["belongs_together"] for it in (own, other)] == [
        True, False,
    ]  # fmt: skip
    _, rules = as_json(key)
    assert (rules["algorithm"]["holds"], rules["digest"]["holds"], rules["pair"]["holds"]) == (True, None, None)


@pytest.mark.needs_program("openssl")
def test_the_library_does_not_speak_beside_the_command(tmp_path):
    """A certificate whose serial number is zero is read without a warning of Python's, in a process of its own."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout /dev/null -set_serial 0 -subj /CN=A"
    path = tmp_path / "zero.crt"
    subprocess.run(["/usr/bin/env", "openssl", *words.split(), "-out", path], check=True, capture_output=True)
    program = [sys.executable, "-m", "fla_gateway", "cert", "inspect", str(path)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"kty":"EC","crv":"P-384","x":"a","y":"b","d":"c"}', "node -e"),
        (b"<RSAKeyValue><Modulus>AQ==</Modulus><D>AQ==</D></RSAKeyValue>", "XML of .NET"),
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "keytool -importkeystore"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nYQ==\n-----END OPENSSH PRIVATE KEY-----\n", "ssh-keygen -p"),
        (b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "public key only"),
        (b"", "is empty"),
        (b"\x00\xff\x00\xff", "no key file that is known here"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "cut off"),
    ],
)
def test_what_is_not_read_is_named_with_its_cure(content, said, inspect, tmp_path):
    """Exit code 2, and for a key of another program the command that converts it."""
    code, out, err = inspect(write_private(tmp_path / "it's a key", content))
    assert (code, out) == (2, "")
    assert said in err


def test_a_missing_or_wrong_password_is_wrong_use(pair, inspect, tmp_path):
    """Without a terminal it says which option; a wrong one is called wrong."""
    path = write_private(
        tmp_path / "acme.pem", key_pem(pair.key, password=PASSWORD) + certificate_pem(pair.certificate)
    )
    code, _, err = inspect(path)
    assert (code, "--password-file" in err) == (2, True)
    wrong = write_private(tmp_path / "wrong", "another")
    code, _, err = inspect(path, "--password-file", wrong)
    assert (code, "is wrong" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["acme.cer", "--certificate", "acme.cer"], "holds no private key"),
        (["acme.cer", "--alias", "x"], "is no PKCS#12 file"),
        (["no-such-file"], "does not exist (check the path)"),
        (["locked.pem", "--password-file", "empty"], "into the file of --password-file"),
        (["."], "is a directory"),
    ],
)
def test_a_cure_speaks_of_the_command_line(words, said, pair, inspect, monkeypatch, tmp_path):
    """There is no configuration to mend; an option that does not fit the file is wrong use, and never passed over."""
    monkeypatch.chdir(tmp_path)
    write_private(tmp_path / "acme.cer", certificate_pem(pair.certificate))
    write_private(tmp_path / "locked.pem", key_pem(pair.key, password=PASSWORD))
    write_private(tmp_path / "empty", "\n")
    code, out, err = inspect(*words)
    assert (code, out, said in err) == (2, "", True), err


@pytest.mark.parametrize(
    ("typed", "code", "said"), [(PASSWORD, 0, "Nothing found"), ("another one", 2, "the layout of the keyboard")]
)
def test_on_a_terminal_the_password_is_asked_for(typed, code, said, pair, tmp_path):
    """It is not shown, and not among the arguments; of a wrong one no file is blamed."""
    path = write_private(
        tmp_path / "acme.pem", key_pem(pair.key, password=PASSWORD) + certificate_pem(pair.certificate)
    )
    master, slave = pty.openpty()
    program = [sys.executable, "-m", "fla_gateway", "cert", "inspect", str(path)]
    with subprocess.Popen(
        program, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        os.close(slave)
        assert process.stderr is not None
        asked = process.stderr.read(len("Password of "))  # what is typed before it is thrown away
        os.write(master, f"{typed}\n".encode())
        out, err = process.communicate(timeout=PATIENCE)
    os.close(master)
    assert (process.returncode, said in out + err) == (code, True), err
    assert asked == "Password of "
    assert typed not in out + err


def test_a_key_that_others_can_read_is_a_finding(pair, inspect, tmp_path):
    """The rules hold, and yet it ends with 1; a certificate may be read by all."""
    key = write_private(tmp_path / "acme.pem", key_pem(pair.key) + certificate_pem(pair.certificate))
    key.chmod(0o644)
    code, out, _ = inspect(key)
    assert (code, "can be read by other users" in out) == (1, True)
    certificate = write_private(tmp_path / "acme.cer", certificate_pem(pair.certificate))
    certificate.chmod(0o644)
    assert inspect(certificate)[0] == 0


def test_what_chaman_shows_is_as_in_the_manual():
    """Common name, organization and issuer of the subject, and the Dutch date of the example."""
    issuer = Issuer(make_certificate(make_ec(), subject="GlobalSign GCC R45 PersonalSign 3 CA 2022"), make_ec())
    own = make_certificate(
        make_ec(), subject="Stevei", issuer=issuer, not_before=datetime(2024, 9, 1, tzinfo=UTC),
        not_after=datetime(2025, 9, 29, 12, tzinfo=UTC),
    )  # fmt: skip
    assert chaman_entry(Path("REST_Certificate.cer"), own).members() == {
        "Certificaatnaam": "REST_Certificate-2025-09", "Bestandsnaam": "REST_Certificate.cer", "Eigenaar": "Stevei",
        "Onderneming": "", "Leverancier": "GlobalSign GCC R45 PersonalSign 3 CA 2022",
        "Vervaldatum": "29 september 2025",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("acme.pfx", "acme-2028-11"), ("acme-2028-11.cer", "acme-2028-11"),
        ("Onze sleutel (1).p12", "Onze-sleutel-1-2028-11"),
        ("clé.p12", "cl-2028-11"), (".p12", "p12-2028-11"), ("€.p12", "certificate-2028-11"),
        ("x" * 90, "x" * 48 + "-2028-11"),
    ],
)  # fmt: skip
def test_the_proposed_name_is_short_and_plain(name, proposed):
    """Month and year once, and no character that a form may refuse."""
    end = datetime(2028, 11, 29, tzinfo=UTC)
    assert name_for_chaman(Path(name), make_certificate(make_ec(), not_after=end)) == proposed


@pytest.fixture
def export(capsys, monkeypatch, tmp_path):
    """Run `cert export` in an empty folder; give exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = execute(["cert", "export", *map(str, words)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


@pytest.mark.parametrize("form", ["pfx", "pem", "locked"])
def test_the_certificate_is_exported_alone(form, pair, export, tmp_path):
    """DER, as ChaMan takes it, under the proposed name; a locked PEM needs no password, since its key is not opened."""
    whole = certificate_pem(pair.certificate)
    content = {
        "pfx": pkcs12_bytes(pair.key, pair.certificate),
        "pem": key_pem(pair.key) + whole,
        "locked": key_pem(pair.key, password=PASSWORD) + whole,
    }[form]
    path = write_private(tmp_path / "acme.key", content)
    code, out, err = export(path)
    name = f"acme-{pair.certificate.not_valid_after_utc:%Y-%m}"
    assert (code, err) == (0, "")
    made = tmp_path / f"{name}.cer"
    assert made.read_bytes() == pair.certificate.public_bytes(Encoding.DER)
    assert made.stat().st_mode & 0o777 == 0o644
    assert f"Certificaatnaam: {name}\n" in out


def test_export_never_overwrites(pair, export, tmp_path):
    """Not a file, not what a link leads to; exit code 2, and nothing is left behind."""
    path = write_private(tmp_path / "acme.pem", certificate_pem(pair.certificate))
    (tmp_path / "other").mkdir()
    (tmp_path / "link.cer").symlink_to(tmp_path / "other" / "target")
    (tmp_path / "there.cer").write_bytes(b"mine")
    for name in ("link.cer", "there.cer"):
        code, _, err = export(path, "-o", name)
        assert (code, "exists, and nothing is overwritten" in err) == (2, True)
    assert (tmp_path / "there.cer").read_bytes() == b"mine"
    assert export(path, "--output", "other")[0] == 0
    assert [it.name for it in (tmp_path / "other").iterdir()] == [
        f"acme-{pair.certificate.not_valid_after_utc:%Y-%m}.cer"
    ]
    assert {it.name for it in tmp_path.iterdir()} == {"acme.pem", "other", "link.cer", "there.cer"}


def test_of_several_keys_export_wants_the_alias(export, tmp_path):
    """Exit code 2 lists them; with one of them its certificate is written."""
    first, second = make_ec(), make_ec()
    ones = (make_certificate(first, subject="First"), make_certificate(second, subject="Second"))
    path = write_private(tmp_path / "many.p12", store(bag(first, "a"), bag(second, "b"), *map(certificate_bag, ones)))
    code, _, err = export(path)
    assert (code, "--alias: a, b" in err) == (2, True)
    assert export(path, "--alias", "b", "-o", "b.cer")[0] == 0
    made = x509.load_der_x509_certificate((tmp_path / "b.cer").read_bytes())
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Second"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: key_pem(make_ec()), "holds no certificate"),
        (lambda: certificate_pem(make_certificate(make_ec()), make_certificate(make_ec())), "certificate"),
        (lambda: key_pem(make_ec()) + certificate_pem(*(make_certificate(make_ec()) for _ in range(2))), "belongs to"),
    ],
    ids=["a key alone", "two certificates", "of other keys"],
)
def test_export_refuses_what_is_unclear(content, said, export, tmp_path):
    """No certificate, several, or those of another key: exit code 2, and no file."""
    path = write_private(tmp_path / "acme.pem", content())
    code, _, err = export(path)
    assert (code, said in err) == (2, True), err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("place", "said"),
    [("acme.pem/x.cer", errno.ENOTDIR), ("/proc/x.cer", errno.ENOENT), ("x" * 300, errno.ENAMETOOLONG)],
)
def test_a_place_that_cannot_be_written_is_named(place, said, pair, export, tmp_path):
    """With the system's reason, exit code 2, and no part of a file is left."""
    path = write_private(tmp_path / "acme.pem", certificate_pem(pair.certificate))
    code, _, err = export(path, "-o", place)
    assert (code, os.strerror(said) in err) == (2, True), err
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_nothing(pair, export, tmp_path):
    """What was begun is taken away again."""
    path = write_private(tmp_path / "acme.pem", certificate_pem(pair.certificate))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        code, _, err = export(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)
    assert (code, os.strerror(errno.EFBIG) in err) == (2, True), err
    assert list(tmp_path.iterdir()) == [path]
