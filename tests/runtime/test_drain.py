"""The end of `fla-gateway run` from SIGTERM on, as callers and supervisors see it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time

import pytest

from fla_gateway.clock import SystemClock
from fla_gateway.runtime.shutdown import drain
from tests.support.gateway_process import CONFIGURATION
from tests.support.keys import write_identity
from tests.support.process import token_answer
from tests.support.raw_caller import connect
from tests.support.raw_http import get, post
from tests.support.reloading import reloading
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])
KEPT = 16


async def kept_connections(process, number=KEPT):
    """Open connections that have carried a request, so that their callers keep them for the next one."""
    callers = [await process.caller() for _ in range(number)]
    for caller in callers:
        await caller.send(get())
    for caller in callers:
        assert (await caller.answer()).value("Connection") is None
    return callers


@pytest.mark.parametrize("delay", [0, 1])
async def test_no_kept_connection_breaks_under_a_caller_that_is_about_to_post(begin, government, delay):
    """Each of them posts at a moment of its own within the first second: all are answered, and told to close."""
    process = await begin(gateway=f"drain_delay = {delay}")
    await process.event("ready")
    callers = await kept_connections(process)
    process.signal(signal.SIGTERM)
    await process.event("stopping")
    begun = time.monotonic()

    async def declare(number, caller):
        await asyncio.sleep(max(0.0, begun + 0.5 * number / KEPT - time.monotonic()))
        body = b"declaration-%d" % number
        await caller.send(post(body))
        answer = await caller.answer()
        assert (answer.status, answer.value("Connection")) == (200, b"close")
        assert await caller.ended()
        caller.close()
        return body

    sent = await asyncio.gather(*(declare(number, caller) for number, caller in enumerate(callers)))
    assert await process.ended() == 0
    assert sorted(call.body for call in government.calls if call.method == b"POST") == sorted(sent)
    # With nothing left that waits for a request the end comes at once, unless it was to be delayed.
    assert delay <= time.monotonic() - begun


async def test_during_drain_delay_new_callers_are_served_and_readiness_is_gone(begin):
    """Whoever routes calls here learns of it from /readyz at once, and those who do not yet know lose nothing."""
    process = await begin(gateway="drain_delay = 2")
    await process.event("ready")
    process.signal(signal.SIGTERM)
    await process.event("signal")
    readiness = await process.admin("/readyz")
    assert (readiness.status, json.loads(readiness.body)["reason"]) == (503, "stopping")
    assert (await process.admin("/livez")).status == 200
    answer = await process.call(get())
    assert (answer.status, answer.value("Connection")) == (200, b"close")
    assert await process.ended() == 0


async def test_tokens_are_renewed_as_long_as_callers_are_accepted(begin, government):
    """Calls of the drain's delay wait for no token that could have been there."""
    government.token = lambda request: token_answer("short", seconds=2)
    process = await begin(gateway="drain_delay = 600")
    await process.event("ready")
    process.signal(signal.SIGTERM)
    await process.event("stopping")
    assert (await process.call(get())).status == 200
    fetched = len(government.requests) - len(government.calls)
    await eventually(lambda: len(government.requests) - len(government.calls) > fetched)


@pytest.fixture
async def tls_gateway(tmp_path, authority, ca_file, government):
    """Run a gateway on this loop, with a listener that speaks TLS."""
    write_identity(tmp_path)
    certificate, key = authority.write_server(tmp_path, "localhost")
    listen = f'[{{ address = "127.0.0.1:0", tls = {{ certificate = "{certificate}", key = "{key}" }} }}]'
    text = CONFIGURATION.format(
        listen=listen, gateway="", admin="127.0.0.1:1", port=government.port, ca_file=ca_file, more=""
    )
    path = tmp_path / "gateway.toml"
    path.write_text(text.replace("[log]", "[log]\nrequests = false"))
    async with reloading(path) as running:
        yield running


async def test_a_handshake_that_runs_is_finished_and_its_call_served(tls_gateway, authority):
    """Its caller was accepted: a reset would be a failed call."""
    sock = socket.create_connection(("127.0.0.1", tls_gateway.port))
    sock.setblocking(False)
    handshakes = tls_gateway.gateway.listeners._handshakes
    await eventually(lambda: len(handshakes))
    refusing = asyncio.Event()
    ending = asyncio.ensure_future(drain(tls_gateway.gateway, SystemClock(), refusing.set))
    await refusing.wait()
    context = authority.client_context()
    reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname="localhost")
    writer.write(get())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in head.lower()
    writer.transport.abort()
    assert await ending == 0


