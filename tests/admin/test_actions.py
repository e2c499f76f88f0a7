"""Reload, drain and end over real sockets: who may, what is answered, and what is noted."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import Counter
from contextlib import asynccontextmanager

import aiohttp
import pytest
from structlog.testing import capture_logs

from fla_gateway.access.authentication.api_key import digest, new_key
from fla_gateway.admin.access_rules import AdminAccess
from fla_gateway.admin.failed_attempts import MOST
from fla_gateway.admin.responses import POLICY
from fla_gateway.admin.server import AdminServer
from fla_gateway.clock import SystemClock
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress
from fla_gateway.errors import Fault, ProblemError, ReloadRefusedError, SettlementRefusedError
from fla_gateway.i18n.message import Message, Text
from tests.admin.conftest import Change, Reloaded, numbers, serving
from tests.support.waiting import eventually

KEY = new_key()
OWN = AdminAccess(uid=os.getuid())
KEYED = AdminAccess(key_sha256=digest(KEY), uid=os.getuid(), hosts=("gateway.example",))
# The user id that the gateway is told to have is nobody's: whoever runs these tests is another user, unless root.
OTHER = 4_000_000_000
ACTING = AdminAccess(key_sha256=digest(KEY), actions=True, uid=OTHER, hosts=("gateway.example",))
EVERYWHERE = TcpAddress("0.0.0.0", 8481)  # noqa: S104 - the example
ACTIONS = {"/-/reload": "reload", "/-/reload?dry_run=true": "dry-run", "/-/drain": "drain", "/-/quit": "quit"}
ROOT = os.getuid() == 0


@pytest.fixture
async def server(state, shown, gateway):
    """An admin listener on which this very user may act; its base URL."""
    async with serving(state, shown, KEYED, actions=gateway) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def foreign(state, shown, gateway, access=ACTING, **further):
    """An admin listener of another user than the one who asks: `ask` sends as that one."""
    async with serving(state, shown, access, actions=gateway, **further) as port:
        yield port


def another_user():
    """Give a user who is neither root nor the gateway's."""
    return 12_345 if ROOT else os.getuid()


