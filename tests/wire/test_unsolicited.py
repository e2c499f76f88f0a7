"""Bytes and ends that come on an idle connection to the API: never the answer to the next request."""

from __future__ import annotations

import pytest

from tests.support.caller import Answer, Caller
from tests.support.gateway import LoopThread, Rig
from tests.support.upstream import turns
from tests.wire.vector import answer, get, post

TIMED_OUT = answer(b"Content-Length: 4", line=b"HTTP/1.1 408 Request Timeout", body=b"late")
UNSOLICITED = {
    "408": TIMED_OUT,
    "part-of-a-408": TIMED_OUT[:9],
    "one-byte": b"x",
    "empty-line": b"\r\n",
    "100": answer(line=b"HTTP/1.1 100 Continue"),
}
REQUESTS = {"get": get(), "post": post(b"Content-Length: 5", body=b"hello")}


def _exchange(rig: Rig, raw: bytes) -> tuple[Answer, int]:
    with Caller(rig.port) as caller:
        caller.send(raw)
        found = caller.answer()
    (number,) = found.values(b"x-seen")
    return found, rig.upstream.seen[int(number)].connection


@pytest.mark.parametrize("unsolicited", UNSOLICITED.values(), ids=UNSOLICITED)
@pytest.mark.parametrize("raw", REQUESTS.values(), ids=REQUESTS)
def test_unsolicited_bytes_end_an_idle_connection(
    raw: bytes, unsolicited: bytes, rig: Rig, running: tuple[Rig, LoopThread]
) -> None:
    """Bytes that nobody asked for (a 408, say) close an idle connection; the next request gets its own answer."""
    _, before = _exchange(rig, get())

    async def speak() -> None:
        rig.upstream.write(before, unsolicited)
        await turns()

    running[1].call(speak())
    found, after = _exchange(rig, raw)
    assert (found.status, found.body) == (200, b"1")
    assert after != before


@pytest.mark.parametrize("peaceful", [True, False], ids=["close-notify", "reset"])
@pytest.mark.parametrize("raw", REQUESTS.values(), ids=REQUESTS)
def test_an_end_on_an_idle_connection_is_noticed(
    raw: bytes, peaceful: bool, rig: Rig, running: tuple[Rig, LoopThread]
) -> None:
    """A connection that the API has closed while it was idle is not used again, also by a request sent only once."""
    _, before = _exchange(rig, get())
    writer = rig.upstream.connections[before].writer

    async def end() -> None:
        if peaceful:
            writer.close()
        else:
            writer.transport.abort()
        await turns()
        await turns()

    running[1].call(end())
    found, after = _exchange(rig, raw)
    assert (found.status, found.body) == (200, b"1")
    assert after != before
