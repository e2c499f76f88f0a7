"""What a caller's list was held against is, byte for byte, what the API receives: no path is judged as another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import unquote_to_bytes

import pytest
import uvloop
from hypothesis import example, given
from hypothesis import strategies as st

from tests.proxy.admission.test_routing_properties import ATOMS
from tests.support.caller import Caller
from tests.support.gateway import LoopThread, Rig, gateway_in_a_thread
from tests.support.keys import TlsAuthority
from tests.support.properties import BOUNDED
from tests.support.upstream import turns

KEY = "flagw_" + "0123456789abcdef" * 4
ENTRIES = (
    "GET /REST/dimona/v2/**",
    "GET /REST/exact",
    "GET /REST/one/*/two",
    "GET /REST/deep/**/end",
    "GET /REST/caf%C3%A9/*",
    "POST /REST/dimona/v2/declarations",
)
CALLERS = f"""
[callers.payroll]
keys = [{{ sha256 = "{sha256(KEY.encode()).hexdigest()}" }}]
[callers.payroll.allow]
employer = {list(ENTRIES)!r}
"""

WORDS = (
    b"REST",
    b"dimona",
    b"v2",
    b"declarations",
    b"exact",
    b"one",
    b"two",
    b"deep",
    b"end",
    b"caf%C3%A9",
    b"caf%c3%a9",
)
STARTS = (b"/REST/dimona/v2/", b"/REST/one/", b"/REST/deep/", b"/REST/exact", b"/REST/caf%C3%A9/", b"/REST/", b"/")
odd = st.one_of(st.sampled_from(WORDS), st.lists(st.sampled_from(ATOMS), max_size=3).map(b"".join))
segments = st.one_of(st.lists(st.sampled_from(WORDS), max_size=4), st.lists(odd, max_size=4)).map(b"/".join)
paths = st.tuples(st.sampled_from(STARTS), segments).map(b"".join)
queries = st.sampled_from((b"", b"?", b"?a=/../%2F;b", b"?/REST/exact", b"?x=1&x=1"))
methods = st.sampled_from((b"GET", b"GET", b"HEAD", b"POST", b"get", b"PUT"))


def pattern(entry: str) -> tuple[str, re.Pattern[bytes]]:
    """Read an entry as docs/configuration.md explains it: a second implementation, by regular expression."""
    method, path = entry.split(" ")
    forms = {"*": "[^/]+", "**": "[^/]+(?:/[^/]+)*/?"}
    return method, re.compile("/".join(forms.get(it, re.escape(it)) for it in path.split("/")).encode())


PATTERNS = {entry: pattern(entry) for entry in ENTRIES}


def covers(entry: str, method: bytes, path: bytes) -> bool:
    """Tell whether an entry permits a request."""
    permitted, form = PATTERNS[entry]
    return method.decode() in {permitted, "HEAD" if permitted == "GET" else permitted} and bool(form.fullmatch(path))


def climbs(path: bytes) -> bool:
    """Tell whether some reader of a path finds a way out of it."""
    for _ in range(4):
        cut = [it.partition(b";")[0] for it in re.split(rb"[/\\]", path)]
        if b".." in cut or b"." in cut:
            return True
        path = unquote_to_bytes(path)
    return False


@pytest.fixture(scope="module")
def running(authority: TlsAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, LoopThread]]:
    """One gateway for all examples."""
    folder = tmp_path_factory.mktemp("policy")
    with gateway_in_a_thread(uvloop.new_event_loop, authority, folder, settings=CALLERS) as found:
        yield found


@pytest.fixture(scope="module")
def caller() -> Iterator[list[Caller]]:
    """A place for the connection that examples share, as long as it lives."""
    connections: list[Caller] = []
    yield connections
    for connection in connections:
        connection.sock.close()


@BOUNDED
@given(methods, paths, queries)
@example(b"GET", b"/REST/dimona/v2/a/..%2f..%2fexact", b"")
@example(b"GET", b"/REST/dimona/v2/..;/x", b"")
@example(b"GET", b"/REST/one/%2e%2e/two", b"")
@example(b"HEAD", b"/REST/caf%C3%A9/x", b"?a=/../%2F;b")
@example(b"GET", b"/REST/deep/a/end", b"")
@example(b"GET", b"/REST/Exact", b"")
@example(b"GET", b"/REST/%65xact", b"")
@example(b"GET", b"/REST/exact/", b"")
@example(b"GET", b"/REST/caf%c3%a9/x", b"")
@example(b"POST", b"/REST/dimona/v2/Declarations", b"")
@example(b"GET", b"/REST/dimona/v2/caf%C3%A9/oauth", b"")
def test_what_is_judged_is_what_is_sent(
    running: tuple[Rig, LoopThread], caller: list[Caller], method: bytes, path: bytes, query: bytes
) -> None:
    """A path that an entry permits arrives as it was written, under that entry; any other never arrives."""
    rig, thread = running
    upstream, records = rig.upstream, rig.records.exchanges
    upstream.seen.clear()
    records.clear()
    if not caller:
        caller.append(Caller(rig.port))
    length = b"Content-Length: 0\r\n" if method in {b"POST", b"PUT"} else b""
    line = method + b" /employer" + path + query + b" HTTP/1.1\r\n"
    caller[0].send(line + b"Host: localhost\r\nX-Api-Key: " + KEY.encode() + b"\r\n" + length + b"\r\n")
    answer = caller[0].answer(method)
    thread.call(turns())
    if answer.values(b"connection") == [b"close"]:
        caller.pop().sock.close()
    target = path + query
    path = target.partition(b"?")[0]
    permitted = [it for it in ENTRIES if covers(it, method, path)]
    assert not upstream.violations
    assert [seen.target for seen in upstream.seen] == ([target] if answer.status == 200 else [])
    if answer.status == 200:
        assert permitted
        assert not climbs(path)
        assert not re.search(rb"(?i)%2f|%5c|[\\;]|//", path)
        assert (records[0].path, records[0].admission.rule) == (path, permitted[0])
    elif permitted:
        # Permitted, and refused all the same: only what some reader could take for another place.
        assert (answer.status, answer.code) in {(400, answer.code), (403, "token-endpoint-refused"), (403, "")}
        # Where anything is encoded, a segment that is the token endpoint's name is refused wherever it stands.
        named = b"%" in path and b"/oauth" in path.lower()
        assert climbs(path) or named or re.search(rb"[%\\;#]|//", target.replace(b"%C3%A9", b""))
    else:
        assert answer.status in {400, 403, 404, 405}
