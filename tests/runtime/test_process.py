"""`fla-gateway run`, from its start to its end."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from datetime import timedelta
from typing import Any

import pytest

from tests.support.keys import (
    NOW,
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    write_private,
)
from tests.support.process import ask
from tests.support.raw_caller import connect
from tests.support.raw_http import get, ok, post
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])
JSON = "Content-Type: application/json"


async def test_readiness_does_not_depend_on_the_other_side(begin, government):
    """Restarting a gateway does not mend a token server: callers are told with 503, and the probes stay as they are."""
    government.token = lambda request: ok(b"", status="500 Internal Server Error")
    process = await begin()
    await process.event("ready")
    caller = await process.caller()
    await caller.send(get())
    # The first attempt has failed; the call waits for the next one.
    await eventually(lambda: len(government.requests) > 1)
    government.token = lambda request: ok(b'{"error":"invalid_client"}', JSON, status="400 Bad Request")
    for known in (False, True):
        if known:
            assert (await caller.answer()).code == "token-refused"
        for probe in ("/readyz", "/livez", "/startupz"):
            assert (await process.admin(probe)).status == 200
    caller.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_what_runs_finish(begin, government, number):
    """The running exchange is answered, new callers are refused meanwhile, probes tell, and the exit code is 0."""
    process = await begin()
    await process.event("ready")
    assert (await process.admin("/readyz")).status == 200
    if number == signal.SIGTERM:
        process.signal(signal.SIGHUP)
        assert (await process.event("reloaded"))["cause"] == "signal"
    government.gate.clear()
    running, idle = await process.caller(), await process.caller()
    await running.send(post(b"declaration"))
    await eventually(lambda: government.calls)
    process.signal(number)
    await process.event("stopping")
    # An idle connection is left open for a second, since its caller may be about to send.
    assert await idle.ended()
    with pytest.raises(ConnectionRefusedError):
        await connect(process.port())
    readiness = await process.admin("/readyz")
    assert (readiness.status, b"stopping" in readiness.body) == (503, True)
    assert (await process.admin("/livez")).status == 200
    government.gate.set()
    answer = await running.answer()
    assert (answer.status, answer.body, answer.value("Connection")) == (200, b"ok", b"close")
    assert await process.ended() == 0
    (line,) = process.requests
    assert (line["event"], line["status"], line["outcome"], line["method"]) == ("request", 200, "answered", "POST")
    assert (line["profile"], line["path"], line["received"], line["sent"]) == ("employer", "/REST/dimona/v2/x", 11, 2)
    for caller in (running, idle):
        caller.close()


async def test_a_second_signal_ends_at_once(begin, government):
    """Whoever cannot wait need not; the exit code says that something was cut."""
    process = await begin()
    await process.event("ready")
    government.gate.clear()
    caller = await process.caller()
    await caller.send(post(b"declaration"))
    await eventually(lambda: government.calls)
    process.signal(signal.SIGTERM)
    await process.event("stopping")
    process.signal(signal.SIGINT)
    assert await process.ended() == 1
    assert await caller.ended()
    caller.close()


async def test_what_still_runs_after_drain_seconds_is_cut_and_recorded(begin, government):
    """Exit code 3, and the exchange has its line: its fate is not lost with the process."""
    process = await begin(gateway="drain_seconds = 0.1")
    await process.event("ready")
    government.gate.clear()
    caller = await process.caller()
    await caller.send(post(b"declaration"))
    await eventually(lambda: government.calls)
    process.signal(signal.SIGTERM)
    assert await process.ended() == 3
    (cut,) = process.events("drain-cut")
    assert (cut["exchanges"], cut["profiles"]) == (1, {"employer": 1})
    assert [line["method"] for line in process.requests] == ["POST"]
    assert (process.requests[0]["outcome"], process.requests[0]["code"]) == ("unknown", "stopping")
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (503, "stopping", "unknown")
    caller.close()


async def test_a_bad_key_stops_its_own_profile_alone(begin, government, tmp_path):
    """The others run; the bad one answers 503, on a listener of its own too; the reason is in the log alone."""
    expired = make_ec()
    write_private(tmp_path / "other.pem", key_pem(expired))
    certificate = certificate_pem(make_certificate(make_ec()))
    (tmp_path / "other.cer").write_bytes(certificate)
    more = """
