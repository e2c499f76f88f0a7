"""Every raw request through real sockets: refused, or exactly one well-formed request at the canary upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from tests.support.caller import Answer, Caller, EndOfConnection
from tests.support.gateway import Rig
from tests.support.upstream import Seen
from tests.wire.requests import VECTORS
from tests.wire.vector import Outcome, Reaches, Refused, Unfinished, Vector, failures, get, grouped

PROBE = b"/REST/probe"


@dataclass
class Found:
    """What really came of one request of a connection."""

    answer: Answer | None
    seen: Seen | None


def _fields(raw: bytes, rig: Rig) -> bytes:
    (bearer,) = rig.upstream.bearers
    return raw.replace(b"{API}", rig.upstream.authority.encode()).replace(b"{BEARER}", bearer)


def _is_refused(expected: Refused, found: Found) -> bool:
    answer = found.answer
    return (
        answer is not None
        and answer.complete
        and answer.status in expected.statuses
        and answer.values(b"fla-gateway-origin") == [b"gateway"]
        and answer.values(b"content-type") == [b"application/problem+json"]
        and (not expected.codes or answer.code in expected.codes)
        and found.seen is None
    )


def _reaches(expected: Reaches, found: Found, rig: Rig) -> bool:
    answer, seen = found.answer, found.seen
    if answer is None or seen is None or answer.status != 200:
        return False
    lines = [name + b": " + value for name, value in seen.fields]
    wanted = iter(_fields(line, rig) for line in expected.has)
    missing = next(wanted, None)
    for line in lines:
        if line == missing:
            missing = next(wanted, None)
    return (
        (seen.method, seen.target, seen.body, seen.complete) == (expected.method, expected.target, expected.body, True)
        and missing is None
        and not any(seen.values(name) for name in expected.lacks)
        and answer.values(b"fla-gateway-origin") == [b"upstream"]
    )


def _is_unfinished(expected: Unfinished, found: Found) -> bool:
    answer, seen = found.answer, found.seen
    if seen is not None and seen.complete:
        return False
    return expected.silent if answer is None else answer.status in expected.statuses


def _holds(expected: Outcome, found: Found, rig: Rig) -> bool:
    if isinstance(expected, Refused):
        return _is_refused(expected, found)
    if isinstance(expected, Reaches):
        return _reaches(expected, found, rig)
    return _is_unfinished(expected, found)


def _outcomes(expected: Outcome | tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    return expected if isinstance(expected, tuple) else (expected,)


def _next(caller: Caller, vector: Vector, rig: Rig) -> Found:
    try:
        method = vector.raw.lstrip(b"\r\n").split(b" ", 1)[0]
        answer = caller.answer(b"HEAD" if method == b"HEAD" else b"GET")
    except EndOfConnection:
        return Found(None, None)
    numbers = answer.values(b"x-seen")
    return Found(answer, rig.upstream.seen[int(numbers[0])] if numbers else None)


def _stays(caller: Caller) -> bool:
    """Whether the connection is open and in step: an ordinary request is answered as such."""
    caller.send(get(target=b"/employer" + PROBE))
    try:
        answer = caller.answer()
    except EndOfConnection:
        return False
    assert answer.values(b"x-seen"), answer
    return True


def _probe(rig: Rig) -> None:
    """Pass one request through, so that nothing of the vector is still on its way to the upstream."""
    with Caller(rig.port) as caller:
        assert _stays(caller)


@pytest.mark.parametrize("vectors", grouped(VECTORS), ids=lambda vectors: vectors[0].name)
def test_a_raw_request_is_refused_or_harmless(vectors: Sequence[Vector], rig: Rig) -> None:
    """The caller gets exactly the answers of the vector, and the upstream sees exactly its requests, well-formed."""
    _probe(rig)
    assert failures(vectors, partial(_judge, rig)) == {}


def _judge(rig: Rig, vector: Vector) -> None:
    rig.upstream.seen.clear()
    rig.upstream.violations.clear()
    held: list[Outcome] = []
    unfinished: list[Seen] = []
    with Caller(rig.port) as caller:
        caller.send(vector.raw)
        if vector.fin:
            caller.fin()
        for expected in vector.expect:
            found = _next(caller, vector, rig)
            matching = [outcome for outcome in _outcomes(expected) if _holds(outcome, found, rig)]
            assert matching, (vector.why, expected, found)
            held.append(matching[0])
        last = held[-1]
        closes = True if isinstance(last, Unfinished) else last.closes
        if closes is not True and not vector.fin:
            assert _stays(caller) or closes is None
        else:
            assert caller.ended()
    _probe(rig)
    complete = [seen for seen in rig.upstream.seen if seen.complete and seen.target != PROBE]
    unfinished = [seen for seen in rig.upstream.seen if not seen.complete]
    assert [seen.target for seen in complete] == [it.target for it in held if isinstance(it, Reaches)]
    assert len(unfinished) <= sum(isinstance(it, Unfinished) for it in held)
    assert rig.upstream.violations == []


def test_the_vectors_are_many_and_named() -> None:
    """There are at least 150 vectors, each with a name of its own."""
    assert len({vector.name for vector in VECTORS}) == len(VECTORS) >= 150
