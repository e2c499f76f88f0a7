from __future__ import annotations

import base64
import hmac
import json
from collections import Counter

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.authentication.credentials import LONGEST_TOKEN
from fla_gateway.access.authentication.proofs import REFUSED
from fla_gateway.access.refusal import Refusal
from fla_gateway.kubernetes.jwks import MOST_KEYS, read_key_set
from fla_gateway.kubernetes.service_account_tokens import (
    LEEWAY,
    SIGNATURES_PER_SECOND,
    Reason,
    ServiceAccounts,
    VerifiedAccount,
)
from fla_gateway.secret import Secret
from tests.support.cluster import AUDIENCE, ISSUER, NOW, claims, jwk, jwks, sign
from tests.support.keys import make_ec, make_rsa
from tests.support.tokens import HandClock

ERP = "payroll/erp"


class Keys:
    """Keys at hand, and a note of every call for more."""

    def __init__(self, keys=(), *, coming=False) -> None:
        self.keys = keys
        self.coming = coming
        self.asked = 0

    def current(self):
        return self.keys

    def missing(self):
        self.asked += 1
        return self.coming


@pytest.fixture(scope="module")
def first():
    """Give the cluster's first key."""
    return jwk(make_rsa())


@pytest.fixture(scope="module")
def keys(first):
    """Give the set of that key alone."""
    return read_key_set(jwks(first))


def accounts(keys, told=None, clock=None) -> ServiceAccounts:
    """Make what the gateway asks; reasons go to a list."""
    return ServiceAccounts(keys, ISSUER, AUDIENCE, clock or HandClock(), ([] if told is None else told).append)


def verify(token, keys):
    """Verify a token of the cluster: the account, or the reason why there is none."""
    told: list[Reason] = []
    found = accounts(Keys(keys), told).verify(Secret(token), NOW)
    if not isinstance(found, Refusal):
        return found
    assert found.code == "credentials-refused"
    (reason,) = told
    return reason