async def ask(port, head, *, uid=None, body=b""):
    """Send a request on a socket that another user made; give status, fields and body of the answer."""
    own = os.geteuid()
    os.seteuid(another_user() if uid is None else uid)
    try:
        sock = socket.socket()
    finally:
        os.seteuid(own)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(head.replace("\n", "\r\n").encode() + b"Connection: close\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    fields, _, content = answer.partition(b"\r\n\r\n")
    return int(fields.split(b" ")[1]), fields.decode(), content.decode()


async def post(port, path, *fields, **further):
    """Send a POST as another user."""
    return await ask(port, "\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *fields, ""]), **further)


@pytest.mark.parametrize("path", ACTIONS)
async def test_the_gateways_user_acts_without_the_key(server, client, gateway, path):
    """By the user id, although a key is configured and none is sent."""
    async with client.post(server + path) as answer:
        assert answer.status == (200 if "reload" in path else 202)
        assert answer.content_type == "application/json"
        assert await answer.json()
    assert gateway.done == [ACTIONS[path]]


async def test_a_reload_is_answered_with_what_changed(server, client, gateway):
    """Whether it was applied, the number of the generation, and each key that differs."""
    gateway.reloaded = Reloaded(True, 7, (Change("profiles.employer.key", "changed"),))
    async with client.post(server + "/-/reload") as answer:
        assert await answer.json() == {
            "applied": True,
            "generation": 7,
            "changes": [{"path": "profiles.employer.key", "change": "changed"}],
        }


async def test_a_refused_reload_names_every_fault(server, client, gateway):
    """422, each fault with code, file, path, line where that is sure, message and cure."""
    gateway.reloaded = ReloadRefusedError(
        (
            Fault("profiles.a.environment", Message("new", "is new"), Text("write acceptance"), "gateway.toml", 4),
            Fault("audit.path", Message("journal-moved", "moved")),
        )
    )
    async with client.post(server + "/-/reload") as answer:
        assert answer.status == 422
        problem = await answer.json(content_type="application/problem+json")
    assert problem["type"] == "urn:problem-type:fla-gateway:reload-refused"
    assert problem["faults"] == [
        {
            "code": "new",
            "path": "profiles.a.environment",
            "file": "gateway.toml",
            "line": 4,
            "message": "is new",
            "cure": "write acceptance",
        },
        {"code": "journal-moved", "path": "audit.path", "file": "", "line": None, "message": "moved", "cure": ""},
    ]


async def test_what_cannot_be_done_now_is_a_problem(server, client, gateway):
    """A gateway that ends does not begin anew."""
    gateway.reloaded = ProblemError("stopping", Text("The gateway is stopping."))
    async with client.post(server + "/-/reload") as answer:
        assert answer.status == 503
        assert (await answer.json(content_type="application/problem+json"))["type"].endswith(":stopping")


@pytest.mark.parametrize("path", ["/-/reload", "/-/drain", "/-/quit"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "RELOAD"])
async def test_only_post_acts(server, client, gateway, path, method):
    """Any other method gets 405, whatever field says that POST is meant."""
    url = f"{server}{path}"
    status, fields, _ = await ask(
        int(server.rpartition(":")[2]),
        f"{method} {path} HTTP/1.1\nHost: localhost\nX-HTTP-Method-Override: POST\nX-Method-Override: POST\n",
        uid=os.getuid(),
    )
    assert status in {405, 400}, url
    assert "Allow: POST" in fields or status == 400
    assert gateway.done == []


@pytest.mark.parametrize("path", ACTIONS)
async def test_another_user_of_the_machine_does_not_act(state, shown, gateway, path):
    """403 with the cure, and nothing is done."""
    for access in (AdminAccess(uid=OTHER), AdminAccess(key_sha256=digest(KEY), uid=OTHER)):
        async with foreign(state, shown, gateway, access) as port:
            status, fields, body = await post(port, path, f"X-Api-Key: {KEY}")
            assert (status, "actions = true" in body) == (403, True)
            assert "actions-disabled" in body
            assert POLICY in fields
    assert gateway.done == []


@pytest.mark.skipif(not ROOT, reason="becomes another user")
@pytest.mark.parametrize("path", ACTIONS)
async def test_root_acts_on_the_gateway_of_another_user(state, shown, gateway, path):
    """By its user id, without the key."""
    async with foreign(state, shown, gateway) as port:
        assert (await post(port, path, uid=0))[0] in {200, 202}
    assert gateway.done == [ACTIONS[path]]


@pytest.mark.parametrize("field", ["Authorization: Bearer", "X-Api-Key:"])
async def test_the_key_acts_where_it_may(state, shown, gateway, field):
    """With `actions = true`, for every user of the machine."""
    async with foreign(state, shown, gateway) as port:
        assert (await post(port, "/-/reload", f"{field} {KEY}"))[0] == 200
    assert gateway.done == ["reload"]


async def test_basic_never_acts(state, shown, gateway):
    """A browser that knows the key for the page sends it with every request of every page."""
    basic = aiohttp.encode_basic_auth("operator", KEY)
    async with foreign(state, shown, gateway) as port:
        for fields in ([f"Authorization: {basic}"], [f"Authorization: {basic}", f"X-Api-Key: {KEY}"]):
            status, _, body = await post(port, "/-/quit", *fields)
            assert (status, "Basic" in body) == (403, True)
    assert gateway.done == []


async def test_no_browser_is_asked_for_the_key(state, shown, gateway):
    """The challenge is Bearer, for which no browser has a dialog."""
    async with foreign(state, shown, gateway) as port:
        status, fields, _ = await post(port, "/-/reload")
        assert (status, 'WWW-Authenticate: Bearer realm="fla-gateway actions"' in fields) == (401, True)


@pytest.mark.parametrize(
    "field",
    [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin: http://localhost:8481",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Site: none",
        "Referer: http://localhost/",
        "Referer: http://evil.example/",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:52.0) Gecko/20100101 Firefox/52.0",
        "User-Agent: Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0 Safari/537.36",
    ],
)
async def test_no_page_acts(state, shown, gateway, field):
    """Neither a page of another site nor one of this listener, with the key as without, by the right user as well."""
    own = AdminAccess(key_sha256=digest(KEY), actions=True, uid=os.getuid())
    async with serving(state, shown, own, actions=gateway) as port:
        for key in ([], [f"X-Api-Key: {KEY}"]):
            for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
                for path in ACTIONS:
                    fields = (field, *key, f"Content-Type: {kind}", "Content-Length: 0")
                    status, _, body = await post(port, path, *fields, uid=os.getuid())
                    assert (status, "browser-refused" in body) == (403, True)
    assert gateway.done == []


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8481", "169.254.169.254", ""])
async def test_a_rebound_name_does_not_act(server, gateway, host):
    """The request of a page whose name was made to point here still names that host."""
    port = int(server.rpartition(":")[2])
    for path in ACTIONS:
        status, _, body = await ask(port, f"POST {path} HTTP/1.1\nHost: {host}\n", uid=os.getuid())
        assert (status, "wrong-host" in body) == (421, True)
    assert gateway.done == []


@pytest.mark.parametrize("field", ["Via: 1.1 proxy", "X-Forwarded-For: 10.0.0.9", "Forwarded: for=10.0.0.9"])
async def test_a_proxy_on_the_machine_lends_nobody_its_user(server, gateway, field):
    """A request that was sent on has the proxy's user id, which says nothing of its client."""
    status, _, body = await post(int(server.rpartition(":")[2]), "/-/quit", field, uid=os.getuid())
    assert (status, "actions-disabled" in body) == (403, True)
    assert gateway.done == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/-/reload?dry_run=1", "malformed-request"),
        ("/-/reload?dry_run", "malformed-request"),
        ("/-/reload?dryrun=true", "malformed-request"),
        ("/-/reload?dry_run=true&dry_run=false", "malformed-request"),
        ("/-/reload?dry_run=true&config=/tmp/other.toml", "malformed-request"),
        ("/-/drain?x=1", "malformed-request"),
        ("/-/quit?dry_run=true", "malformed-request"),
    ],
)
async def test_a_mistyped_question_does_nothing(server, client, gateway, path, code):
    """A dry run that was mistyped is no reload, and nobody names a path."""
    async with client.post(server + path) as answer:
        assert answer.status == 400
        assert (await answer.json(content_type=None))["type"].endswith(code)
    assert gateway.done == []


