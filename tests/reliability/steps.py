"""What is changed before each reload, and what is looked at after it."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator

from tests.reliability.rig import LEAVER, WAYS, Rig, Way
from tests.support.addresses import free_port

Step = Callable[[Rig, Way], Awaitable[None]]


async def settings(rig: Rig, way: Way) -> None:
    """Change a setting."""
    rig.scene.change_settings()
    await rig.reload(way, applied=True)


async def rotate(rig: Rig, way: Way) -> None:
    """Put another key with its certificate in the place of the one before."""
    rig.scene.rotate_other()
    await rig.reload(way, applied=True)


async def break_key(rig: Rig, way: Way) -> None:
    """Leave half a key: the profile keeps the former one."""
    rig.scene.break_other()
    await rig.reload(way, applied=True)


async def trust_next(rig: Rig, way: Way) -> None:
    """Trust a further authority."""
    rig.scene.trust_next()
    await rig.reload(way, applied=True)


async def trust_last(rig: Rig, way: Way) -> None:
    """Trust the last authority alone."""
    rig.scene.trust_last()
    await rig.reload(way, applied=True)


async def listener_comes(rig: Rig, way: Way) -> None:
    """Listen on a further port."""
    port = free_port()
    rig.scene.more_listeners = [f"127.0.0.1:{port}"]
    rig.scene.write()
    await rig.reload(way, applied=True)
    assert await rig.is_served(port)


async def listener_goes(rig: Rig, way: Way) -> None:
    """Listen no more on the further port."""
    port = int(rig.scene.more_listeners[0].rpartition(":")[2])
    rig.scene.more_listeners = []
    rig.scene.write()
    await rig.reload(way, applied=True)
    assert not await rig.is_served(port)


async def revoke(rig: Rig, way: Way) -> None:
    """Take a caller away: none of its calls that begin afterwards reaches the API."""
    rig.scene.callers.remove(LEAVER)
    rig.scene.write()
    with rig.leaver_changes(may=False):
        await rig.reload(way, applied=True)


async def readmit(rig: Rig, way: Way) -> None:
    """Let the caller come back."""
    rig.scene.callers.append(LEAVER)
    rig.scene.write()
    with rig.leaver_changes(may=True):
        await rig.reload(way, applied=True)


async def swap(rig: Rig, way: Way) -> None:
    """Swap a volume's `..data`, and leave the rest to the watch."""
    del way
    rig.scene.swap_volume()
    await rig.reload("watch", applied=True)


def faulty(change: str) -> Step:
    """Make the step of a fault: it is refused, and what was right comes back without a reload."""

    async def step(rig: Rig, way: Way) -> None:
        getattr(rig.scene, change)()
        await rig.reload(way, applied=False)
        rig.scene.write()

    return step


FAULTS = tuple(map(faulty, ("write_unknown_key", "write_half", "name_missing_roots")))
SHORT: tuple[Step, ...] = (
    listener_comes, FAULTS[0], revoke, FAULTS[1], rotate, trust_next, trust_last, FAULTS[2], listener_goes, swap,
)  # fmt: skip
LONG: tuple[Step, ...] = (
    settings, rotate, listener_comes, revoke, trust_next, break_key, swap, trust_last, readmit, rotate, listener_goes,
)  # fmt: skip


def alternating() -> Iterator[Step]:
    """Give the steps of the long run without end: one that is applied, one that is refused."""
    for valid, fault in zip(itertools.cycle(LONG), itertools.cycle(FAULTS), strict=False):
        yield valid
        yield fault


def ways() -> Iterator[Way]:
    """Give the ways to reload in turn."""
    return itertools.cycle(WAYS)