def encoded(value) -> str:
    """Write base64url."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_a_good_token_names_its_account(keys):
    """A token of the cluster for this gateway gives namespace and name, and its end with the leeway."""
    assert verify(sign(claims()), keys) == VerifiedAccount(ERP, NOW + 3600 + LEEWAY)


@pytest.mark.parametrize(
    ("algorithm", "curve"),
    [
        ("RS256", None),
        ("PS256", None),
        ("ES256", ec.SECP256R1()),
        ("ES384", ec.SECP384R1()),
        ("ES512", ec.SECP521R1()),
    ],
)
def test_the_accepted_algorithms(algorithm, curve):
    """RSA and EC tokens verify under a key of their kind, whether or not it names its algorithm."""
    key = make_rsa() if curve is None else make_ec(curve)
    token = sign(claims(), key, algorithm)
    for entry in (jwk(key), jwk(key, alg=algorithm)):
        assert isinstance(verify(token, read_key_set(jwks(entry))), VerifiedAccount)


@pytest.mark.parametrize("algorithm", ["RS512", "none", "HS256"])
def test_other_algorithms_are_refused(keys, algorithm):
    """No other algorithm is accepted, unsigned and symmetric ones least of all."""
    if algorithm == "none":
        token = f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(claims())}.AA"
    else:
        token = sign(claims(), b"k" * 32 if algorithm == "HS256" else None, algorithm)
    assert verify(token, keys) is Reason.ALGORITHM


def test_the_public_key_is_no_shared_secret(keys):
    """A token that is signed by HMAC with the text of the public key is refused (RFC 8725, section 2.1)."""
    public = make_rsa().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(claims())}"
    signature = hmac.digest(pem, signed.encode(), "sha256")
    assert verify(f"{signed}.{encoded(signature)}", keys) is Reason.ALGORITHM


def test_a_key_verifies_only_its_own_algorithm():
    """A key that says what it is for is used for nothing else, and an EC key for its own curve only."""
    rsa = read_key_set(jwks(jwk(make_rsa(), alg="PS256")))
    assert verify(sign(claims()), rsa) is Reason.KEY
    curve = read_key_set(jwks(jwk(make_ec(ec.SECP384R1()))))
    assert verify(sign(claims(), make_ec(ec.SECP256R1()), "ES256"), curve) is Reason.KEY


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other.example"}, Reason.ISSUER),
        ({"iss": ISSUER + "/"}, Reason.ISSUER),
        ({"iss": None}, Reason.ISSUER),
        ({"iss": [ISSUER]}, Reason.ISSUER),
        ({"aud": ["https://kubernetes.default.svc"]}, Reason.AUDIENCE),
        ({"aud": []}, Reason.AUDIENCE),
        ({"aud": None}, Reason.AUDIENCE),
        ({"aud": {AUDIENCE: 1}}, Reason.AUDIENCE),
        ({"aud": AUDIENCE + "-2"}, Reason.AUDIENCE),
        ({"exp": NOW - LEEWAY}, Reason.EXPIRED),
        ({"exp": None}, Reason.EXPIRED),
        ({"exp": str(NOW + 60)}, Reason.EXPIRED),
        ({"exp": True}, Reason.EXPIRED),
        ({"exp": 10**400}, Reason.EXPIRED),
        ({"exp": float("inf")}, Reason.EXPIRED),
        ({"nbf": NOW + LEEWAY + 1}, Reason.NOT_YET),
        ({"nbf": "soon"}, Reason.NOT_YET),
        ({"sub": "payroll/erp"}, Reason.SUBJECT),
        ({"sub": "system:serviceaccount:payroll:erp:admin"}, Reason.SUBJECT),
        ({"sub": "system:serviceaccount:payroll:erp\n"}, Reason.SUBJECT),
        ({"sub": "system:serviceaccount:pay/roll:erp"}, Reason.SUBJECT),
        ({"sub": "system:serviceaccount::erp"}, Reason.SUBJECT),
        ({"sub": ["system:serviceaccount:payroll:erp"]}, Reason.SUBJECT),
        ({"sub": None}, Reason.SUBJECT),
    ],
)
def test_each_claim_is_checked(keys, changes, reason):
    """A token with a good signature is refused if any single claim is not what it has to be."""
    assert verify(sign(claims(**changes)), keys) is reason


@pytest.mark.parametrize(
    "changes",
    [{"aud": AUDIENCE}, {"aud": ["other", AUDIENCE]}, {"nbf": None}, {"exp": NOW - 29}, {"nbf": NOW + 29}],
)
def test_claims_that_are_good_in_another_form(keys, changes):
    """One audience may stand alone or among others, `nbf` may be left out, and clocks may differ by half a minute."""
    assert isinstance(verify(sign(claims(**changes)), keys), VerifiedAccount)


def test_a_critical_parameter_is_refused(keys):
    """A header that says that something must be understood is not understood (RFC 7515, section 4.1.11)."""
    assert verify(sign(claims(), crit=["b64"], b64=True), keys) is Reason.CRITICAL


def test_keys_within_the_token_are_ignored(keys):
    """A key or an address of one that the token brings along is not used (RFC 8725, section 3.10)."""
    forger = make_rsa(label="forger")
    token = sign(claims(), forger, jwk=jwk(forger), jku="https://forger.example/jwks")
    assert verify(token, keys) is Reason.SIGNATURE


def test_a_changed_token_is_refused(keys):
    """Each part of a token is covered by its signature."""
    header, payload, signature = sign(claims()).split(".")
    other = encoded(claims(sub="system:serviceaccount:payroll:admin"))
    assert verify(f"{header}.{other}.{signature}", keys) is Reason.SIGNATURE
    assert verify(f"{header}.{payload}.{signature[:-4]}AAAA", keys) is Reason.SIGNATURE
    assert verify(f"{header}.{payload}.AA", keys) is Reason.SIGNATURE
    longer = encoded({"alg": "RS256", "kid": "first", "typ": "JWT"})
    assert verify(f"{longer}.{payload}.{signature}", keys) is Reason.SIGNATURE


def test_a_token_names_its_key(first):
    """Where the cluster has several keys, a token has to say which; where it has one, it need not."""
    second = jwk(make_ec(ec.SECP256R1()), "second")
    unnamed = sign(claims(), kid=None)
    assert isinstance(verify(unnamed, read_key_set(jwks(first))), VerifiedAccount)
    assert verify(unnamed, read_key_set(jwks(first, second))) is Reason.KEY
    assert isinstance(verify(sign(claims()), read_key_set(jwks(first, second))), VerifiedAccount)
    assert verify(sign(claims(), kid="third"), read_key_set(jwks(first))) is Reason.KEY


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        ".e30.AA",
        f"{encoded(b'x')}.{encoded(b'y')}.AA",
        f"{encoded([1])}.{encoded(claims())}.AA",
        f"{encoded({'alg': 'RS256', 'kid': 7})}.{encoded(claims())}.AA",
        f"{encoded({'alg': 'RS256'})}.{encoded(b'[' * 5000)}.AA",
        sign(claims()) + "=",
        " " + sign(claims()),
        sign(claims(padding="x" * LONGEST_TOKEN)),
    ],
    ids=range(11),
)
def test_what_is_no_token_is_malformed(keys, token):
    """Anything that is not three parts with two JSON objects, or is too long, is refused before anything else."""
    assert verify(token, keys) is Reason.MALFORMED


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(min_size=1, max_size=80))
def test_no_token_raises(keys, header, payload, signature):
    """Whatever stands in a token, it is refused and nothing fails."""
    for head in (header, json.dumps({"alg": "RS256", "kid": "first"}).encode()):
        for body in (payload, json.dumps(claims()).encode()):
            token = ".".join(map(encoded, (head, body, signature)))
            assert isinstance(verify(token, keys), Reason)


def test_a_key_set_has_only_keys_that_may_verify(first):
    """Symmetric keys, keys for encryption, short RSA keys, other curves and broken entries are passed over."""
    made = read_key_set(
        jwks(
            first,
            {"kty": "oct", "k": "AAAA", "kid": "symmetric"},
            {**first, "kid": "encryption", "use": "enc"},
            {**first, "kid": "no-verifying", "key_ops": ["encrypt"]},
            {**first, "kid": 7},
            {**first, "kid": "other", "alg": "RS512"},
            {**first, "kid": "strange", "alg": ["RS256"]},
            {"kty": "RSA", "kid": "short", "n": encoded(b"\xc1" + b"\x01" * 127), "e": "AQAB"},
            {"kty": "RSA", "kid": "broken", "n": 5, "e": "AQAB"},
            {"kty": "EC", "kid": "curve", "crv": "secp256k1", "x": "AA", "y": "AA"},
            {"kty": "EC", "kid": "off-curve", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "OKP", "kid": "edwards", "crv": "Ed25519", "x": "AA"},
            {"kid": "nothing"},
        )
    )
    assert [key.kid for key in made] == ["first"]


def test_a_private_key_in_a_key_set_stays_outside(first):
    """Of a JWK that holds a private key as well, only the public half is taken."""
    (key,) = read_key_set(jwks({**first, "d": "AQAB", "p": "Aw", "q": "BQ"}))
    assert not key.key.is_private


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"keys": 7}', b'{"keys": [7]}', b"[" * 5000, b"\xff"])
def test_what_is_no_key_set_has_no_keys(document):
    """Another document than a JWKS gives no keys, and no error."""
    assert read_key_set(document) == ()


def test_a_key_set_is_bounded(first):
    """Of an endless list of keys the first 64 are read."""
    assert len(read_key_set(jwks(*[{**first, "kid": str(number)} for number in range(100)]))) == MOST_KEYS


def test_without_keys_nobody_can_be_verified():
    """Before any key could be had, the answer is a 503 that is worth repeating, not a refusal of the credential."""
    refusal = accounts(Keys()).verify(Secret(sign(claims())), NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry_after) == ("callers-unverifiable", 5)


def test_the_gateway_is_told_account_and_end(first):
    """A verified token gives the account as the configuration names it."""
    assert accounts(Keys(read_key_set(jwks(first)))).verify(Secret(sign(claims())), NOW) == (ERP, NOW + 3600 + LEEWAY)


def test_why_a_token_is_refused_is_told_to_the_operator_alone(first):
    """The operator learns what is wrong with tokens; whoever sent one does not, and nothing of it is in the refusal."""
    told: list[Reason] = []
    made = accounts(Keys(read_key_set(jwks(first))), told)
    refusals = [made.verify(Secret(sign(claims(iss=iss))), NOW) for iss in ("https://forger.example", None)]
    assert refusals == [REFUSED, REFUSED]
    assert told == [Reason.ISSUER, Reason.ISSUER]


def test_a_new_key_is_looked_for(first):
    """A token under a key that is not there has the keys read anew; only if they are, it may be tried again."""
    token = Secret(sign(claims(), kid="rotated"))
    for coming, code in ((True, "callers-unverifiable"), (False, "credentials-refused")):
        keys = Keys(read_key_set(jwks(first)), coming=coming)
        refusal = accounts(keys).verify(token, NOW)
        assert isinstance(refusal, Refusal)
        assert refusal.code == code
        assert keys.asked == 1


@pytest.mark.parametrize(
    "token",
    [
        sign(claims(aud="other"), kid="rotated"),
        sign(claims(exp=NOW - 100), kid="rotated"),
        sign(claims(), kid=None),
        sign(claims(), make_ec(ec.SECP256R1()), "ES256"),
        sign(claims(), make_rsa(label="forger")),
    ],
    ids=["audience", "expired", "no-name", "algorithm", "signature"],
)
def test_a_token_that_no_key_can_help_has_none_looked_for(first, token):
    """Keys are read anew only for a token whose key is unknown and that is right in everything else."""
    keys = Keys(read_key_set(jwks(first, jwk(make_rsa(label="second"), "second"))))
    refusal = accounts(keys).verify(Secret(token), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "credentials-refused"
    assert keys.asked == 0


def test_a_flood_of_forged_tokens_costs_a_bounded_number_of_signatures(first):
    """Only so many signatures are looked at per second; what is cheap to refuse does not count."""
    clock = HandClock()
    told: list[Reason] = []
    made = accounts(Keys(read_key_set(jwks(first))), told, clock)
    forged, expired = Secret(sign(claims(), make_rsa(label="forger"))), Secret(sign(claims(exp=NOW - 60)))
    for _ in range(SIGNATURES_PER_SECOND):
        made.verify(expired, NOW)
        made.verify(forged, NOW)
    refusal = made.verify(forged, NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry_after) == ("callers-unverifiable", 1)
    assert Counter(told) == {Reason.EXPIRED: SIGNATURES_PER_SECOND, Reason.SIGNATURE: SIGNATURES_PER_SECOND}
    clock.advance(1)
    assert made.verify(Secret(sign(claims())), NOW) == (ERP, NOW + 3600 + LEEWAY)
