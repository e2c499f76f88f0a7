"""Who is answered on the admin listener."""

from __future__ import annotations

from pathlib import Path

import pytest

from fla_gateway.admin.request_guard import refusal
from fla_gateway.config.values.address import TcpAddress, UnixAddress

LOOPBACK = TcpAddress("127.0.0.1", 8481)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8481", "127.0.0.1", "127.0.0.1:8481", "[::1]", "[::1]:8481"])
def test_loopback_names_are_answered(host):
    """On loopback each usual name is answered, with the listener's port or without one."""
    assert refusal(LOOPBACK, {"Host": host}) is None


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8481", "localhost:80", "localhost.", "127.0.0.1.evil.example", "::1", ":8481"],
)
def test_other_names_are_refused_on_loopback(host):
    """A page whose name was rebound to loopback still sends its own name."""
    assert refusal(LOOPBACK, {"Host": host}) == "wrong-host"


@pytest.mark.parametrize("address", [LOOPBACK, TcpAddress("0.0.0.0", 8481)])  # noqa: S104 - the example
def test_old_probes_are_answered_without_a_name(address):
    """HTTP/1.0 has no Host, and what a page in a browser causes always has one."""
    assert refusal(address, {}, surface=True) is None
    assert refusal(address, {"Sec-Fetch-Site": "cross-site"}) == "browser-refused"


def test_own_address_is_answered():
    """A listener on another loopback address answers to that address."""
    assert refusal(TcpAddress("127.0.0.2", 4711), {"Host": "127.0.0.2:4711"}) is None


def test_any_name_beyond_loopback():
    """A kubelet probes by the pod's address, which nobody knows beforehand."""
    assert refusal(TcpAddress("0.0.0.0", 8481), {"Host": "10.1.2.3:8481"}) is None  # noqa: S104 - the example


def test_any_name_on_a_unix_socket():
    """What is said in Host over a unix socket means nothing."""
    assert refusal(UnixAddress(Path("/run/admin.sock")), {"Host": "x"}) is None


@pytest.mark.parametrize("address", [LOOPBACK, TcpAddress("0.0.0.0", 8481), UnixAddress(Path("/run/a.sock"))])  # noqa: S104 - the example
@pytest.mark.parametrize(
    "field", [("Origin", "http://localhost:8481"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")]
)
def test_web_pages_are_refused_everywhere(address, field):
    """A request that a page in a browser causes is refused on every kind of listener."""
    assert refusal(address, {"Host": "localhost:8481", **dict([field])}) == "browser-refused"


@pytest.mark.parametrize("site", ["none", "same-origin", "None"])
def test_address_typed_by_a_person_is_answered(site):
    """Somebody who opens the address in a browser himself is answered."""
    assert refusal(LOOPBACK, {"Host": "localhost:8481", "Sec-Fetch-Site": site}) is None
