"""A request's body on its way: what is put aside, what is kept, what could be sent again."""

from __future__ import annotations

from fla_gateway.proxy.messages.request_body import NO_BODY, RequestBody


def taken(*pieces, limit=10, last=True, chunked=False):
    """Make a body of these pieces."""
    body = RequestBody(limit, chunked=chunked)
    for number, piece in enumerate(pieces, 1):
        body.take(piece, last=last and number == len(pieces))
    return body


def test_a_whole_body_within_the_limit_can_be_sent_again():
    """All of it, and as often as it is rewound."""
    body = taken(b"abc", b"", b"def")
    assert (body.open, body.received, body.whole) == (False, 6, True)
    for _ in range(2):
        body.rewind()
        assert body.unsent() == b"abcdef"


def test_an_open_body_is_not_whole():
    """What is still to come cannot be sent again."""
    assert not taken(b"abc", last=False).whole


def test_a_body_over_the_limit_is_not_kept():
    """At the limit it is; a byte more, and nothing of it."""
    assert taken(b"a" * 10).whole
    long = taken(b"a" * 10, b"b")
    assert (long.whole, long.received) == (False, 11)
    long.rewind()
    assert long.unsent() == b""


def test_what_was_put_aside_is_given_once():
    """In order, and then no more of it."""
    body = taken(b"ab", b"cd", last=False)
    body.hold(b"ab")
    body.hold(b"cd")
    assert (body.unsent(), body.unsent()) == (b"abcd", b"")


def test_a_body_of_unknown_length_is_framed_in_chunks_and_ended_once_it_is_complete():
    """One of a known length is sent as it is."""
    assert taken(b"ab", last=False, chunked=True).framed(b"ab") == b"2\r\nab\r\n"
    assert taken(b"ab", chunked=True).framed(b"ab") == b"2\r\nab\r\n0\r\n\r\n"
    assert taken(b"ab").framed(b"ab") == b"ab"


def test_no_body_is_whole_and_stays_empty():
    """Every request without a body shares it."""
    NO_BODY.hold(b"")
    NO_BODY.rewind()
    assert (NO_BODY.open, NO_BODY.received, NO_BODY.whole, NO_BODY.unsent()) == (False, 0, True, b"")
