from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, RSAKey

from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.signers.local import EcSigner, RsaSigner
from tests.support.keys import make_ec, make_rsa

PEM, SPKI = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
SIGNERS = [
    (algorithm, RsaSigner(make_rsa()), make_rsa().public_key(), RSAKey)
    for algorithm in ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
] + [
    (algorithm, EcSigner(key), key.public_key(), ECKey)
    for algorithm, key in (
        ("ES256", make_ec(ec.SECP256R1())),
        ("ES384", make_ec(ec.SECP384R1())),
        ("ES512", make_ec(ec.SECP521R1())),
    )
]


def _encoded(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


@pytest.mark.parametrize(("algorithm", "signer", "public", "kind"), SIGNERS, ids=[row[0] for row in SIGNERS])
def test_signature_is_verified_by_a_second_implementation(algorithm, signer, public, kind) -> None:
    """What the signer makes is a JWS signature for joserfc, over the very bytes that were signed."""
    signing_input = _encoded(b'{"alg":"%s"}' % algorithm.encode()) + b"." + _encoded(b'{"iss":"acme"}')
    signature = _encoded(signer.sign(algorithm, signing_input))
    key = kind.import_key(public.public_bytes(PEM, SPKI))
    assert jws.deserialize_compact(signing_input + b"." + signature, key, [algorithm]).payload == b'{"iss":"acme"}'
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(signing_input + b"x." + signature, key, [algorithm])


def test_ec_signature_has_a_fixed_width() -> None:
    """R and S take 66 octets each on P-521, also when their leading octets are zero (RFC 7518, section 3.4)."""
    signer = EcSigner(make_ec(ec.SECP521R1()))
    signatures = [signer.sign("ES512", bytes([number])) for number in range(64)]
    assert {len(signature) for signature in signatures} == {132}
    assert any(signature[0] == 0 for signature in signatures)


@pytest.mark.parametrize(
    ("signer", "algorithms"),
    [
        (RsaSigner(make_rsa()), ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")),
        (EcSigner(make_ec(ec.SECP384R1())), ("ES384",)),
        (EcSigner(make_ec(ec.SECP521R1())), ("ES512",)),
    ],
    ids=repr,
)
def test_algorithms_follow_from_the_key(signer, algorithms) -> None:
    """The default algorithm stands first, and an EC key has only the one that its curve is tied to."""
    assert signer.algorithms == algorithms


def test_foreign_algorithm_is_refused() -> None:
    """An algorithm that does not fit the key is refused with the ones that do."""
    with pytest.raises(UnusableKeyError, match=r"cannot sign with ES384.*RS256"):
        RsaSigner(make_rsa()).sign("ES384", b"x")


def test_repr_shows_no_key() -> None:
    """A signer shows its kind of key and nothing of the key."""
    assert repr(RsaSigner(make_rsa())) == "RsaSigner(2048 bits)"
    assert repr(EcSigner(make_ec())) == "EcSigner(secp384r1)"
