"""Readings of a path: what is judged on the fully decoded form holds for every reader that decodes less."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from hypothesis import example, given
from hypothesis import strategies as st

from fla_gateway.access.path_readings import decode, fault_of, is_divided_differently, may_reach_tokens, read_path
from tests.support.properties import BOUNDED, examples

LAYERS = 10
# What attacks are made of; each is encoded anew, layer by layer, and only in parts.
WORDS = (
    b"/", b"\\", b";", b"//", b".", b"..", b"oauth", b"a", b"b1", b"%", b"%2", b"%zz", b"\xc3\xa9", b"\xc0\xaf",
    b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xef\xbc\x8f", b"\xe2\x82\xac", b"\xe9", b" ", b"\0", b"~1",
)  # fmt: skip
visible = frozenset(range(0x21, 0x7F)) - set(b"?#")


@st.composite
def encoded(draw: st.DrawFn) -> bytes:
    """Encode a word up to ten times; each time some of its bytes, and at the end whatever a target cannot hold."""
    word = draw(st.sampled_from(WORDS))
    for _ in range(draw(st.integers(0, LAYERS))):
        chosen = draw(st.sets(st.integers(0, len(word) - 1), max_size=4))
        word = b"".join(b"%%%02X" % byte if at in chosen else bytes((byte,)) for at, byte in enumerate(word))
    return b"".join(bytes((byte,)) if byte in visible else b"%%%02x" % byte for byte in word)


paths = st.lists(encoded(), max_size=5).map(lambda parts: b"/REST/a" + b"".join(parts))


def careless(path: bytes) -> bytes:
    """Decode UTF-8 as a reader does that checks neither for shortest forms nor for continuation bytes."""
    out, at = bytearray(), 0
    while at < len(path):
        first = path[at]
        size = 2 if 0xC0 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF8 else 1
        value = first & (0xFF >> (size + 1)) if size > 1 else first
        for byte in path[at + 1 : at + size]:
            value = value << 6 | byte & 0x3F
        out += bytes((value,)) if value < 0x80 else path[at : at + size]
        at += size
    return bytes(out)


def readings(path: bytes) -> list[bytes]:
    """Read a path as servers do that decode it any number of times, each time and at the end carefully or not."""
    found = []
    for _ in range(LAYERS + 4):
        found += [path, careless(path)]
        path = unquote_to_bytes(path)
    return found


def segments(path: bytes) -> list[bytes]:
    """Take a path apart as servers do for which a backslash is a slash and a semicolon begins a parameter."""
    return [part.partition(b";")[0] for part in path.replace(b"\\", b"/").split(b"/")]


@examples(60)
@given(paths)
@example(b"/REST/a%25%32%46b")
@example(b"/REST/a%%32%46b")
@example(b"/REST/a%2%46b")
@example(b"/REST/a%25%35%43b")
@example(b"/REST/a%c0%2f")
def test_a_path_with_one_division_has_it_for_every_reader(path: bytes) -> None:
    """Up to ten layers of encoding, in any parts: what is not called ambiguous has the same segments everywhere."""
    if fault_of(read_path(path)) is None and not is_divided_differently(read_path(path)):
        for reading in readings(path):
            assert len(segments(reading)) == path.count(b"/") + 1
            assert not {b".", b".."} & set(segments(reading))


@examples(60)
@given(paths)
def test_no_reader_climbs_or_finds_the_token_service(path: bytes) -> None:
    """Also where paths are not narrowed: no reading has a dot segment or a NUL, and none leads to oauth unnoticed."""
    if fault_of(read_path(path)) is None:
        for reading in readings(path):
            assert not {b".", b".."} & set(segments(reading))
            assert b"\0" not in reading
        if not may_reach_tokens(read_path(path)):
            assert all(b"oauth" not in segments(reading.lower()) for reading in readings(path))


@BOUNDED
@given(paths)
def test_decoding_ends_where_nothing_changes(path: bytes) -> None:
    """What the decoder gives is its own decoded form; what it gives up on has more than eight layers."""
    decoded = decode(path)
    if decoded is not None:
        assert unquote_to_bytes(decoded) == decoded
    else:
        for _ in range(8):
            path = unquote_to_bytes(path)
        assert unquote_to_bytes(path) != path


@BOUNDED
@given(st.lists(st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x24F), min_size=1, max_size=8), min_size=1))
def test_names_in_latin_letters_are_never_ambiguous(words: list[str]) -> None:
    """Whatever person or place a segment names, in UTF-8 and encoded once, it passes where paths are narrowed."""
    path = b"/REST/a/" + b"/".join(b"".join(b"%%%02X" % byte for byte in word.encode()) for word in words)
    if path.count(b"%") <= 512:
        assert fault_of(read_path(path)) is None
        assert not is_divided_differently(read_path(path))
