"""The other listeners: one of a profile's own, and a Unix socket, keep the same rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.caller import Answer, Caller
from tests.support.gateway import Rig
from tests.wire.request_targets import BROWSERS, TOKEN_DOOR, TRAVERSALS
from tests.wire.vector import Reaches, Refused, Vector, failures, get, grouped

PREFIX = b"GET /employer"
DIRECT = [vector for vector in (*TRAVERSALS, *TOKEN_DOOR) if vector.raw.startswith(PREFIX + b"/")]
PAGES = [vector for vector in BROWSERS if isinstance(vector.expect[0], Refused)]


def _ask(listener: int | Path, raw: bytes) -> Answer:
    with Caller(listener) as caller:
        caller.send(raw)
        return caller.answer()


def _outcomes(vector: Vector) -> tuple[object, ...]:
    expected = vector.expect[0]
    return expected if isinstance(expected, tuple) else (expected,)


@pytest.mark.parametrize("vectors", grouped(DIRECT), ids=lambda vectors: vectors[0].name)
def test_a_profiles_own_door_judges_paths_alike(vectors: Sequence[Vector], rig: Rig) -> None:
    """Without /<profile> in front, a target is refused or forwarded as on the common listener."""
    assert failures(vectors, partial(_judge_on_own_door, rig)) == {}


def _judge_on_own_door(rig: Rig, vector: Vector) -> None:
    rig.upstream.seen.clear()
    answer = _ask(rig.own_port, vector.raw.replace(PREFIX, b"GET ", 1))
    if answer.status == 200:
        target = rig.upstream.seen[int(answer.values(b"x-seen")[0])].target
        assert any(isinstance(it, Reaches) and it.target == target for it in _outcomes(vector))
    else:
        assert any(isinstance(it, Refused) and answer.status in it.statuses for it in _outcomes(vector))
        assert rig.upstream.seen == []
    assert rig.upstream.violations == []


@pytest.mark.parametrize("target", [b"/employer/REST/echo", b"/narrow/REST/dimona/v2/a", b"/-/x", b"/"])
def test_a_profiles_own_door_knows_no_other_names(target: bytes, rig: Rig) -> None:
    """On a profile's own listener the first segment is never a profile's name."""
    assert _ask(rig.own_port, get(target=target)).status == 404
    assert rig.upstream.seen == []


@pytest.mark.parametrize("host", [b"Host: localhost", b"Host: anything.example", b"Host:"])
def test_a_unix_socket_takes_any_name(host: bytes, rig: Rig) -> None:
    """No name can be made to point to a Unix socket, so Host is not compared there."""
    answer = _ask(rig.socket, get(host=host))
    assert (answer.status, answer.values(b"fla-gateway-origin")) == (200, [b"upstream"])


@pytest.mark.parametrize("lines", [(), (b"Host: a", b"Host: a"), (b"Host: a b",)], ids=["none", "two", "invalid"])
def test_a_unix_socket_still_demands_one_valid_host(lines: tuple[bytes, ...], rig: Rig) -> None:
    """RFC 9112, section 3.2, holds whatever the listener is."""
    raw = b"\r\n".join((b"GET /employer/REST/echo HTTP/1.1", *lines, b"", b""))
    assert _ask(rig.socket, raw).status == 400
    assert rig.upstream.seen == []


def test_every_door_refuses_pages(rig: Rig) -> None:
    """Requests that a web page causes are refused on the Unix socket and on a profile's own listener as well."""
    assert failures(PAGES, partial(_judge_page, rig)) == {}


def _judge_page(rig: Rig, vector: Vector) -> None:
    if vector.name.startswith("browser-referer"):
        listeners: tuple[int | Path, ...] = (rig.own_port,)
    else:
        listeners = (rig.own_port, rig.socket)
    for listener in listeners:
        assert _ask(listener, vector.raw).code == "browser-refused"
    assert rig.upstream.seen == []
