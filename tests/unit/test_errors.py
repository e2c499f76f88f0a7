"""Errors that this program raises on purpose."""

from __future__ import annotations

import errno

from fla_gateway.errors import Fault, reason_of
from fla_gateway.i18n.message import Message, Text

MESSAGE = Message("answers-missing", "something is missing")


def test_a_fault_is_said_with_its_place_if_it_has_one():
    """What concerns no place of a configuration begins with the sentence itself."""
    fault = Fault("", MESSAGE, Text("name it"))
    assert fault.located == str(fault) == "something is missing (name it)"
    assert Fault("profiles.a", MESSAGE).located == "profiles.a: something is missing"
    assert str(Fault("profiles.a", MESSAGE)) == "profiles.a: something is missing"


def test_the_reason_of_a_failure_is_the_systems_or_a_text_of_ours():
    """A text stays one, so that it can be translated; without any words the kind is named."""
    assert reason_of(OSError(errno.EACCES, "Permission denied")) == "Permission denied"
    ours = Text("it has changed meanwhile")
    assert reason_of(OSError(errno.ESTALE, ours)) is ours
    assert reason_of(TimeoutError()) == "TimeoutError"
