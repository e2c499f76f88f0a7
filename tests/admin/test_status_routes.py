"""The operator's surface over real sockets: who sees it, and what every answer carries."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace

import aiohttp
import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.failed_attempts import MOST
from fla_gateway.admin.responses import POLICY
from fla_gateway.admin.server import AdminServer
from fla_gateway.admin.status import status_json
from fla_gateway.clock import SystemClock
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text
from tests.admin import samples
from tests.admin.conftest import Gateway, numbers, serving

KEY = new_key()
KEYED = AdminAccess(key_sha256=digest(KEY), hosts=("gateway.example",))
SURFACE = ["/", "/fragment", "/status", "/status.css", "/status.js", "/status.svg"]
NOBODY = AdminAccess(uid=4_000_000_000)
EVERYWHERE = TcpAddress("0.0.0.0", 8481)  # noqa: S104 - the example


def basic(password, user="operator"):
    """Write a value of Authorization."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
async def server(state, shown):
    """An admin listener that this very user may see; its base URL."""
    async with serving(state, shown) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def keyed(state, shown):
    """One that asks for a key."""
    async with serving(state, shown, KEYED) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", SURFACE)
async def test_the_same_user_sees_everything_on_loopback(server, client, path):
    """Without a configured key the kernel's word for who connects is enough."""
    async with client.get(server + path) as answer:
        assert answer.status == 200
        assert await answer.read()


