"""API keys: one form, one digest."""

from __future__ import annotations

import hashlib

import pytest

from fla_gateway.access.authentication.api_key import digest, is_key, new_key

KEY = "flagw_" + "0123456789abcdef" * 4


def test_a_new_key_has_the_form():
    """A new key is accepted as one, and no two are the same."""
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(map(is_key, keys))


def test_digest_is_that_of_the_whole_text():
    """The digest is what `printf %s "$KEY" | sha256sum` prints."""
    assert digest(KEY) == hashlib.sha256(KEY.encode("ascii")).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "", "flagw_", KEY[:-1], KEY + "0", KEY.upper(), KEY.replace("a", "A"), KEY[6:], f" {KEY}", f"{KEY}\n",
        f"{KEY} ", KEY.replace("flagw_", "flagw-"), KEY.replace("0", "\u0660"), KEY.replace("f", "g"), "password",
    ],
)  # fmt: skip
def test_no_other_form_is_a_key(text):
    """A shorter or longer text, other digits, capitals or anything around it is no key."""
    assert not is_key(text)
