"""What the API's answers may do in a browser, where its cookies go, and the Date that it did not send."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fla_gateway.http1.response import read_response_head
from fla_gateway.profiles import Upstream
from fla_gateway.proxy.messages.browser_fields import could_run
from fla_gateway.proxy.messages.location import Address, rewrite_location
from fla_gateway.proxy.messages.response_fields import rewrite_head
from fla_gateway.proxy.messages.set_cookie import confine_cookie
from tests.support.properties import BOUNDED
from tests.support.raw_http import get

SANDBOX = b"sandbox; default-src 'none'"
RUNNABLE = [
    "text/html", "TEXT/HTML; charset=utf-8", " text/html ;x=1", "application/xhtml+xml", "text/xml", "application/xml",
    "image/svg+xml", "application/rss+xml;charset=utf-8", "application/mathml+xml", "text/xsl",
    "multipart/x-mixed-replace; boundary=x", "", "html", "/", "text/", "*/*", "unknown/unknown",
    "application/json, text/html",
    "text/html, application/json", "text html", "application/json,",
]  # fmt: skip
HARMLESS = [
    "application/json", "application/problem+json; charset=utf-8", "text/plain", "application/pdf", "image/png",
    "application/octet-stream", "text/csv", "application/jose", "multipart/form-data; boundary=x",
    "application/xml-ish",
]  # fmt: skip


def answer(*lines, status="200 OK", body=b"x"):
    """Write an answer whose type and date are those of its lines."""
    head = "".join(f"{line}\r\n" for line in [f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", ""])
    return head.encode("latin-1") + body


@pytest.mark.parametrize("kind", RUNNABLE)
def test_what_a_browser_could_run(kind):
    """HTML, XHTML, XML, SVG, and what a browser looks into by itself."""
    assert could_run(f": {kind}\r\n".encode())
    assert could_run(f": {kind};{'x' * 500}\r\n".encode()) or kind.endswith(",")


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_a_browser_shows_or_stores(kind):
    """Other types come back untouched."""
    assert not could_run(f": {kind}\r\n".encode())


@pytest.mark.parametrize("kind", ["text/html", "application/xhtml+xml; charset=utf-8", "image/svg+xml", None])
async def test_an_answer_that_a_browser_could_run_is_confined(rig, kind):
    """`nosniff`, and a sandbox policy beside the API's own; a foreign X-Content-Type-Options makes way."""
    lines = [
        "Content-Security-Policy: default-src *",
        "x-content-type-options: none",
        *([f"Content-Type: {kind}"] if kind else []),
    ]
    rig.api.answer = lambda request: answer(*lines)
    found = await rig.call(get())
    assert found.values("X-Content-Type-Options") == [b"nosniff"]
    assert found.values("Content-Security-Policy") == [b"default-src *", SANDBOX]
    assert found.body == b"x"


@pytest.mark.parametrize("nominated", ["content-type", "content-security-policy, x-content-type-options"])
async def test_the_api_cannot_take_it_off(rig, nominated):
    """A nominated Content-Type ends here, so the answer has none; the gateway's own fields cannot be nominated."""
    rig.api.answer = lambda request: answer("Content-Type: text/html", f"Connection: {nominated}")
    found = await rig.call(get())
    assert found.values("Content-Security-Policy") == [SANDBOX]
    rig.api.answer = lambda request: answer("Content-Type: application/json", "Connection: content-type")
    assert (await rig.call(get())).values("X-Content-Type-Options") == [b"nosniff"]


async def test_two_types_are_judged_by_the_worse(rig):
    """Readers differ in which one they take."""
    for lines in (["text/html", "application/json"], ["application/json", "text/html"]):
        rig.api.answer = lambda request, lines=lines: answer(*[f"Content-Type: {line}" for line in lines])
        assert (await rig.call(get())).values("Content-Security-Policy") == [SANDBOX]


