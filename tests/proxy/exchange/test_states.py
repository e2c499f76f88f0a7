"""The table of an exchange's states, walked as a whole: every pair leads where the table says, or cannot happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from fla_gateway.access.authentication.caller import ANONYMOUS
from fla_gateway.access.limits.limiter import Limiter
from fla_gateway.access.refusal import Refusal
from fla_gateway.clock import SystemClock
from fla_gateway.config.document.schema_check import check
from fla_gateway.config.gateway_tables import Gateway
from fla_gateway.config.schema import Limits
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.journal.format.body_hash import BodyHasher
from fla_gateway.oauth.model import AccessToken
from fla_gateway.profiles import Profile
from fla_gateway.profiles import Upstream as Place
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.admission.routing import RoutingTable
from fla_gateway.proxy.connections import Connections
from fla_gateway.proxy.exchange.exchange import Exchange
from fla_gateway.proxy.exchange.ports import ExchangeContext
from fla_gateway.proxy.exchange.served_profile import ServedProfile
from fla_gateway.proxy.exchange.states import TABLE, Event, ImpossibleEventError, State, follow
from fla_gateway.proxy.messages.date_field import Dates
from fla_gateway.proxy.upstream.connection import ApiConnection
from fla_gateway.proxy.upstream.pool import Pool
from fla_gateway.secret import Secret
from tests.support.tokens import token_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
REFUSED = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer error="invalid_token"\r\nContent-Length: 4\r\n\r\n'
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
MOST = 8
FULL = ProblemError("journal-unavailable", Text("The disk is full."))
SETTINGS = check(Gateway, {"listen": ["127.0.0.1:0"]})
PROFILE = Profile("employer", "test", production=False, token_request=token_request(), upstream=Place("api.test", 443))
Look = Callable[[], None]


class Transport(asyncio.Transport):
    """What a connection to the API is written to; nothing arrives but what the test says."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        self._look()

    def pause_reading(self) -> None:
        self._look()

    def resume_reading(self) -> None:
        self._look()

    def close(self) -> None:
        self._look()

    def abort(self) -> None:
        self._look()


class Caller:
    """A caller's connection (`ports.Caller`)."""

    blocked = throttled = False

    def __init__(self, look: Look) -> None:
        self._look = look
        self.gone = False
        self.ends = 0

    def refusal_now(self, *_: Any) -> Refusal:
        return Refusal("credentials-refused", Text("The key was revoked."))

    def write(self, data: bytes) -> None:
        self._look()

    def hold(self, *, on: bool) -> None:
        self._look()

    throttle = hold

    def is_gone(self) -> bool:
        return self.gone

    def drop(self) -> None:
        """Be lost later, when the test says so."""
        self._look()

    def truncate(self, *, reset: bool) -> None:
        self._look()
        self.ends += 1

    def exchange_finished(self, now: float, *, keep_alive: bool) -> None:
        self._look()
        self.ends += 1


class Entry:
    """The profile's place in the token cache (`served_profile.TokenEntry`)."""

    def __init__(self, token: AccessToken, acquired: asyncio.Future[Any], *, there: bool) -> None:
        self._token = token
        self._acquired = acquired
        self._there = there

    def current(self, now: float) -> AccessToken | None:
        return self._token if self._there else None

    async def obtain(self) -> AccessToken:
        await self._acquired
        return self._token

    def refused(self, token: AccessToken, profile: str, service: str, now: float, *, replays: bool = False) -> bool:
        return True


