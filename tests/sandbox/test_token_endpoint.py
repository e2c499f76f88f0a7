"""The sandbox's verdict on token requests, against assertions that joserfc signed."""

import base64
import math

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import ECKey, OctKey, RSAKey

from fla_gateway.sandbox import CLIENT_ID, SandboxError
from tests.sandbox.stage import LEFT_OUT
from tests.support.keys import certificate_pem, make_certificate, make_ec, make_rsa


async def test_good_assertion_gets_a_token(stage):
    """A good assertion gets a bearer as RFC 6749, section 5.1, has it, with every granted scope."""
    answer = await stage.ask()
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 300
    assert "scope:dimona:declaration:declarant" in answer.json["scope"].split()
    assert "sandbox" in answer.json
    assert "sandbox" in answer.headers["Sandbox"]


@pytest.mark.parametrize(("alg", "curve"), [("PS256", None), ("ES384", "P-384"), ("ES512", "P-521")])
async def test_other_algorithms_that_the_channel_may_know(stage, alg, curve):
    """PS256 verifies with an RSA key, ES384 and ES512 with keys on their curves."""
    if curve is not None:
        stage.keys["own"] = ECKey.generate_key(curve)
        stage.sandbox.register(CLIENT_ID, stage.keys["own"].as_pem(private=False))
    assert (await stage.ask(stage.assertion(alg=alg))).status == 200


async def test_claims_that_may_be_left_out(stage):
    """Neither iat nor typ is demanded: the official example has no iat."""
    assert (await stage.ask(stage.assertion(iat=LEFT_OUT))).status == 200


async def test_audience_may_be_a_list_of_one_or_the_other_name(stage):
    """The audience is the token endpoint under either name of the sandbox, also as a list of one."""
    other = stage.sandbox.token_url.replace("localhost", "sandbox")
    assert (await stage.ask(stage.assertion(aud=[stage.sandbox.token_url]))).status == 200
    assert (await stage.ask(stage.assertion(aud=other))).status == 200


