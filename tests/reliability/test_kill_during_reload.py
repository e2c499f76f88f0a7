"""`kill -9` while the configuration is read again: the next process starts, with the files as they are then."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from fla_gateway.journal.reader.segments.segment_files import segments_of
from fla_gateway.journal.reader.segments.segment_reader import read_segments
from fla_gateway.journal.reader.verification import verify
from tests.support.keys import TlsAuthority, certificate_pem, key_pem, make_certificate, make_ec, write_private
from tests.support.process import Government, Process, run
from tests.support.raw_http import get, post

LONGEST_SECONDS = 0.6
"""A reload of this configuration takes about half of it, most of that waiting for files to rest."""
CONFIGURATION = """
[gateway]
listen = ["127.0.0.1:0", "unix:{socket}"]
[admin]
listen = "127.0.0.1:0"
[log]
format = "json"
requests = false
[audit]
path = "journal"
[environments.stub]
api_base = "https://localhost:{port}"
token_url = "https://localhost:{port}/REST/oauth/v5/token"
ca_file = "ca.pem"
[profiles.employer]
environment = "stub"
client_id = "client-7"
key = {{ pem = "acme.pem", certificate = "acme.cer" }}
"""


def write(folder: Path, number: int, port: int) -> Path:
    """Write another generation of all files: another key, another path of the socket."""
    key = make_ec()
    write_private(folder / "acme.pem", key_pem(key))
    (folder / "acme.cer").write_bytes(certificate_pem(make_certificate(key)))
    path = folder / "gateway.toml"
    path.write_text(CONFIGURATION.format(port=port, socket=folder / f"gateway-{number % 2}.sock"), encoding="utf-8")
    return path


async def kill_while_reloading(process: Process, number: int) -> None:
    """Ask for a reload and kill the process at some moment of it, which is left to chance but for the first rounds."""
    process.signal(signal.SIGHUP)
    if number == 1:
        await process.event("reloaded")
    elif number > 1:
        await asyncio.sleep(random.SystemRandom().uniform(0, LONGEST_SECONDS))
    process.signal(signal.SIGKILL)
    await process.ended()


async def kills(folder: Path, rounds: int) -> None:
    """Kill so many gateways; each starts where the one before was killed, with the files of its reload."""
    authority = TlsAuthority()
    (folder / "ca.pem").write_bytes(authority.pem)
    government = Government(authority.server_context(folder))
    await government.start()
    path = write(folder, 0, government.port)
    for number in range(rounds + 1):
        async with run(path) as process:
            await process.event("ready")
            assert (await process.call(post(b"%d" % number))).status == 200
            assert (await process.call(get())).status == 200
            if number < rounds:
                write(folder, number + 1, government.port)
                await kill_while_reloading(process, number)
            else:
                process.signal(signal.SIGTERM)
                assert await process.ended() == 0
    await government.close()
    posts = [call.body for call in government.calls if call.method == b"POST"]
    assert posts == [b"%d" % number for number in range(rounds + 1)]
    journal = folder / "journal"
    verdict = verify(read_segments(journal, segments_of(journal)))
    assert (verdict.count, verdict.findings) == (0, [])


def test_a_gateway_that_was_killed_while_reloading_starts(tmp_path: Path) -> None:
    """At once, after the reload, and at a moment within it."""
    asyncio.run(kills(tmp_path, 3))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_gateway_that_was_killed_forty_times_while_reloading_starts(tmp_path: Path) -> None:
    """As the short run."""
    asyncio.run(kills(tmp_path, 40))