def test_a_type_that_is_too_long_to_be_one_counts_as_dangerous():
    """It is not read: 64 KB of types would take the loop longer than all the rest of the answer."""
    parameter = b": application/json; profile=" + b"a" * 900
    assert not could_run(parameter + b"\r\n")
    assert could_run(parameter + b"a" * 200 + b"\r\n")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Content-Type: application/json"], "200 OK"), ([], "204 No Content"), ([], "304 Not Modified"),
        (["Content-Length: 0"], "201 Created"), (["Content-Length: 0", "Content-Type: text/html"], "404 Not Found"),
    ],
)  # fmt: skip
async def test_other_answers_get_none(rig, lines, status):
    """What a browser cannot run comes back as it was."""
    head = "".join(f"{line}\r\n" for line in [f"HTTP/1.1 {status}", "Date: now", *lines, ""])
    rig.api.answer = lambda request: answer(*lines) if status == "200 OK" else head.encode()
    found = await rig.call(get())
    assert not found.values("X-Content-Type-Options")
    assert not found.values("Content-Security-Policy")


async def test_it_can_be_switched_off(start):
    """`browser_headers = false` leaves such answers as they are."""
    rig = await start(gateway="browser_headers = false")
    rig.api.answer = lambda request: answer("Content-Type: text/html", "X-Content-Type-Options: x")
    found = await rig.call(get())
    assert found.values("X-Content-Type-Options") == [b"x"]
    assert not found.values("Content-Security-Policy")


# Date


@pytest.mark.parametrize("lines", [[], ["Connection: date", "Date: Tue, 15 Nov 1994 08:12:31 GMT"]])
async def test_an_answer_without_date_gets_one(rig, lines):
    """RFC 9110, section 6.6.1: who forwards it adds the time at which it was received."""
    rig.api.answer = lambda request: answer(*lines)
    dates = []
    for _ in range(2):
        (value,) = (await rig.call(get())).values("Date")
        dates.append(parsedate_to_datetime(value.decode()).timestamp())
        assert abs(dates[-1] - rig.clock.wall()) < 5
        rig.clock.advance(100)
    assert 99 <= dates[1] - dates[0] <= 105


@pytest.mark.parametrize("value", ["Tue, 15 Nov 1994 08:12:31 GMT", "", "yesterday"])
async def test_the_apis_date_stays(rig, value):
    """Whatever it says."""
    rig.api.answer = lambda request: answer(f"date: {value}")
    assert (await rig.call(get())).values("Date") == [value.encode()]


async def test_an_interim_answer_gets_no_field_of_ours(rig):
    """It is neither dated nor confined."""
    rig.api.answer = lambda request: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer()
    caller = await rig.caller()
    await caller.send(get())
    assert (await caller.answer()).fields == [(b"Link", b"</a>")]


# Cookies


@pytest.mark.parametrize(
    ("value", "prefix", "expected"),
    [
        ("a=1", "/p", "a=1"),
        ("a=1; Secure; HttpOnly", "/p", "a=1; Secure; HttpOnly"),
        ("a=1; Path=/", "/p", "a=1; Path=/p/"),
        ("a=1; path=/REST/x; Secure", "/p", "a=1; path=/p/REST/x; Secure"),
        ("a=1;PATH = \t/REST ;b", "/p", "a=1;PATH =/p/REST;b"),
        ("a=1; Path=/p/REST", "/p", "a=1; Path=/p/p/REST"),
        ("a=1; Path=/; Path=/b", "/p", "a=1; Path=/p/; Path=/p/b"),
        ('a=1; Path="/"', "/p", 'a=1; Path="/p/"'),
        ("a=1; Path=", "/p", "a=1; Path="),
        ("a=1; Path", "/p", "a=1; Path"),
        ("a=1; Path=REST", "/p", "a=1; Path=REST"),
        ("a=1; Path=/", "", "a=1; Path=/"),
        ("a=1; Domain=socialsecurity.be", "/p", "a=1"),
        ("a=1; domain = .be ; Path=/; DOMAIN", "/p", "a=1; Path=/p/"),
        ("a=1; Domain=be", "", "a=1"),
        ("Path=/x; Path=/", "/p", "Path=/x; Path=/p/"),
        ("Domain=x", "/p", "Domain=x"),
        ('a="x; Path=/y"', "/p", 'a="x; Path=/p/y"'),
        ("a=1; Pathology=/; Domains=x", "/p", "a=1; Pathology=/; Domains=x"),
        ("a=1; Path=//evil.example", "/p", "a=1; Path=/p//evil.example"),
        ("", "/p", ""),
    ],
)
def test_a_cookie_is_confined_to_the_address_that_the_caller_used(value, prefix, expected):
    """`Domain` goes, `Path` gets the prefix; name, value and all else stay byte for byte."""
    assert confine_cookie(value.encode(), prefix.encode()) == expected.encode()