class World:
    """One exchange between a caller, the connections and the tokens of a profile, and what is recorded.

    It may go only where the table leads: its state is looked at whenever something is asked of one of its ports.

    Args:
        method: of the request.
        chunked: whether its body is, and has not ended with the head.
        token: whether a token is at hand.
        connection: whether a connection is; it was used before, and may have died idle since.
        journal: whether there is one.
    """

    def __init__(
        self, *, method: str = "GET", chunked: bool = False, token: bool = True, connection: bool = True,
        journal: bool = False,
    ) -> None:  # fmt: skip
        self.seen: State | None = None
        self.exchange: Exchange | None = None
        self.clock = SystemClock()
        self.acquired: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.records: list[Any] = []
        self.told: Any = None
        self.chunked = chunked
        self.caller = Caller(self.look)
        self.connections = Connections(self._now)
        self.connections.start(10, lambda _: None)
        self.pool = Pool("employer", SETTINGS.pool, self._open, self._now)
        self.upstream = self._connected(lambda: ApiConnection(self.pool, self.clock.monotonic()))
        if connection:
            self.upstream.release(self.clock.monotonic())
        self.exchange = self._exchange(method, token=token, journal=journal)
        self.look()

    @property
    def state(self) -> State:
        """How far the exchange is."""
        assert self.exchange is not None
        return self.exchange.state

    def look(self) -> None:
        """See whether the exchange went, since the last look, where an event leads."""
        if self.exchange is None:
            return
        state = self.exchange.state
        if self.seen is not None and state is not self.seen:
            led = {it for found in TABLE[self.seen].values() for it in found}
            assert state in led, f"no event leads from {self.seen} to {state}"
        self.seen = state

    def _exchange(self, method: str, *, token: bool, journal: bool) -> Exchange:
        reader = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)))
        asked = reader.request_line(f"{method} /employer/REST/x HTTP/1.1\r\n".encode())
        framing = b"Transfer-Encoding: chunked\r\n" if self.chunked else b""
        fields = reader.field_block(b"Host: localhost\r\n" + framing + b"\r\n", 1)
        bodies = BodyHasher(b"k" * 32)
        observer: Any = SimpleNamespace(exchange=self.records.append)
        written: Any = SimpleNamespace(announce=self._announce, begin_hash=bodies.begin) if journal else None
        context = ExchangeContext(SETTINGS, observer, written, self._now, self.clock.wall, Dates(self.clock.wall))
        self.connections.generation = context
        limiter = Limiter(Limits(body_bytes=MOST), {})
        limiter.enter("", self.clock.monotonic())
        served = ServedProfile(PROFILE, self.pool, b"k" * 32, limiter)
        newest = AccessToken(Secret("token-1"), 3600, self.clock.monotonic())
        served.serve(Entry(newest, self.acquired, there=token))
        assert asked.route is not None
        passed = (served, asked.route, ANONYMOUS)
        return Exchange(context, self.connections, self.caller, 0, passed, asked, fields, self.clock.monotonic())

    def _now(self) -> float:
        self.look()
        return self.clock.monotonic()

    def _announce(self, intent: Any, told: Any) -> None:
        self.look()
        self.told = told

    async def _open(self, make: Callable[[], ApiConnection]) -> ApiConnection:
        await self.acquired
        self.upstream = self._connected(make)
        return self.upstream

    def _connected(self, make: Callable[[], ApiConnection]) -> ApiConnection:
        connection = make()
        connection.connection_made(Transport(self.look))
        return connection

    async def settle(self) -> None:
        """Let the tasks end that acquire something."""
        current = asyncio.current_task()
        await asyncio.gather(*(it for it in asyncio.all_tasks() if it is not current), return_exceptions=True)

    async def close(self) -> None:
        """End what still runs."""
        await self.connections.close()


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
    for more in ({}, {"journal": True})
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
    assert it is not None
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
                upstream.connection_lost(None)
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
            upstream.data_received(HINT)
        case Event.HEAD:
            upstream.data_received(variant or OK)
        case Event.PAYLOAD:
            upstream.data_received(b"x")
        case Event.LAST:
            upstream.data_received(b"four")
        case Event.UPSTREAM_LOST:
            upstream.connection_lost(None)
        case Event.CALLER_LOST:
            it.caller_gone()
        case Event.FAIL:
            it.fail("stopping", Text("The gateway was stopped before the API had answered."))
    world.look()


async def reached(state: State, kind: dict[str, Any]) -> World | None:
    """Bring an exchange of a kind into a state; None where this kind does not come there by this way."""
    world = World(**kind)
    for step in REACHED[state]:
        if step is Event.ACQUIRED and world.state is not State.ACQUIRING:
            break
        if step is Event.HEAD and world.state is not State.SENT:
            break
        if step is Event.FAIL and world.state is State.ENDED:
            break
        await fire(world, step)
    if world.state is state:
        return world
    await world.close()
    return None


def can_come(world: World, event: Event) -> bool:
    """Return whether this very exchange can meet the event: a body that is whole has no rest, for example."""
    if event is Event.BODY:
        return world.exchange is not None and world.exchange.request_body.open
    if event in (Event.WRITTEN, Event.UNWRITTEN):
        return world.told is not None
    return True


def test_every_other_pair_is_impossible():
    """What the table does not have is a fault of the program, which names both."""
    others = [(state, event) for state, event in product(State, Event) if event not in TABLE[state]]
    assert others
    for state, event in others:
        with pytest.raises(ImpossibleEventError, match=f"{event.name} cannot happen .* {state.name}"):
            follow(state, event)


@pytest.mark.parametrize(
    ("state", "event"), [(state, event) for state in State for event in TABLE[state]], ids=lambda it: it.name
)
async def test_every_pair_leads_where_the_table_says(state, event):
    """Of all kinds of request that come into the state; and each of the states that the table has is reached."""
    found = set()
    for kind in KINDS:
        for variant in VARIANTS.get(event, (None,)):
            world = await reached(state, kind)
            if world is None:
                continue
            if can_come(world, event):
                await fire(world, event, variant)
                found.add(world.state)
                assert len(world.records) == (world.state is State.ENDED)
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
