"""Tracing, against a little collector that decodes what it is sent."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import structlog

import fla_gateway
from fla_gateway.clock import SystemClock
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.observe.tracing.span_queue import (
    BATCH,
    CLOSE_SECONDS,
    DELIVERY_SECONDS,
    MOST_WAITING,
    Tracing,
    missing_extra,
    open_collector,
    span_writer,
)
from fla_gateway.observe.tracing.spans import SpanWriter
from fla_gateway.profiles import Profile, Upstream
from fla_gateway.proxy.records.exchange_record import Notes
from tests.observe.collectors import attributes, collecting
from tests.observe.records import a_record
from tests.support.keys import TlsAuthority
from tests.support.threads import no_thread
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PROFILE = Profile(
    "employer",
    "production",
    production=True,
    token_request=TokenRequest("production", "https://t.example/token", "https://t.example/token", "one", (), "acme"),
    upstream=Upstream("api.example", 8443),
)


def refuse_tls():
    """Stand in for a context that nobody asks for."""
    raise AssertionError("asked for TLS")


def opened(endpoint, tls=refuse_tls, close_seconds=PATIENCE):
    """Open tracing whose end waits for all deliveries: two seconds may be too little on a machine that is busy."""
    return Tracing(open_collector(endpoint, tls), span_writer([PROFILE], bytes(32)), SystemClock(), close_seconds)


def a_recent_record(**changes):
    """Make the record of an exchange that ended just now."""
    return a_record(**{"ended": SystemClock().monotonic(), "upstream_seconds": 0.01, **changes})


async def test_exchange_arrives_at_the_collector():
    """A finished exchange arrives as OTLP spans: ids of the caller's trace, kinds, times, attributes, resource."""
    async with collecting() as collected:
        tracing = opened(collected.endpoint)
        tracing.exchange(a_recent_record(notes=Notes(traceparent=TRACEPARENT), token_seconds=0.001))
        async with asyncio.timeout(PATIENCE):
            await collected.arrived.wait()
        await asyncio.to_thread(tracing.close)
    whole, waited, sent = collected.spans
    _, trace, parent, _ = TRACEPARENT.split("-")
    assert {span.trace_id.hex() for span in collected.spans} == {trace}
    assert whole.parent_span_id.hex() == parent
    assert waited.parent_span_id == sent.parent_span_id == whole.span_id
    assert [span.kind for span in collected.spans] == [2, 1, 3]
    assert abs(whole.end_time_unix_nano / 1e9 - SystemClock().wall()) < 10
    assert whole.end_time_unix_nano - whole.start_time_unix_nano == pytest.approx(12.3e6, abs=2000)
    assert attributes(sent)["server.address"] == "api.example"
    assert attributes(whole)["http.response.status_code"] == 200
    assert collected.resources[0]["service.name"] == "fla-gateway"
    assert tracing.dropped == 0


async def test_environment_has_no_say(monkeypatch):
    """Neither OTEL_ variables nor proxy variables change where spans go, what goes with them, or whom TLS trusts."""
    async with collecting() as collected, collecting() as other:
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": other.endpoint,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": other.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary,x-canary=1",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/nowhere.pem",
            "OTEL_RESOURCE_ATTRIBUTES": "canary=1",
            "OTEL_SERVICE_NAME": "canary",
            "OTEL_SDK_DISABLED": "true",
            "http_proxy": other.endpoint,
            "HTTP_PROXY": other.endpoint,
            "all_proxy": other.endpoint,
        }.items():
            monkeypatch.setenv(name, value)
        tracing = opened(collected.endpoint)
        tracing.exchange(a_recent_record())
        await asyncio.to_thread(tracing.close)
    assert len(collected.spans) == 2
    assert other.spans == []
    ours = {"content-type", "content-length", "user-agent"}
    assert collected.fields == [ours | {"host", "accept-encoding"}]
    assert set(collected.resources[0]) == {"service.name", "service.version", "service.instance.id"}
    assert collected.resources[0]["service.name"] == "fla-gateway"


async def test_collector_behind_tls_is_verified(tmp_path):
    """An https collector is spoken to if the given roots know it, and otherwise not a span is sent."""
    authority = TlsAuthority()
    root = authority.write_root(tmp_path)
    async with collecting(authority.server_context(tmp_path)) as collected:
        foreign = opened(collected.endpoint, ssl.create_default_context)
        foreign.exchange(a_recent_record())
        await asyncio.to_thread(foreign.close)
        assert collected.spans == []
        assert foreign.dropped == 1
        known = opened(collected.endpoint, lambda: ssl.create_default_context(cafile=root))
        known.exchange(a_recent_record())
        await asyncio.to_thread(known.close)
    assert len(collected.spans) == 2
    assert known.dropped == 0


