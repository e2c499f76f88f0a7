from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from fla_gateway.config.schema import Kubernetes
from fla_gateway.errors import ConfigurationError
from fla_gateway.kubernetes.jwks_cache import FETCHING, LOG_AGAIN_SECONDS, ClusterKeys, Pace
from fla_gateway.kubernetes.jwks_source import LARGEST_SET
from fla_gateway.kubernetes.service_account_tokens import ServiceAccounts
from fla_gateway.secret import Secret
from tests.support.cluster import AUDIENCE, ISSUER, NOW, claims, jwk, jwks, sign
from tests.support.keys import TlsAuthority, make_rsa
from tests.support.tokens import HandClock
from tests.support.waiting import PATIENCE, eventually

FIRST, SECOND = jwk(make_rsa()), jwk(make_rsa(label="second"), "second")
PATH = "/openid/v1/jwks"


class Cluster:
    """The API server of a cluster: gives what a test puts there, and notes what was sent."""

    def __init__(self) -> None:
        self.body = jwks(FIRST)
        self.status = 200
        self.fields: dict[str, str] = {}
        self.seen: list[dict[str, str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(dict(request.headers))
        await self.open.wait()
        return web.Response(body=self.body, status=self.status, headers=self.fields)


@pytest.fixture
async def cluster(aiohttp_server, api_tls):
    """Run an API server that speaks TLS."""
    made = Cluster()
    application = web.Application()
    application.router.add_get(PATH, made.answer)
    running = await aiohttp_server(application, ssl=api_tls)
    made.url = f"https://localhost:{running.port}{PATH}"
    return made


@pytest.fixture
async def make(ca_file):
    """Make the keys at hand; they are closed with the test."""
    async with contextlib.AsyncExitStack() as stack:

        def begin(url=None, clock=None, pace=None, **changes):
            usual = {"issuer": ISSUER, "audience": AUDIENCE}
            fetched = {} if url is None else {"jwks_url": url, "ca_file": ca_file}
            keys = ClusterKeys(Kubernetes(**{**usual, **fetched, **changes}), clock or HandClock(), pace)
            stack.push_async_callback(keys.close)
            return keys

        yield begin


@contextlib.asynccontextmanager
async def kept(keys):
    """Let the keys be kept fresh."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keys.run())
        yield
        running.cancel()


def names(keys) -> list[str | None]:
    """Give the names of the keys at hand."""
    return [key.kid for key in keys.current()]


async def test_keys_are_fetched_over_tls(cluster, make):
    """The set of the cluster's API server is at hand after the start, and verifies a token."""
    keys = make(cluster.url)
    assert names(keys) == []
    with capture_logs() as events:
        await keys.start()
    assert names(keys) == ["first"]
    assert events == [{"event": "cluster-keys-loaded", "log_level": "info", "source": cluster.url, "keys": ["first"]}]
    accounts = ServiceAccounts(keys, ISSUER, AUDIENCE, HandClock(), lambda reason: None)
    assert accounts.verify(Secret(sign(claims())), NOW) == ("payroll/erp", NOW + 3630)


async def test_the_own_token_is_sent_and_read_anew(cluster, make, tmp_path):
    """The gateway's own token goes along as Bearer, each time as it stands in its file by then; nothing else does."""
    token = tmp_path / "token"
    token.write_text("first-canary\n")
    keys = make(cluster.url, token_file=token)
    await keys.start()
    token.write_text("second-canary")
    await keys.start()
    assert [seen["Authorization"] for seen in cluster.seen] == ["Bearer first-canary", "Bearer second-canary"]
    assert cluster.seen[0]["Accept-Encoding"] == "identity"


async def test_without_a_token_file_no_credential_is_sent(cluster, make):
    """An API server that gives its keys to everybody is told nothing."""
    await make(cluster.url).start()
    assert "Authorization" not in cluster.seen[0]


@pytest.mark.parametrize("content", [None, "", " \n", "two words", "line\nbreak", "x" * 20_000])
async def test_without_its_token_nothing_is_asked(cluster, make, tmp_path, content):
    """A token file that is missing or holds no token is a failure, and no request goes out without it."""
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    keys = make(cluster.url, token_file=token)
    with capture_logs() as events:
        await keys.start()
    assert cluster.seen == []
    assert [(it["event"], it["log_level"]) for it in events] == [("cluster-keys-failed", "error")]
    assert "token_file" in events[0]["reason"]


async def test_a_stranger_is_not_believed(cluster, make, tmp_path):
    """An API server whose certificate is of another authority gives no keys, and is sent no token."""
    token = tmp_path / "token"
    token.write_text("canary")
    other = TlsAuthority().write_root(tmp_path, "other.pem")
    for changes in ({"ca_file": other}, {"ca_file": None}):
        keys = make(cluster.url, token_file=token, **changes)
        with capture_logs() as events:
            await keys.start()
        assert names(keys) == []
        assert "certificate of localhost is not trusted" in events[0]["reason"]
    assert cluster.seen == []


async def test_a_redirect_is_not_followed(cluster, make):
    """An answer that points elsewhere is a failure."""
    cluster.status, cluster.fields = 302, {"Location": PATH}
    with capture_logs() as events:
        await make(cluster.url).start()
    assert len(cluster.seen) == 1
    assert events[0]["reason"] == "the answer was 302; redirects are not followed"


async def test_the_environment_has_no_proxy(cluster, make, monkeypatch):
    """Proxy variables that a container happens to have are not used."""
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    keys = make(cluster.url)
    await keys.start()
    assert names(keys) == ["first"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, b"{}", "system:service-account-issuer-discovery"),
        (500, b"oops", "the answer was 500"),
        (200, b"", "no key"),
        (200, b'{"keys": []}', "no key"),
        (200, b"<html>", "no key"),
        (200, b" " * LARGEST_SET + jwks(FIRST), "larger than 65536 bytes"),
    ],
)
async def test_a_bad_set_never_replaces_a_good_one(cluster, make, status, body, words):
    """Whatever comes instead of a set, the last good keys stay, with a warning; and it is told when it is over."""
    keys = make(cluster.url)
    await keys.start()
    good, cluster.status, cluster.body = cluster.body, status, body
    with capture_logs() as events:
        await keys.start()
        await keys.start()
    assert names(keys) == ["first"]
    assert [(it["event"], it["log_level"], it["kept"]) for it in events] == [("cluster-keys-failed", "warning", 1)]
    assert words in events[0]["reason"]
    cluster.status, cluster.body = 200, good
    with capture_logs() as events:
        await keys.start()
        await keys.start()
    assert [it["event"] for it in events] == ["cluster-keys-loaded"]


