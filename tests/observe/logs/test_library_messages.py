"""What Python and its libraries would print by themselves."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.waiting import PATIENCE

CODE = """
import gc, logging, threading, warnings
from fla_gateway.clock import SystemClock
from fla_gateway.config.schema import Log
from fla_gateway.observe.logs.output import open_output
output = open_output(Log(format="json"), SystemClock())
for _ in range(3):
    logging.getLogger("aiohttp.server").error("canary %s", "canary")
logging.getLogger("asyncio").warning("canary")
logging.getLogger("asyncio").info("canary")
warnings.warn("canary")
class Careless:
    def __del__(self):
        raise ValueError("canary")
Careless()
gc.collect()
def fail():
    raise ValueError("canary")
thread = threading.Thread(target=fail, name="worker")
thread.start()
thread.join()
output.close(10)
"""


def test_it_becomes_events_that_quote_nothing():
    """Nothing is written but by the one writer, a place is reported once, and no text is repeated."""
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ended.stdout == ""
    assert "canary" not in ended.stderr
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(event["event"], event["level"], event.get("logger")) for event in events] == [
        ("library-message", "error", "aiohttp.server"),
        ("library-message", "warning", "asyncio"),
        ("library-message", "warning", "py.warnings"),
        ("finalizer-failed", "error", None),
        ("thread-failed", "error", None),
    ]
    assert events[-1]["thread"] == "worker"
    assert [event["error"] for event in events[-2:]] == ["ValueError", "ValueError"]
