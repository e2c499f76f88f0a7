from __future__ import annotations

import base64
import json

import pytest

from fla_gateway.keys.files.pem import blocks, is_cut_off, repaired
from tests.support.keys import certificate_pem, key_pem, make_certificate, make_rsa

PEM = key_pem(make_rsa()) + certificate_pem(make_certificate(make_rsa()))
ONE_LINE = b" ".join(PEM.split(b"\n"))

DAMAGES = {
    "as made": PEM,
    "CRLF": PEM.replace(b"\n", b"\r\n"),
    "CR alone": PEM.replace(b"\n", b"\r"),
    "byte order mark": b"\xef\xbb\xbf" + PEM,
    "UTF-16 little-endian": b"\xff\xfe" + PEM.decode().encode("utf-16-le"),
    "UTF-16 big-endian": b"\xfe\xff" + PEM.decode().encode("utf-16-be"),
    "UTF-16 without mark": PEM.decode().encode("utf-16-le"),
    "UTF-16 without mark, big-endian": PEM.decode().encode("utf-16-be"),
    "literal backslash n": PEM.replace(b"\n", b"\\n"),
    "literal backslash r backslash n": PEM.replace(b"\n", b"\\r\\n"),
    "a JSON string": json.dumps(PEM.decode()).encode(),
    "single quotes": b"'" + PEM + b"'\n",
    "double quotes": b'"' + PEM + b'"',
    "blanks around": b"\n\n  " + PEM + b"  \n\0",
    "blanks instead of line breaks": ONE_LINE,
    "indented, as in YAML": PEM.replace(b"\n", b"\n    "),
    "base64 on one line": base64.b64encode(PEM),
    "base64 in lines": base64.encodebytes(PEM),
    "base64 in quotes": b'"' + base64.b64encode(PEM) + b'"',
    "base64 of CRLF": base64.b64encode(PEM.replace(b"\n", b"\r\n")),
    "base64 of UTF-16": base64.b64encode(b"\xff\xfe" + PEM.decode().encode("utf-16-le")),
    "base64 three times": base64.b64encode(base64.b64encode(base64.b64encode(PEM))),
    "a JSON string in JSON": json.dumps(json.dumps(PEM.decode())).encode(),
    "JSON of Gson": json.dumps(PEM.decode()).replace("=", "\\u003d").encode(),
    "JSON of PHP": json.dumps(PEM.decode()).replace("/", "\\/").encode(),
    "blanks of a web page": PEM.replace(b"\n", b"\xc2\xa0\n"),
    "one line of content": PEM.replace(b"\n", b"").replace(b"KEY-----M", b"KEY-----\nM"),
    "padding lost": PEM.replace(b"=", b""),
    "another label at the end": PEM.replace(b"END PRIVATE", b"END RSA PRIVATE"),
    "bag attributes": b"Bag Attributes\n    friendlyName: acme\nKey Attributes: <No Attributes>\n" + PEM,
}


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
def test_repair_gives_the_same_blocks(damaged) -> None:
    """Whatever happened to a PEM file on its way, the same labels and contents come out."""
    assert blocks(repaired(damaged)) == blocks(PEM)
    assert [block.label for block in blocks(PEM)] == ["PRIVATE KEY", "CERTIFICATE"]


def test_block_is_written_as_every_reader_takes_it() -> None:
    """A block written anew is the canonical PEM, headers of the older form included."""
    encrypted = key_pem(make_rsa(), password="abc", traditional=True)
    assert blocks(PEM)[0].text() == key_pem(make_rsa())
    assert blocks(repaired(encrypted.replace(b"\n", b"\r\n")))[0].text() == encrypted


@pytest.mark.parametrize("content", [b"\x30\x82\x01\x00 \r\n", b"", b"hello there", b"aGVsbG8=", bytes(range(256))])
def test_what_is_no_text_comes_back_as_it_is(content) -> None:
    """Binary files, and base64 that is no key, are left alone."""
    assert repaired(content) == content


def test_block_without_end_is_noticed() -> None:
    """A file that was cut off in a block is told from one without a block."""
    assert is_cut_off(key_pem(make_rsa())[:-10])
    assert not is_cut_off(PEM)


def test_damaged_base64_is_noticed_and_not_guessed() -> None:
    """A character that is no base64 gives a block without content, not one with less content."""
    (block,) = blocks(key_pem(make_rsa()).replace(b"\nMII", b"\nM*I", 1))
    assert block.der is None


def test_repr_shows_no_content() -> None:
    """A block may hold a private key, so its repr shows nothing of it."""
    assert base64.b64encode(blocks(PEM)[0].der or b"")[:12].decode() not in repr(blocks(PEM)[0])