async def test_a_failure_that_stays_is_told_every_ten_minutes(make):
    """The same failure does not fill the log, and is not forgotten either."""
    clock = HandClock()
    keys = make("https://localhost:1/jwks", clock)
    with capture_logs() as events:
        for _ in range(3):
            await keys.start()
        clock.advance(LOG_AGAIN_SECONDS)
        await keys.start()
    assert [it["reason"] for it in events] == ["No connection to localhost:1: connection refused."] * 2


async def test_another_failure_is_told_at_once(cluster, make):
    """Whoever repairs one thing sees the next one in the log without waiting."""
    keys = make(cluster.url)
    with capture_logs() as events:
        for cluster.status in (500, 500, 403):
            await keys.start()
    assert ["500" in it["reason"] for it in events] == [True, False]


async def test_a_name_that_does_not_exist_is_told(make):
    """A wrong host in the configuration is found in the log."""
    with capture_logs() as events:
        await make("https://kubernetes.invalid/jwks").start()
    assert "kubernetes.invalid cannot be resolved" in events[0]["reason"]


async def test_an_unknown_key_has_the_set_fetched_once_in_half_a_minute(cluster, make):
    """A rotated key is found as soon as a token names it; a flood of made-up names causes no flood of requests."""
    clock = HandClock()
    keys = make(cluster.url, clock)
    await keys.start()
    cluster.body = jwks(FIRST, SECOND)
    async with kept(keys):
        assert not keys.missing()
        clock.advance(FETCHING.unknown)
        assert [keys.missing() for _ in range(5)] == [True] * 5
        await eventually(lambda: names(keys) == ["first", "second"])
        assert not keys.missing()
    assert len(cluster.seen) == 2


