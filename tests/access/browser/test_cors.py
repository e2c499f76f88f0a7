"""What a page of a trusted origin is told, and what no page is told."""

from __future__ import annotations

import pytest

from fla_gateway.access.browser.cors import cors_fields, preflight, trusted_origin, without_rules
from fla_gateway.http1.fields import field_lines

TRUSTED = frozenset((b"https://erp.example", b"app://erp"))


def block(*lines):
    """Read field lines."""
    found = field_lines("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n")
    assert found is not None
    return found


def told(*lines):
    """Give the fields of the answer to a preflight, names in lower case, or None."""
    found = preflight(block(*lines), b"https://erp.example")
    if found is None:
        return None
    pairs = [line.partition(": ") for line in found.decode().removesuffix("\r\n").split("\r\n")]
    return {name.lower(): value for name, _, value in pairs}


@pytest.mark.parametrize("origin", ["https://erp.example", "app://erp"])
def test_an_origin_of_the_configuration_is_trusted(origin):
    """It is compared as browsers write it, whatever the scheme."""
    assert trusted_origin(block("Host: localhost", f"origin:{origin} "), TRUSTED) == origin.encode()


@pytest.mark.parametrize(
    "origins",
    [
        [], [""], ["null"], ["HTTPS://erp.example"], ["https://erp.example/"], ["https://erp.example:443"],
        ["http://erp.example"], ["https://erp.example.evil.example"], ["https://erp.example, https://erp.example"],
        ["https://erp.example", "https://erp.example"], ["https://erp.example", "https://evil.example"],
        ["https://evil.example", "https://erp.example"],
    ],
)  # fmt: skip
def test_no_other_origin_is_trusted(origins):
    """Neither one that looks like it, nor one that is named beside another."""
    assert trusted_origin(block(*(f"Origin: {origin}" for origin in origins)), TRUSTED) is None


def test_a_preflight_is_answered_with_what_was_asked():
    """The page's origin, the methods that are forwarded and the names that it wants to send."""
    assert told(
        "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-api-key"
    ) == {
        "access-control-allow-origin": "https://erp.example",
        "vary": "Origin",
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "access-control-max-age": "600",
        "access-control-allow-headers": "content-type, x-api-key",
    }  # fmt: skip


def test_without_a_method_it_is_no_preflight():
    """An OPTIONS that a page sends for its own sake goes to the API."""
    assert told("Access-Control-Request-Headers: content-type") is None


@pytest.mark.parametrize(
    "names",
    ["", "x y", "a,,b", "a\x85b", "*:", "x-a, x-b;c", ",".join(["a"] * 65), "a" * 2_049],
    ids=["none", "space", "empty", "obs-text", "colon", "semicolon", "many", "long"],
)
def test_names_that_are_none_allow_nothing(names):
    """What is no list of field names, or a long one, is not repeated in an answer."""
    given = told("Access-Control-Request-Method: POST", f"Access-Control-Request-Headers: {names}")
    assert given is not None
    assert "access-control-allow-headers" not in given


def test_private_networks_are_allowed_when_asked():
    """Browsers that keep pages away from loopback ask for it in a field of its own."""
    method = "Access-Control-Request-Method: GET"
    asked = told(method, "Access-Control-Request-Private-Network: true")
    assert asked is not None
    assert asked["access-control-allow-private-network"] == "true"
    assert "access-control-allow-private-network" not in (told(method) or {})


def test_a_browser_never_adds_credentials_by_itself():
    """Cookies and remembered passwords stay out; a page must hold the key itself."""
    assert b"credentials" not in cors_fields(b"app://erp").lower()
    assert "access-control-allow-credentials" not in (told("Access-Control-Request-Method: GET") or {})


def test_an_apis_own_rules_about_pages_are_left_out():
    """They speak of the API's origin; every other field stays, in its order."""
    fields = [b"Vary", b": Accept\r\n", b"ACCESS-CONTROL-Allow-Origin", b": *\r\n", b"X-A", b": 1\r\n"]
    assert without_rules(fields) == [b"Vary", b": Accept\r\n", b"X-A", b": 1\r\n"]
    assert without_rules([]) == []
