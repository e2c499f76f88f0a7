"""The rules of the channel, applied while loading."""

from __future__ import annotations

import itertools
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from fla_gateway.keys.load import load_key
from tests.keys.conftest import KeyFolder
from tests.support.keys import (
    NOW,
    YEAR,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
)


def _self_signed(folder, key, **options):
    folder.write("key.pem", key_pem(key) + certificate_pem(make_certificate(key, **options)))


KEY = make_ec()
"""Where its kind does not count: it is validated in a hundredth of the time that RSA takes."""
BREACHES = [
    (make_rsa(2056), {}, "RSA with 2056 bits"),
    (make_ec(ec.SECP256R1()), {}, "secp256r1"),
    (make_rsa(), {"digest": hashes.SHA1()}, "SHA-1"),  # noqa: S303 - the very thing to be found
    (KEY, {"key_usage": None}, "states no key usage"),
    (KEY, {"key_usage": "key_encipherment"}, "does not include Digital Signature"),
]
BREACH_NAMES = ["RSA 2056", "P-256", "SHA-1", "no key usage", "other key usage"]


@pytest.mark.parametrize("issued", [False, True], ids=["self-signed", "issued by a CA"])
@pytest.mark.parametrize(("key", "options", "sentence"), BREACHES, ids=BREACH_NAMES)
def test_what_chaman_alone_can_judge_is_a_warning(folder, authority, key, options, sentence, issued) -> None:
    """A key or certificate that the manual does not ask for is used, with its own warning, whoever issued it."""
    _self_signed(folder, key, issuer=authority if issued else None, **options)
    warning = str(*folder.load(pem="key.pem").warnings)
    assert sentence in warning


def test_every_breach_is_named_at_once(folder) -> None:
    """Several breaches are told together, so that one new certificate cures them all."""
    _self_signed(folder, make_rsa(2056), key_usage=None)
    warnings = folder.load(pem="key.pem").warnings
    assert len(warnings) == 2
    assert "RSA with 2056 bits" in str(warnings[0])
    assert "states no key usage" in str(warnings[1])


@pytest.mark.parametrize("bits", [2048, 3072])
def test_rsa_of_the_manual_is_accepted(folder, bits) -> None:
    """RSA keys of the manual's lengths are loaded (4096 bits is covered in test_rules, without the wait)."""
    _self_signed(folder, make_rsa(bits))
    assert folder.load(pem="key.pem").warnings == ()


def test_short_rsa_is_refused_even_from_a_ca(folder, authority) -> None:
    """RSA 1024 is unsafe whoever issued the certificate."""
    _self_signed(folder, make_rsa(1024), issuer=authority)
    assert "too short to be safe" in folder.refused(pem="key.pem").message


