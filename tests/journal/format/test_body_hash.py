"""Bodies are known by keyed hashes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.path_masking import mask_path
from fla_gateway.journal.format.body_hash import BodyHasher

KEY = b"k" * 32


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_a_body_that_comes_in_parts_has_the_hash_of_the_whole(parts):
    """However it is cut."""
    hasher = BodyHasher(KEY)
    stream = hasher.begin()
    for part in parts:
        stream.update(part)
    assert [stream.digits()] == hasher.hash_bodies([b"".join(parts)])


def test_the_hash_depends_on_every_byte_and_on_the_key():
    """Bodies that differ in a bit, in their length or in what follows zeros have other hashes; another key, too."""
    bodies = [b"a", b"b", b"a\0", b"\0a", b"a" * 16, b"a" * 17, b"\0" * 16, b"\0" * 32]
    hashes = [it for key in (KEY, b"l" * 32) for it in BodyHasher(key).hash_bodies(bodies)]
    assert len(set(hashes)) == len(hashes)
    assert {len(it) for it in hashes} == {16}


def test_the_hash_of_a_body_is_the_same_in_every_version():
    """A file of three years ago is still found: the function and its key do not change."""
    assert BodyHasher(KEY).hash_bodies([b'{"worker":"85010112345"}']) == ["adad8f700b4b6fda"]


def test_an_empty_body_has_none():
    """As if there were no body; the others have theirs, however many are hashed at a time."""
    hasher = BodyHasher(KEY)
    (one,), (other,) = hasher.hash_bodies([b"one"]), hasher.hash_bodies([b"other"])
    assert hasher.hash_bodies([b"", b"one", b"", b"other"]) == ["", one, "", other]


def test_the_hash_of_a_body_is_no_mask():
    """The key is another one: a body that is a number alone is not found by its mask, nor the other way round."""
    assert BodyHasher(KEY).hash_bodies([b"85010112345"])[0][:12] != mask_path(b"85010112345", KEY)[1:]