@BOUNDED
@given(
    st.lists(st.sampled_from(["a=1", "Path=/x", " path = /y", "Domain=z", " dOmAiN", "Secure", "", "Path"]), max_size=6)
)
def test_no_cookie_leaves_the_prefix(parts: list[str]) -> None:
    """No Domain is left behind the first semicolon, and each path begins with the prefix."""
    _, *attributes = confine_cookie(";".join(["n=v", *parts]).encode(), b"/p").split(b";")
    for name, _, text in (attribute.partition(b"=") for attribute in attributes):
        assert name.strip().lower() != b"domain"
        if name.strip().lower() == b"path" and text.strip().startswith(b"/"):
            assert text.strip().startswith(b"/p/")


async def test_cookies_on_both_kinds_of_listener(start, tmp_path):
    """The prefix is that by which the caller came: none on the profile's own listener; interim answers as well."""
    rig = await start(profile='listen = "127.0.0.1:0"')
    cookie = "Set-Cookie: a=1; Domain=x.example; Path=/"
    rig.api.answer = lambda request: f"HTTP/1.1 103 X\r\n{cookie}\r\n\r\n".encode() + answer(cookie, cookie)
    own = rig.gateway.bound[1].sock.getsockname()[1]
    for port, path, shown in (
        (rig.port, "/employer/REST/x", b"a=1; Path=/employer/"), (own, "/REST/x", b"a=1; Path=/")
    ):  # fmt: skip
        caller = await rig.caller(port)
        await caller.send(get(path))
        assert (await caller.answer()).values("Set-Cookie") == [shown]
        assert (await caller.answer()).values("Set-Cookie") == [shown, shown]


# Location


OWN = Address(Upstream("api.example", 443), b"")
BASE = b"https://api.example"


@pytest.mark.parametrize(
    "rest",
    [b"//evil.example/", b"/\\evil.example", b"/\t/evil.example", b"/\t\t\\evil", b"///evil", b"/\\\\evil", b"//"],
)
def test_no_path_reads_as_another_host(rest):
    """Without a Host only a path could be given, and this one would be a host: the API's own address is left."""
    assert rewrite_location(BASE + rest, OWN, None) == BASE + rest
    assert rewrite_location(BASE + rest, OWN, b"") == BASE + rest
    assert rewrite_location(BASE + rest, OWN, b"localhost") == b"http://localhost" + rest
    assert rewrite_location(BASE + rest, OWN._replace(prefix=b"/p"), None) == b"/p" + rest


@BOUNDED
@given(
    st.text("/\\\t.:@evil?#%25", max_size=8), st.sampled_from([b"", b"/p"]), st.sampled_from([None, b"", b"localhost"])
)
def test_what_is_rewritten_leads_to_this_gateway(text: str, prefix: bytes, host: bytes | None) -> None:
    """Whatever the API writes, it is left as it is, or is a path or address here in the eyes of a browser."""
    for value in (text.encode(), BASE + text.encode(), b"/REST/" + text.encode()):
        head = read_response_head(b"HTTP/1.1 201 X\r\nLocation: " + value + b"\r\nContent-Length: 0\r\n\r\n")
        fields, *_ = rewrite_head(head, OWN._replace(prefix=prefix), host, to_head=False)
        shown = fields[1][2:-2]
        if shown == value.strip():
            continue
        seen = shown.replace(b"\t", b"").replace(b"\\", b"/")
        assert seen.startswith((b"http://localhost/", b"/"))
        assert not seen.startswith(b"//")
