from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from fla_gateway.keys.certificates import channel_rules
from tests.support.keys import NOW, Issuer, make_certificate, make_ec, make_rsa

SECOND = timedelta(seconds=1)


def _certificate_with_sha1():
    return make_certificate(make_rsa(), digest=hashes.SHA1())  # noqa: S303 - the very thing to be found


def _rsa_public(bits):
    """An RSA public key of so many bits, without the wait for primes: only its length is judged."""
    return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1).public_key()


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_rsa_lengths_of_the_manual_are_accepted(bits) -> None:
    """RSA with 2048, 3072 or 4096 bits obeys every rule for keys."""
    assert channel_rules.unusable_key(_rsa_public(bits)) is None
    assert channel_rules.key_deviation(_rsa_public(bits)) is None


@pytest.mark.parametrize("bits", [2056, 3000, 8192])
def test_other_safe_rsa_lengths_deviate(bits) -> None:
    """A longer or odd RSA key is safe, but not what the manual asks for."""
    assert channel_rules.unusable_key(_rsa_public(bits)) is None
    assert f"RSA with {bits} bits" in str(channel_rules.key_deviation(_rsa_public(bits)))


@pytest.mark.parametrize("bits", [1024, 2047])
def test_short_rsa_is_refused(bits) -> None:
    """RSA below 2048 bits is refused, whoever issued the certificate."""
    assert "too short" in str(channel_rules.unusable_key(_rsa_public(bits)))


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=["P-384", "P-521"])
def test_curves_of_the_manual_are_accepted(curve) -> None:
    """P-384 and P-521 obey every rule for keys."""
    key = make_ec(curve).public_key()
    assert channel_rules.unusable_key(key) is None
    assert channel_rules.key_deviation(key) is None


def test_p256_deviates() -> None:
    """P-256 can sign, but is not what the manual asks for."""
    key = make_ec(ec.SECP256R1()).public_key()
    assert channel_rules.unusable_key(key) is None
    deviation = channel_rules.key_deviation(key)
    assert "secp256r1 and signs with ES256" in str(deviation)


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.BrainpoolP384R1(), ec.SECP224R1()], ids=lambda curve: curve.name)
def test_other_curves_are_refused(curve) -> None:
    """A curve for which JWS has no algorithm here is refused by name."""
    assert curve.name in str(channel_rules.unusable_key(make_ec(curve).public_key()))


def test_ed25519_is_refused() -> None:
    """Ed25519 is refused by name."""
    assert "Ed25519" in str(channel_rules.unusable_key(ed25519.Ed25519PrivateKey.generate().public_key()))


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda digest: digest.name)
def test_digests_of_the_manual_are_accepted(digest) -> None:
    """SHA-256, SHA-384 and SHA-512 with Digital Signature leave nothing to say."""
    assert channel_rules.certificate_deviations(make_certificate(make_rsa(), digest=digest)) == ()


def test_sha1_deviates() -> None:
    """A SHA-1 signature is named."""
    (deviation,) = channel_rules.certificate_deviations(_certificate_with_sha1())
    assert "signed with SHA-1;" in deviation.message


def test_signature_without_a_digest_deviates() -> None:
    """A certificate signed with Ed25519 has none of the digests that the manual asks for."""
    authority = ed25519.Ed25519PrivateKey.generate()
    issuer = Issuer(make_certificate(authority, subject="CA"), authority)
    (deviation,) = channel_rules.certificate_deviations(make_certificate(make_rsa(), issuer=issuer))
    assert "without a known digest" in deviation.message


@pytest.mark.parametrize(
    ("key_usage", "sentence"),
    [
        (None, "states no key usage"),
        ("key_encipherment", "does not include Digital Signature"),
        ("content_commitment", "does not include Digital Signature"),
    ],
)
def test_key_usage_without_digital_signature_deviates(key_usage, sentence) -> None:
    """A missing key usage and one without Digital Signature are told apart."""
    (deviation,) = channel_rules.certificate_deviations(make_certificate(make_rsa(), key_usage=key_usage))
    assert sentence in deviation.message


def test_key_usage_may_hold_more() -> None:
    """Digital Signature beside other usages is enough, as CAs issue it."""
    usage = "digital_signature key_encipherment"
    assert channel_rules.certificate_deviations(make_certificate(make_rsa(), key_usage=usage)) == ()


def test_validity_includes_both_ends() -> None:
    """The first and the last second of the validity are valid, the seconds around them are not."""
    start, end = NOW, NOW + timedelta(days=100)
    assert channel_rules.not_yet_valid(start, start) is None
    assert "valid only from" in str(channel_rules.not_yet_valid(start, start - SECOND))
    assert "expires within" in str(channel_rules.expiry_warning(end, end))
    assert "expired on" in str(channel_rules.expiry_warning(end, end + SECOND))


@pytest.mark.parametrize(
    ("days", "named"), [(60, 60), (31, 60), (30, 30), (15, 30), (14, 14), (8, 14), (7, 7), (1, 7), (0, 7)]
)
def test_expiry_is_announced_in_steps(days, named) -> None:
    """The warning names the step that was reached last: 60, 30, 14 or 7 days."""
    assert f"within {named} days" in str(channel_rules.expiry_warning(NOW + timedelta(days=days), NOW))


def test_far_expiry_is_not_announced() -> None:
    """More than 60 days before the end there is nothing to say."""
    assert channel_rules.expiry_warning(NOW + timedelta(days=60) + SECOND, NOW) is None
