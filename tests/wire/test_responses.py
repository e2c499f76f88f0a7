"""Every raw answer through real sockets: relayed whole, or an honest failure, and never taken for another's answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from tests.support.caller import Answer, Caller, EndOfConnection
from tests.support.gateway import Rig
from tests.support.upstream import Scripted
from tests.wire.responses import VECTORS
from tests.wire.vector import Failed, Relay, Relayed, ResponseVector, Truncated, failures, get, grouped, message


def _request(vector: ResponseVector) -> bytes:
    body = b"" if vector.method in {b"GET", b"HEAD", b"get"} else b"hi"
    length = (b"Content-Length: 2",) if body else ()
    line = vector.method + b" /employer/REST/a HTTP/1.%d" % vector.minor
    return message(line, b"Host: localhost", *length, body=body)


def _bytes(raw: bytes, rig: Rig) -> bytes:
    return raw.replace(b"{API}", rig.upstream.authority.encode()).replace(b"{PORT}", b"%d" % rig.upstream.port)


def _has(answer: Answer, wanted: tuple[bytes, ...], rig: Rig) -> bool:
    lines = iter(name + b": " + value for name, value in answer.fields)
    return all(_bytes(line, rig) in lines for line in wanted)


def _is_relayed(expected: Relayed, answer: Answer, rig: Rig) -> bool:
    return (
        answer.complete
        and answer.status == expected.status
        and answer.values(b"fla-gateway-origin") == [b"upstream"]
        and bool(answer.values(b"x-seen")) is expected.repeated
        and (expected.repeated or answer.body == expected.body)
        and tuple(status for status, _ in answer.interim) == expected.interim
        and _has(answer, expected.has, rig)
        and not any(answer.values(name) for name in expected.lacks)
    )


def _is_failed(expected: Failed, answer: Answer) -> bool:
    return (
        answer.complete
        and answer.status == 502
        and answer.code in expected.codes
        and answer.values(b"fla-gateway-origin") == [b"network"]
        and b'"delivery": "unknown"' in answer.body
    )


def _is_truncated(expected: Truncated, answer: Answer) -> bool:
    return not answer.complete and expected.body.startswith(answer.body)


def _holds(expected: Relay, answer: Answer, rig: Rig) -> bool:
    if isinstance(expected, Relayed):
        return _is_relayed(expected, answer, rig)
    return _is_failed(expected, answer) if isinstance(expected, Failed) else _is_truncated(expected, answer)


def _ordinary(rig: Rig) -> int:
    """Send an ordinary request on a new connection: it gets its own answer. Gives its upstream connection."""
    with Caller(rig.port) as caller:
        caller.send(get())
        answer = caller.answer()
    (number,) = answer.values(b"x-seen")
    seen = rig.upstream.seen[int(number)]
    assert (answer.body, seen.target) == (number, b"/REST/echo")
    return seen.connection


@pytest.mark.parametrize("vectors", grouped(VECTORS), ids=lambda vectors: vectors[0].name)
def test_a_raw_answer_is_relayed_or_fails_honestly(vectors: Sequence[ResponseVector], rig: Rig) -> None:
    """The caller sees what the vector says, and the next request gets its own answer, on a connection that is sound."""
    assert failures(vectors, partial(_judge, rig)) == {}


def _judge(rig: Rig, vector: ResponseVector) -> None:
    for noted in (rig.upstream.seen, rig.upstream.violations, rig.upstream.script):
        noted.clear()
    before = _ordinary(rig)
    rig.upstream.script.append(Scripted(_bytes(vector.raw, rig), vector.ending))
    with Caller(rig.port) as caller:
        caller.send(_request(vector))
        try:
            answer = caller.answer(vector.method)
        except EndOfConnection:
            answer = Answer(0, [])
        matching = [outcome for outcome in vector.expect if _holds(outcome, answer, rig)]
        assert matching, (vector.why, vector.expect, answer)
        if isinstance(matching[0], Truncated):
            assert caller.ended()
    attempts = [seen for seen in rig.upstream.seen if seen.target == b"/REST/a"]
    assert len(attempts) == 1 + (isinstance(matching[0], Relayed) and matching[0].repeated)
    assert attempts[0].connection == before
    after = _ordinary(rig)
    if vector.reused is not None:
        assert (after == attempts[-1].connection) is (vector.reused or len(attempts) == 2)
    assert rig.upstream.violations == []


def test_the_vectors_are_many_and_named() -> None:
    """There are at least 60 vectors, each with a name of its own."""
    assert len({vector.name for vector in VECTORS}) == len(VECTORS) >= 60
