from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fla_gateway.errors import ProblemError, UnusableKeyError
from fla_gateway.keys.signers.local import EcSigner, RsaSigner
from fla_gateway.oauth import assertion
from fla_gateway.oauth.model import AssertionOptions, TokenRequest
from tests.support.keys import make_certificate, make_ec, make_rsa

NOW = 1_800_000_000.75
AUDIENCE = "https://services.socialsecurity.be/REST/oauth/v5/token"


def request(**options):
    """Make a token request with these assertion options."""
    return TokenRequest("production", AUDIENCE, AUDIENCE, "client-7", (), "acme", AssertionOptions(**options))


def write(asked, key, jti="0b39c9a2-5d0a-4d3c-8f77-4ad7b2d3a9d1"):
    """Write a whole assertion, as the client does it."""
    algorithm = assertion.algorithm_for(asked.assertion, key, asked.key)
    header = assertion.header(asked.assertion, algorithm, key)
    signed = assertion.signing_input(header, assertion.claims(asked, NOW, jti))
    return assertion.compact(signed, key.signer.sign(algorithm, signed)).reveal()


@pytest.mark.parametrize(
    ("algorithm", "key", "chosen"),
    [
        ("RS256", make_rsa(), None),
        ("PS256", make_rsa(), "PS256"),
        ("ES384", make_ec(ec.SECP384R1()), None),
        ("ES512", make_ec(ec.SECP521R1()), None),
    ],
    ids=["RS256", "PS256", "ES384", "ES512"],
)
def test_a_second_implementation_accepts_the_assertion(algorithm, key, chosen):
    """With the public key alone, joserfc verifies the signature and reads the claims of the official example."""
    is_ec = isinstance(key, ec.EllipticCurvePrivateKey)
    text = write(request(alg=chosen), assertion.SigningKey(EcSigner(key) if is_ec else RsaSigner(key)))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = jwt.decode(text, (ECKey if is_ec else RSAKey).import_key(public), algorithms=[algorithm])
    assert token.header == {"alg": algorithm, "typ": "JWT"}
    assert token.claims == {
        "iss": "client-7",
        "sub": "client-7",
        "aud": AUDIENCE,
        "iat": 1_800_000_000,
        "exp": 1_800_000_120,
        "jti": "0b39c9a2-5d0a-4d3c-8f77-4ad7b2d3a9d1",
    }


def test_every_header_parameter_can_be_switched():
    """kid, x5t and x5t#S256 are sent when asked for, in the encoding of RFC 7515, and typ can be left out."""
    der = make_certificate(make_rsa()).public_bytes(serialization.Encoding.DER)
    key = assertion.SigningKey(RsaSigner(make_rsa()), hashlib.sha1(der).digest(), hashlib.sha256(der).digest())  # noqa: S324 - x5t is SHA-1
    written = assertion.header(AssertionOptions(kid="k1", x5t=True, x5t_s256=True, typ=None), "RS256", key)

    def plain(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    assert set(written) == {"alg", "kid", "x5t", "x5t#S256"}
    assert plain(written["x5t"]) == hashlib.sha1(der).digest()  # noqa: S324 - as above
    assert plain(written["x5t#S256"]) == hashlib.sha256(der).digest()


@pytest.mark.parametrize(("lifetime", "ahead"), [(10, 10), (120, 120), (600, 600), (601, 600), (50_000, 600)])
def test_exp_is_never_more_than_ten_minutes_ahead(lifetime, ahead):
    """Whatever lifetime is asked for, exp keeps the manual's rule."""
    assert assertion.claims(request(lifetime=lifetime), NOW, "j")["exp"] == int(NOW) + ahead


def test_iat_can_be_left_out():
    """Without iat the claims are those of the official example."""
    assert "iat" not in assertion.claims(request(iat=False), NOW, "j")


@pytest.mark.parametrize("options", [{"x5t": True}, {"x5t_s256": True}])
def test_a_thumbprint_needs_a_certificate(options):
    """A thumbprint that is asked for without a certificate is a clear problem, not an empty parameter."""
    with pytest.raises(ProblemError, match="no certificate"):
        assertion.header(AssertionOptions(**options), "RS256", assertion.SigningKey(RsaSigner(make_rsa())))


def test_an_algorithm_that_the_key_cannot_do_is_named():
    """An RSA key that is asked for ES384 says what it can do instead."""
    with pytest.raises(ProblemError, match="cannot sign with ES384; it can with RS256"):
        assertion.algorithm_for(AssertionOptions(alg="ES384"), assertion.SigningKey(RsaSigner(make_rsa())), "acme")


@pytest.mark.parametrize("asked", ["RS256", "RS384", "RS512"])
def test_a_key_for_pss_alone_never_signs_with_pkcs_1_v1_5(asked):
    """An RSASSA-PSS key (RFC 4055) signs PS256 by default, and a profile that asks for RS256 is refused with a cure."""
    pss = assertion.SigningKey(RsaSigner(make_rsa(), ("PS256", "PS384", "PS512")))
    assert assertion.algorithm_for(AssertionOptions(), pss, "acme") == "PS256"
    with pytest.raises(ProblemError, match=f"cannot sign with {asked}; it can with PS256"):
        assertion.algorithm_for(AssertionOptions(alg=asked), pss, "acme")
    with pytest.raises(UnusableKeyError):
        pss.signer.sign(asked, b"a.b")


def test_each_assertion_has_an_id_of_its_own():
    """A random UUID, as the library for them writes it."""
    drawn = {assertion.new_jti() for _ in range(64)}
    assert len(drawn) == 64
    for it in drawn:
        found = uuid.UUID(it)
        assert (str(found), found.version, found.variant) == (it, 4, uuid.RFC_4122)
