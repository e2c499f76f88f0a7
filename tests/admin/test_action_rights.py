"""Which client may reload, drain and end the gateway: the decision."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.access.authentication.credentials import read_credential
from fla_gateway.admin.access_rules import AdminAccess, Place
from fla_gateway.admin.action_rights import (
    ActionRequest,
    Permitted,
    connection_place,
    has_basic,
    is_forwarded,
    judge_action,
)
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress

KEY = new_key()
OPEN = AdminAccess(uid=1000)
KEYED = AdminAccess(key_sha256=digest(KEY), key_expires=2000.0, uid=1000)
ACTING = AdminAccess(key_sha256=digest(KEY), key_expires=2000.0, actions=True, uid=1000)
EVERYWHERE = TcpAddress("0.0.0.0", 8481)  # noqa: S104 - the example
BEARER = (b"Authorization", f"Bearer {KEY}".encode())
X_API_KEY = (b"X-Api-Key", KEY.encode())
BASIC = (b"Authorization", b"Basic " + b64encode(f"operator:{KEY}".encode()))


def judged(place, access, *lines, uid=None, encrypted=False, now=1000.0):
    """Judge a request with these fields; give on what ground it is permitted, or the refusal."""
    fields = [(name, b": " + value) for name, value in lines]
    request = ActionRequest(place, encrypted, uid, read_credential(fields), has_basic(fields))
    found = judge_action(request, access, now)
    return found.by if isinstance(found, Permitted) else found


def code(*arguments, **further):
    """Give the code of the refusal, or the ground."""
    found = judged(*arguments, **further)
    return found if isinstance(found, str) else found.code


@pytest.mark.parametrize("access", [OPEN, KEYED, ACTING])
@pytest.mark.parametrize("place", [Place.FILE, Place.LOCAL])
@pytest.mark.parametrize("uid", [0, 1000])
def test_root_and_the_gateways_user_act_by_their_user_id(access, place, uid):
    """On loopback and on local sockets alike, and without the key where there is one."""
    assert judged(place, access, uid=uid) == f"uid {uid}"


@pytest.mark.parametrize("place", [Place.FILE, Place.LOCAL])
@pytest.mark.parametrize("uid", [1001, 65534, None])
def test_another_user_does_not_act(place, uid):
    """The mode of a socket's file permits the page and no action; an unknown user is nobody."""
    assert code(place, OPEN, uid=uid) == "actions-disabled"


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("line", [BEARER, X_API_KEY, BASIC])
def test_the_key_of_the_page_does_not_act_by_itself(place, line):
    """Without `actions` the key is not even compared."""
    assert code(place, KEYED, line, uid=1001, encrypted=True) == "actions-disabled"
    assert code(place, KEYED, (b"X-Api-Key", b"wrong"), uid=1001, encrypted=True) == "actions-disabled"


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("line", [BEARER, X_API_KEY])
def test_the_key_acts_where_the_configuration_says_so(place, line):
    """As Bearer and as X-Api-Key."""
    assert judged(place, ACTING, line, uid=1001, encrypted=True) == "key"


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("lines", [(BASIC,), (X_API_KEY, BASIC)])
def test_basic_never_acts(place, lines):
    """Also beside another form: a browser adds it to whatever it sends."""
    found = judged(place, ACTING, *lines, uid=1001, encrypted=True)
    assert found.code == "actions-disabled"
    assert "Basic" in found.detail


@pytest.mark.parametrize(
    ("access", "encrypted", "uid"),
    [(OPEN, True, None), (KEYED, True, None), (ACTING, False, None), (OPEN, True, 0), (ACTING, False, 0)],
    ids=["no key", "no actions", "no TLS", "no key, root", "no TLS, root"],
)
def test_beyond_loopback_tls_key_and_actions_are_needed(access, encrypted, uid):
    """All three of them; the number of a user counts on its own machine alone."""
    found = judged(Place.BEYOND, access, X_API_KEY, uid=uid, encrypted=encrypted)
    assert found.code == "actions-disabled"
    assert all(word in found.detail for word in ("TLS", "[admin] key", "actions = true"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ((b"X-Api-Key", new_key().encode()), "credentials-refused"),
        ((b"X-Api-Key", digest(KEY).encode()), "credentials-refused"),
        ((b"X-Other", b""), "credentials-missing"),
    ],
    ids=["another", "digest", "none"],
)
def test_a_wrong_key_is_refused(line, expected):
    """As on the page."""
    assert code(Place.LOCAL, ACTING, line, uid=1001) == expected


def test_an_expired_key_does_not_act():
    """From its moment on."""
    assert code(Place.LOCAL, ACTING, X_API_KEY, now=1999.9) == "key"
    assert code(Place.LOCAL, ACTING, X_API_KEY, now=2000.0) == "credentials-refused"


def test_every_refusal_says_what_to_do():
    """The cure of a foreign user, an unknown one and a connection from elsewhere is not the same."""
    clients = ((Place.LOCAL, 5), (Place.LOCAL, None), (Place.BEYOND, None))
    details = [judged(place, OPEN, uid=uid).detail for place, uid in clients]
    assert len(set(details)) == 3
    assert all("actions = true" in detail for detail in details)


@pytest.mark.parametrize(
    ("address", "ends", "place"),
    [
        (EVERYWHERE, ("127.0.0.1", "127.0.0.1"), Place.LOCAL),
        (TcpAddress("::", 8481), ("::1", "::1"), Place.LOCAL),
        (TcpAddress("::", 8481), ("::ffff:127.0.0.1", "::ffff:127.0.0.1"), Place.LOCAL),
        (EVERYWHERE, ("10.0.0.1", "10.0.0.2"), Place.BEYOND),
        (EVERYWHERE, ("10.0.0.1", "10.0.0.1"), Place.BEYOND),
        (EVERYWHERE, ("127.0.0.1", "10.0.0.2"), Place.BEYOND),
        (EVERYWHERE, ("10.0.0.1", "127.0.0.1"), Place.BEYOND),
        (TcpAddress("::", 8481), ("fe80::1%eth0", "fe80::2%eth0"), Place.BEYOND),
        (EVERYWHERE, (), Place.BEYOND),
        (TcpAddress("127.0.0.1", 8481), ("127.0.0.1", "127.0.0.1"), Place.LOCAL),
        (AbstractAddress("admin"), (), Place.LOCAL),
        (UnixAddress(Path("/run/admin.sock")), (), Place.FILE),
    ],
)
def test_a_listener_on_all_addresses_is_on_loopback_too(address, ends, place):
    """Both ends have to be; anything else comes from another machine, or could."""
    assert connection_place(address, ends) is place


@pytest.mark.parametrize("name", [b"Via", b"Forwarded", b"X-Forwarded-For", b"x-forwarded-host", b"X-Real-IP"])
def test_a_request_that_a_proxy_sent_on_is_known(name):
    """The user id is the proxy's then."""
    assert is_forwarded([(b"Host", b": localhost"), (name, b": 1")])
    assert not is_forwarded([(b"Host", b": localhost"), (b"X-Api-Key", b": 1")])
