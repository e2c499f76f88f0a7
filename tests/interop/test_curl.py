"""curl, which COBOL, shell scripts and PHP call: its versions of HTTP, its Expect, its chunks."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.support.upstream import Scripted

CURL = shutil.which("curl") or ""
PATH = "/REST/dimona/v2/declarations"
MEGABYTE = os.urandom(1_000_000)

VERSION = subprocess.run([CURL, "--version"], capture_output=True, check=True).stdout if CURL else b""
# In CI nothing is skipped: there a curl without HTTP/2 fails.
NO_HTTP_2 = b"HTTP2" not in VERSION and os.environ.get("CI") != "true"
HTTP_2 = pytest.mark.skipif(NO_HTTP_2, reason="this curl speaks no HTTP/2")

pytestmark = pytest.mark.needs_program("curl")


def curl(*words, body=b"", code=0):
    """Run curl and give its output: status, connections made and seconds of each call, one call a line."""
    report = "%{http_code} %{num_connects} %{time_total}\\n"
    # -q and --noproxy: neither ~/.curlrc nor the environment's proxies have a say.
    command = [CURL, "-q", "--noproxy", "*", "-sS", "-m", "10", "-o", os.devnull, "-w", report, *words]
    ran = subprocess.run(command, input=body, capture_output=True, check=False)
    assert ran.returncode == code, ran.stderr
    return [line.split() for line in ran.stdout.decode().splitlines()]


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", pytest.param("--http2", marks=HTTP_2)])
@pytest.mark.parametrize("expect", ["Expect:", "Expect: 100-continue"])
def test_a_large_body_in_every_version(place, version, expect):
    """A megabyte arrives whole, also with an offer of HTTP/2, and HTTP/1.1 never waits in vain for its 100."""
    ((status, _, seconds),) = curl(version, "-H", expect, "--data-binary", "@-", place.base + PATH, body=MEGABYTE)
    assert status == "200"
    assert place.upstream.seen[-1].body == MEGABYTE
    # curl waits a second for 100 Continue, then sends all the same; HTTP/1.0 has no 100.
    assert version == "--http1.0" or float(seconds) < 0.9


def test_a_body_of_unknown_length(place):
    """What curl reads from a pipe is sent in chunks and arrives whole."""
    ((status, *_),) = curl("-T", "-", place.base + PATH, body=MEGABYTE)
    assert status == "200"
    assert place.upstream.seen[-1].body == MEGABYTE


def test_one_connection_for_many_calls(place):
    """Answers with and without a body, and one of the gateway's own, leave the connection to the next call."""
    place.upstream.script.append(Scripted(b"HTTP/1.1 204 No Content\r\n\r\n"))
    next_call = ("--next", "-sS", "-m", "10", "-w", "%{http_code} %{num_connects} -\\n")
    calls = curl(
        place.base + PATH, *next_call, "-I", place.base + PATH, *next_call, f"{place.base}/nowhere", *next_call,
        "-o", os.devnull, place.base + PATH,
    )  # fmt: skip
    reports = [call for call in calls if call and call[-1] == "-"]
    assert calls[0][:2] == ["204", "1"]
    assert [call[1] for call in reports] == ["0", "0", "0"]


@pytest.mark.parametrize("host", ["localhost", "[::ffff:127.0.0.1]"])
def test_names_of_the_listener(place, host):
    """The name localhost is answered; another way to write the same address is another Host, and refused."""
    ((status, *_),) = curl("-g", "--connect-to", f"::127.0.0.1:{place.rig.port}", f"http://{host}/employer{PATH}")
    assert status == ("200" if host == "localhost" else "421")


@HTTP_2
def test_http_2_without_asking(place):
    """A client that speaks HTTP/2 outright is answered at once, if not in its language: it does not hang."""
    ran = subprocess.run(
        [CURL, "-q", "--noproxy", "*", "-sS", "-m", "5", "--http2-prior-knowledge", place.base + PATH],
        capture_output=True,
        check=False,
    )
    assert ran.returncode not in {0, 28}  # 28: the time was up
