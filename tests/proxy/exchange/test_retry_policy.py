"""Which 401 says that the token itself is refused, and what is sent a second time."""

from __future__ import annotations

import pytest

from fla_gateway.proxy.exchange.retry_policy import may_replay, may_resend, refuses_token


@pytest.mark.parametrize(
    "challenges",
    [
        ['Bearer error="invalid_token"'],
        ['Bearer realm="REST", error="invalid_token", error_description="The token expired"'],
        ["Bearer error=invalid_token"],
        ["Bearer error=invalid_token, realm=x"],
        ['bearer ERROR="invalid_token"'],
        ['BEARER  error = "invalid_token"'],
        ['Bearer realm="a, b",error="invalid_token"'],
        ['Basic realm="x", Bearer error="invalid_token"'],
        ['Bearer error="invalid_token", Basic realm="x"'],
        ['Negotiate, Bearer realm="x", error="invalid_token"'],
        ['Basic realm="x"', 'Bearer error="invalid_token"'],
        ['Bearer realm="say \\"hello\\"", error="invalid_token"'],
        ['Bearer\terror="invalid_token"'],
        ["Bearer error='invalid_token'"],
        ["Bearer realm='a, b Basic', error='invalid_token', error_description='it expired'"],
        ["Bearer realm=it's, error=invalid_token"],
        ['Bearer realm="service" error="invalid_token" error_description="no comma"'],
        ['Bearer, error="invalid_token"'],
    ],
)
def test_a_refused_token_is_recognised(challenges):
    """RFC 6750, section 3, in the spellings that RFC 9110, section 11.6.1 allows, and in those of real servers."""
    assert refuses_token([challenge.encode() for challenge in challenges])


@pytest.mark.parametrize(
    "challenges",
    [
        [],
        [""],
        ["Bearer"],
        ['Bearer realm="REST"'],
        ['Bearer error="insufficient_scope", scope="a"'],
        ['Bearer error="invalid_request"'],
        ['Bearer error="invalid_token_type"'],
        ["Bearer error=invalid_token_type"],
        ['Basic error="invalid_token"'],
        ['Bearer realm="x", Digest error="invalid_token"'],
        ['Bearer realm="x"', 'DPoP error="invalid_token"'],
        ['Bearer my_error="invalid_token"'],
        ['Bearer error="insufficient_scope", error_description="no error=invalid_token here"'],
        ['Bearer error="insufficient_scope", error_description="not \\", error=\\"invalid_token\\""'],
        ['Bearerish error="invalid_token"'],
        ['Basic realm="Bearer error=invalid_token"'],
        ["Basic realm='Bearer error=invalid_token'"],
        ["Bearer error='insufficient_scope', error_description='no, Bearer error=invalid_token'"],
        ['Basic realm="x, Bearer y", error="invalid_token"'],
    ],
)
def test_any_other_401_is_not_about_the_token(challenges):
    """Neither another scheme's error nor words within a quoted text lead to a second sending."""
    assert not refuses_token([challenge.encode() for challenge in challenges])


@pytest.mark.parametrize(
    ("challenge", "attempts", "whole", "expected"),
    [
        (b'Bearer error="invalid_token"', 1, True, True),
        (b'Bearer error="invalid_token"', 2, True, False),
        (b'Bearer error="invalid_token"', 1, False, False),
        (b'Bearer error="insufficient_scope"', 1, True, False),
    ],
)
def test_a_refused_token_is_replaced_once_while_the_body_is_there(challenge, attempts, whole, expected):
    """A second refusal is the answer, and so is the first one of a request whose body cannot be sent again."""
    assert may_replay([challenge], attempts=attempts, whole=whole) is expected


@pytest.mark.parametrize(
    ("method", "died_idle", "attempts", "whole", "expected"),
    [
        (b"GET", True, 1, True, True),
        (b"HEAD", True, 1, True, True),
        (b"POST", True, 1, True, False),
        (b"DELETE", True, 1, True, False),
        (b"OPTIONS", True, 1, True, False),
        (b"get", True, 1, True, False),
        (b"GET", False, 1, True, False),
        (b"GET", True, 2, True, False),
        (b"GET", True, 1, False, False),
    ],
)
def test_only_what_reads_is_sent_again_after_a_connection_that_died_idle(method, died_idle, attempts, whole, expected):
    """Once, by GET and HEAD alone: of a change nothing says that the API did not act on it."""
    assert may_resend(method, died_idle=died_idle, attempts=attempts, whole=whole) is expected
