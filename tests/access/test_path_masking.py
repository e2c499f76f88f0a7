"""Paths as the log keeps them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.path_masking import KEY_BYTES, MOST_SEGMENTS, mask_path

KEY = bytes(range(KEY_BYTES))


@pytest.mark.parametrize(
    "path",
    [
        "/REST/dimona/v2/declarations",
        "/REST/check-in-out/v1.12.3/work_places",
        "/",
        "",
        "/REST//dimona/",
        "/REST/newApi/v1",
    ],
)
def test_plain_words_and_versions_stay(path):
    """A path of words and version numbers is logged as it stands."""
    assert mask_path(path.encode(), KEY) == path


@pytest.mark.parametrize(
    "segment",
    [
        "85073003328",
        "85.07.30-033.28",
        "0206731645",
        "BE0206731645",
        "v1234",
        "v2a",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "Ren%C3%A9",
        "a.b",
        "a;id=1",
        "-abc",
        "abc-",
        "a--b",
        "x" * 41,
        "a\nb",
        "caf\xe9",
        '"',
        "\\",
        "*",
        "v1\n",
        "word\n",
    ],
)
def test_anything_else_is_hashed(segment):
    """A segment that may name a person or a declaration never appears, only `~` and twelve hexadecimal digits."""
    masked = mask_path(b"/REST/" + segment.encode("latin-1") + b"/state", KEY)
    assert re.fullmatch(r"/REST/~[0-9a-f]{12}/state", masked)


def test_query_is_dropped():
    """Nothing after the question mark is kept."""
    assert mask_path(b"/REST/persons?insz=85073003328", KEY) == "/REST/persons"


def test_same_segment_gives_the_same_hash_under_one_key_only():
    """Lines about one declaration can be matched within a run and not across runs."""
    one, again = mask_path(b"/a/12345678901", KEY), mask_path(b"/b/12345678901", KEY)
    other = mask_path(b"/a/12345678901", bytes(KEY_BYTES))
    assert one[3:] == again[3:]
    assert one != other


def test_many_segments_become_one_hash():
    """A path with more segments than any API has is cut short, so that a line stays bounded."""
    masked = mask_path(b"/x" * 10_000, KEY)
    assert len(masked) < MOST_SEGMENTS * 2 + 20
    assert masked.rpartition("/")[2].startswith("~")


@given(st.binary(max_size=200))
def test_a_masked_path_is_safe_in_json_as_it_stands(path):
    """Whatever the bytes, the outcome needs no escaping and shows no run of more than three digits outside a hash."""
    masked = mask_path(path, KEY)
    assert re.fullmatch(r"[A-Za-z0-9/_.~-]*", masked)
    assert not re.search(r"[0-9]{4,}", re.sub(r"~[0-9a-f]{12}", "", masked))
