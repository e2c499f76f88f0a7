from __future__ import annotations

from typing import NamedTuple

import pytest
import uvloop

from tests.support.gateway import Rig, gateway_in_a_thread
from tests.support.keys import TlsAuthority
from tests.support.upstream import Upstream


class Place(NamedTuple):
    """Where the clients call.

    Attributes:
        rig: the gateway.
        base: base address of the profile employer.
        upstream: what the API saw and is to answer.
    """

    rig: Rig
    base: str
    upstream: Upstream


@pytest.fixture(scope="session")
def running_place(tmp_path_factory):
    """A gateway in a thread of its own, since these clients block."""
    folder = tmp_path_factory.mktemp("interop")
    with gateway_in_a_thread(uvloop.new_event_loop, TlsAuthority(), folder) as (rig, _):
        yield Place(rig, f"http://127.0.0.1:{rig.port}/employer", rig.upstream)


@pytest.fixture
def place(running_place):
    """The gateway; at the end of each test nothing may have reached the API that a proxy must not send."""
    yield running_place
    assert running_place.upstream.violations == []
    assert not running_place.upstream.script
