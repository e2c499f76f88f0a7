"""The table of an exchange's states, walked as a whole: every pair leads where the table says, or cannot happen."""

from __future__ import annotations

import asyncio
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from fla_gateway.access.authentication.caller import ANONYMOUS
from fla_gateway.access.limits.api_brake import ApiBrake
from fla_gateway.access.limits.limiter import Limiter
from fla_gateway.access.refusal import Refusal
from fla_gateway.clock import SystemClock
from fla_gateway.config.document.schema_check import check
from fla_gateway.config.schema import Gateway, Limits
from fla_gateway.errors import ProblemError
from fla_gateway.http1.response import read_response_head
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Upstream as Place
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.admission.routing import RoutingTable
from fla_gateway.proxy.exchange.exchange import Exchange
from fla_gateway.proxy.exchange.request_ids import RequestIds
from fla_gateway.proxy.exchange.states import TABLE, Event, ImpossibleEventError, State, follow
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.messages.location import Address
from fla_gateway.secret import Secret

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
REFUSED = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer error="invalid_token"\r\nContent-Length: 0\r\n\r\n'
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
MOST = 8
FULL = ProblemError("journal-unavailable", Text("The disk is full."))


class Checked(Exchange):
    """An exchange that may go only where the table leads; each step is kept."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "state" and hasattr(self, name):
            led = {it for found in TABLE[self.state].values() for it in found}
            assert value in led, f"no event leads from {self.state} to {value}"
        super().__setattr__(name, value)


class Upstream:
    """A connection to the API, of which nothing arrives but what the test says."""

    def __init__(self, *, used: bool = False) -> None:
        self.used = self.untouched = used
        self.reading = True
        self.carried: Any = None

    def attach(self, exchange: Any) -> None:
        self.carried = exchange

    def write(self, data: bytes) -> None:
        """Take bytes."""

    def set_reading(self, *, on: bool) -> None:
        self.reading = on

    def abort(self) -> None:
        self.carried = None

    release = abort


class Caller:
    """A caller's connection (`ports.Caller`)."""

    blocked = throttled = False

    def __init__(self) -> None:
        self.gone = False
        self.ends = 0

    def refusal_now(self, *_: Any) -> Refusal:
        return Refusal("credentials-refused", Text("The key was revoked."))

    def write(self, data: bytes) -> None:
        """Take bytes."""

    def hold(self, *, on: bool) -> None:
        """Take note."""

    throttle = hold

    def is_gone(self) -> bool:
        return self.gone

    def drop(self) -> None:
        """Be lost later, when the test says so."""

    def truncate(self, *, reset: bool) -> None:
        self.ends += 1

    def exchange_finished(self, now: float, *, keep_alive: bool) -> None:
        self.ends += 1


