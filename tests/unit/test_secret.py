"""A secret shows itself nowhere but where somebody asks for it by name."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass

import pytest

from fla_gateway.secret import Secret

CANARY = "Correct-Horse-Battery"
SECRET = Secret(CANARY)


@dataclass
class Holder:
    """Something that people print."""

    secret: Secret


@pytest.mark.parametrize(
    "shown",
    [
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET:>30}",
        f"{SECRET!r}",
        "%s" % SECRET,  # noqa: UP031 - one more way in which Python writes a value
        str([SECRET]),
        str(Holder(SECRET)),
    ],
)
def test_no_way_of_writing_shows_it(shown):
    """Neither by itself nor within something else."""
    assert CANARY not in shown
    assert "[secret]" in shown


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, json.dumps, vars])
def test_it_is_not_taken_apart(write):
    """Nothing that copies or serialises a value gets at it."""
    with pytest.raises(TypeError):
        write(SECRET)


def test_it_is_compared_by_its_text_and_found_by_its_identity():
    """Equal texts are equal secrets; a set cannot be asked whether a text is among its secrets."""
    assert Secret(CANARY) == SECRET
    assert Secret("else") != SECRET
    assert SECRET != CANARY
    assert hash(Secret(CANARY)) != hash(SECRET)


def test_whoever_reveals_it_has_the_text():
    """The one way."""
    assert SECRET.reveal() == CANARY
