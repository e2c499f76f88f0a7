from __future__ import annotations

import asyncio

import uvloop

from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures


def pytest_asyncio_loop_factories(config, item):
    """Run what speaks to servers on both loops: `run` takes uvloop where there is one, and asyncio elsewhere."""
    both = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return both if item.path.name in {"test_smtp.py", "test_webhook.py"} else {"asyncio": asyncio.new_event_loop}
