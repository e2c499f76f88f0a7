"""One gateway for all vectors of a kind of loop: each vector has a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
import uvloop

from tests.support.gateway import LoopThread, Rig, gateway_in_a_thread
from tests.support.keys import TlsAuthority

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(scope="session")
def authority() -> TlsAuthority:
    """The authority of the upstream's certificate."""
    return TlsAuthority()


@pytest.fixture(scope="module", params=LOOPS)
def running(
    request: pytest.FixtureRequest, authority: TlsAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Rig, LoopThread]]:
    """A gateway and its upstream on each kind of loop."""
    with gateway_in_a_thread(LOOPS[request.param], authority, tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def rig(running: tuple[Rig, LoopThread]) -> Rig:
    """The gateway, with nothing noted of earlier tests."""
    found = running[0]
    found.upstream.seen.clear()
    found.upstream.violations.clear()
    found.upstream.script.clear()
    return found