async def test_a_slow_cluster_does_not_hold_the_start_up(cluster, make):
    """The start goes on without keys, and they are there as soon as the cluster has answered."""
    cluster.open.clear()
    keys = make(cluster.url, pace=Pace(refresh=600, retry=10, unknown=30, start=0.1))
    async with asyncio.timeout(PATIENCE):
        await keys.start()
    assert names(keys) == []
    async with kept(keys):
        await eventually(lambda: len(cluster.seen) == 2)
        cluster.open.set()
        await eventually(lambda: names(keys) == ["first"])


async def test_a_cluster_that_does_not_answer_is_given_up(cluster, make):
    """A reading has a time limit."""
    cluster.open.clear()
    keys = make(cluster.url, pace=Pace(refresh=600, retry=10, unknown=30, total=0.2))
    with capture_logs() as events:
        await keys.start()
    assert events[0]["reason"] == "there was no answer in time"
    cluster.open.set()


async def test_keys_are_refreshed_and_failures_repeated(cluster, make):
    """The set is fetched anew after the given time, sooner after a failure, and the loop outlives both."""
    keys = make(cluster.url, pace=Pace(refresh=0.02, retry=0.02, unknown=30))
    async with kept(keys):
        await eventually(lambda: names(keys) == ["first"])
        cluster.status = 500
        await eventually(lambda: len(cluster.seen) > 5)
        cluster.status, cluster.body = 200, jwks(SECOND)
        await eventually(lambda: names(keys) == ["second"])


async def test_keys_from_a_file(make, tmp_path):
    """A file is read at the start, and again when an unknown key shows up, once a minute at most."""
    file, clock = tmp_path / "jwks.json", HandClock()
    file.write_bytes(jwks(FIRST))
    keys = make(clock=clock, jwks_file=file)
    await keys.start()
    assert names(keys) == ["first"]
    file.write_bytes(jwks(SECOND))
    async with kept(keys):
        clock.advance(59)
        assert not keys.missing()
        clock.advance(1)
        assert keys.missing()
        await eventually(lambda: names(keys) == ["second"])
        file.unlink()
        clock.advance(60)
        with capture_logs() as events:
            assert keys.missing()
            await eventually(lambda: events)
    assert names(keys) == ["second"]
    assert events[0]["reason"] == "the file cannot be read: no such file or directory"


class NoThread(ThreadPoolExecutor):
    """The threads of a system that has none to give."""

    def submit(self, *_, **__):
        raise RuntimeError("can't start new thread")


async def test_a_system_without_threads_ends_nothing(make, tmp_path):
    """The failure is told, and the set is read as soon as there are threads again."""
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(FIRST))
    keys = make(jwks_file=file, pace=Pace(refresh=600, retry=0.02, unknown=60))
    loop = asyncio.get_running_loop()
    loop.set_default_executor(NoThread())
    with capture_logs() as events:
        await keys.start()
        loop.set_default_executor(ThreadPoolExecutor())
        async with kept(keys):
            await eventually(keys.current)
    assert [it["event"] for it in events] == ["cluster-keys-failed", "cluster-keys-loaded"]
    assert events[0]["reason"] == "the reading failed (RuntimeError)"


async def test_a_file_that_comes_later_is_found(make, tmp_path):
    """A file that is not there yet at the start is looked for until it is."""
    file = tmp_path / "jwks.json"
    keys = make(jwks_file=file, pace=Pace(refresh=600, retry=0.02, unknown=60))
    await keys.start()
    assert names(keys) == []
    async with kept(keys):
        file.write_bytes(jwks(FIRST))
        await eventually(lambda: names(keys) == ["first"])


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), (b"no PEM", "holds no certificate")])
async def test_unreadable_roots_are_a_fault(tmp_path, content, words):
    """Roots that cannot be read end the start, with the place in the configuration."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    settings = Kubernetes(issuer=ISSUER, audience=AUDIENCE, jwks_url="https://localhost/jwks", ca_file=file)
    with pytest.raises(ConfigurationError, match=words) as raised:
        ClusterKeys(settings, HandClock())
    assert raised.value.faults[0].place == "kubernetes.ca_file"
