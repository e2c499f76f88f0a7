"""The rules of the channel, applied while loading."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

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


BREACHES = [
    (make_rsa(2056), {}, "RSA with 2056 bits"),
    (make_ec(ec.SECP256R1()), {}, "secp256r1"),
    (make_rsa(), {"digest": hashes.SHA1()}, "SHA-1"),  # noqa: S303 - the very thing to be found
    (make_rsa(), {"key_usage": None}, "states no key usage"),
    (make_rsa(), {"key_usage": "key_encipherment"}, "does not include Digital Signature"),
]
BREACH_NAMES = ["RSA 2056", "P-256", "SHA-1", "no key usage", "other key usage"]


@pytest.mark.parametrize(("key", "options", "sentence"), BREACHES, ids=BREACH_NAMES)
def test_breach_of_a_rule_is_refused_when_self_signed(folder, key, options, sentence) -> None:
    """The manual's rules bind a self-signed certificate: a breach is refused with its own sentence."""
    _self_signed(folder, key, **options)
    assert sentence in folder.refused(pem="key.pem").message


@pytest.mark.parametrize(("key", "options", "sentence"), BREACHES, ids=BREACH_NAMES)
def test_breach_of_a_rule_is_a_warning_when_a_ca_issued(folder, authority, key, options, sentence) -> None:
    """For a certificate that a CA issued the same deviation is a warning, and the key is used."""
    _self_signed(folder, key, issuer=authority, **options)
    (warning,) = folder.load(pem="key.pem").warnings
    assert sentence in warning


def test_every_breach_is_named_at_once(folder) -> None:
    """Several breaches are told together, so that one new certificate cures them all."""
    _self_signed(folder, make_rsa(2056), key_usage=None)
    refused = folder.refused(pem="key.pem")
    assert "RSA with 2056 bits" in refused.message
    assert "states no key usage" in refused.message


def test_one_cure_is_told_once(folder) -> None:
    """Where one cure is the beginning of another that says more, only the longer one is told."""
    _self_signed(folder, make_rsa(), digest=hashes.SHA1(), key_usage=None)  # noqa: S303 - the very thing to be found
    cure = folder.refused(pem="key.pem").cure
    assert cure.count("make a new certificate for the key") == 1
    assert cure.endswith("-addext keyUsage=critical,digitalSignature")


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
    """Without a certificate nobody knows of a CA, so a key that deviates is refused."""
    folder.write("key.pem", key_pem(make_ec(ec.SECP256R1())))
    assert "P-384 or P-521" in folder.refused(pem="key.pem").message


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("form", ["SEC1", "PKCS8"])
def test_explicit_curve_is_refused(folder, form) -> None:
    """A key whose curve is spelled out is refused, though its numbers are those of P-384."""
    folder.run("openssl ecparam -name secp384r1 -param_enc explicit -genkey -noout -out SEC1.pem")
    folder.run("openssl pkcs8 -topk8 -nocrypt -in SEC1.pem -out PKCS8.pem")
    assert "spells its elliptic curve out" in folder.refused(pem=f"{form}.pem").message


@pytest.mark.needs_program("openssl")
def test_explicit_curve_in_the_certificate_is_refused(folder) -> None:
    """Where the key is encrypted and cannot be looked into, its certificate betrays the explicit curve."""
    folder.run("openssl ecparam -name secp384r1 -param_enc explicit -genkey -noout -out open.pem")
    folder.run("openssl pkcs8 -topk8 -in open.pem -out key.pem -passout pass:abcd")
    usage = "-addext keyUsage=digitalSignature"
    folder.run(f"openssl req -x509 -key open.pem -out acme.cer -subj /CN=Acme -days 9 {usage}")
    refused = folder.refused(pem="key.pem", certificate="acme.cer", password="abcd")
    assert "the certificate spells its elliptic curve out" in refused.message


@pytest.mark.parametrize("issued", [False, True], ids=["self-signed", "issued by a CA"])
@pytest.mark.parametrize(
    ("moment", "sentence"),
    [(NOW + YEAR + timedelta(seconds=1), "expired on"), (NOW - timedelta(days=2), "valid only from")],
    ids=["expired", "not yet valid"],
)
def test_validity_is_never_a_matter_of_opinion(folder, authority, moment, sentence, issued) -> None:
    """An expired certificate and one that is not yet valid are refused, whoever issued them."""
    _self_signed(folder, make_rsa(), issuer=authority if issued else None)
    assert sentence in folder.refused(pem="key.pem", now=moment).message


def test_coming_expiry_is_a_warning(folder) -> None:
    """Less than 60 days before its end the certificate is used with a warning."""
    _self_signed(folder, make_rsa())
    (warning,) = folder.load(pem="key.pem", now=NOW + YEAR - timedelta(days=20)).warnings
    assert "expires within 30 days" in warning
