"""Names wait neither for each other nor for a name server that is down."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading

import pytest
import structlog

from fla_gateway.network.lookup_threads import LookupThreads
from fla_gateway.network.resolver import Resolver, in_hosts_file, look_up
from tests.support.addresses import address
from tests.support.waiting import PATIENCE

GOOD = [address("127.0.0.1"), address("::1")]
DOWN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
NO_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Names:
    """A resolver whose answers a test gives; names that hang do so until they are let go."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.threads = set()
        self._let_go = threading.Event()
        self._changed = threading.Condition()

    def __call__(self, host):
        with self._changed:
            self.asked.append(host)
            self.threads.add(threading.current_thread())
            self._changed.notify_all()
        if host.startswith("dead"):
            self._let_go.wait(60)
            raise DOWN
        found = self.answers.get(host, GOOD)
        if isinstance(found, OSError):
            raise found
        return found

    async def until_asked(self, count):
        def wait():
            with self._changed:
                assert self._changed.wait_for(lambda: len(self.asked) >= count, PATIENCE)

        await asyncio.to_thread(wait)

    def let_go(self):
        self._let_go.set()


@pytest.fixture
def names():
    """Make a resolver; what hangs is let go at the end."""
    made = Names()
    yield made
    made.let_go()


@pytest.fixture
def resolver(names, clock, tmp_path):
    """Make a resolver over it."""
    return Resolver(clock, lookup=names, hosts=tmp_path / "hosts", threads=LookupThreads(idle_seconds=0.1))


async def test_one_look_up_per_name_is_in_flight(names, resolver):
    """Forty callers of one dead name take one thread, and each gets the same answer."""
    waiting = [asyncio.ensure_future(resolver.addresses("dead", stale=True)) for _ in range(40)]
    await names.until_asked(1)
    names.let_go()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert names.asked == ["dead"]
    assert found == [DOWN] * 40


async def test_a_name_does_not_wait_behind_dead_ones(names, resolver):
    """While a hundred names hang, another one is resolved at once."""
    hanging = [asyncio.ensure_future(resolver.addresses(f"dead{number}", stale=True)) for number in range(100)]
    await names.until_asked(100)
    assert await asyncio.wait_for(resolver.addresses("good", stale=True), PATIENCE) == GOOD
    names.let_go()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_names_that_failed_hold_few_threads(names, resolver):
    """Asked again, three hundred dead names share sixteen threads; a name that is well has one of its own."""
    names.let_go()
    for again in range(2):
        found = [asyncio.ensure_future(resolver.addresses(f"dead{number}", stale=True)) for number in range(300)]
        await asyncio.gather(*found, return_exceptions=True)
        assert len(names.asked) == 300 * (again + 1)
    names._let_go.clear()
    names.threads.clear()
    hanging = [asyncio.ensure_future(resolver.addresses(f"dead{number}", stale=True)) for number in range(300)]
    await names.until_asked(616)
    assert await asyncio.wait_for(resolver.addresses("good", stale=True), PATIENCE) == GOOD
    assert len(names.asked) == 617
    assert len(names.threads) <= 17
    names.let_go()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_name_of_the_hosts_file_never_waits(names, clock, tmp_path):
    """With every thread taken by a dead name, one that /etc/hosts knows gets a further one."""
    (tmp_path / "hosts").write_text("127.0.0.1 localhost # not.this\n\n10.0.0.1\tother  Good.Lab\n")
    resolver = Resolver(clock, lookup=names, hosts=tmp_path / "hosts", threads=LookupThreads(most=2, most_doubtful=1))
    hanging = [asyncio.ensure_future(resolver.addresses(f"dead{number}", stale=True)) for number in range(3)]
    await names.until_asked(2)
    assert await asyncio.wait_for(resolver.addresses("good.lab", stale=True), PATIENCE) == GOOD
    # The further thread may have taken the next name by now.
    assert names.asked[:3] == ["dead0", "dead1", "good.lab"]
    names.let_go()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_the_hosts_file_is_read_by_its_grammar(tmp_path):
    """Names after the address count, in any case; comments, addresses and missing files do not."""
    hosts = tmp_path / "hosts"
    assert not in_hosts_file("a", hosts)
    hosts.write_bytes(b"# c\n1.2.3.4 A.b c#d\n\xff\xff\n::1 e")
    assert [name for name in ("a.b", "c", "d", "1.2.3.4", "e", "") if in_hosts_file(name, hosts)] == ["a.b", "c", "e"]


async def test_threads_end_when_there_is_nothing_to_do(names, resolver):
    """An idle thread is kept for a while and then ends."""
    await resolver.addresses("good", stale=True)
    (thread,) = names.threads
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()
    assert resolver._threads.running == 0
    assert await resolver.addresses("good", stale=True) == GOOD


