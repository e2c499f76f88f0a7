"""RSA keys loaded without OpenSSL's validation: proven by a signature instead, and refused for the true reason."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fla_gateway.config.schema import KeySource
from fla_gateway.keys import asn1
from fla_gateway.keys.files.private_key import is_consistent, is_valid
from fla_gateway.keys.load import load_key
from tests.support.keys import NOW, certificate_pem, make_certificate, make_rsa, pkcs12_bytes

WRONG = "its numbers do not fit together"
PARTS = ("n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp")
"""In the order of PKCS#1."""


def written(**changed: int) -> rsa.RSAPrivateKey:
    """Make a key of any numbers at all: written as PKCS#1 (RFC 8017, appendix A.1.2) and read again."""
    numbers = make_rsa().private_numbers()
    own = {name: getattr(numbers, name) for name in PARTS[2:]}
    values = {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e, **own, **changed}
    der = asn1.write(asn1.SEQUENCE, *(_integer(number) for number in (0, *values.values())))
    key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _integer(number: int) -> bytes:
    return asn1.write(asn1.INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def damaged(part: str) -> rsa.RSAPrivateKey:
    """Make a key with one number that is another one than it was."""
    numbers = make_rsa().private_numbers()
    good = getattr(numbers.public_numbers if part in {"n", "e"} else numbers, part)
    return written(**{part: good + 2})


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("password", [None, "geheim"])
def test_each_number_of_a_key_counts(folder, part, password) -> None:
    """Whichever number of a PEM key is damaged, with a password or without: it is the key that is, and nothing else."""
    folder.write("acme.cer", certificate_pem(make_certificate(make_rsa())))
    encryption = (
        serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password.encode())
    )
    form = serialization.PrivateFormat.PKCS8
    folder.write("acme.pem", damaged(part).private_bytes(serialization.Encoding.PEM, form, encryption))
    assert WRONG in folder.refused(pem="acme.pem", certificate="acme.cer", password=password).message


@pytest.mark.parametrize("part", ["p", "d", "iqmp"])
def test_a_damaged_key_in_a_pkcs12_file_is_no_wrong_password(folder, part) -> None:
    """The password opened it, so that the file is called damaged."""
    own = make_certificate(make_rsa())
    folder.write("acme.pfx", pkcs12_bytes(damaged(part), own, "geheim"))
    assert WRONG in folder.refused(pkcs12="acme.pfx", password="geheim").message


def test_factors_that_are_not_prime_sign_nothing_that_verifies(folder) -> None:
    """The one thing that no comparison of numbers shows is shown by the signature."""
    numbers = make_rsa().private_numbers()
    p, q, e = numbers.p, numbers.q, numbers.public_numbers.e
    composite = next(it for it in range(p + 2, p + 10_000, 2) if it % 3 == 0 and (it - 1) % e)
    d = pow(e, -1, (composite - 1) * (q - 1))
    key = written(
        n=composite * q, d=d, p=composite, dmp1=d % (composite - 1), dmq1=d % (q - 1), iqmp=pow(q, -1, composite)
    )
    assert is_consistent(key)
    assert not is_valid(key)
    form = serialization.PrivateFormat.PKCS8
    folder.write("acme.pem", key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    assert WRONG in folder.refused(pem="acme.pem").message


@pytest.mark.parametrize("form", ["pem", "pkcs12"])
def test_the_validation_is_what_costs(folder, form) -> None:
    """Without it a key is there in less than half of the processor's time, whatever the machine is busy with."""
    key = make_rsa()
    folder.write("acme.cer", certificate_pem(make_certificate(key)))
    plain = serialization.PrivateFormat.PKCS8
    folder.write("acme.pem", key.private_bytes(serialization.Encoding.PEM, plain, serialization.NoEncryption()))
    folder.write("acme.pfx", pkcs12_bytes(key, make_certificate(key), "geheim"))
    files = {"pem": "acme.pem", "certificate": "acme.cer"} if form == "pem" else {"pkcs12": "acme.pfx"}
    source = folder.source(password=None if form == "pem" else "geheim", **files)
    costs = {validate: min(_seconds(source, validate=validate) for _ in range(3)) for validate in (True, False)}
    assert costs[False] < costs[True] / 2


def _seconds(source: KeySource, *, validate: bool) -> float:
    began = time.thread_time()
    load_key("acme", source, {}, NOW, validate=validate)
    return time.thread_time() - began


def test_certificates_in_the_open_of_a_pkcs12_file_are_found(folder) -> None:
    """Some programs encrypt the key alone; such a file is opened part by part as well."""
    key = make_rsa()
    folder.write("key.pem", key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    folder.write("own.cer", certificate_pem(make_certificate(key)))
    folder.run("openssl pkcs12 -export -inkey key.pem -in own.cer -certpbe NONE -passout pass:geheim -out acme.pfx")
    source = folder.source(pkcs12="acme.pfx", password="geheim")
    assert folder.load(pkcs12="acme.pfx", password="geheim").certificate is not None
    assert min(_seconds(source, validate=False) for _ in range(3)) < min(
        _seconds(source, validate=True) for _ in range(3)
    )


def test_a_certificate_that_is_not_valid_yet_says_when_it_will_be(acme) -> None:
    """Nobody has to do anything about it, unlike about a certificate that breaks another rule as well."""
    facts = acme.load(pem="acme.pem", certificate="acme.cer").certificate
    assert facts is not None
    early = facts.not_before - timedelta(seconds=1)
    assert acme.refused(pem="acme.pem", certificate="acme.cer", now=early).valid_from == facts.not_before
    acme.write("other.cer", certificate_pem(make_certificate(make_rsa(2048, "other"))))
    assert acme.refused(pem="acme.pem", certificate="other.cer", now=early).valid_from is None