async def test_dry_run_false_is_a_reload(server, client, gateway):
    """It may be written out."""
    async with client.post(server + "/-/reload?dry_run=false") as answer:
        assert answer.status == 200
    assert gateway.done == ["reload"]


@pytest.mark.parametrize(
    ("field", "body"), [("Content-Length: 100000000", b"x"), ("Transfer-Encoding: chunked", b"5\r\nhello\r\n")]
)
async def test_a_body_is_refused_before_it_has_come(server, gateway, field, body):
    """413 at once, however slowly the rest would come."""
    port = int(server.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /-/reload HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n".encode() + body)
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert b" 413 " in head
    assert gateway.done == []


@pytest.mark.parametrize(
    "spelling", ["//-/quit", "/-/quit/", "/-//quit", "/./-/quit", "/%2d/quit", "/-%2Fquit", "/-/QUIT"]
)
async def test_other_spellings_of_a_path_open_nothing(state, shown, gateway, spelling):
    """No encoding of a path reaches what its plain form protects."""
    async with foreign(state, shown, gateway) as port:
        assert (await post(port, spelling))[0] in {401, 403, 404}
    assert gateway.done == []


async def test_wrong_keys_are_braked_together_with_those_of_the_page(state, shown, gateway):
    """After twenty, 429, of three hundred; the right key and the right user are never locked out."""
    async with foreign(state, shown, gateway) as port:
        statuses: Counter[int] = Counter()
        with capture_logs() as events:
            for number in range(300):
                path = "/-/quit" if number % 2 else "/status"
                method = "POST" if number % 2 else "GET"
                # With Via the user is not looked for, which takes most of the time.
                head = f"{method} {path} HTTP/1.1\nHost: localhost\nVia: 1.1 a\nX-Api-Key: {new_key()}\n"
                statuses[(await ask(port, head))[0]] += 1
        assert statuses == {401: MOST, 429: 300 - MOST}
        assert len(events) == 2
        assert "flagw_" not in repr(events)
        assert (await post(port, "/-/reload", f"X-Api-Key: {KEY}"))[0] == 200
    assert gateway.done == ["reload"]


async def test_beyond_loopback_tls_is_needed(state, shown, gateway, client):
    """A listener that is told to be everywhere, and speaks no TLS, takes no key from elsewhere."""
    # Both ends are loopback's here, so the client counts as local, and its user decides.
    async with serving(state, shown, ACTING, address=EVERYWHERE, actions=gateway) as port:
        status, _, _ = await ask(port, "POST /-/reload HTTP/1.1\nHost: 10.9.8.7:8481\n")
        assert status == 421
        assert (await post(port, "/-/reload"))[0] == 401
    assert gateway.done == []


@pytest.mark.skipif(not ROOT, reason="becomes another user")
@pytest.mark.parametrize(("uid", "status"), [(0, 200), (12_345, 403)])
async def test_on_a_unix_socket_the_user_decides_and_not_the_mode(state, shown, gateway, open_folder, uid, status):
    """Whoever may open the file sees the page; only root and the gateway's user act."""
    path = open_folder / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        admin = AdminServer(state, numbers, shown, AdminAccess(uid=OTHER), SystemClock(), gateway)
        await admin.start(UnixAddress(path), [listener])
        assert await unix_statuses(str(path), uid) == (200, status)
        await admin.close()
    assert gateway.done == (["reload"] if status == 200 else [])


async def test_an_abstract_socket_asks_for_the_user_too(state, shown, gateway):
    """It has no file, hence no mode."""
    name = f"fla-gateway-test-actions-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        admin = AdminServer(state, numbers, shown, OWN, SystemClock(), gateway)
        await admin.start(AbstractAddress(name), [listener])
        assert await unix_statuses("\0" + name, os.getuid()) == (200, 200)
        await admin.close()


async def unix_statuses(path, uid):
    """Ask for the page and for a reload as a user; give both statuses."""
    own = os.geteuid()
    sock = socket.socket(socket.AF_UNIX)
    os.seteuid(uid)
    try:
        sock.connect(path)
    finally:
        os.seteuid(own)
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    statuses = []
    for head, last in ((b"GET /status", b""), (b"POST /-/reload", b"Connection: close\r\n")):
        writer.write(head + b" HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        statuses.append(int(answer.split(b" ")[1]))
        if not last:
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
    writer.close()
    return tuple(statuses)


async def test_a_client_that_hangs_up_does_not_end_the_reload(server, gateway):
    """The reload goes on to its end, and its line is written."""
    gateway.may_end.clear()
    port = int(server.rpartition(":")[2])
    with capture_logs() as events:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await eventually(lambda: gateway.done)
        writer.transport.abort()
        gateway.may_end.set()
        await eventually(lambda: events)
    assert events[0] == {"event": "admin-action", "action": "reload", "by": f"uid {os.getuid()}", "result": "done",
                         "log_level": "info"}  # fmt: skip


async def test_a_flood_of_connections_does_not_cut_off_the_answer_to_an_action(server, gateway):
    """Another user of the machine can open as many as it likes: those without a request make room first."""
    gateway.may_end.clear()
    port = int(server.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await eventually(lambda: gateway.done)
    flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
    assert await flood[0][0].read() == b""
    gateway.may_end.set()
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    for _, one in (*flood, (reader, writer)):
        one.close()


async def test_every_action_is_logged_with_who_and_counted(state, shown, gateway):
    """Done, refused and not permitted; of those not permitted one line a minute, and how many had none."""
    counts: Counter[tuple[str, str]] = Counter()
    with socket.create_server(("127.0.0.1", 0)) as listener, capture_logs() as events:
        port = listener.getsockname()[1]
        admin = AdminServer(state, numbers, shown, ACTING, SystemClock(), gateway, counts=counts)
        await admin.start(TcpAddress("127.0.0.1", port), [listener])
        for path in ACTIONS:
            await post(port, path, f"X-Api-Key: {KEY}")
        gateway.reloaded = ReloadRefusedError(())
        await post(port, "/-/reload", f"X-Api-Key: {KEY}")
        for _ in range(3):
            await post(port, "/-/drain")
        await admin.close()
    assert [(it["event"], it["action"], it.get("by")) for it in events] == [
        *(("admin-action", action, "key") for action in ACTIONS.values()),
        ("admin-action", "reload", "key"),
        ("admin-action-refused", "drain", None),
    ]
    assert counts == {
        **{(action, "done"): 1 for action in ACTIONS.values()},
        ("reload", "refused"): 1,
        ("drain", "not-permitted"): 3,
    }


SETTLED = {"ids": ["00000001-7d5c-4a0e-9b1d-3f9a7c1d2e4f"], "as": "done", "note": "seen", "by": "Ann"}


async def test_doubts_are_settled_for_whom_the_kernel_names(server, client, gateway):
    """The name is the client's own word; the user id beside it is not."""
    async with client.post(f"{server}/-/audit/settle", json=SETTLED) as answer:
        assert (answer.status, await answer.json()) == (200, {"settled": SETTLED["ids"], "as": "done"})
    (settlement,) = gateway.settlements
    assert settlement == (SETTLED["ids"][0], "done", "seen", "Ann", os.getuid())
    assert gateway.done == ["settle"]


async def test_the_key_settles_doubts_without_a_user_id_that_is_not_known(state, shown, gateway):
    """Where another machine, or a proxy, is at the other end; of a process of this one the user id is recorded."""
    body = json.dumps(SETTLED).encode()
    for fields, uid in (((), another_user()), (("Via: 1.1 proxy",), None)):
        async with foreign(state, shown, gateway) as port:
            length = f"Content-Length: {len(body)}"
            status, _, _ = await post(port, "/-/audit/settle", f"X-Api-Key: {KEY}", length, *fields, body=body)
        assert (status, gateway.settlements[0].uid) == (200, uid)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 409), (b"{}", 409), (b"x" * 65_537, 413), (json.dumps(SETTLED | {"uid": 0}).encode(), 409)],
    ids=["none", "empty", "too long", "with a user id of its own"],
)
async def test_a_body_that_is_not_of_the_form_settles_nothing(server, client, gateway, body, status):
    """The answer says what the form is."""
    with capture_logs() as logs:
        async with client.post(f"{server}/-/audit/settle", data=body) as answer:
            assert answer.status == status
            assert "othing was settled" in (await answer.json())["detail"]
    assert gateway.done == []
    assert [(it["action"], it["result"]) for it in logs] == [("settle", "refused")]


