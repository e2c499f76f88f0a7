"""The compiled `http1` and its source are one program: the same bytes, cut and ordered alike, give the same results."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway import http1
from fla_gateway.build_info import is_compiled
from tests.http1.strategies import chunked_bodies, cuts, field_pairs, pieces, targets, tokens
from tests.support.properties import BOUNDED

pytestmark = pytest.mark.skipif(not is_compiled(), reason="compares with the compiled modules: make test-compiled")

NAMES = [it.name for it in pkgutil.iter_modules(http1.__path__, "fla_gateway.http1.")]


class SourceOnly(PathFinder):
    """Finds the source of `http1`, where the interpreter would prefer the shared library beside it."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname not in NAMES:
            return None
        file = str(Path(http1.__path__[0]) / f"{fullname.rpartition('.')[2]}.py")
        return spec_from_file_location(fullname, file, loader=SourceFileLoader(fullname, file))


def load(finders: list[Any]) -> dict[str, ModuleType]:
    """Import all of `http1` by these finders, and leave the modules that are in use as they were."""
    before = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.meta_path[:0] = finders
    try:
        return {name.rpartition(".")[2]: importlib.import_module(name) for name in NAMES}
    finally:
        for finder in finders:
            sys.meta_path.remove(finder)
        for name in NAMES:
            short = name.rpartition(".")[2]
            sys.modules.pop(name, None)
            if name in before:
                sys.modules[name] = before[name]
                setattr(http1, short, before[name])
            elif hasattr(http1, short):
                delattr(http1, short)


SOURCE = load([SourceOnly]) if is_compiled() else {}
COMPILED = {name.rpartition(".")[2]: importlib.import_module(name) for name in NAMES}


def plain(value: Any) -> Any:
    """Show a result as what can be compared: attributes instead of objects."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(it) for it in value]
    if type(value).__module__.startswith("fla_gateway"):
        slots = getattr(SOURCE[type(value).__module__.rpartition(".")[2]], type(value).__name__).__slots__
        return type(value).__name__, {name: plain(getattr(value, name)) for name in slots}
    return type(value).__name__, value


def result(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Give what a call returns, or all that its error says."""
    try:
        return plain(call(*arguments, **named))
    except Exception as error:  # noqa: BLE001 - every error has to be the same
        return type(error).__name__, error.args, getattr(error, "code", None), getattr(error, "message", None)


def same(module: str, function: str, *arguments: Any, **named: Any) -> None:
    """Check that source and compiled code answer alike."""
    first, second = (getattr(modules[module], function) for modules in (SOURCE, COMPILED))
    assert result(first, *arguments, **named) == result(second, *arguments, **named)


def test_both_are_there():
    """One side is source, the other a shared library, and they share no class."""
    assert str(SOURCE["grammar"].__file__).endswith(".py")
    assert not str(COMPILED["grammar"].__file__).endswith(".py")
    assert SOURCE["errors"].ProtocolError is not COMPILED["errors"].ProtocolError


WIRE = st.text("GETPOHD /*:;,.%-\r\n\t \x00\x7fabcxyz019_\xe9", max_size=60).map(lambda it: it.encode("latin-1"))
"""Bytes of which much nearly is a message."""
LINES = st.lists(
    st.tuples(
        st.sampled_from((
            b"Host", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Expect", b"Max-Forwards",
            b"content-type",
        )) | tokens,
        st.sampled_from((
            b"", b"0", b"5", b"05", b"+5", b"5, 5", b"5,6", b"9" * 30, b"chunked", b"gzip, chunked", b"close",
            b"keep-alive", b"100-continue", b"a.example:80", b"a b",
        )) | WIRE,
    ),
    max_size=5,
)  # fmt: skip


