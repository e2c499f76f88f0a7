"""A message cut at every single place, byte by byte, and at random sets of places gives the same result.

Each piece is read by the gateway before the next is sent: loopback has delivered it when `sendall` returns, and the
loop has had its turns before the test goes on.
"""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http1.strategies import cuts, pieces
from tests.support.caller import Caller, EndOfConnection
from tests.support.gateway import LoopThread, Rig
from tests.support.properties import FEW
from tests.support.upstream import Scripted, turns
from tests.wire import requests, responses
from tests.wire.vector import ResponseVector, Vector, get

FIXTURE = FEW
V = TypeVar("V", Vector, ResponseVector)
Running = tuple[Rig, LoopThread]

REQUESTS = (
    "sequence-bodies",
    "sequence-refused-ends-it",
    "sequence-crlf-between",
    "sequence-body-longer-than-its-length",
    "chunk-trailer",
    "chunk-extension",
    "chunk-data-too-long",
    "chunk-trailer-space-before-colon",
    "expect-continue",
    "connection-names-content-length",
    "transfer-encoding-and-content-length",
    "field-lf-injects-a-field",
    "field-fold-space",
    "head-ends-with-crlf-lf",
    "host-twice",
    "dropped-upgrade-h2c",
)
RESPONSES = (
    "length-twice-identical",
    "length-and-chunked",
    "chunked-trailer",
    "chunked-padded",
    "interim-103-twice",
    "line-missing-space",
    "204-with-length",
    "changed-fold",
    "changed-chunked-space-before-colon",
    "changed-challenge",
    "field-nul-in-Location",
    "blanked-lf",
    "kept-latin1",
)


def _named(vectors: tuple[V, ...], names: tuple[str, ...]) -> list[V]:
    by_name = {vector.name: vector for vector in vectors}
    return [by_name[name] for name in names]


def _cut(vectors: list[V]) -> st.SearchStrategy[tuple[V, list[int]]]:
    """Draw a vector and its places before anything is sent: what the network does must not look like another draw."""
    return st.sampled_from(vectors).flatmap(lambda vector: st.tuples(st.just(vector), cuts(len(vector.raw))))


def _ask(running: Running, vector: Vector, places: list[int]) -> object:
    """Send a request in pieces: the answers, how the connection went on, and what the upstream saw."""
    rig, thread = running
    rig.upstream.seen.clear()
    answers: list[object] = []
    with Caller(rig.port) as caller:
        for piece in pieces(vector.raw, places):
            caller.send(piece)
            thread.call(turns())
        try:
            for _ in vector.expect:
                answer = caller.answer()
                answers.append((answer.status, answer.code or answer.body, answer.complete))
            caller.send(get(target=b"/employer/REST/probe"))
            answers.append(caller.answer().status)
        except EndOfConnection:
            answers.append("end")
    seen = [(it.method, it.target, _untraced(it.fields), it.body) for it in rig.upstream.seen if it.complete]
    return answers, seen, list(rig.upstream.violations)


def _untraced(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [line for line in fields if line[0] != b"BelGov-Trace-Id"]


def _told(running: Running, vector: ResponseVector, places: list[int]) -> object:
    """Have the upstream answer in pieces: what the caller saw of it."""
    rig, thread = running
    raw = vector.raw.replace(b"{API}", rig.upstream.authority.encode())
    rig.upstream.script.append(Scripted(raw, vector.ending, tuple(places[:-1])))
    with Caller(rig.port) as caller:
        caller.send(get())
        answer = caller.answer()
    # The bytes behind an answer must not meet the next request on the same connection.
    thread.call(rig.upstream.settled())
    # Not compared: the second in which a Date was set, and the text of the gateway's own responses.
    moving = (b"Date",) if answer.code == "" else (b"Content-Length", b"Date")
    lines = [line for line in answer.fields if line[0] not in moving]
    return answer.line, lines, answer.code or answer.body, answer.interim, answer.complete


def _all_places(running: Running, size: int) -> list[list[int]]:
    """Give each place and single bytes; on the loop of the standard library, which few use, every third place."""
    step = 3 if "LoopThread(asyncio" in repr(running[1]) else 1
    return [[place, size] for place in range(1, size, step)] + [list(range(1, size + 1))]


@pytest.mark.parametrize("vector", _named(requests.VECTORS, REQUESTS), ids=lambda vector: vector.name)
def test_a_request_cut_at_any_place_gives_the_same_result(vector: Vector, running: Running) -> None:
    """Cut once at each place, and in single bytes: same answers, same requests upstream."""
    whole = _ask(running, vector, [len(vector.raw)])
    for places in _all_places(running, len(vector.raw)):
        assert _ask(running, vector, places) == whole, places


@FIXTURE
@given(cut=_cut([vector for vector in requests.VECTORS if len(vector.raw) < 2_000 and not vector.fin]))
def test_requests_cut_at_random_places_give_the_same_result(running: Running, cut: tuple[Vector, list[int]]) -> None:
    """Any raw request of the vectors, cut at any set of places: same answers, same requests upstream."""
    vector, places = cut
    assert _ask(running, vector, places) == _ask(running, vector, [len(vector.raw)])


@pytest.mark.parametrize("vector", _named(responses.VECTORS, RESPONSES), ids=lambda vector: vector.name)
def test_an_answer_cut_at_any_place_gives_the_same_result(vector: ResponseVector, running: Running) -> None:
    """Cut once at each place, and in single bytes: the caller sees the same answer."""
    whole = _told(running, vector, [len(vector.raw)])
    for places in _all_places(running, len(vector.raw)):
        assert _told(running, vector, places) == whole, places


def _ends_by_itself(vector: ResponseVector) -> bool:
    plain = vector.method == b"GET" and vector.minor and vector.ending == "keep"
    return bool(plain) and len(vector.raw) < 1_000 and not vector.name.startswith("broken-")


@FIXTURE
@given(cut=_cut(list(filter(_ends_by_itself, responses.VECTORS))))
def test_answers_cut_at_random_places_give_the_same_result(
    running: Running, cut: tuple[ResponseVector, list[int]]
) -> None:
    """Any raw answer of the vectors that ends by itself, cut at any set of places: the caller sees the same answer."""
    vector, places = cut
    assert _told(running, vector, places) == _told(running, vector, [len(vector.raw)])