class World:
    """One exchange, and everything around it.

    Args:
        method: of the request.
        chunked: whether its body is, and has not ended with the head.
        token: whether a token is at hand.
        connection: whether a connection is; it may have died idle since.
        journal: whether there is one.
    """

    def __init__(
        self, *, method: str = "GET", chunked: bool = False, token: bool = True, connection: bool = True,
        journal: bool = False, used: bool = False,
    ) -> None:  # fmt: skip
        clock = SystemClock()
        self.token = AccessToken(Secret("token-1"), 3600, clock.monotonic())
        self.upstream = Upstream(used=used)
        self.available = self.upstream if connection else None
        self.acquired: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.tasks: list[asyncio.Task[None]] = []
        self.records: list[Any] = []
        self.told: Any = None
        self.caller = Caller()
        self.chunked = chunked
        self.exchange = self._exchange(clock, method, token=token, journal=journal)

    def _exchange(self, clock: Any, method: str, *, token: bool, journal: bool) -> Checked:
        door = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)))
        asked = door.request_line(f"{method} /employer/REST/x HTTP/1.1\r\n".encode())
        framing = b"Transfer-Encoding: chunked\r\n" if self.chunked else b""
        fields = door.field_block(b"Host: localhost\r\n" + framing + b"\r\n", 1)
        settings = check(Gateway, {"listen": ["127.0.0.1:0"]})
        context: Any = SimpleNamespace(
            settings=settings, browser_headers=settings.browser_headers, replay_limit=settings.replay_limit,
            observer=SimpleNamespace(exchange=self.records.append),
            journal=SimpleNamespace(announce=self._announce) if journal else None, ids=RequestIds(),
            now=clock.monotonic, wall=clock.wall, dates=Dates(clock.wall),
        )  # fmt: skip
        connections: Any = SimpleNamespace(
            closing=False, orphans=set(), spawn=self._spawn, budget=None, generation=context
        )
        self.connections = connections
        limiter = Limiter(Limits(body_bytes=MOST), {})
        limiter.enter("", clock.monotonic())
        account: Any = SimpleNamespace(
            name="employer", addresses=(Address(Place("api.test", 443), b"/employer"),),
            host_field=b"Host: api\r\n", brake=ApiBrake(), limiter=limiter,
            entry=SimpleNamespace(
                current=lambda _: self.token if token else None, obtain=self._obtain, refused=lambda *_: True
            ),
            pool=SimpleNamespace(take=lambda *_, **__: self.available), connection=self._connection,
            closing_fields=lambda *_: b"\r\n", token_id=lambda _: "id",
        )  # fmt: skip
        passed: Any = (account, asked.route, ANONYMOUS)
        return Checked(context, connections, self.caller, 0, passed, asked, fields, clock.monotonic())

    def _announce(self, intent: Any, told: Any) -> None:
        self.told = told

    def _spawn(self, work: Any) -> Any:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.append(task)
        return task

    async def _obtain(self) -> AccessToken:
        await self.acquired
        return self.token

    async def _connection(self, *_: Any, **__: Any) -> Any:
        await self.acquired
        return self.upstream

    async def settle(self) -> None:
        """Let the tasks go as far as they can."""
        for _ in range(6):
            await asyncio.sleep(0)

    async def close(self) -> None:
        """End the tasks that still wait."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


# How a world comes into each state, by the kinds of request that come there; and how each event is made.

REACHED = {
    State.ADMITTED: (),
    State.ACQUIRING: (Event.BEGIN,),
    State.ANNOUNCED: (Event.BEGIN,),
    State.DROPPED: (Event.BEGIN, "gone", Event.ACQUIRED),
    State.SENT: (Event.BEGIN,),
    State.ANSWERING: (Event.BEGIN, Event.HEAD),
    State.FOLLOWED: (Event.BEGIN, Event.CALLER_LOST),
    State.FOLLOWED_ANSWERING: (Event.BEGIN, Event.HEAD, Event.CALLER_LOST),
    State.ENDED: (Event.BEGIN, Event.FAIL),
}
GET = {"method": "GET"}
POST = {"method": "POST"}
OPEN = {"method": "POST", "chunked": True}
WAITING = {"connection": False, "token": False}
KINDS = [
    {**kind, **state, **more}
    for kind in (GET, POST, OPEN)
    for state in ({}, WAITING, {"connection": False})
    for more in ({}, {"journal": True}, {"used": True})
]
"""The kinds of request: what is at hand when they come, and what they have to wait for."""

VARIANTS = {
    Event.BEGIN: ("small", "large"),
    Event.BODY: ("small", "large"),
    Event.WRITTEN: ("", "gone", "no-connection", "revoked"),
    Event.ACQUIRED: ("", "gone", "revoked"),
    Event.HEAD: (OK, REFUSED),
}


async def fire(  # noqa: C901, PLR0912 - one branch for each event
    world: World, event: Event | str, variant: Any = None
) -> None:
    """Let something happen to the exchange."""
    it, upstream = world.exchange, world.upstream
    if "gone" in (event, variant):
        world.caller.gone = True
    if variant == "revoked":
        world.connections.generation = None
    match event:
        case Event.BEGIN:
            payload = b"x" * MOST * 2 if variant == "large" else b"x"
            it.begin(payload if world.chunked else b"", last=not world.chunked)
        case Event.BODY:
            it.body(b"x" * MOST * 2 if variant == "large" else b"x", last=False)
        case Event.WRITTEN:
            if variant == "no-connection":
                world.available = None
            world.told(None)
        case Event.UNWRITTEN:
            world.told(FULL)
        case Event.ACQUIRED:
            world.acquired.set_result(None)
            await world.settle()
        case Event.NOT_ACQUIRED:
            world.acquired.set_exception(ProblemError("token-unreachable", Text("No connection.")))
            await world.settle()
        case Event.INTERIM:
            it.interim(read_response_head(HINT))
        case Event.HEAD:
            upstream.untouched = False
            it.answer(read_response_head(variant or OK))
        case Event.PAYLOAD | Event.LAST:
            it.answer_body(b"x", last=event is Event.LAST)
        case Event.UPSTREAM_LOST:
            upstream.abort()
            it.upstream_failed("api-closed", Text("the connection ended before the answer was whole"))
        case Event.CALLER_LOST:
            it.caller_gone()
        case Event.FAIL:
            it.fail("stopping", Text("The gateway was stopped before the API had answered."))


async def reached(state: State, kind: dict[str, Any]) -> World | None:
    """Bring an exchange of a kind into a state; None where this kind does not come there by this way."""
    world = World(**kind)
    for step in REACHED[state]:
        if step is Event.ACQUIRED and world.exchange.state is not State.ACQUIRING:
            break
        if step is Event.HEAD and world.exchange.state is not State.SENT:
            break
        if step is Event.FAIL and world.exchange.state is State.ENDED:
            break
        await fire(world, step)
    if world.exchange.state is state:
        return world
    await world.close()
    return None


def can_come(world: World, event: Event) -> bool:
    """Return whether this very exchange can meet the event: a body that is whole has no rest, for example."""
    if event is Event.BODY:
        return world.exchange.request_body.open
    if event in (Event.WRITTEN, Event.UNWRITTEN):
        return world.told is not None
    return True


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=lambda it: it.name)
async def test_every_pair_leads_where_the_table_says(state, event):
    """Of all kinds of request that come into the state; and each of the states that the table has is reached."""
    if event not in TABLE[state]:
        with pytest.raises(ImpossibleEventError, match=f"{event.name} cannot happen .* {state.name}"):
            follow(state, event)
        return
    found = set()
    for kind in KINDS:
        for variant in VARIANTS.get(event, (None,)):
            world = await reached(state, kind)
            if world is None:
                continue
            if can_come(world, event):
                await fire(world, event, variant)
                found.add(world.exchange.state)
                assert len(world.records) == (world.exchange.state is State.ENDED)
            await world.close()
    assert found == follow(state, event)


def test_every_state_but_the_first_is_led_to_and_has_an_end():
    """No state is an island, and from each there is a way to the record."""
    led = {it for events in TABLE.values() for found in events.values() for it in found}
    assert led == set(State) - {State.ADMITTED}
    ends = {State.ENDED}
    while more := {it for it in State for found in TABLE[it].values() if found & ends} - ends:
        ends |= more
    assert ends == set(State)


def test_without_a_caller_nothing_of_a_caller_happens():
    """What the two states without a caller have is what the API and the end of the process do."""
    for state in (State.FOLLOWED, State.FOLLOWED_ANSWERING):
        assert not TABLE[state].keys() & {Event.BODY, Event.CALLER_LOST, Event.BEGIN}
