"""A broken rule of HTTP has a template and arguments, as every other text has."""

import pytest

from fla_gateway.http1.chunked import ChunkedDecoder
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.network.broken_rule import broken_rule


def test_a_rule_becomes_a_text():
    """Its template is what a catalogue has, whatever the numbers are."""
    rule = broken_rule(ProtocolError("head-too-large", "more than {most} fields", most=100))
    assert rule == "more than 100 fields"
    assert (rule.template, rule.arguments) == ("more than {most} fields", {"most": 100})


def test_a_rule_within_a_rule_is_a_text_as_well():
    """A trailer section is read as a head is, so that the clause names what is wrong in it."""
    with pytest.raises(ProtocolError) as raised:
        ChunkedDecoder(padded=True).feed(b"0\r\n: a\r\n\r\n", 9)
    rule = broken_rule(raised.value)
    assert rule == "in the trailer section, a field line is malformed"
    assert broken_rule(ProtocolError("x", "{inner}", inner=raised.value)).arguments["inner"] == rule
