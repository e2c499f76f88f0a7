"""The credential of a request: where it may stand, and in which form."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.authentication.api_key import PREFIX, digest
from fla_gateway.access.authentication.caller import Presented
from fla_gateway.access.authentication.credentials import read_credential
from fla_gateway.access.refusal import Refusal
from fla_gateway.http1.fields import field_lines
from tests.support.properties import BOUNDED

# Written down, not drawn: they stand in the names of tests, which must be the same in every worker.
KEY, OTHER = PREFIX + "1a" * 32, PREFIX + "2b" * 32
JWS = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ"


def basic(user_pass):
    """Write the credentials of Basic."""
    return b64encode(user_pass.encode("latin-1")).decode()


def credential_of(*lines):
    """Read the credential of a request with these field lines."""
    block = field_lines("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n")
    assert block is not None
    return read_credential(block)


@pytest.mark.parametrize(
    "lines",
    [
        [f"Authorization: Bearer {KEY}"],
        [f"authorization:bearer   {KEY}  "],
        [f"AUTHORIZATION: BEARER {KEY}"],
        [f"X-Api-Key: {KEY}"],
        [f"X-API-KEY:{KEY}"],
        [f"x-api-key: \t{KEY}\t"],
        [f"Authorization: Basic {basic(f'erp:{KEY}')}"],
        [f"Authorization: Basic {basic(f':{KEY}')}"],
        [f"Authorization: basic  {basic(f'café au lait:{KEY}')}"],
        [f"Authorization: Basic {basic(f'erp:{KEY}').rstrip('=')}"],
        # A key that was read from a file, with the file's last line end.
        [f"Authorization: Basic {basic(f'erp:{KEY}' + chr(10))}"],
        [f"Authorization: Basic {basic(f'payroll:{KEY}' + chr(13) + chr(10))}"],
        ["Host: x", f"Authorization: Bearer {KEY}", "Accept: */*"],
        # The same one twice is one.
        [f"Authorization: Bearer {KEY}", f"X-Api-Key: {KEY}"],
        [f"Authorization: Basic {basic(f'x:{KEY}')}", f"X-Api-Key: {KEY}"],
        [f"X-Api-Key: {KEY}", f"X-Api-Key: {KEY}"],
        [f"Authorization: Basic {basic(f'a:{KEY}')}", f"Authorization: Basic {basic(f'b:{KEY}')}"],
        [f"Proxy-Authorization: Bearer {OTHER}", f"Authorization: Bearer {KEY}"],
    ],
)
def test_a_key_is_found(lines):
    """An API key is read from Bearer, from the password of Basic beside any user name, and from X-Api-Key."""
    found = credential_of(*lines)
    assert isinstance(found, Presented)
    assert (found.key_sha256, found.token) == (digest(KEY), None)


@pytest.mark.parametrize(
    "lines", [[f"Authorization: Bearer {JWS}"], [f"Authorization: bearer {JWS}", f"X-Api-Key: {JWS}"]]
)
def test_a_token_is_found(lines):
    """A Bearer in the compact form of JWS is a token."""
    found = credential_of(*lines)
    assert isinstance(found, Presented)
    assert found.token is not None
    assert (found.key_sha256, found.token.reveal()) == (None, JWS)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Host: x", "Cookie: a=b"],
        [f"Proxy-Authorization: Bearer {KEY}"],
        [f"X-Api-Keys: {KEY}"],
        ["Authorizatiom: x"],
    ],
)
def test_no_credential(lines):
    """A request without the two fields carries none; a credential for a proxy is not for the gateway."""
    assert credential_of(*lines) is None


@pytest.mark.parametrize(
    "line",
    [
        "Authorization:",
        "Authorization: Bearer",
        "Authorization: Basic",
        "X-Api-Key:",
        "X-Api-Key: password",
        f"X-Api-Key: {KEY.upper()}",
        f"X-Api-Key: Bearer {KEY}",
        f"X-Api-Key: {JWS}",
        f"Authorization: {KEY}",
        f"Authorization: Bearer\t{KEY}",
        f"Authorization: Bearer {KEY} x",
        f"Authorization: Bearer {KEY}, Bearer {KEY}",
        f"Authorization: Bearer {KEY}\xa0",
        f"Authorization: Token {KEY}",
        f"Authorization: Digest username={KEY}",
        f"Authorization: {JWS}",
        f"Authorization: Basic {basic(KEY)}",
        f"Authorization: Basic {basic(f'{KEY}:')}",
        f"Authorization: Basic {basic(f'a:b:{KEY}')}",
        f"Authorization: Basic {basic(f'erp:{JWS}')}",
        f"Authorization: Basic {basic(f'erp:{KEY}')}=",
        f"Authorization: Basic {basic(f'er:{KEY}').rstrip('=')}-",
        f"Authorization: Basic a{basic(f'erp:{KEY}')}",
        f"Authorization: Basic erp:{KEY}",
        f"Authorization: Bearer {basic(f'erp:{KEY}')}",
        f"Authorization: Bearer {JWS}.x",
        f"Authorization: Bearer {JWS}=",
        f"Authorization: Bearer a..{'b' * 10}",
        f"Authorization: Bearer a.b.{'c' * 8_190}",
    ],
)
def test_any_other_form_is_a_credential_of_nobody(line):
    """What is there and is neither key nor token is not passed over: it is a credential that nobody has."""
    found = credential_of(line)
    assert isinstance(found, Presented)
    assert (found.key_sha256, found.token) == (None, None)


@pytest.mark.parametrize(
    "lines",
    [
        [f"Authorization: Bearer {KEY}", f"X-Api-Key: {OTHER}"],
        [f"X-Api-Key: {KEY}", f"Authorization: Basic {basic(f'a:{OTHER}')}"],
        [f"X-Api-Key: {KEY}", f"x-api-key: {OTHER}"],
        [f"Authorization: Bearer {KEY}", f"Authorization: Bearer {OTHER}"],
        [f"Authorization: Bearer {KEY}", "X-Api-Key:"],
        [f"Authorization: Bearer {JWS}", f"X-Api-Key: {KEY}"],
        [f"Authorization: Token {KEY}", f"X-Api-Key: {KEY}"],
        [f"X-Api-Key: {KEY}", f"Authorization: {KEY}"],
        [f"X-Api-Key: {KEY}", f"X-Api-Key: {KEY}", f"X-Api-Key: {OTHER}"],
    ],
)
def test_two_credentials_are_refused(lines):
    """Two different credentials in one request are ambiguous, whatever they are good for."""
    refusal = credential_of(*lines)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "credentials-ambiguous"


@pytest.mark.parametrize(
    "lines",
    [
        [f"Authorization: Bearer {KEY}"],
        [f"Authorization: Bearer {JWS}"],
        [f"X-Api-Key: {KEY}", f"X-Api-Key: {OTHER}"],
        ["Authorization: Bearer canary"],
    ],
)
def test_nothing_shows_a_credential(lines):
    """Neither repr nor text of what was read has a part of the credential in it, nor its digest."""
    found = credential_of(*lines)
    shown = f"{found!r} {found}"
    for canary in (KEY, OTHER, digest(KEY), JWS, *JWS.split("."), "canary"):
        assert canary not in shown


@BOUNDED
@given(
    st.lists(st.tuples(st.sampled_from(["Authorization", "X-Api-Key", "Host"]), st.text("aB=.:- \t\xe9", max_size=40)))
)
def test_no_value_breaks_the_reading(fields):
    """Whatever stands in the fields, the reading ends with an answer, and with none only where no credential is."""
    found = credential_of(*(f"{name}: {value}" for name, value in fields))
    assert (found is None) == all(name == "Host" for name, _ in fields)
