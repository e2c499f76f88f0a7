"""The chunked coding: one result however the bytes are cut, and no way to hide a second message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.http1.chunked import LAST_CHUNK, MAX_SIZE_LINE, MAX_TRAILER, ChunkedDecoder, chunk
from fla_gateway.http1.errors import ProtocolError
from tests.http1.strategies import chunked_bodies, cuts, pieces
from tests.support.properties import BOUNDED
from tests.wire import request_framing
from tests.wire.vector import Unfinished, Vector

Verdict = tuple[bytes, bool, bytes] | str


def decode(parts: list[bytes], *, padded: bool = False) -> Verdict:
    """Feed the parts in turn: payload, whether it ended, what came behind; or the code of the error."""
    decoder = ChunkedDecoder(padded=padded)
    payload = bytearray()
    try:
        for number, part in enumerate(parts):
            found, ended, rest = decoder.feed(part)
            payload += b"".join(found)
            if ended:
                return bytes(payload), True, rest + b"".join(parts[number + 1 :])
    except ProtocolError as error:
        return error.code
    return bytes(payload), False, b""


@BOUNDED
@given(chunked_bodies(), st.binary(max_size=20))
def test_a_coded_body_gives_its_payload_and_what_is_behind_it(body: tuple[bytes, bytes], behind: bytes) -> None:
    """A well-formed body is decoded to its payload, and not one byte behind its end is taken."""
    coded, payload = body
    assert decode([coded + behind]) == (payload, True, behind)


@BOUNDED
@given(st.data())
def test_random_cuts_change_nothing(data: st.DataObject) -> None:
    """A body cut at any set of places gives what it gives in one piece."""
    coded, payload = data.draw(chunked_bodies())
    behind = data.draw(st.binary(max_size=10))
    message = coded + behind
    assert decode(pieces(message, data.draw(cuts(len(message))))) == (payload, True, behind)


@BOUNDED
@given(chunked_bodies(), st.data())
def test_a_body_that_was_tampered_with_is_judged_alike_however_it_is_cut(
    body: tuple[bytes, bytes], data: st.DataObject
) -> None:
    """One changed, added or missing byte gives the same verdict in one piece and byte by byte."""
    coded, _ = body
    place = data.draw(st.integers(0, len(coded)))
    removed = data.draw(st.integers(0, 1))
    added = data.draw(st.sampled_from((b"", b"\r", b"\n", b"0", b" ", b"\x00", b";", b"f")))
    message = coded[:place] + added + coded[place + removed :]
    whole = decode([message])
    assert decode([message[at : at + 1] for at in range(len(message))]) == whole


CUT_AT = b'5;a="b"\r\nhello\r\n00A\r\n0123456789\r\n0;c\r\nX-T: v\r\nX-U: w\r\n\r\nBEHIND'


def test_every_single_cut_changes_nothing() -> None:
    """A body with extensions and trailers, cut at any place, gives the same payload and the same rest."""
    found = [decode([CUT_AT[:place], CUT_AT[place:]]) for place in range(len(CUT_AT) + 1)]
    assert found == [(b"hello0123456789", True, b"BEHIND")] * (len(CUT_AT) + 1)


def test_byte_by_byte_changes_nothing() -> None:
    """A body that comes in single bytes gives the same payload and the same rest."""
    assert decode([CUT_AT[at : at + 1] for at in range(len(CUT_AT))]) == (b"hello0123456789", True, b"BEHIND")


def _coded_body(raw: bytes) -> bytes:
    return raw.split(b"\r\n\r\n", 1)[1]


BROKEN = [vector for vector in request_framing.CHUNKS if isinstance(vector.expect[0], Unfinished) and not vector.fin]


@pytest.mark.parametrize("vector", BROKEN, ids=lambda vector: vector.name)
def test_every_broken_body_of_the_wire_vectors_is_refused(vector: Vector) -> None:
    """The decoder refuses the body at once and byte by byte."""
    body = _coded_body(vector.raw)
    assert decode([body]) == "malformed-body"
    if len(body) < 1000:
        assert decode([body[at : at + 1] for at in range(len(body))]) == "malformed-body"


@pytest.mark.parametrize("size", [b"5 ", b"5\t", b"5  \t"])
def test_only_an_answer_may_fill_its_chunk_sizes_with_spaces(size: bytes) -> None:
    """Spaces behind a size are read in an answer and refused in a request."""
    body = size + b"\r\nhello\r\n0\r\n\r\n"
    assert decode([body], padded=True) == (b"hello", True, b"")
    assert decode([body]) == "malformed-body"


GOOD_EXTENSIONS = [
    b";a", b";a=b", b';a="b"', b';a=""', b" ;\ta = b", b";a;b=c;d", b';a="b;c=d"', b';a="\\"\\\\"', b';a="caf\xe9\t"',
    b";a=0x5", b" \t;!#$%&'*+-.^_`|~=1",
]  # fmt: skip
ODD_EXTENSIONS = [
    b";", b";;a", b"; ", b";a=", b';a="b', b';a=b"c"', b";a b", b";a=b c", b";=b", b";a,b", b";a=(b)", b";a ", b";a=b;",
    b';a="b"c', b";caf\xe9", b";a/b", b';"a"', b";a==b", b";a='b c'",
]  # fmt: skip


@pytest.mark.parametrize("extension", GOOD_EXTENSIONS)
def test_an_extension_as_the_grammar_has_it_is_dropped(extension: bytes) -> None:
    """RFC 9112, section 7.1.1: a recipient ignores extensions that it does not know, on either side."""
    body = b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n"
    for padded in (False, True):
        decoder = ChunkedDecoder(padded=padded)
        assert (decoder.feed(body), decoder.odd) == (([b"hello"], True, b""), False)


@pytest.mark.parametrize("extension", ODD_EXTENSIONS)
def test_any_other_extension_is_refused_in_a_request_and_noted_in_a_response(extension: bytes) -> None:
    """Of a response the payload is known, so it is not lost; the connection is not used again."""
    for body in (b"5" + extension + b"\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0" + extension + b"\r\n\r\n"):
        assert decode([body]) == "malformed-body"
        decoder = ChunkedDecoder(padded=True)
        assert (decoder.feed(body), decoder.odd) == (([b"hello"], True, b""), True)


@pytest.mark.parametrize("extension", [b";a\x00", b";a\nb", b";a\rb", b";a\x7f", b' ;a="\x01"'])
def test_a_control_character_in_an_extension_is_refused(extension: bytes) -> None:
    """Line ends are what other readers find other sizes by."""
    body = b"5" + extension + b"\r\nhello\r\n0\r\n\r\n"
    assert decode([body]) == decode([body], padded=True) == "malformed-body"


@pytest.mark.parametrize("trailer", [b"X-T : v", b"X-T: a\r\n b", b"X-T: \x00\x01"])
def test_a_trailer_is_mended_in_a_response_alone(trailer: bytes) -> None:
    """It is dropped anyway; the connection is not used again."""
    body = b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n"
    assert decode([body]) == "malformed-body"
    decoder = ChunkedDecoder(padded=True)
    assert (decoder.feed(body), decoder.odd) == (([b"hello"], True, b""), True)


@BOUNDED
@given(chunked_bodies(), st.integers(0, 5))
def test_a_body_decoded_a_few_chunks_at_a_time_is_the_same(body: tuple[bytes, bytes], most: int) -> None:
    """Whatever is left undone is given back, and gives the same payload when it is given again."""
    coded, payload = body
    decoder = ChunkedDecoder()
    found, ended, rest = [], False, coded + b"BEHIND"
    while not ended:
        pieces, ended, rest = decoder.feed(rest, most)
        assert len(pieces) <= most + 1
        found += pieces
        most = max(most, 1)
    assert (b"".join(found), rest) == (payload, b"BEHIND")


@pytest.mark.parametrize("digits", [1, 2, 7, 8, 9, 15])
@pytest.mark.parametrize("form", [b"%x", b"%X"])
def test_a_size_is_read_whatever_its_number_of_digits(digits: int, form: bytes) -> None:
    """Leading zeros and capital letters included; the end as well as a piece."""
    size = (form % 0xB).rjust(digits, b"0")
    body = size + b"\r\n" + b"x" * 0xB + b"\r\n" + b"0" * digits + b"\r\n\r\n"
    assert ChunkedDecoder().feed(body + b"more") == ([b"x" * 0xB], True, b"more")


def test_a_size_line_is_bounded() -> None:
    """An extension that does not end within the bound is refused before it ends."""
    assert decode([b"5;" + b"a" * MAX_SIZE_LINE]) == "malformed-body"
    assert decode([b"5;a", *[b"a"] * MAX_SIZE_LINE]) == "malformed-body"


@pytest.mark.parametrize("begun", [b"5\nhello", b"5 \nhello", b"5;a=b\nhello", b"\n", b"hello\n"])
@pytest.mark.parametrize("padded", [False, True])
def test_a_size_line_that_ends_with_a_bare_line_feed_is_refused_at_once(begun: bytes, padded: bool) -> None:
    """Nothing that may follow makes a chunk size of it: the sender is not left waiting for a time-out."""
    with pytest.raises(ProtocolError):
        ChunkedDecoder(padded=padded).feed(begun)


def test_a_trailer_section_is_bounded() -> None:
    """A trailer section that does not end within the bound is refused before it ends."""
    assert decode([b"0\r\n", b"X-T: " + b"a" * MAX_TRAILER]) == "malformed-body"
    fits = b"X-T: " + b"a" * (MAX_TRAILER - 100) + b"\r\n\r\n"
    assert decode([b"0\r\n", fits]) == (b"", True, b"")


def test_a_chunk_is_handed_on_before_it_ends() -> None:
    """Payload goes out as it comes in: nothing waits for the end of its chunk."""
    decoder = ChunkedDecoder()
    assert decoder.feed(b"64\r\nfirst") == ([b"first"], False, b"")
    assert decoder.feed(b"second") == ([b"second"], False, b"")


@BOUNDED
@given(st.lists(st.binary(max_size=30), max_size=6))
def test_what_is_framed_is_read_back(payloads: list[bytes]) -> None:
    """Payload framed by `chunk` and ended by LAST_CHUNK decodes to itself; an empty piece never ends the body early."""
    coded = b"".join(b"".join(chunk(payload)) for payload in payloads) + LAST_CHUNK
    assert decode([coded]) == (b"".join(payloads), True, b"")