[profiles.bad]
environment = "stub"
client_id = "client-8"
key = { pem = "other.pem", certificate = "other.cer" }
listen = "127.0.0.1:0"
"""
    process = await begin(
        more=more, environment={"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    )
    await process.event("ready")
    assert (await process.call(get())).status == 200
    answer = await process.call(get("/bad/REST/x"))
    assert (answer.status, answer.code, answer.problem["profile"]) == (503, "profile-unavailable", "bad")
    event = await process.event("profile-unavailable")
    assert event["profile"] == "bad"
    assert f"{tmp_path}/other.cer does not belong to the private key" in event["reason"]
    assert "on the status page and in the log" in answer.problem["detail"]
    assert str(tmp_path) not in answer.problem["detail"]
    last = len(process.events("listening")) - 1
    assert (await process.call(get("/REST/x"), last)).code == "profile-unavailable"
    assert (await process.admin("/readyz")).status == 200
    strict = await begin("--strict", more=more)
    assert await strict.ended() == 2
    assert "profiles.bad.key" in strict.output


WARNED: dict[str, tuple[dict[str, Any], str]] = {
    "expiring": ({"not_after": NOW + timedelta(days=1)}, "expires within 7 days"),
    "expired": ({"not_after": NOW - timedelta(hours=1)}, "expired on"),
    "unstated": ({"key_usage": None}, "states no key usage"),
}


async def test_no_warning_keeps_a_gateway_from_starting(begin, tmp_path):
    """A gateway that ran yesterday starts again today, with --strict as well: a certificate is ChaMan's to judge."""
    key, more = make_rsa(), ""
    for name, (options, _) in WARNED.items():
        write_private(tmp_path / f"{name}.pem", key_pem(key))
        (tmp_path / f"{name}.cer").write_bytes(certificate_pem(make_certificate(key, **options)))
        pair = f'{{ pem = "{name}.pem", certificate = "{name}.cer" }}'
        more += f'[profiles.{name}]\nenvironment = "stub"\nclient_id = "{name}"\nkey = {pair}\n'
    for _ in range(2):
        process = await begin("--strict", more=more)
        await process.event("ready")
        await process.event("key-warning", len(WARNED))
        warnings = [f"{event['key']}: {event['warning']}" for event in process.events("key-warning")]
        for name, (_, sentence) in WARNED.items():
            assert any(name in warning and sentence in warning for warning in warnings)
            assert (await process.call(get(f"/{name}/REST/x"))).status == 200
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0


async def is_listening(port):
    """Whether a connection is accepted; it comes from another address, or it could meet itself at a free port."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.2", 0))
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except ConnectionRefusedError:
            return False
        return True


async def test_no_probe_is_refused_a_connection_once_callers_are_accepted(begin):
    """The admin listener is bound first; what connects before it answers waits there."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, admin = (it.getsockname()[1] for it in (one, other))
    process = await begin(listen=f'["127.0.0.1:{port}"]', admin=f"127.0.0.1:{admin}")
    while not await is_listening(port):  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0)
    answer = await ask(admin, "/startupz")
    assert (answer.status, json.loads(answer.body)["started"]) == (200, True)
    await process.event("ready")


async def test_a_faulty_configuration_is_told_whole(begin):
    """Exit code 2 and every fault, in sentences, without a trace."""
    process = await begin(gateway='drain_seconds = "soon"\nhost = []', more='[profiles.bad]\nenvironment = "nowhere"')
    assert await process.ended() == 2
    for part in ("gateway.drain_seconds", "gateway.host", "profiles.bad.client_id"):
        assert part in process.output
    assert "Traceback" not in process.output


@pytest.mark.parametrize("place", ["admin.listen", "profiles.second.listen"])
async def test_an_address_in_use_is_told(begin, place):
    """Exit code 75, the place in the configuration, and what may be the matter."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        second = '[profiles.second]\nenvironment = "stub"\nclient_id = "c"\nkey = { pem = "acme.pem" }\n'
        options = {"admin": address} if place == "admin.listen" else {"more": f'{second}listen = "{address}"'}
        process = await begin(**options)
        assert await process.ended() == 75
    assert address in process.output
    assert place in process.output
    assert "another program listens there" in process.output
    assert "Traceback" not in process.output


async def test_a_low_limit_of_open_files_means_fewer_callers_and_no_failures(begin, government):
    """Ten callers with room for a few: it is said at the start, and all of them are served in the end."""
    process = await begin(gateway="[gateway.pool]\nconnections = 4", files=138)
    await process.event("ready")
    assert (await process.event("fewer-callers"))["limit"] == 6
    callers = [await process.caller() for _ in range(10)]
    for caller in callers:
        await caller.send(get("/employer/REST/x", "Connection: close"))
    for caller in callers:
        assert (await caller.answer()).status == 200
        caller.close()
    assert process.events("accepting-paused")
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


async def test_a_journal_in_use_is_told(begin, tmp_path):
    """Exit code 75, which is tried again: the other gateway may be about to end."""
    more = f'[audit]\npath = "{tmp_path / "journal"}"'
    first = await begin(more=more)
    await first.event("ready")
    second = await begin(more=more)
    assert await second.ended() == 75
    assert "audit.path: another gateway writes this journal" in second.output
    assert "Traceback" not in second.output
