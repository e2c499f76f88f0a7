"""The grammar of W3C traceparent."""

from __future__ import annotations

import pytest

from fla_gateway.access.traceparent import parse

TRACE, PARENT = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"
GOOD = b"00-%b-%b-01" % (TRACE, PARENT)


@pytest.mark.parametrize("flags", [b"00", b"01", b"03"])
def test_valid_value_is_given_back(flags):
    """A value of version 00 comes out as it came in, with its flags."""
    assert parse(GOOD[:-2] + flags) == (GOOD[:-2] + flags).decode()


@pytest.mark.parametrize("more", [b"", b"-", b"-what-the-future-will-be-like"])
def test_later_version_is_read_as_the_first(more):
    """Of a version to come, the parts that are known are used, and the flags that are not known are dropped."""
    assert parse(b"cc-%b-%b-03%b" % (TRACE, PARENT, more)) == GOOD.decode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00",
        GOOD.upper(),
        b"ff" + GOOD[2:],
        GOOD + b"-more",
        GOOD + b"\n",
        b" " + GOOD,
        GOOD[:-1],
        GOOD + b"0",
        GOOD[:-2] + b"0g",
        b"00-%b-%b-01" % (b"0" * 32, PARENT),
        b"00-%b-%b-01" % (TRACE, b"0" * 16),
        b"00-%b-%b-01" % (TRACE[:-1], PARENT),
        b"cc" + GOOD[2:] + b".more",
        b"cc" + GOOD[2:] + b"-" + b"x" * 1000,
        b"cc" + GOOD[2:] + b"-a b",
        GOOD.replace(b"-", b"_"),
        "\u0660".encode() + GOOD[2:],
    ],
)
def test_anything_else_is_nothing(value):
    """What is against the grammar, or has an id of zeros, is not used."""
    assert parse(value) == ""
