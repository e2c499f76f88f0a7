"""The queue in which several parties take turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.proxy.upstream.fair_queue import FairQueue
from tests.support.properties import BOUNDED


def taken(queue):
    """Empty a queue."""
    return [queue.take() for _ in range(len(queue))]


def test_one_party_is_served_in_its_order():
    """Without others it is a plain queue."""
    queue: FairQueue[int] = FairQueue()
    for number in range(4):
        queue.put("a", number)
    assert taken(queue) == [0, 1, 2, 3]
    assert queue.take() is None


def test_parties_take_turns():
    """However long one's burst is, another's first item comes after one of each that waits."""
    queue: FairQueue[str] = FairQueue()
    for number in range(28):
        queue.put("a", f"a{number}")
    queue.put("b", "b0")
    queue.put("c", "c0")
    queue.put("b", "b1")
    assert taken(queue)[:7] == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_a_party_that_comes_again_comes_last():
    """One that has been served and has nothing more waits behind those that wait."""
    queue: FairQueue[str] = FairQueue()
    for party in ("a", "b", "c"):
        queue.put(party, f"{party}0")
    assert queue.take() == "a0"
    queue.put("a", "a1")
    assert taken(queue) == ["b0", "c0", "a1"]


def test_what_is_put_back_is_served_next():
    """A turn that led to nothing is not lost."""
    queue: FairQueue[str] = FairQueue()
    for party in ("a", "a", "b"):
        queue.put(party, f"{party}{len(queue)}")
    first = queue.take()
    assert first is not None
    queue.put_back("a", first)
    assert taken(queue) == ["a0", "b2", "a1"]


def test_what_is_taken_out_leaves_no_trace():
    """An item that gave up is gone, and so is its party if it was the only one; another time it is not there."""
    queue: FairQueue[int] = FairQueue()
    queue.put("a", 1)
    queue.put("b", 2)
    queue.discard("a", 1)
    queue.discard("a", 1)
    queue.discard("b", 3)
    assert (len(queue), taken(queue)) == (1, [2])


def test_room_is_made_by_the_party_with_most():
    """The last of the longest burst makes room, and nobody for one who has as many, or would then have."""
    queue: FairQueue[str] = FairQueue()
    assert queue.displace("a") is None
    for number in range(3):
        queue.put("a", f"a{number}")
    queue.put("b", "b0")
    assert queue.displace("a") is None
    assert queue.displace("b") == "a2"
    queue.put("b", "b1")
    assert queue.displace("b") is None
    assert queue.displace("c") in {"a1", "b1"}
    assert len(queue) == 3


steps = st.lists(st.one_of(st.sampled_from("abcd"), st.just("take")), max_size=80)


@BOUNDED
@given(steps)
def test_nobody_is_passed_over_twice(order: list[str]) -> None:
    """Whatever comes when: each party is served in its own order, and no other one twice while it waits."""
    queue: FairQueue[tuple[str, int]] = FairQueue()
    waiting: dict[str, list[int]] = {party: [] for party in "abcd"}
    passed: dict[str, list[str]] = {party: [] for party in "abcd"}
    for number, step in enumerate(order):
        if step != "take":
            queue.put(step, (step, number))
            waiting[step].append(number)
            continue
        item = queue.take()
        if item is None:
            assert not any(waiting.values())
            continue
        party, which = item
        assert waiting[party].pop(0) == which
        passed[party] = []
        for other, items in waiting.items():
            if other != party and items:
                passed[other].append(party)
                assert len(set(passed[other])) == len(passed[other])
    assert len(queue) == sum(map(len, waiting.values()))
