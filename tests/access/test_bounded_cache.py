"""Memories of pure results: bounded in entries each, or in bytes together."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.access.bounded_cache import LONGEST, MOST_BYTES, MemoryLimit, remember
from fla_gateway.access.limits.api_brake import ApiBrake
from fla_gateway.access.refusal import Refusal
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.admission.admission_control import AdmissionControl, JudgedProfile, Rejected
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.admission.routing import RoutingTable
from tests.support.properties import BOUNDED

NOT_SERVED = Refusal("profile-unavailable", Text("The profile is not served."))


def test_a_memory_of_its_own_forgets_the_oldest():
    """When all places are taken, the entry that came first makes room."""
    memory: dict[int, int] = {}
    for number in range(5):
        remember(memory, number, number, 3)
    assert list(memory) == [2, 3, 4]


def test_memories_share_one_limit():
    """Whichever memory fills it, the oldest entry of all makes room, in whatever memory that is."""
    limit = MemoryLimit(100)
    first: dict[int, str] = {}
    second: dict[int, str] = {}
    limit.remember(first, 1, "a", 60)
    limit.remember(second, 1, "b", 40)
    assert (first, second, limit.used) == ({1: "a"}, {1: "b"}, 100)
    limit.remember(second, 2, "c", 10)
    assert (first, second, limit.used) == ({}, {1: "b", 2: "c"}, 50)


def test_what_is_larger_than_the_limit_pushes_nothing_out():
    """It is not remembered, and the others stay."""
    limit = MemoryLimit(100)
    memory: dict[int, str] = {}
    limit.remember(memory, 1, "a", 60)
    limit.remember(memory, 2, "b", 101)
    assert (memory, limit.used) == ({1: "a"}, 60)


events = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 5), st.integers(1, 120), st.sampled_from(("put", "put", "pop", "clear"))
    )
)


@BOUNDED
@given(events)
def test_no_order_of_events_exceeds_the_limit(order: list[tuple[int, int, int, str]]) -> None:
    """Whatever is replaced, dropped or cleared meanwhile: what is there never takes more than the limit."""
    limit = MemoryLimit(300)
    memories: list[dict[int, int]] = [{}, {}, {}]
    for which, key, size, event in order:
        memory = memories[which]
        if event == "put":
            limit.remember(memory, key, size, size)
            assert memory[key] == size
        elif event == "pop":
            memory.pop(key, None)
        else:
            memory.clear()
        assert sum(sum(it.values()) for it in memories) <= limit.used <= 300


def heads(line: int, block: int, kind: bytes):
    """Give heads without end, each unlike all others, with parts of that many bytes."""
    for number in range(10**9):
        yield (
            b"GET /employer/REST/%d%b HTTP/1.1\r\n" % (number, b"x" * line),
            b"Host: localhost\r\n%bX: %d%b\r\n\r\n" % (kind, number, b"y" * block),
        )


@pytest.mark.parametrize(
    ("line", "block"), [(0, 0), (300, 300), (1_900, 1_900), (60_000, 0), (0, 60_000), (30_000, 30_000)]
)
@pytest.mark.parametrize("minor", [0, 1])
def test_no_heads_fill_the_memory(line, block, minor):
    """A sender who never sends the same twice, short or long, leaves no more behind than the limit."""
    limit = MemoryLimit(400_000)
    reader = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)), memory=limit)
    profile = JudgedProfile("employer", ApiBrake(), None, NOT_SERVED)
    admission_control: AdmissionControl[Any] = AdmissionControl(
        {"employer": profile}, SimpleNamespace(stopping=False), None, limit
    )
    # Ten times of what the limit has room for, where that is less.
    number = min(600, 10 * 400_000 // (line + block + 1))
    tracemalloc.start()
    try:
        for _, (first, rest) in zip(range(number), heads(line, block, b""), strict=False):
            judged = admission_control.admit(reader.request_line(first), reader.field_block(rest, minor), None, 0.0)
            assert isinstance(judged, Rejected)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert limit.used <= 400_000
    assert kept < 600_000
    if max(line, block) > LONGEST or not minor:
        assert not admission_control._admitted


def test_what_callers_poll_is_remembered():
    """A thousand addresses that are asked in turn are each judged once."""
    limit = MemoryLimit()
    reader = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)), memory=limit)
    lines = [b"GET /employer/REST/dimona/v2/declarations/%d HTTP/1.1\r\n" % number for number in range(1_000)]
    first = [reader.request_line(line) for line in lines]
    assert limit.used < MOST_BYTES
    assert all(reader.request_line(line) is asked for line, asked in zip(lines, first, strict=True))


def test_a_head_whose_parts_came_before_is_judged_once():
    """It is found as a whole from then on, and its line and its block are the ones that were judged apart."""
    reader = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)))
    line, block = b"GET /employer/REST/x HTTP/1.1\r\n", b"Host: localhost\r\n\r\n"
    parts = reader.request_line(line), reader.field_block(block, 1)
    head = (line + block).removesuffix(b"\r\n\r\n")
    found = reader.head(head)
    assert (found.request_line, found.fields) == parts
    assert reader.head(head) is found


def test_heads_that_differ_each_time_are_not_remembered_as_a_whole():
    """Nor are heads of HTTP/1.0, whose blocks mean something else under the same bytes."""
    reader = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)))
    for number in range(3):
        reader.head(b"GET /employer/REST/x HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %d" % number)
        old = reader.head(b"GET /employer/REST/x HTTP/1.0\r\nHost: localhost\r\nX-Request-ID: 0")
        assert (old.request_line.minor, old.fields.keep_alive) == (0, False)
    assert not reader._heads


def test_heads_fill_no_more_than_the_limit():
    """As their parts do; a head that was dropped is judged again."""
    limit = MemoryLimit(50_000)
    reader = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)), memory=limit)
    for _ in range(2):
        for number in range(6):
            for _ in range(2):
                reader.head(b"GET /employer/REST/%d HTTP/1.1\r\nHost: localhost" % number)
        assert limit.used <= 50_000
    assert reader._heads


def test_what_is_forgotten_keeps_nothing():
    """A memory and the limit that it shares do not keep each other once they are cleared."""

    class Owner:
        """Has a memory, and knows its limit."""

        def __init__(self) -> None:
            self.limit = MemoryLimit()
            self.memory: dict[object, object] = {}

    owner = Owner()
    for number in range(3):
        owner.limit.remember(owner.memory, (number, owner), owner, 10)
    gone = weakref.ref(owner)
    owner.limit.clear()
    assert (owner.limit.used, owner.memory) == (0, {})
    gc.disable()
    try:
        del owner
        assert gone() is None
    finally:
        gc.enable()
