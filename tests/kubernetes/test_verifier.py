"""Who verifies service accounts, and what the operator is told of tokens that are not accepted."""

from __future__ import annotations

from contextlib import AsyncExitStack

from structlog.testing import capture_logs

from fla_gateway.config.schema import Kubernetes
from fla_gateway.kubernetes.verifier import cluster_accounts
from fla_gateway.secret import Secret
from tests.support.cluster import AUDIENCE, ISSUER, NOW, claims, jwk, jwks, sign
from tests.support.keys import make_rsa
from tests.support.tokens import HandClock


async def test_why_tokens_are_refused_is_logged_once_a_minute(tmp_path):
    """Each reason is told when it comes first and after a minute again, however many tokens come; none is quoted."""
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(jwk(make_rsa())))
    clock = HandClock()
    expired, foreign = (Secret(sign(claims(**it))) for it in ({"exp": NOW - 60}, {"aud": "canary"}))
    async with AsyncExitStack() as stack:
        table = Kubernetes(issuer=ISSUER, audience=AUDIENCE, jwks_file=path)
        accounts = await cluster_accounts(table, clock, stack)
        assert accounts is not None
        with capture_logs() as events:
            for token in (expired, expired, foreign, expired):
                accounts.verify(token, NOW)
            clock.advance(60)
            accounts.verify(expired, NOW)
    assert [event["reason"] for event in events] == ["expired", "audience", "expired"]
    assert {event["event"] for event in events} == {"service-account-refused"}
    assert "canary" not in str(events)


async def test_without_a_cluster_nobody_verifies():
    """Where `[kubernetes]` is not configured there is nothing to ask."""
    async with AsyncExitStack() as stack:
        assert await cluster_accounts(None, HandClock(), stack) is None
