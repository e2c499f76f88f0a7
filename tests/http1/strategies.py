"""Strategies: messages as RFC 9110 and RFC 9112 write them, built up from parts and not by the code that reads them."""

from __future__ import annotations

import string

from hypothesis import strategies as st

TCHAR = ("!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters).encode()
FRAMING = {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"}


def _bytes_of(alphabet: bytes, low: int, high: int) -> st.SearchStrategy[bytes]:
    # As one text, which is drawn at once, and not byte by byte.
    texts = st.text(alphabet.decode("latin-1"), min_size=low, max_size=high)
    return texts.map(lambda text: text.encode("latin-1"))


tokens = _bytes_of(TCHAR, 1, 12)
targets = _bytes_of(bytes(range(0x21, 0x7F)), 0, 20).map(lambda rest: b"/" + rest)
# RFC 9110, section 5.5: a value neither begins nor ends with white space; obs-text is part of it.
values = _bytes_of(bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)]), 0, 20).map(lambda value: value.strip(b" \t"))
spaces = _bytes_of(b" \t", 0, 3)
field_pairs = st.lists(st.tuples(tokens.filter(lambda name: name.lower() not in FRAMING), values), max_size=6)


@st.composite
def cased(draw: st.DrawFn, name: bytes) -> bytes:
    """Draw the name with any mixture of upper and lower case."""
    return bytes(draw(st.sampled_from((byte, byte ^ 0x20))) if chr(byte).isalpha() else byte for byte in name)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw a well-formed chunked body (RFC 9112, section 7.1): its coded bytes and its payload."""
    chunks = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    coded = bytearray()
    for chunk in chunks:
        zeros = b"0" * draw(st.integers(0, 3))
        size = draw(st.sampled_from((b"%x", b"%X"))) % len(chunk)
        coded += zeros + size + draw(extensions) + b"\r\n" + chunk + b"\r\n"
    coded += b"0" * draw(st.integers(1, 4)) + draw(extensions) + b"\r\n"
    for name, value in draw(field_pairs):
        coded += name + b": " + value + b"\r\n"
    return bytes(coded) + b"\r\n", b"".join(chunks)


extensions = st.one_of(
    st.just(b""),
    st.tuples(tokens, tokens).map(lambda pair: b";" + pair[0] + b"=" + pair[1]),
    tokens.map(lambda name: b" ;" + name),
)


@st.composite
def cuts(draw: st.DrawFn, length: int) -> list[int]:
    """Draw the places at which a message of this length is cut, in order, the end among them."""
    places = draw(st.lists(st.integers(0, length), max_size=8))
    return [*sorted(places), length]


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    """Cut a message; empty pieces stay, since a transport may give them."""
    starts = [0, *places[:-1]]
    return [data[start:end] for start, end in zip(starts, places, strict=True)]