async def test_a_handshake_that_never_ends_delays_the_end_for_drain_seconds_at_most(tls_gateway):
    """And no exchange is cut off by it: there is none."""
    await tls_gateway.change("[admin]", "drain_seconds = 0.1\n[admin]")
    silent = await tls_gateway.caller()
    await eventually(lambda: len(tls_gateway.gateway.listeners._handshakes))
    assert await drain(tls_gateway.gateway, SystemClock(), lambda: None) == 0
    assert await silent.ended()


async def test_an_idle_connection_is_closed_at_the_end_of_the_delay(begin):
    """It is left open for a second; a caller that has nothing to say holds nothing up for longer."""
    process = await begin()
    await process.event("ready")
    (idle,) = await kept_connections(process, 1)
    process.signal(signal.SIGTERM)
    await process.event("stopping")
    begun = time.monotonic()
    assert await idle.ended()
    assert 0.9 < time.monotonic() - begun < 10
    with pytest.raises(ConnectionRefusedError):
        await connect(process.port())
    idle.close()
    assert await process.ended() == 0


async def test_without_callers_the_end_comes_at_once(begin):
    """Nothing is waited for where nothing is open."""
    process = await begin()
    await process.event("ready")
    begun = time.monotonic()
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    stopping, stopped = process.events("stopping")[0], process.events("stopped")[0]
    assert stopped["time"][:16] >= stopping["time"][:16]
    assert time.monotonic() - begun < 30


async def test_the_journal_has_what_the_drain_cut_off(begin, government, tmp_path):
    """Exit code 3, and the POST that was sent is in doubt there, not merely missing."""
    process = await begin(gateway="drain_seconds = 0.1", more=f'[audit]\npath = "{tmp_path / "journal"}"')
    await process.event("ready")
    government.gate.clear()
    caller = await process.caller()
    await caller.send(post(b"declaration"))
    await eventually(lambda: government.calls)
    process.signal(signal.SIGTERM)
    assert await process.ended() == 3
    caller.close()
    lines = [json.loads(it) for file in (tmp_path / "journal").glob("*.jsonl") for it in file.read_text().splitlines()]
    (end,) = [line for line in lines if line.get("code") == "stopping"]
    assert end["outcome"] == "unknown"
    assert lines[-1]["record"] == "stop"


@pytest.mark.parametrize("module", ["fla_gateway.errors", "fla_gateway.oauth.client"])
async def test_sigterm_during_the_start_ends_it_in_peace(begin, module):
    """While modules are imported nothing is served: exit code 0, and no trace of where it was."""
    process = await begin(environment={"PYTHONPROFILEIMPORTTIME": "1"})
    await eventually(lambda: any(line.endswith(f" {module}\n") for line in process.lines["stderr"]))
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert "Traceback" not in process.output


async def test_sighup_during_the_start_ends_nothing(begin):
    """The default of the kernel would; what may have been read before it is read once more."""
    process = await begin(environment={"PYTHONPROFILEIMPORTTIME": "1"})
    await eventually(lambda: any(line.endswith(" fla_gateway.errors\n") for line in process.lines["stderr"]))
    process.signal(signal.SIGHUP)
    await process.event("ready")
    assert (await process.event("signal"))["signal"] == "SIGHUP"
    await process.event("reloaded")
    assert (await process.call(get())).status == 200


async def act(process, path):
    """Ask for an action on the admin listener, as the user that runs the gateway; give the answer."""
    caller = await connect(int(process.events("admin-listening")[0]["address"].rpartition(":")[2]))
    await caller.send(post(b"", path=path))
    answer = await caller.answer()
    caller.close()
    return answer


async def test_drain_makes_unready_and_serves_on(begin):
    """Connections are kept, new ones accepted: only what routes calls here is to look elsewhere."""
    process = await begin()
    await process.event("ready")
    (kept,) = await kept_connections(process, 1)
    assert (await act(process, "/-/drain")).status == 202
    readiness = await process.admin("/readyz")
    assert (readiness.status, json.loads(readiness.body)["reason"]) == (503, "draining")
    await kept.send(get())
    answer = await kept.answer()
    assert (answer.status, answer.value("Connection")) == (200, None)
    assert (await process.call(get())).status == 200
    kept.close()
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


async def test_the_first_signal_after_quit_is_not_the_second(begin, government):
    """A supervisor sends SIGTERM to what was asked to end: what runs is still finished."""
    process = await begin()
    await process.event("ready")
    government.gate.clear()
    running = await process.caller()
    await running.send(post(b"declaration"))
    await eventually(lambda: government.calls)
    assert (await act(process, "/-/quit")).status == 202
    await process.event("stopping")
    process.signal(signal.SIGTERM)
    await process.event("signal")
    government.gate.set()
    answer = await running.answer()
    assert (answer.status, answer.value("Connection")) == (200, b"close")
    running.close()
    assert await process.ended() == 0
