"""A person who opens the callers' address in a browser is shown a page that asks for nothing and runs nothing."""

from __future__ import annotations

import pytest

from tests.proxy.test_callers import CALLERS
from tests.support.raw_http import get

NAVIGATION = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document", "Accept: text/html")
POLICY = b"default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("more", "status", "code"), [("", 404, "unknown-profile"), (CALLERS, 401, "credentials-missing")]
)
async def test_a_navigation_to_the_root_is_shown_a_page(start, more, status, code):
    """HTML of constant text with the status a program would get, the strict policy, and no question for a password."""
    rig = await start(more=more)
    answer = await rig.call(get("/", *NAVIGATION))
    assert (answer.status, answer.value("Content-Type")) == (status, b"text/html; charset=utf-8")
    assert answer.value("Content-Security-Policy") == POLICY
    assert not (answer.value("WWW-Authenticate") or b"").startswith(b"Basic")
    assert b"http://127.0.0.1:8481/" in answer.body
    assert b"<a" not in answer.body
    assert (await rig.records.next()).code == code
    again = await rig.call(get("/?" + "x=<script>", *NAVIGATION))
    assert again.body == answer.body


async def test_a_program_gets_a_problem_as_ever(start):
    """Without a browser's field, and at any other path, the answer is a problem with its challenge."""
    rig = await start(more=CALLERS)
    for request in (get("/"), get("/employer/REST/x", *NAVIGATION), get("/", "Sec-Fetch-Mode: cors")):
        answer = await rig.call(request)
        assert answer.code == "credentials-missing"
        assert answer.value("WWW-Authenticate").startswith(b"Basic")


async def test_the_guard_comes_first(rig):
    """A navigation that another page caused, or by another name, is refused as everything else of that page."""
    elsewhere = [field.replace("Site: none", "Site: cross-site") for field in NAVIGATION]
    assert (await rig.call(get("/", *elsewhere))).code == "browser-refused"
    assert (await rig.call(get("/", *NAVIGATION).replace(b"localhost", b"evil.example"))).code == "wrong-host"


async def test_head_has_no_body(rig):
    """The length is that of the page."""
    whole = await rig.call(get("/", *NAVIGATION))
    caller = await rig.caller()
    await caller.send(get("/", *NAVIGATION, method="HEAD"))
    head = await caller.answer("HEAD")
    assert (head.status, head.body) == (404, b"")
    assert int(head.value("Content-Length")) == len(whole.body)