async def test_what_cannot_be_settled_is_named(server, client, gateway):
    """409, each request with code, message and cure."""
    fault = Fault(SETTLED["ids"][0], Message("request-still-runs", "still runs"), Text("wait"))
    gateway.unsettled = SettlementRefusedError((fault,))
    async with client.post(f"{server}/-/audit/settle", json=SETTLED) as answer:
        problem = await answer.json()
    assert (answer.status, problem["faults"]) == (409, [fault.members()])
    assert problem["type"] == "urn:problem-type:fla-gateway:settlement-refused"
    gateway.unsettled = ProblemError("journal-unavailable", Text("The disk is full."))
    async with client.post(f"{server}/-/audit/settle", json=SETTLED) as answer:
        assert (answer.status, (await answer.json())["detail"]) == (503, "The disk is full.")


@pytest.mark.parametrize("path", ["/-/audit/settle?x=1", "/-/audit/settle?dry_run=true"])
async def test_a_settlement_has_no_query(server, client, gateway, path):
    """400, and nothing is done."""
    async with client.post(server + path, json=SETTLED) as answer:
        assert answer.status == 400
    assert gateway.done == []


async def test_a_client_that_may_not_reload_settles_nothing(state, shown, gateway):
    """Neither another user without the key, nor a web page."""
    body = json.dumps(SETTLED).encode()
    async with foreign(state, shown, gateway) as port:
        for fields in ((), ("Origin: http://localhost", f"X-Api-Key: {KEY}"), (f"X-Api-Key: {new_key()}",)):
            status, _, _ = await post(port, "/-/audit/settle", f"Content-Length: {len(body)}", *fields, body=body)
            assert status in {401, 403}
    assert gateway.done == []
