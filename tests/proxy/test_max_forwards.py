"""Max-Forwards (RFC 9110, section 7.6.2): counted down with OPTIONS, answered at 0, and left alone elsewhere."""

from __future__ import annotations

import pytest

from tests.proxy.test_callers import CALLERS, KEY
from tests.support.raw_http import get


def options(*fields, method="OPTIONS", path="/employer/REST/dimona/v2/x"):
    """Write an OPTIONS with Accept behind these fields."""
    return get(path, *fields, "Accept: a", method=method)


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("Max-Forwards: 1", b"0"), ("max-forwards:10", b"9"), ("MAX-FORWARDS: 007 ", b"6"),
        ("Max-Forwards: " + "9" * 30, b"999999998"), ("Max-Forwards: -1", b"-1"), ("Max-Forwards: x", b"x"),
    ],
)  # fmt: skip
async def test_it_is_counted_down(rig, sent, arrives):
    """The API sees one less; what is no number it sees as it came, and every other field as well."""
    answer = await rig.call(options(sent))
    assert answer.status == 200
    (request,) = rig.api.requests
    assert request.values("Max-Forwards") == [arrives]
    assert request.values("Accept") == [b"a"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PROPFIND"])
@pytest.mark.parametrize("number", [b"0", b"5"])
async def test_other_methods_are_untouched(rig, method, number):
    """For every other method the field may be ignored, and is forwarded as it came."""
    await rig.call(options(f"Max-Forwards: {number.decode()}", method=method))
    assert rig.api.requests[0].values("Max-Forwards") == [number]


async def test_at_zero_the_gateway_answers(rig):
    """Nothing is sent; the answer says what is allowed, has a body, and the connection goes on."""
    caller = await rig.caller()
    for _ in range(2):
        await caller.send(options("Max-Forwards: 0"))
        answer = await caller.answer()
        assert (answer.status, answer.value("Fla-Gateway-Origin")) == (200, b"gateway")
        assert b"OPTIONS" in (answer.value("Allow") or b"")
        assert b"Max-Forwards" in answer.body
        record = await rig.records.next()
        assert (record.profile, record.status, record.origin, record.outcome) == (
            "employer",
            200,
            "gateway",
            "answered",
        )
        assert (record.attempts, record.path) == (0, b"/REST/dimona/v2/x")
    assert rig.api.opened == 0
    await caller.send(get())
    assert (await caller.answer()).status == 200


async def test_at_zero_a_trace_is_refused_as_ever(rig):
    """TRACE would show what the gateway adds, wherever it ends."""
    assert (await rig.call(options("Max-Forwards: 0", method="TRACE"))).status == 405


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/employer/REST/dimona/v2/x", (), 401),
        ("/employer/REST/dimona/v2/x", (f"X-Api-Key: {KEY}",), 403),
        ("/nobody/REST/x", (f"X-Api-Key: {KEY}",), 404),
    ],
)
async def test_at_zero_nothing_is_told_to_a_stranger(start, path, fields, status):
    """Who calls, where it leads and whether it is permitted is asked as for any other request."""
    rig = await start(more=CALLERS)
    answer = await rig.call(options("Max-Forwards: 0", *fields, path=path))
    assert answer.status == status


async def test_a_nominated_field_is_dropped(rig):
    """What Connection nominates goes no further."""
    await rig.call(options("Connection: Max-Forwards", "Max-Forwards: 5"))
    assert rig.api.requests[0].values("Max-Forwards") == []
