"""The gateway's token client before the sandbox's authorization server: two readings of the same rules."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fla_gateway.errors import ProblemError
from fla_gateway.keys.signers.local import EcSigner, RsaSigner
from fla_gateway.oauth.assertion import SigningKey
from fla_gateway.oauth.client import TokenClient
from fla_gateway.oauth.model import AssertionOptions, TokenRequest
from tests.sandbox.stage import trusting
from tests.support.keys import certificate_pem, make_certificate, make_ec, make_rsa

CLIENT_ID = "self_service_chaman_123456_agreement"


@pytest.fixture
async def ask(stage):
    """Give a function that asks the sandbox for a token as the gateway does."""
    clients = []

    async def fetch(key, *, scope=(), **options):
        certificate = make_certificate(key)
        stage.sandbox.register(CLIENT_ID, certificate_pem(certificate))
        signer = RsaSigner(key) if hasattr(key, "decrypt") else EcSigner(key)
        thumbprints = certificate.fingerprint(hashes.SHA1()), certificate.fingerprint(hashes.SHA256())  # noqa: S303 - x5t
        keys = {"acme": SigningKey(signer, *thumbprints)}
        clients.append(client := TokenClient(keys, lambda _: trusting(stage.sandbox), stage.clock))
        url = stage.sandbox.token_url
        return await client.fetch(
            TokenRequest("sandbox", url, url, CLIENT_ID, scope, "acme", AssertionOptions(**options))
        )

    yield fetch
    for client in clients:
        await client.close()


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (make_rsa, None),
        (make_rsa, "PS256"),
        (make_ec, None),
        (lambda: make_ec(ec.SECP521R1()), None),
    ],
    ids=["RS256", "PS256", "ES384", "ES512"],
)
async def test_assertions_are_accepted_for_every_algorithm(stage, ask, key, alg):
    """What the gateway signs, joserfc verifies: RS256, PS256, ES384 and ES512."""
    token = await ask(key(), alg=alg)
    assert token.lifetime == 300
    answer = await stage.call("GET", "/REST/echo/v1", token=token.value.reveal())
    assert answer.json["clientId"] == CLIENT_ID


@pytest.mark.parametrize(
    "options",
    [
        {"kid": "1234567890", "x5t": True, "x5t_s256": True},
        {"iat": False, "typ": None},
        {"lifetime": 600},
        {"lifetime": 10},
    ],
)
async def test_assertions_are_accepted_however_they_are_written(ask, options):
    """Every way of writing an assertion that the configuration offers is accepted, ten minutes included."""
    assert (await ask(make_rsa(), **options)).lifetime == 300


async def test_scope_is_what_was_asked_for(ask):
    """A scope of the profile narrows the token; one that was not granted is explained."""
    consult = "scope:dimona:declaration:consult"
    assert (await ask(make_rsa(), scope=(consult,))).scope == consult
    with pytest.raises(ProblemError) as caught:
        await ask(make_rsa(), scope=("admin",))
    assert "invalid_scope" in caught.value.detail


@pytest.mark.parametrize("offset", [3600, -3600])
async def test_wrong_clock_is_learned(stage, ask, offset):
    """A token server whose clock is an hour off is served with its own time."""
    stage.sandbox.script(token={"kind": "wrong-clock", "offset": offset})
    assert (await ask(make_rsa())).lifetime == 300
    assert stage.sandbox.state()["minted"] == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("down", "token-failed"),
        ("429", "token-throttled"),
        ("500", "token-failed"),
        ("503", "token-failed"),
        ("invalid_client", "token-refused"),
        ("empty", "token-malformed"),
        ("html", "token-failed"),
        ("malformed", "token-malformed"),
        ("line-break", "token-malformed"),
        ("redirect", "token-malformed"),
    ],
)
async def test_each_fault_of_the_token_server_is_one_clear_error(stage, ask, fault, code):
    """Whatever the token server does, one problem of origin token-server comes of it, without the assertion."""
    stage.sandbox.script(token=fault)
    with pytest.raises(ProblemError) as caught:
        await ask(make_rsa())
    assert caught.value.code == code
    assert "eyJ" not in caught.value.detail