@pytest.mark.parametrize(
    "key",
    [make_ec(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()],
    ids=["secp256k1", "Ed25519"],
)
def test_keys_without_an_algorithm_are_refused_even_from_a_ca(folder, authority, key) -> None:
    """A key for which the channel and JWS share no algorithm is refused, whoever issued the certificate."""
    _self_signed(folder, key, issuer=authority)
    assert "the key is o" in folder.refused(pem="key.pem").message


def test_key_rules_hold_without_a_certificate(folder) -> None:
    """A key without a certificate that the manual does not ask for is used with two warnings, and its algorithm."""
    folder.write("key.pem", key_pem(make_ec(ec.SECP256R1())))
    loaded = folder.load(pem="key.pem")
    assert loaded.signer.algorithms == ("ES256",)
    assert "P-384 or P-521" in str(loaded.warnings[0])
    assert "holds no certificate" in str(loaded.warnings[1])


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("form", ["SEC1", "PKCS8"])
def test_explicit_curve_is_a_warning(folder, form) -> None:
    """A key whose curve is spelled out with the numbers of P-384 signs as P-384 does."""
    folder.run("openssl ecparam -name secp384r1 -param_enc explicit -genkey -noout -out SEC1.pem")
    folder.run("openssl pkcs8 -topk8 -nocrypt -in SEC1.pem -out PKCS8.pem")
    loaded = folder.load(pem=f"{form}.pem")
    assert loaded.signer.algorithms == ("ES384",)
    assert "spells its elliptic curve out" in str(loaded.warnings[0])


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("curve", ["brainpoolP384r1", "secp256k1"])
def test_explicit_curve_without_an_algorithm_is_refused(folder, curve) -> None:
    """A curve that is spelled out and is none that JWS knows is refused for that."""
    folder.run(f"openssl ecparam -name {curve} -param_enc explicit -genkey -noout -out key.pem")
    message = folder.refused(pem="key.pem").message
    assert "spells its elliptic curve out" in message or "for which RFC 7518 has no algorithm" in message


@pytest.mark.needs_program("openssl")
def test_explicit_curve_in_the_certificate_is_a_warning(folder) -> None:
    """Where the key is encrypted and cannot be looked into, its certificate betrays the explicit curve."""
    folder.run("openssl ecparam -name secp384r1 -param_enc explicit -genkey -noout -out open.pem")
    folder.run("openssl pkcs8 -topk8 -in open.pem -out key.pem -passout pass:abcd")
    usage = "-addext keyUsage=digitalSignature"
    folder.run(f"openssl req -x509 -key open.pem -out acme.cer -subj /CN=Acme -days 99 {usage}")
    loaded = folder.load(pem="key.pem", certificate="acme.cer", password="abcd", now=folder.later(hours=1))
    assert any("the certificate spells its elliptic curve out" in str(warning) for warning in loaded.warnings)


@pytest.mark.parametrize("issued", [False, True], ids=["self-signed", "issued by a CA"])
def test_an_end_that_has_passed_is_a_warning(folder, authority, issued) -> None:
    """The key of an expired certificate is used: it may have been certified anew, which only ChaMan knows."""
    _self_signed(folder, KEY, issuer=authority if issued else None)
    warning = str(*folder.load(pem="key.pem", now=NOW + YEAR + timedelta(seconds=1)).warnings)
    assert "expired on" in warning


@pytest.mark.parametrize("issued", [False, True], ids=["self-signed", "issued by a CA"])
@pytest.mark.parametrize("usage", [None, "digital_signature"], ids=["deviates", "good"])
def test_a_certificate_that_is_not_valid_yet_is_refused_until_its_time(folder, authority, issued, usage) -> None:
    """The refusal carries the moment from which the key can be used without anything being done."""
    start = NOW + timedelta(days=2)
    _self_signed(folder, KEY, issuer=authority if issued else None, not_before=start, key_usage=usage)
    refused = folder.refused(pem="key.pem")
    assert "valid only from" in refused.message
    assert refused.valid_from == start
    folder.load(pem="key.pem", now=start)


def test_of_several_certificates_one_whose_time_has_come_is_taken(folder) -> None:
    """A renewed certificate that waits for its time in the same file does not stop the one that is valid now."""
    old = make_certificate(KEY, subject="Old", not_after=NOW + timedelta(days=90))
    new = make_certificate(KEY, subject="New", not_before=NOW + timedelta(days=80))
    far = make_certificate(KEY, subject="Far", not_before=NOW + timedelta(days=800), not_after=NOW + 3 * YEAR)
    folder.write("key.pem", key_pem(KEY) + certificate_pem(far, new, old))
    for days, subject in ((0, "CN=Old"), (85, "CN=New"), (95, "CN=New")):
        loaded = folder.load(pem="key.pem", now=NOW + timedelta(days=days))
        assert loaded.certificate is not None
        assert loaded.certificate.subject == subject
    folder.write("key.pem", key_pem(KEY) + certificate_pem(far, new))
    assert folder.refused(pem="key.pem").valid_from == NOW + timedelta(days=80)


def test_coming_expiry_is_a_warning(folder) -> None:
    """Less than 60 days before its end the certificate is used with a warning."""
    _self_signed(folder, KEY)
    warning = str(*folder.load(pem="key.pem", now=NOW + YEAR - timedelta(days=20)).warnings)
    assert "expires within 30 days" in warning


@cache
def _generated(algorithm: str, options: str = "") -> bytes:
    """Have OpenSSL make a key, once for all tests, since making is slow."""
    with TemporaryDirectory() as folder:
        command = f"openssl genpkey -algorithm {algorithm} -pkeyopt rsa_keygen_bits:2048 {options} -out key.pem"
        KeyFolder(Path(folder)).run(command)
        return (Path(folder) / "key.pem").read_bytes()


def _limited(digest: str, salt: int) -> str:
    options = (f"rsa_pss_keygen_md:{digest}", f"rsa_pss_keygen_mgf1_md:{digest}", f"rsa_pss_keygen_saltlen:{salt}")
    return " ".join(f"-pkeyopt {option}" for option in options)


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize(
    ("options", "algorithms"),
    [("", ("PS256", "PS384", "PS512")), (_limited("sha384", 48), ("PS384",)), (_limited("sha256", 20), ("PS256",))],
    ids=["without parameters", "SHA-384", "SHA-256"],
)
def test_rsassa_pss_keys_never_sign_rs256(folder, options, algorithms) -> None:
    """An RSASSA-PSS key signs with what its own parameters allow, and says so; its certificate is enough to know."""
    folder.write("key.pem", _generated("RSA-PSS", options))
    usage = "-addext keyUsage=digitalSignature"
    folder.run(f"openssl req -x509 -key key.pem -out acme.cer -subj /CN=Acme -days 99 {usage}")
    folder.run("openssl pkcs8 -topk8 -in key.pem -out encrypted.pem -passout pass:abcd")
    folder.run("openssl pkcs12 -export -inkey key.pem -in acme.cer -out acme.pfx -passout pass:abcd")
    files = (
        {"pem": "key.pem"},
        {"pem": "encrypted.pem", "certificate": "acme.cer", "password": "abcd"},
        {"pkcs12": "acme.pfx", "password": "abcd"},
    )
    for form, validate in itertools.product(files, (True, False)):
        source = folder.source(**form)
        loaded = load_key("acme", source, {}, folder.later(hours=1), validate=validate)
        assert loaded.signer.algorithms == algorithms
        assert f"an RSASSA-PSS key: it signs with {algorithms[0]}" in str(loaded.warnings[0])


STORE = "openssl pkcs12 -export -nocerts -inkey key.pem -out key.p12 -provider default -provider legacy"
PEM = "openssl pkcs8 -topk8 -in key.pem -out encrypted.pem -passout pass:abcd -provider default -provider legacy"
HIDING = {
    "PKCS#12": f"{STORE} -passout pass:abcd",
    "PKCS#12, encrypted with an empty password": f"{STORE} -passout pass:",
    "PKCS#12, in the open": f"{STORE} -keypbe NONE -passout pass:abcd",
    "PKCS#12, without a MAC": f"{STORE} -nomac -passout pass:abcd",
    **{
        f"PKCS#12, {scheme}": f"{STORE} -keypbe {scheme} -passout pass:abcd"
        for scheme in ("PBE-SHA1-3DES", "PBE-SHA1-2DES", "PBE-SHA1-RC4-128", "PBE-SHA1-RC4-40", "camellia-256-cbc")
    },
    "PKCS#12, PBE-SHA1-3DES with an empty password": f"{STORE} -keypbe PBE-SHA1-3DES -passout pass:",
    "PEM": PEM,
    "PEM, scrypt": f"{PEM} -scrypt",
    **{f"PEM, {scheme}": f"{PEM} -v1 {scheme}" for scheme in ("PBE-MD5-DES", "PBE-SHA1-DES", "PBE-SHA1-3DES")},
    **{
        f"PEM, {cipher}": f"{PEM} -v2 {cipher}"
        for cipher in ("aes128", "des3", "camellia-128-cbc", "seed-cbc", "bf-cbc", "des-cbc", "sm4-cbc")
    },
    "PEM, HMAC with SHA-512/256": f"{PEM} -v2 aes256 -v2prf hmacWithSHA512-256",
}


_ORDINARY = (HIDING["PKCS#12"], HIDING["PEM"])


def _made(folder, command: str) -> None:
    """Run OpenSSL; a version that lacks the cipher is no finding."""
    try:
        folder.run(command)
    except subprocess.CalledProcessError:
        pytest.skip("this OpenSSL does not make it")


def _only_file(folder, command: str, password: str) -> dict[str, str]:
    kind, name = ("pkcs12", "key.p12") if "pkcs12" in command else ("pem", "encrypted.pem")
    return {kind: name, "password": password}


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("command", HIDING.values(), ids=HIDING)
@pytest.mark.parametrize(("algorithm", "first"), [("RSA-PSS", "PS256"), ("RSA", "RS256")])
def test_without_a_certificate_the_file_says_what_an_rsa_key_may_sign(folder, command, algorithm, first) -> None:
    """An encrypted key is looked into: an RSASSA-PSS key must not sign RS256 for want of a certificate."""
    folder.write("key.pem", _generated(algorithm))
    _made(folder, command)
    source = folder.source(**_only_file(folder, command, "" if command.endswith("pass:") else "abcd"))
    # The primes are what takes long to validate: of an ordinary key, once for each kind of file.
    for validate in (True, False) if algorithm == "RSA-PSS" or command in _ORDINARY else (False,):
        assert load_key("acme", source, {}, NOW, validate=validate).signer.algorithms[0] == first


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("command", [f"{PEM} -v2 cast5-cbc", f"{PEM} -v2 aes-256-cfb", f"{PEM} -v1 PBE-SHA1-RC2-40"])
def test_an_rsa_key_whose_kind_is_hidden_needs_its_certificate(folder, command) -> None:
    """A cipher that only OpenSSL decrypts leaves open which kind of RSA key it is; the certificate says it."""
    folder.write("key.pem", _generated("RSA-PSS"))
    folder.run("openssl req -x509 -key key.pem -out acme.cer -subj /CN=Acme -days 99 -addext keyUsage=digitalSignature")
    _made(folder, command)
    assert (
        "hides whether its RSA key is an RSASSA-PSS key" in folder.refused(pem="encrypted.pem", password="abcd").message
    )
    loaded = folder.load(pem="encrypted.pem", certificate="acme.cer", password="abcd", now=folder.later(hours=1))
    assert loaded.signer.algorithms[0] == "PS256"


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize(("digest", "salt"), [("sha1", 20), ("sha224", 28), ("sha256", 64)])
def test_rsassa_pss_keys_for_what_jws_lacks_are_refused(folder, digest, salt) -> None:
    """Parameters that rule out every algorithm of JWS leave nothing to sign with."""
    folder.write("key.pem", _generated("RSA-PSS", _limited(digest, salt)))
    assert "no JWS algorithm uses" in folder.refused(pem="key.pem").message
