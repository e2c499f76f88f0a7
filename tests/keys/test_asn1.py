from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.keys import asn1
from fla_gateway.keys.asn1 import Asn1Error


@given(st.binary(max_size=70_000))
def test_what_is_written_is_read_again(content) -> None:
    """Short, long and very long contents keep their tag and value."""
    element = asn1.read(asn1.write(asn1.OCTET_STRING, content))
    assert (element.tag, element.content) == (asn1.OCTET_STRING, content)


def test_indefinite_lengths_and_pieces_are_read() -> None:
    """BER as browsers write it: a sequence without a length, an octet string in pieces."""
    pieces = bytes.fromhex("24800402 6162 0401 63 0000")
    element = asn1.read(b"\x30\x80" + pieces + b"\x02\x01\x05" + b"\x00\x00")
    string, number = element.children()
    assert (string.octets(), number.content) == (b"abc", b"\x05")


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data) -> None:
    """No input makes the reader fail in another way than Asn1Error, however deep one looks."""

    def walk(element: asn1.Element) -> None:
        for child in element.children() if element.tag & 0x20 else ():
            walk(child)

    with contextlib.suppress(Asn1Error):
        walk(asn1.read(data))


@pytest.mark.parametrize(
    "data",
    ["", "30", "3005", "3080", "0480 6162 0000", "3003020105ff", "1f8101 00", "30" + "80" * 2, "308000"],
    ids=repr,
)
def test_damaged_encodings_are_refused(data) -> None:
    """Cut off, followed by something, of a tag in many octets, or indefinite where that is impossible: refused."""
    with pytest.raises(Asn1Error):
        asn1.read(bytes.fromhex(data))


def test_endless_nesting_is_refused() -> None:
    """Nesting beyond reason ends in a refusal and not in a stack overflow."""
    with pytest.raises(Asn1Error):
        asn1.read(b"\x30\x80" * 5_000 + b"\x00\x00" * 5_000)


def test_pieces_within_pieces_without_end_are_refused() -> None:
    """An octet string in pieces, each in pieces of its own: a refusal and not a stack overflow."""
    value = asn1.write(asn1.OCTET_STRING, b"x")
    for _ in range(2_000):
        value = asn1.write(0x24, value)
    with pytest.raises(Asn1Error):
        asn1.read(value).octets()


def test_an_element_does_not_show_what_it_holds():
    """It may be a private key, and a value in an error or a log line is shown by its `repr`."""
    element = asn1.read(asn1.write(asn1.OCTET_STRING, b"Correct-Horse"))
    assert "Horse" not in f"{element!r} {element} {[element]}"
