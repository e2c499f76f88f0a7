from __future__ import annotations

import asyncio

import uvloop

from tests.support.gateway_process import begin, government  # noqa: F401 - fixtures
from tests.support.stage import api_tls, authority, ca_file, rig, start, trust  # noqa: F401 - fixtures


def pytest_asyncio_loop_factories(config, item):
    """Run each test on both loops: `run` takes uvloop where there is one, and asyncio elsewhere."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