async def test_collector_that_refuses_loses_spans_and_nothing_else(capsys):
    """Spans that a collector refuses are counted and told once, without a line of the library's own."""
    async with collecting() as collected:
        collected.status = 400
        tracing = opened(collected.endpoint)
        with structlog.testing.capture_logs() as events:
            for _ in range(3 * BATCH):
                tracing.exchange(a_recent_record())
            await asyncio.to_thread(tracing.close)
    assert tracing.dropped == 3 * BATCH
    assert [event["event"] for event in events] == ["traces-undelivered"]
    assert capsys.readouterr() == ("", "")


def test_dead_collector_is_given_up_after_two_seconds():
    """The end of the gateway does not wait longer for a collector that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracing = opened(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", close_seconds=CLOSE_SECONDS)
        tracing.exchange(a_recent_record())
        began = time.monotonic()
        with structlog.testing.capture_logs():
            tracing.close()
            took = time.monotonic() - began
            silent.close()
            # What it says when it notices must not get into another test.
            tracing._thread.join(PATIENCE)
        assert took < DELIVERY_SECONDS, "what is under way is not waited for"


class Blocked:
    """A collector that takes nothing until it is released."""

    def __init__(self):
        self.asked = threading.Event()
        self.released = threading.Event()
        self.taken = 0

    def send(self, spans):
        self.asked.set()
        self.released.wait(PATIENCE)
        self.taken += len(spans)
        return True

    def close(self):
        self.released.set()


def test_what_waits_is_bounded_and_the_rest_counted():
    """While the collector takes nothing, exchanges pile up to a bound, and are dropped and counted beyond."""
    collector = Blocked()
    tracing = Tracing(collector, SpanWriter(bytes(32), {}, lambda bits: 1), SystemClock(), PATIENCE)
    tracing.exchange(a_record())
    assert collector.asked.wait(PATIENCE)
    for _ in range(MOST_WAITING + 7):
        tracing.exchange(a_record())
    assert tracing.dropped == 7
    collector.released.set()
    tracing.close()
    assert collector.taken == 2 * (MOST_WAITING + 1)


class Broken:
    """A collector with a fault."""

    def __init__(self):
        self.calls = 0

    def send(self, spans):
        self.calls += 1
        if self.calls == 1:
            raise ValueError("canary")
        return True

    def close(self):
        pass


def test_fault_of_the_library_does_not_end_tracing():
    """An error in the midst of a delivery loses these spans; the next ones are delivered."""
    collector = Broken()
    tracing = Tracing(collector, SpanWriter(bytes(32), {}, lambda bits: 1), SystemClock(), PATIENCE)
    with structlog.testing.capture_logs() as events:
        for _ in range(2 * BATCH):
            tracing.exchange(a_record())
        tracing.close()
    assert (collector.calls, tracing.dropped) == (2, BATCH)
    assert events[0]["event"] == "tracing-failed"


def test_missing_extra_is_a_fault_with_its_cure(tmp_path):
    """Where OpenTelemetry is not installed, [tracing] is a fault that says what to install."""
    packages = Path(structlog.__file__).parents[1]
    for entry in packages.iterdir():
        if not entry.name.startswith("opentelemetry"):
            (tmp_path / entry.name).symlink_to(entry)
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from fla_gateway.errors import ConfigurationError\n"
        "from fla_gateway.observe.tracing.span_queue import open_collector\n"
        "try: open_collector('http://localhost:4318/v1/traces', None)\n"
        "except ConfigurationError as error: print(error)"
    )
    command = [sys.executable, "-S", "-c", code, str(tmp_path), str(Path(fla_gateway.__file__).parents[1])]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "tracing: needs the extra: pip install '.[otel]' in the folder of the sources"
    assert missing_extra() is None


def test_nothing_of_opentelemetry_is_imported_before_it_is_wanted():
    """A gateway without [tracing] pays nothing for it: no part that serves imports the library."""
    code = (
        "import sys, fla_gateway.runtime.startup, fla_gateway.runtime.assembly\n"
        "import fla_gateway.observe.tracing.span_queue, fla_gateway.observe.metrics.registry\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('opentelemetry', 'requests', 'google')])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_system_that_gives_no_thread_for_a_while_loses_no_spans():
    """What waits is delivered as soon as there is a thread; without one, neither exchange nor end fails."""
    collector = Blocked()
    collector.released.set()
    tracing = Tracing(collector, SpanWriter(bytes(32), {}, lambda bits: 1), SystemClock(), PATIENCE)
    with no_thread():
        tracing.exchange(a_record())
    for _ in range(BATCH):
        tracing.exchange(a_record())
    tracing.close()
    assert (collector.taken, tracing.dropped) == (2 * (BATCH + 1), 0)
    tracing = Tracing(collector, SpanWriter(bytes(32), {}, lambda bits: 1), SystemClock())
    with no_thread():
        tracing.exchange(a_record())
        tracing.close()