async def test_a_cancelled_caller_leaves_the_others_waiting(names, resolver):
    """The look-up belongs to nobody."""
    first, second = (asyncio.ensure_future(resolver.addresses("dead", stale=True)) for _ in range(2))
    await names.until_asked(1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    names.let_go()
    with pytest.raises(socket.gaierror):
        await second


async def test_addresses_are_asked_for_each_time(names, resolver):
    """Nothing is cached while the resolver answers: a new address in the DNS is seen at once."""
    assert await resolver.addresses("api", stale=True) == GOOD
    names.answers["api"] = [address("127.0.0.9")]
    assert await resolver.addresses("api", stale=True) == [address("127.0.0.9")]


@pytest.mark.parametrize("error", [DOWN, socket.gaierror(socket.EAI_FAIL, "refused"), OSError("no thread")])
async def test_the_last_good_addresses_serve_while_the_resolver_is_down(names, resolver, clock, error):
    """For an hour, said once in the log, and once more when it is over."""
    await resolver.addresses("api", stale=True)
    names.answers["api"] = error
    with structlog.testing.capture_logs() as events:
        for _ in range(3):
            clock.time += 10
            assert await resolver.addresses("api", stale=True) == GOOD
        clock.time += 3_569
        assert await resolver.addresses("api", stale=True) == GOOD
        clock.time += 2
        with pytest.raises(OSError, match=str(error.strerror or error)):
            await resolver.addresses("api", stale=True)
        del names.answers["api"]
        assert await resolver.addresses("api", stale=True) == GOOD
    assert [(it["event"], it["log_level"]) for it in events] == [
        ("resolver-fails", "warning"),
        ("resolver-works", "info"),
    ]
    assert (events[0]["host"], events[0]["addresses_age"]) == ("api", 10)


async def test_a_resolver_that_failed_is_left_alone_for_a_while(names, resolver, clock):
    """While the last good addresses serve, five seconds pass between look-ups."""
    await resolver.addresses("api", stale=True)
    names.answers["api"] = DOWN
    for _ in range(10):
        clock.time += 1
        await resolver.addresses("api", stale=True)
    assert len(names.asked) == 3


async def test_a_name_that_is_gone_has_no_address_any_more(names, resolver):
    """After NXDOMAIN the last good addresses are forgotten, also for the time after."""
    await resolver.addresses("api", stale=True)
    for error in (NO_NAME, DOWN):
        names.answers["api"] = error
        with pytest.raises(socket.gaierror) as caught:
            await resolver.addresses("api", stale=True)
        assert caught.value is error


async def test_an_answer_without_addresses_is_a_negative_one(names, resolver):
    """It is given as it is, and what was known is forgotten."""
    await resolver.addresses("api", stale=True)
    names.answers["api"] = []
    assert await resolver.addresses("api", stale=True) == []
    names.answers["api"] = DOWN
    with pytest.raises(socket.gaierror):
        await resolver.addresses("api", stale=True)


async def test_old_addresses_never_serve_who_forbids_them(names, resolver):
    """A proxy that gets credentials is found in the DNS or not at all."""
    await resolver.addresses("proxy", stale=False)
    names.answers["proxy"] = DOWN
    with pytest.raises(socket.gaierror):
        await resolver.addresses("proxy", stale=False)


async def test_a_look_up_that_takes_long_is_not_waited_for(clock):
    """After a second the last good addresses serve; the look-up goes on, and the next caller does not wait at all."""
    hold = threading.Event()
    asked: list[str] = []

    def slow(host):
        if asked:
            hold.wait(60)
        asked.append(host)
        return GOOD

    resolver = Resolver(clock, lookup=slow)
    await resolver.addresses("api", stale=True)
    with structlog.testing.capture_logs() as events:
        assert await resolver.addresses("api", stale=True) == GOOD
        clock.time += 1
        at_once = asyncio.ensure_future(resolver.addresses("api", stale=True))
        for _ in range(10):
            await asyncio.sleep(0)
        assert at_once.done()
        assert at_once.result() == GOOD
        waiting = asyncio.ensure_future(resolver.addresses("api", stale=False))
        hold.set()
        assert await waiting == GOOD
    assert [it["event"] for it in events] == ["resolver-fails", "resolver-works"]
    assert events[0]["reason"] == "no answer in time"


async def test_a_text_that_is_no_name(clock):
    """A label that the DNS cannot have is a name without an address, not a fault of ours."""
    with pytest.raises(socket.gaierror):
        await Resolver(clock).addresses("a" * 64 + ".example", stale=True)


async def test_the_system_s_resolver_is_asked():
    """The addresses of localhost are those of this system, each with its family."""
    assert address("127.0.0.1") in look_up("localhost")


@pytest.mark.parametrize("loop", ["asyncio.run", "__import__('uvloop').run"])
def test_a_look_up_that_hangs_does_not_hold_the_process(loop):
    """The process ends although a thread still waits for a name server."""
    program = f"""
import asyncio, threading
from fla_gateway.network.resolver import Resolver
async def ask():
    resolver = Resolver(lambda: 0.0, lookup=lambda host: threading.Event().wait())
    try:
        async with asyncio.timeout(0.1):
            await resolver.addresses("api", stale=True)
    except TimeoutError:
        print("late", flush=True)
{loop}(ask())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (done.stdout, done.stderr) == ("late\n", "")
