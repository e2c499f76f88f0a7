"""Who may see the operator's surface."""

from __future__ import annotations

from pathlib import Path

import pytest

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.access.authentication.credentials import read_credential
from fla_gateway.admin.access_rules import AdminAccess, Place, asks_for_uid, judge, place_of
from fla_gateway.admin.failed_attempts import MOST, PAUSE, WINDOW, Attempts
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress

KEY = new_key()
OPEN = AdminAccess(uid=1000)
KEYED = AdminAccess(key_sha256=digest(KEY), key_expires=2000.0, uid=1000)


def code(place, access, *lines, uid=None, now=1000.0):
    """Judge a request with these fields; give the code of the refusal, or None."""
    found = judge(place, access, read_credential([(name, b": " + value) for name, value in lines]), uid, now)
    return None if found is None else found.code


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (UnixAddress(Path("/run/admin.sock")), Place.FILE),
        (AbstractAddress("admin"), Place.LOCAL),
        (TcpAddress("127.0.0.1", 8481), Place.LOCAL),
        (TcpAddress("::1", 8481), Place.LOCAL),
        (TcpAddress("0.0.0.0", 8481), Place.BEYOND),  # noqa: S104 - the example
        (TcpAddress("10.0.0.1", 8481), Place.BEYOND),
    ],
)
def test_a_place_tells_who_may_have_connected(address, place):
    """Only a socket with a file has owner and mode; loopback is for all users of the machine, the rest for anybody."""
    assert place_of(address) is place


def test_a_socket_file_is_proof_enough():
    """Whoever may open the socket's file may see the surface, with and without a configured key."""
    assert code(Place.FILE, OPEN) is None
    assert code(Place.FILE, KEYED) is None


@pytest.mark.parametrize(("uid", "expected"), [(1000, None), (0, None), (1001, "caller-not-permitted")])
def test_loopback_without_a_key_is_for_the_same_user_and_root(uid, expected):
    """Another user of the machine is refused."""
    assert asks_for_uid(Place.LOCAL, OPEN)
    assert code(Place.LOCAL, OPEN, uid=uid) == expected


def test_an_unknown_user_is_refused():
    """Where the kernel does not tell whose socket it is, nobody is let in, root's default included."""
    assert code(Place.LOCAL, OPEN, uid=None) == "caller-not-permitted"
    assert code(Place.LOCAL, AdminAccess(), uid=None) == "caller-not-permitted"


def test_beyond_loopback_there_is_no_surface_without_a_key():
    """It does not even say that it exists, whoever asks."""
    assert code(Place.BEYOND, OPEN, uid=0) == "not-found"
    assert code(Place.BEYOND, KEYED, (b"X-Api-Key", KEY.encode())) is None


@pytest.mark.parametrize("place", [Place.LOCAL, Place.BEYOND])
def test_a_configured_key_is_needed_by_root_too(place):
    """With a key the user id is not looked at."""
    assert not asks_for_uid(place, KEYED)
    assert code(place, KEYED, uid=0) == "credentials-missing"
    assert code(place, KEYED, (b"Authorization", b"Bearer " + KEY.encode()), uid=5) is None


@pytest.mark.parametrize(
    "wrong",
    [new_key(), KEY[:-1], KEY.upper(), digest(KEY), "", "flagw_"],
    ids=["another", "short", "capitals", "digest", "empty", "prefix"],
)
def test_any_other_key_is_refused(wrong):
    """Also one that is nearly right, and the digest that stands in the configuration."""
    assert code(Place.LOCAL, KEYED, (b"X-Api-Key", wrong.encode())) == "credentials-refused"


def test_a_key_ends_at_its_moment():
    """It is taken until then, and from that second on no longer."""
    field = (b"X-Api-Key", KEY.encode())
    assert code(Place.LOCAL, KEYED, field, now=1999.9) is None
    assert code(Place.LOCAL, KEYED, field, now=2000.0) == "credentials-refused"


def test_two_different_keys_are_ambiguous():
    """Which one counts is not guessed, even if one is right."""
    fields = ((b"X-Api-Key", KEY.encode()), (b"Authorization", b"Bearer " + new_key().encode()))
    assert code(Place.LOCAL, KEYED, *fields) == "credentials-ambiguous"


def test_the_digest_is_not_shown():
    """Neither key nor digest stands in what a log would write of the settings."""
    assert digest(KEY) not in repr(KEYED)


def test_wrong_keys_are_answered_429_after_twenty_in_a_minute():
    """The pause begins after the twentieth, counts down, is not prolonged by further ones, and ends."""
    attempts = Attempts()
    assert [attempts.failed(0.5 * n) for n in range(MOST)] == [0] * MOST
    begin = 0.5 * (MOST - 1)
    assert attempts.failed(begin + 1) == PAUSE - 1
    assert attempts.failed(begin + PAUSE - 0.5) == 1
    assert attempts.failed(begin + PAUSE) == 0


def test_seldom_mistakes_do_not_add_up():
    """Twenty wrong keys over more than a minute are twenty times 401."""
    attempts = Attempts()
    step = WINDOW / (MOST - 1) + 0.01
    assert [attempts.failed(step * n) for n in range(3 * MOST)] == [0] * 3 * MOST