def block_of(lines: list[tuple[bytes, bytes]]) -> bytes:
    """Write a field block."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in lines) + b"\r\n"


@BOUNDED
@given(st.binary(max_size=60) | WIRE, st.integers(0, 60))
def test_any_bytes(data: bytes, seen: int) -> None:
    """Whatever is sent, every reader gives the same value or the same error."""
    for module, function in (
        ("request", "read_request_line"), ("response", "read_response_head"), ("fields", "field_lines"),
        ("fields", "mend_lines"), ("fields", "content_length"), ("fields", "list_members"), ("fields", "value_of"),
    ):  # fmt: skip
        same(module, function, data)
    same("request", "check_partial_head", data, min(seen, len(data)))
    same("response", "check_partial_response", data, min(seen, len(data)))


@BOUNDED
@given(tokens, targets | WIRE, st.sampled_from((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"")), LINES)
def test_request_heads(method: bytes, target: bytes, version: bytes, lines: list[tuple[bytes, bytes]]) -> None:
    """Line, fields and framing of a request."""
    same("request", "read_request_line", b"%b %b %b\r\n" % (method, target, version))
    block = block_of(lines)
    same("fields", "field_lines", block)
    found = SOURCE["fields"].field_lines(block) or []
    for minor in (0, 1):
        same("request", "frame_request", found, minor)
        same("request", "lacks_length", method, minor=minor, typed=bool(lines), following=target[:1])


@BOUNDED
@given(st.sampled_from((b"100", b"101", b"199", b"200", b"204", b"304", b"404", b"999", b"20", b"2000")), LINES, WIRE)
def test_response_heads(status: bytes, lines: list[tuple[bytes, bytes]], reason: bytes) -> None:
    """A response's head, and what it says of its end, repaired or not."""
    head = b"HTTP/1.1 %b %b\r\n" % (status, reason) + block_of(lines)
    same("response", "read_response_head", head)
    values = dict(lines)
    codings, lengths, connection = map(values.get, (b"Transfer-Encoding", b"Content-Length", b"Connection"))
    for minor, to_head, sound in ((0, False, True), (1, False, False), (1, True, True)):
        same(
            "response_framing", "frame_response", codings, lengths, connection,
            status=int(status), minor=minor, to_head=to_head, sound=sound,
        )  # fmt: skip
    outcomes = []
    for modules in (SOURCE, COMPILED):
        try:
            read = modules["response"].read_response_head(head)
            outcomes.append(result(modules["response_framing"].persists_after, read))
        except modules["errors"].ProtocolError as error:
            outcomes.append(error.message)
    assert outcomes[0] == outcomes[1]


@BOUNDED
@given(st.data(), st.booleans(), st.integers(1, 4))
def test_chunked_bodies(data: st.DataObject, padded: bool, most: int) -> None:
    """Well-formed or spoilt, cut anywhere, with few chunks at a time: piece for piece the same."""
    coded, _ = data.draw(chunked_bodies())
    place = data.draw(st.integers(0, len(coded)))
    coded = coded[:place] + data.draw(st.just(b"") | WIRE) + coded[place + data.draw(st.integers(0, 3)) :]
    parts = pieces(coded, data.draw(cuts(len(coded))))
    seen: list[list[Any]] = []
    for modules in (SOURCE, COMPILED):
        decoder, steps = modules["chunked"].ChunkedDecoder(padded=padded), []
        ended = False
        for part in parts:
            rest = part
            for _ in range(len(coded) + 1):
                step = result(decoder.feed, rest, most)
                steps.append((step, decoder.odd))
                ended = step[0] != "tuple" or step[1][1][1]
                rest = b"" if ended else step[1][2][1]
                if not rest:
                    break
            if ended:
                break
        seen.append(steps)
    assert seen[0] == seen[1]


@BOUNDED
@given(st.binary(max_size=40), field_pairs)
def test_what_is_written(payload: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    """Chunks are framed alike, and well-formed fields are taken apart alike."""
    same("chunked", "chunk", payload)
    same("fields", "split_block", block_of(pairs))