BAD_CLAIMS = {
    "issuer": ({"iss": "somebody"}, "wrong-issuer"),
    "no issuer": ({"iss": LEFT_OUT}, "wrong-issuer"),
    "subject": ({"sub": "somebody"}, "unknown-client"),
    "no subject": ({"sub": LEFT_OUT}, "unknown-client"),
    "subject no text": ({"sub": ["x"]}, "unknown-client"),
    "audience": ({"aud": "https://services.socialsecurity.be/REST/oauth/v5/token"}, "wrong-audience"),
    "no audience": ({"aud": LEFT_OUT}, "wrong-audience"),
    "no jti": ({"jti": LEFT_OUT}, "no-jti"),
    "empty jti": ({"jti": ""}, "no-jti"),
    "long jti": ({"jti": "x" * 257}, "no-jti"),
    "no exp": ({"exp": LEFT_OUT}, "no-exp"),
    "exp as text": ({"exp": "tomorrow"}, "malformed"),
    "exp not a number": ({"exp": math.nan}, "malformed"),
    "exp true": ({"exp": True}, "malformed"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD_CLAIMS.values(), ids=BAD_CLAIMS)
async def test_bad_claim_is_refused(stage, changes, reason):
    """Each bad claim is answered invalid_client, and /state counts the reason."""
    await refused(stage, stage.assertion(**changes), reason)


@pytest.mark.parametrize(
    ("claim", "seconds", "reason"),
    [("exp", -1, "expired"), ("exp", 602, "exp-too-far"), ("iat", 60, "in-the-future"), ("nbf", 60, "in-the-future")],
)
async def test_bad_time_is_refused(stage, claim, seconds, reason):
    """A time outside of the rules is refused, ten minutes being the most that exp may lie ahead."""
    await refused(stage, stage.assertion(**{claim: int(stage.clock.wall()) + seconds}), reason)


async def test_times_at_the_edge_are_accepted(stage):
    """Ten minutes ahead and a clock that is 20 s fast are within the rules."""
    now = int(stage.clock.wall())
    assert (await stage.ask(stage.assertion(exp=now + 600, iat=now + 20, nbf=now + 20))).status == 200


async def test_two_audiences_are_refused(stage):
    """An assertion that is good for a second server as well is refused."""
    await refused(stage, stage.assertion(aud=[stage.sandbox.token_url, "https://elsewhere.example"]), "wrong-audience")


async def test_foreign_signature_is_refused(stage):
    """An assertion signed with a key that was not registered is refused."""
    await refused(stage, stage.assertion(key=RSAKey.import_key(make_rsa(2048, "foreign"))), "bad-signature")


async def test_changed_claims_are_refused(stage):
    """The signature covers the claims: another assertion's signature does not fit."""
    head, _, signature = stage.assertion().split(".")
    _, claims, _ = stage.assertion().split(".")
    await refused(stage, f"{head}.{claims}.{signature}", "bad-signature")


async def test_unsigned_assertion_is_refused(stage):
    """The algorithm none is refused, whatever the signature."""
    claims = stage.assertion().split(".")[1]
    none = "eyJhbGciOiJub25lIn0"
    await refused(stage, f"{none}.{claims}.", "alg-not-allowed")


async def test_public_key_as_shared_secret_is_refused(stage):
    """HS256 with the public key as secret, the oldest trick, is refused."""
    secret = OctKey.import_key(b"public keys are known to everybody")
    await refused(stage, stage.assertion(alg="HS256", key=secret), "alg-not-allowed")


async def test_algorithm_of_another_kind_of_key_is_refused(stage):
    """ES384 is refused for a client that registered an RSA key."""
    await refused(stage, stage.assertion(alg="ES384", key=ECKey.generate_key("P-384")), "alg-does-not-fit")


async def test_unknown_critical_header_is_refused(stage):
    """A header parameter named in crit that is not understood makes the assertion void (RFC 7515, section 4.1.11)."""
    for crit in ("", ',"crit":["x"],"x":1'):
        header = base64.urlsafe_b64encode(f'{{"alg":"RS256"{crit}}}'.encode()).rstrip(b"=")
        signed = header + b"." + stage.assertion().split(".")[1].encode()
        signature = make_rsa(2048).sign(signed, padding.PKCS1v15(), hashes.SHA256())
        whole = (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
        await refused(stage, whole, "bad-signature" if crit else None)


@pytest.mark.parametrize("text", ["x", "a.b.c", "e30.e30.e30", "." * 20_000, "é.é.é"])
async def test_what_is_no_jwt_is_refused(stage, text):
    """A text that is no JWT is refused without an internal error."""
    answer = await stage.ask(text)
    assert (answer.status, answer.json["error"]) == (400, "invalid_client")


async def test_jti_is_good_once(stage):
    """The same assertion is refused the second time, and again after that."""
    assertion = stage.assertion()
    assert (await stage.ask(assertion)).status == 200
    await refused(stage, assertion, "jti-reused")
    await refused(stage, stage.assertion(), None)


async def test_refused_assertion_does_not_use_up_a_jti(stage):
    """A jti seen in an assertion that was refused is still good."""
    await refused(stage, stage.assertion(jti="once", aud="x"), "wrong-audience")
    assert (await stage.ask(stage.assertion(jti="once"))).status == 200


async def test_scope_narrows_the_token(stage):
    """A scope of the request is the scope of the token."""
    answer = await stage.ask(scope="scope:dimona:declaration:consult")
    assert answer.json["scope"] == "scope:dimona:declaration:consult"


@pytest.mark.parametrize("scope", ["dimona", "scope:dimona:declaration:consult admin", "", " "])
async def test_scope_that_was_not_granted_is_refused(stage, scope):
    """A scope beyond the granted ones is invalid_scope, also beside a granted one."""
    answer = await stage.ask(scope=scope)
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")


BAD_FORMS = {
    "no grant type": ({"grant_type": LEFT_OUT}, "invalid_request"),
    "grant type": ({"grant_type": "password"}, "unsupported_grant_type"),
    "assertion type": ({"client_assertion_type": "jwt"}, "invalid_client"),
    "no assertion type": ({"client_assertion_type": LEFT_OUT}, "invalid_client"),
    "no assertion": ({"client_assertion": LEFT_OUT}, "invalid_client"),
    "secret as well": ({"client_secret": "x"}, "invalid_request"),
    "client id of another": ({"client_id": "somebody"}, "invalid_client"),
}


@pytest.mark.parametrize(("changes", "error"), BAD_FORMS.values(), ids=BAD_FORMS)
async def test_bad_form_is_refused(stage, changes, error):
    """Each bad form is answered with the error of RFC 6749, section 5.2."""
    answer = await stage.ask(**changes)
    assert (answer.status, answer.json["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_two_assertions_are_refused(stage):
    """A parameter sent twice makes the request invalid (RFC 6749, section 3.2)."""
    form = [("grant_type", "client_credentials"), ("client_assertion", "a"), ("client_assertion", "b")]
    assert (await stage.post_form(form)).json["error"] == "invalid_request"


async def test_second_way_of_authentication_is_refused(stage):
    """Basic beside an assertion is one mechanism too many (RFC 6749, section 2.3)."""
    form = {"grant_type": "client_credentials", "client_assertion": stage.assertion()}
    answer = await stage.post_form(form, headers={"Authorization": "Basic eDp5"})
    assert answer.json["error"] == "invalid_request"


async def test_other_content_type_is_refused(stage):
    """Only a form is a token request."""
    answer = await stage.call("POST", "/REST/oauth/v5/token", token=None, json={"grant_type": "client_credentials"})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_huge_form_is_refused(stage):
    """A form beyond 64 KiB is refused, not gathered."""
    answer = await stage.ask(padding="x" * 70_000)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_get_is_not_allowed(stage):
    """The token endpoint answers POST alone."""
    answer = await stage.call("GET", "/REST/oauth/v5/token", token=None)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        (lambda: make_rsa(1024).public_key(), "2048"),
        (lambda: certificate_pem(make_certificate(make_rsa(2048), digest=hashes.SHA1())), "SHA-256"),  # noqa: S303 - what is refused
        (lambda: certificate_pem(make_certificate(make_rsa(2048), key_usage="key_encipherment")), "digitalSignature"),
        (lambda: b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "neither"),
        (lambda: ECKey.generate_key("P-256").as_pem(private=False), "P-384"),
    ],
    ids=["small", "digest", "usage", "garbage", "curve"],
)
async def test_registration_keeps_the_rules_of_the_channel(stage, credential, words):
    """A key or certificate against the channel's rules is not registered."""
    with pytest.raises(SandboxError, match=words):
        stage.sandbox.register("somebody", credential())


async def test_expired_certificate_verifies_nothing(stage):
    """A client whose certificate has expired gets no token."""
    stage.clock.pass_by(400 * 86_400)
    await refused(stage, stage.assertion(), "certificate-expired")


async def test_second_certificate_overlaps_the_first(stage):
    """A client may have two certificates, and both verify (roll-over)."""
    key = make_ec()
    stage.sandbox.register(CLIENT_ID, certificate_pem(make_certificate(key)))
    second = stage.assertion(alg="ES384", key=ECKey.import_key(key))
    assert (await stage.ask(second)).status == 200
    assert (await stage.ask()).status == 200


async def refused(stage, assertion, reason):
    """Expect invalid_client for the reason; a reason of None expects a token."""
    answer = await stage.ask(assertion)
    if reason is None:
        assert answer.status == 200
        return
    assert (answer.status, answer.json["error"]) == (400, "invalid_client"), answer.raw
    assert answer.json["error_description"]
    assert reason in stage.sandbox.state()["counters"]["refused"]