@pytest.mark.parametrize("path", SURFACE)
async def test_every_answer_of_the_surface_is_closed_to_pages(server, client, path):
    """The strict policy, no framing, no referrer, no store: for the page, its parts and its refusals."""
    for headers in ({}, {"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        async with client.get(server + path, headers=headers) as answer:
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "Server" not in answer.headers


@pytest.mark.parametrize("path", SURFACE)
async def test_another_user_is_refused_on_loopback(state, shown, path):
    """A process of another user gets 403 with the cure for the surface, and the probes as before."""
    root = os.getuid() == 0
    # Only root can become another user; for anybody else the gateway is somebody else's.
    async with serving(state, shown, AdminAccess(uid=0) if root else NOBODY) as port:
        for asked, expected in ((path, b"403"), ("/livez", b"200"), ("/metrics", b"200")):
            answer = await request_as(12_345 if root else os.getuid(), port, asked)
            assert answer.split(b" ")[1] == expected
            assert (b"[admin] key" in answer) is (expected == b"403")


async def request_as(uid, port, path, *fields):
    """Send a request on a socket that another user made."""
    own = os.geteuid()
    os.seteuid(uid)
    try:
        sock = socket.socket()
    finally:
        os.seteuid(own)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    head = [f"GET {path} HTTP/1.1", "Host: localhost", *fields, "Connection: close", "", ""]
    await loop.sock_sendall(sock, "\r\n".join(head).encode())
    answer = b""
    while part := await loop.sock_recv(sock, 65_536):
        answer += part
    sock.close()
    return answer


NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
WAYS = ("fla-gateway admin new", "fla-gateway status", "ssh -L")


async def test_a_browser_that_is_refused_is_shown_the_ways_in(keyed, client):
    """A navigation gets HTML that names each way, under the strict policy; a program and a fetch get a problem."""
    async with client.get(keyed, headers=NAVIGATION) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert all(way in page for way in WAYS)
    for headers in ({}, {**NAVIGATION, "Sec-Fetch-Dest": "empty"}):
        async with client.get(keyed, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (401, "application/problem+json")


async def test_another_user_is_shown_the_ways_in(state, shown):
    """So does the 403 of a listener without a key."""
    root = os.getuid() == 0
    async with serving(state, shown, AdminAccess(uid=0) if root else NOBODY) as port:
        fields = [f"{name}: {value}" for name, value in NAVIGATION.items()]
        answer = (await request_as(12_345 if root else os.getuid(), port, "/", *fields)).decode()
    assert answer.startswith("HTTP/1.1 403 ")
    assert "Content-Type: text/html" in answer
    assert all(way in answer for way in WAYS)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz", "/metrics"])
async def test_probes_need_no_key(keyed, client, path):
    """Probes and metrics are for everybody who passes the guard, also where there is a key."""
    async with client.get(keyed + path) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", SURFACE)
async def test_a_key_is_asked_for_with_a_challenge(keyed, client, path):
    """Without a credential a browser is told to ask for user and password, and a person what the key is."""
    async with client.get(keyed + path) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        problem = await answer.json(content_type=None)
        assert problem["type"].endswith(":credentials-missing")
        assert "[admin] key" in problem["detail"]


@pytest.mark.parametrize(
    "headers", [basic(KEY), basic(KEY, ""), {"Authorization": f"Bearer {KEY}"}, {"X-Api-Key": KEY}]
)
async def test_the_key_opens_in_every_form(keyed, client, headers):
    """As the password of any user, as Bearer and as X-Api-Key."""
    for path in SURFACE:
        async with client.get(keyed + path, headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    "site", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://a.example"}, {"Referer": "http://a.example/"}]
)
async def test_pages_are_refused_with_the_key_as_without(keyed, client, site):
    """A request that a page causes gets 403 and no challenge, whatever credential the browser adds to it."""
    for headers in ({"Accept": "*/*"}, basic(KEY)):
        async with client.get(keyed + "/status", headers={**site, **headers}) as answer:
            assert answer.status == 403
            assert "WWW-Authenticate" not in answer.headers


async def test_the_pages_own_requests_pass(server, client):
    """A person's navigation and the page's own fetches come from none or the same origin."""
    for site in ("none", "same-origin"):
        async with client.get(server + "/fragment", headers={"Sec-Fetch-Site": site}) as answer:
            assert answer.status == 200


async def test_wrong_keys_are_limited_and_the_right_one_is_not(keyed, client):
    """After twenty wrong keys come 429 with Retry-After; the operator with the right key is never locked out."""
    statuses, waits = [], None
    for _ in range(MOST + 2):
        async with client.get(keyed + "/status", headers=basic(new_key())) as answer:
            statuses.append(answer.status)
            waits = answer.headers.get("Retry-After")
    assert statuses == [401] * MOST + [429] * 2
    assert 1 <= int(waits or 0) <= 60
    async with client.get(keyed + "/status", headers=basic(KEY)) as answer:
        assert answer.status == 200
    async with client.get(keyed + "/status") as answer:
        assert answer.status == 401


async def test_strangers_do_not_fill_the_log(keyed, client):
    """Wrong keys are one event a minute, without the key."""
    with capture_logs() as events:
        for _ in range(5):
            await client.get(keyed + "/status", headers=basic(new_key()))
    assert [it["event"] for it in events] == ["admin-refused"]
    assert "flagw_" not in repr(events)


async def test_beyond_loopback_there_is_no_surface_without_a_key(state, shown, client):
    """Off loopback the listener serves probes and metrics only, even to root."""
    async with serving(state, shown, address=EVERYWHERE) as port:
        for path in SURFACE:
            async with client.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status in {404, 421}
        async with client.get(f"http://127.0.0.1:{port}/readyz", headers={"Host": "10.9.8.7:8481"}) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8481", 200),
        ("gateway.example:8481", 200),
        ("gateway.example", 200),
        ("evil.example:8481", 421),
        ("10.9.8.7", 421),
    ],
)
async def test_beyond_loopback_the_surface_is_known_by_name(state, shown, client, host, status):
    """With a key it answers to configured names and to the address that was connected to; others could be rebound."""
    headers = {"Host": host, **basic(KEY)}
    async with (
        serving(state, shown, KEYED, address=EVERYWHERE) as port,
        client.get(f"http://127.0.0.1:{port}/status", headers=headers) as answer,
    ):
        assert answer.status == status


async def test_other_spellings_of_a_path_open_nothing(keyed, client):
    """No encoding of a path reaches what its plain form protects."""
    from yarl import URL  # noqa: PLC0415 - only here a URL is not to be tidied up

    for path in ("/%73tatus", "/stat%75s", "//status", "/./status", "/status/", "/%2Fstatus", "/status%2ecss"):
        async with client.get(URL(keyed + path, encoded=True)) as answer:
            assert answer.status in {401, 404}


async def test_nothing_can_be_changed(server, client):
    """The surface is for looking: any other method gets 405."""
    for path in SURFACE:
        async with client.post(server + path) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_startupz_follows_the_start(server, client, state):
    """503 until the start has finished, 200 from then on, also while the gateway stops."""
    for given, expected in (((False, "starting"), 503), ((True, "serving"), 200), ((False, "stopping"), 200)):
        state.answer = given
        async with client.get(server + "/startupz") as answer:
            assert answer.status == expected
            assert await answer.json() == {"started": expected == 200, "reason": given[1]}


async def test_status_is_json_with_a_number_of_its_shape(server, client, shown):
    """/status has everything that the page has, moments in RFC 3339, and says which shape it has."""
    shown.status = samples.failing()
    async with client.get(server + "/status") as answer:
        assert answer.content_type == "application/json"
        document = json.loads(await answer.read())
    assert document["format"] == 1
    assert document["time"] == "2026-11-23T14:10:30.000Z"
    wages = document["profiles"][1]
    assert (wages["name"], wages["production"], wages["token"]["state"]) == ("wages", True, "none")
    assert wages["token"]["last_failure"]["code"] == "token-refused"
    assert wages["certificate"]["days_left"] == 3
    assert document["doubts"]["calls"][0]["reason"] == "server-error"
    assert document["journal"]["failing"] is True
    assert len(wages["minutes"]) == 60


async def test_a_fault_while_the_state_is_told_shows_nothing(state, client, capfd):
    """What goes wrong in a supplier is a 500 without its text."""

    def fail():
        raise ValueError("canary")

    async with serving(state, fail) as port, client.get(f"http://127.0.0.1:{port}/status") as answer:
        assert answer.status == 500
        assert "canary" not in await answer.text()


async def ask(path, target):
    """Send a request to a unix socket; give the status of the answer."""
    connector = aiohttp.UnixConnector(path)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(f"http://any{target}") as answer:
        return answer.status


async def test_a_unix_socket_asks_for_nothing_more(state, shown, tmp_path):
    """Whoever may open the socket's file is shown the surface, a configured key notwithstanding."""
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        admin = AdminServer(state, numbers, shown, KEYED, SystemClock(), Gateway())
        await admin.start(UnixAddress(path), [listener])
        assert await ask(str(path), "/") == 200
        await admin.close()


@pytest.mark.parametrize(("access", "status"), [(KEYED, 401), (AdminAccess(uid=os.getuid()), 200)])
async def test_an_abstract_socket_is_like_loopback(state, shown, access, status):
    """It has no file, hence no owner: key, or the peer's user id as the kernel knows it."""
    name = f"fla-gateway-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        admin = AdminServer(state, numbers, shown, access, SystemClock(), Gateway())
        await admin.start(AbstractAddress(name), [listener])
        assert await ask("\0" + name, "/status") == status
        await admin.close()


def test_the_template_engine_is_not_read_before_somebody_looks():
    """A gateway at whose page nobody looks pays neither memory nor time for it."""
    modules = "fla_gateway.runtime.monitoring.admin_listener, fla_gateway.admin.server"
    script = f"import sys, {modules}; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


async def test_a_refused_reload_is_shown_until_it_is_cured(server, client, shown):
    """With its faults and what is thereby still accepted; escaped, since a fault may repeat what a file has."""
    fault = Fault("callers.<b>", Message("unknown", "is <unknown>"), Text("mend & reload"), "gateway.toml", 7)
    refused = replace(shown.status.configuration, faults=(fault,), still_in_force=("callers.payroll.keys[0]",))
    shown.status = replace(shown.status, configuration=refused)
    async with client.get(server + "/") as answer:
        page = await answer.text()
    assert 'id="reload-refused"' in page
    assert "gateway.toml:7: callers.&lt;b&gt;" in page
    assert "callers.payroll.keys[0]" in page
    async with client.get(server + "/status") as answer:
        found = (await answer.json())["configuration"]
    assert found["faults"] == [
        {
            "place": "gateway.toml: callers.<b>",
            "code": "unknown",
            "path": "callers.<b>",
            "file": "gateway.toml",
            "line": 7,
            "message": "is <unknown>",
            "cure": "mend & reload",
        }
    ]
    assert found["still_in_force"] == ["callers.payroll.keys[0]"]
    shown.status = replace(shown.status, configuration=replace(refused, faults=(), still_in_force=()))
    async with client.get(server + "/") as answer:
        assert 'id="reload-refused"' not in await answer.text()


async def test_a_profile_with_its_former_key_says_so(server, client, shown):
    """It works, and deserves attention."""
    profile = replace(shown.status.profiles[0], former_key="acme.pem is empty")
    shown.status = replace(shown.status, profiles=(profile, *shown.status.profiles[1:]))
    async with client.get(server + "/") as answer:
        assert "acme.pem is empty" in await answer.text()


async def test_the_page_is_in_the_language_of_the_configuration(state, shown, client):
    """Whatever the browser prefers; without one it is the browser's. Sentences of JSON are as its client asks."""
    for language, accepted, expected in ((None, "fr", "fr"), ("nl", "fr", "nl"), ("en", "fr", "en")):
        async with serving(state, shown, language=language) as port:
            asked = {"Accept-Language": accepted}
            async with client.get(f"http://127.0.0.1:{port}/", headers=asked) as answer:
                assert answer.headers["Content-Language"] == expected
                assert f'<html lang="{expected}">' in await answer.text()

    shown.status = samples.failing()
    asked = {"Accept-Language": "nl"}
    async with (
        serving(state, shown, language="fr") as port,
        client.get(f"http://127.0.0.1:{port}/status", headers=asked) as answer,
    ):
        dutch = await answer.json()
        assert answer.headers["Content-Language"] == "nl"
    english = json.loads(status_json.write(samples.failing()))
    assert dutch != english
    assert [it["level"] for it in dutch["profiles"]] == [it["level"] for it in english["profiles"]]
