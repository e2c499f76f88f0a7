"""A reader for BER and DER (ITU-T X.690): just enough to see how a key file is built.

Owns tags, lengths and nesting. Refuses to know object identifiers; what the content means is asked of `cryptography`.
BER is read, not only DER, because browsers and some Java tools write PKCS#12 files with indefinite lengths.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fla_gateway.errors import GatewayError

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
CONTEXT_0: Final = 0xA0
_CONSTRUCTED: Final = 0x20
_END_OF_CONTENTS: Final = b"\x00\x00"
_DEEPEST: Final = 32
_INDEFINITE: Final = 0x80
"""X.690, section 8.1.3: a length below is meant itself, one above is the number of octets that have it."""
_TWO_OCTETS: Final = 0x82
_LONG_TAG: Final = 0x1F
_made: Final = tuple.__new__


class Asn1Error(GatewayError):
    """The bytes are not BER: cut off, damaged, or something else altogether. Its text never quotes the bytes."""


class Element(NamedTuple):
    """One encoded value. A named tuple is made in half the time of a class, and a file of a key has some seventy.

    Attributes:
        tag: the identifier octet.
        content: the contents octets, without the end-of-contents octets of an indefinite length.
        encoding: the whole element as it is in the file.
    """

    tag: int
    content: bytes
    encoding: bytes

    def __repr__(self) -> str:
        return f"Element(tag={self.tag})"  # what is in a key file is nothing to show

    def children(self) -> tuple[Element, ...]:
        """Read the elements that a constructed element consists of.

        Raises:
            Asn1Error: the element is primitive, or its content is not BER.
        """
        if not self.tag & _CONSTRUCTED:
            raise Asn1Error("a constructed value was expected")
        content, found, at = self.content, [], 0
        end = len(content)
        while at < end:
            # The two forms that nearly all have, without a call for each; `_read` knows every other, and what is wrong.
            size = content[at + 1] if at + 1 < end else _INDEFINITE
            start = at + 2
            is_plain = size < _INDEFINITE
            if size == _TWO_OCTETS:
                start, size, is_plain = at + 4, int.from_bytes(content[at + 2 : at + 4], "big"), True
            stop = start + size
            if is_plain and stop <= end and content[at] & _LONG_TAG != _LONG_TAG:
                # As the class does it, without the function that a named tuple puts before it.
                found.append(_made(Element, (content[at], content[start:stop], content[at:stop])))
                at = stop
            else:
                element, at = _read(content, at, 0)
                found.append(element)
        return tuple(found)

    def octets(self, depth: int = 0) -> bytes:
        """Return the value of an OCTET STRING, put together if it is in pieces (X.690, section 8.7.3).

        Args:
            depth: of the pieces within pieces so far.

        Raises:
            Asn1Error: the pieces are not BER, or nested beyond reason.
        """
        if not self.tag & _CONSTRUCTED:
            return self.content
        if depth > _DEEPEST:
            raise Asn1Error("the pieces of a value are nested too deeply")
        return b"".join(child.octets(depth + 1) for child in self.children())


def read(encoding: bytes) -> Element:
    """Read bytes that are one element and nothing else.

    Raises:
        Asn1Error: they are not.
    """
    element, end = _read(encoding, 0, 0)
    if end < len(encoding):
        raise Asn1Error("bytes follow the value")
    return element


def read_first(encoding: bytes) -> tuple[Element, bytes]:
    """Read the element that bytes begin with; return it and the bytes after it.

    Raises:
        Asn1Error: they begin with none.
    """
    element, end = _read(encoding, 0, 0)
    return element, encoding[end:]


def is_whole(encoding: bytes) -> bool:
    """Whether bytes are one element, and everything in its constructed parts is elements that end where they should."""
    try:
        pending = [read(encoding)]
        while pending:
            pending += [child for child in pending.pop().children() if child.tag & _CONSTRUCTED]
    except Asn1Error:
        return False
    return True


def dotted(identifier: bytes) -> str:
    """Write the contents octets of an OBJECT IDENTIFIER in its usual form (X.690, section 8.19)."""
    arcs, value = [], 0
    for octet in identifier:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:  # noqa: PLR2004 - section 8.19.2: the last octet of a number
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:])) if arcs else ""


def write(tag: int, *contents: bytes) -> bytes:
    """Encode one element in DER."""
    content = b"".join(contents)
    if len(content) < 0x80:  # noqa: PLR2004 - X.690, section 8.1.3.4: the short form of the length
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _read(data: bytes, at: int, depth: int) -> tuple[Element, int]:
    """Read the element at a place; give it and the place after it."""
    if len(data) < at + 2 or depth > _DEEPEST or data[at] & _LONG_TAG == _LONG_TAG:  # an octet of tag, one of length
        raise Asn1Error("no value can be read here")
    tag, first = data[at], data[at + 1]
    if first == _INDEFINITE:  # X.690, section 8.1.3.6
        return _read_indefinite(data, at, depth)
    start, length = at + 2, first
    if first > _INDEFINITE:  # X.690, section 8.1.3.5: the long form
        start += first & 0x7F
        length = int.from_bytes(data[at + 2 : start], "big")
    end = start + length
    if len(data) < end:
        raise Asn1Error("the value is cut off")
    return Element(tag, data[start:end], data[at:end]), end


def _read_indefinite(data: bytes, at: int, depth: int) -> tuple[Element, int]:
    if not data[at] & _CONSTRUCTED:
        raise Asn1Error("a primitive value has no indefinite length")
    end = at + 2
    while not data.startswith(_END_OF_CONTENTS, end):
        _, end = _read(data, end, depth + 1)
    return Element(data[at], data[at + 2 : end], data[at : end + 2]), end + 2
