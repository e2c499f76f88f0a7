"""Changes wait until the journal has told that they are on record: whatever happens meanwhile, and whoever goes."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from functools import partial

import pytest
from structlog.testing import capture_logs

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.records.exchange_record import Intent, WhenWritten
from tests.proxy.test_limiter_ends import ONE, room
from tests.support.fakes import WholeBody
from tests.support.raw_http import OK, REFUSED_TOKEN, get, ok, post, post_chunked
from tests.support.waiting import eventually

FULL = ProblemError("journal-unavailable", Text("The disk is full."), 5)
PATH = "/employer/REST/x"


class Journal:
    """A journal whose announcements the test releases by hand: a fake at the port."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        self.waiting: deque[WhenWritten] = deque()

    def begin_hash(self):
        """See `proxy.records.exchange_record.Journal`."""
        return WholeBody()

    def announce(self, intent, told):
        """See `proxy.records.exchange_record.Journal`."""
        self.intents.append(intent)
        self.waiting.append(told)

    def tell(self, error=None) -> WhenWritten:
        """Tell the exchange that was announced first; give what told it."""
        told = self.waiting.popleft()
        told(error)
        return told


@pytest.fixture
def warm(start):
    """Start gateways that have a token and an idle connection, so that a change is announced at once."""

    async def begin(pool="", profile=""):
        journal = Journal()
        table = f"[gateway.pool]\nchanging_idle_seconds = 60\n{pool}"
        rig = await start(journal=journal, gateway=table, profile=profile)
        await rig.call(get())
        assert ((await rig.records.next()).status, rig.pool.idle, rig.api.opened) == (200, 1, 1)
        return rig, journal

    return begin


async def announced(rig, journal, raw):
    """Send a change on a connection of its own; give the caller once it is announced."""
    caller = await rig.caller()
    await caller.send(raw)
    await eventually(lambda: journal.waiting)
    return caller


def methods(rig):
    """Give the methods of the whole requests that the API has read, without the one that warmed the gateway up."""
    return [request.method for request in rig.api.requests[1:]]


def door(rig):
    """Give the gateway's end of the one connection that has an exchange."""
    return next(it for it in rig.connections if it.exchange is not None)


async def api_has_seen_nothing(rig):
    """Tell whether not a byte went out: a GET is the first thing on the one connection that there ever was."""
    before = (rig.pool.busy, rig.pool.idle, rig.pool.waiting, rig.pool.opening)
    assert (await rig.call(get())).status == 200
    return (before, methods(rig), rig.api.opened) == ((0, 1, 0, 0), [b"GET"], 1)


async def never_sent(rig, told):
    """Tell whether an exchange that is over stays unsent, whatever the journal says of it afterwards."""
    told(None)
    told(FULL)
    await eventually(lambda: rig.running == 0)
    return await api_has_seen_nothing(rig) and await room(rig, 1)


@pytest.mark.parametrize("kind", ["HTTP/1.1", "HTTP/1.0", "half-closed"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_nothing_is_sent_before_it_is_told(warm, method, kind):
    """A GET overtakes it on the very connection that is at hand, since reading never waits; then all of it is sent."""
    rig, journal = await warm()
    head = get(PATH, "Content-Length: 11", method=method, minor=int(kind != "HTTP/1.0"))
    caller = await announced(rig, journal, head + b"declaration")
    if kind == "half-closed":
        caller.fin()
        await eventually(lambda: door(rig)._half_closed)
    assert (await api_has_seen_nothing(rig), rig.running) == (True, 1)
    journal.tell()(None)  # once too often: it is sent once all the same
    assert (await caller.answer()).body == b"ok"
    assert kind == "HTTP/1.1" or await caller.ended()
    assert methods(rig) == [b"GET", method.encode()]
    assert (rig.api.requests[-1].body, rig.pool.opening, rig.pool.opened) == (b"declaration", 0, 1)
    (_, record), (intent,) = (await rig.records.next(), await rig.records.next()), journal.intents
    assert (record.request_id, record.token, record.attempts) == (intent.request_id, intent.token, 1)


async def test_what_waits_for_a_token_is_announced_then(start):
    """The intent names the token that came; no connection is opened before it is told."""
    journal = Journal()
    rig = await start(journal=journal)
    caller = await announced(rig, journal, post(b"declaration"))
    assert (rig.tokens.fetches, rig.pool.opening, rig.pool.opened) == (1, 0, 0)
    journal.tell()
    assert (await caller.answer()).status == 200
    assert ((await rig.records.next()).token, len(journal.intents)) == (journal.intents[0].token, 1)


def body_of(size, *, chunked):
    """Make a body; give it, the field that frames it, and its bytes on the wire."""
    body = random.Random(size).randbytes(size)  # noqa: S311 - bytes that can be had again
    if not chunked:
        return body, f"Content-Length: {size}", body
    chunks = post_chunked(*(body[start : start + 70_000] for start in range(0, size, 70_000)))
    return body, "Transfer-Encoding: chunked", chunks.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [1, 40])
@pytest.mark.parametrize("after", [0, 3])
async def test_a_body_that_comes_in_pieces_meanwhile_is_sent_whole(warm, chunked, size, after):
    """Byte by byte while it is announced, and the last bytes afterwards."""
    rig, journal = await warm()
    body, framing, wire = body_of(size, chunked=chunked)
    caller = await announced(rig, journal, get(PATH, framing, method="POST"))
    split = max(len(wire) - after, 0)
    for place in range(split):
        await caller.send(wire[place : place + 1])
        await asyncio.sleep(0)
    exchange, came = door(rig).exchange, size if chunked else split
    await eventually(lambda: exchange.request_body.received == came)
    assert await api_has_seen_nothing(rig)
    journal.tell()
    await caller.send(wire[split:])
    assert (await caller.answer()).status == 200
    assert (rig.api.requests[-1].body, rig.api.opened, len(journal.intents)) == (body, 1, 1)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_big_body_is_held_back_meanwhile(warm, chunked):
    """Beyond 64 KB nothing more is read of a caller; told, he goes on, and his connection serves a next request."""
    rig, journal = await warm()
    body, framing, wire = body_of(200_000, chunked=chunked)
    caller = await announced(rig, journal, get(PATH, framing, method="POST") + wire[:60_000])
    held = door(rig)
    assert not held._paused
    await caller.send(wire[60_000:70_000])
    await eventually(lambda: held._paused)
    taken = held.exchange.request_body.received
    sending = rig.gateway.server.connections.spawn(caller.send(wire[70_000:] + get()))
    assert await api_has_seen_nothing(rig)
    assert 65_536 < held.exchange.request_body.received == taken <= 70_000
    journal.tell()
    assert ((await caller.answer()).status, (await caller.answer()).status) == (200, 200)
    await sending
    assert methods(rig) == [b"GET", b"POST", b"GET"]
    assert (rig.api.requests[2].body, rig.api.opened, len(journal.intents)) == (body, 1, 1)


LENGTH = get(PATH, "Content-Length: 8", method="POST")
CHUNKED = get(PATH, "Transfer-Encoding: chunked", method="POST") + b"258\r\n" + bytes(600) + b"\r\n"


@pytest.mark.parametrize(
    ("raw", "end", "received"),
    [
        (LENGTH + b"declared", "reset", 8),
        *((LENGTH + b"half", end, 4) for end in ("reset", "fin", "close")),
        (LENGTH, "close", 0),
        (CHUNKED, "fin", 600),
    ],
)
async def test_nothing_is_sent_for_a_caller_that_goes_meanwhile(warm, raw, end, received):
    """A declaration whose sender has given up is not made behind his back, though its intent may be on file."""
    rig, journal = await warm(profile=ONE)
    caller = await announced(rig, journal, raw)
    getattr(caller, end)()
    record = await rig.records.next()
    assert (record.outcome, record.status, record.attempts, record.received) == ("caller-gone", 0, 0, received)
    assert (record.request_id, record.token) == (journal.intents[0].request_id, "")
    assert await never_sent(rig, journal.waiting[0])


@pytest.mark.parametrize("raw", [post(b"declaration") + get(), post(bytes(100_000))], ids=["pipelined", "big"])
async def test_a_reset_that_nobody_has_read_is_noticed_when_it_is_told(warm, raw):
    """Nothing is read of a caller that sent ahead, so the kernel is asked whether he is still there."""
    rig, journal = await warm(profile="limits.concurrent = 1")
    caller = await announced(rig, journal, raw)
    await eventually(lambda: door(rig)._paused)
    caller.reset()
    told = journal.tell()
    record = await rig.records.next()
    assert (record.outcome, record.attempts) == ("caller-gone", 0)
    assert await never_sent(rig, told)


@pytest.mark.parametrize(
    ("more", "status"),
    [(b"258\r\n" + bytes(600), 413), (b"191\r\n" + bytes(401) + b"\r\n0\r\n\r\n", 413), (b"no size\r\n", 400)],
)
async def test_a_body_that_turns_out_wrong_meanwhile(warm, more, status):
    """It is refused at once, and what is told of it later changes nothing."""
    rig, journal = await warm(profile=ONE)
    caller = await announced(rig, journal, CHUNKED)
    await caller.send(more)
    answer = await caller.answer()
    assert (answer.status, answer.problem["delivery"]) == (status, "not-sent")
    assert (await rig.records.next()).attempts == 0
    caller.close()
    assert await never_sent(rig, journal.waiting[0])


EXPECTS = get(PATH, "Content-Length: 2", "Expect: 100-continue", method="POST")


@pytest.mark.parametrize("raw", [post(b"{}"), EXPECTS], ids=["whole", "expects"])
async def test_without_a_record_nothing_is_sent(warm, raw):
    """503 not-sent with Retry-After, and nobody is asked for a body; the connection goes on if all of it had come."""
    rig, journal = await warm(profile=ONE)
    caller = await announced(rig, journal, raw)
    told = journal.tell(FULL)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.value("Retry-After")) == (503, "journal-unavailable", b"5")
    assert (answer.problem["delivery"], answer.problem["retryable"]) == ("not-sent", True)
    assert (await rig.records.next()).attempts == 0
    assert await never_sent(rig, told)
    assert (answer.value("Connection") == b"close") == (raw == EXPECTS)


@pytest.mark.parametrize("late", [None, FULL], ids=["recorded", "refused"])
async def test_a_stop_that_does_not_wait_any_longer(warm, late):
    """The drain counts what is announced; at its end the caller is told that nothing was sent, and nothing is."""
    rig, journal = await warm(profile=ONE)
    caller = await announced(rig, journal, post(b"declaration"))
    assert await rig.gateway.server.connections.drain(0) == {"employer": 1}
    closing = asyncio.ensure_future(rig.gateway.server.close())
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (503, "stopping", "not-sent")
    assert await caller.ended()
    await closing
    assert (await rig.records.next()).attempts == 0
    journal.tell(late)
    assert (methods(rig), rig.records.empty(), rig.pool.busy, await room(rig, 1)) == ([], True, 0, True)


async def test_a_stop_lets_what_is_announced_come_to_its_end(warm):
    """Told within the drain, it is sent and answered, and the gateway has nothing left to do."""
    rig, journal = await warm()
    caller = await announced(rig, journal, post(b"declaration"))
    draining = asyncio.ensure_future(rig.gateway.server.connections.drain(5))
    await eventually(lambda: rig.gateway.server.connections.stopping)
    journal.tell()
    assert ((await caller.answer()).status, await draining, methods(rig)) == (200, {}, [b"POST"])


async def test_a_caller_that_expects_100_is_asked_for_its_body_after_the_record(warm):
    """Not a byte comes to it before, so that no body is sent for what might not be recorded."""
    rig, journal = await warm()
    caller = await announced(rig, journal, EXPECTS)
    assert await api_has_seen_nothing(rig)
    with pytest.raises(BlockingIOError):
        caller.sock.recv(1)
    journal.tell()
    assert (await caller.answer()).status == 100
    await caller.send(b"{}")
    assert ((await caller.answer()).status, rig.api.requests[-1].body) == (200, b"{}")


@pytest.mark.parametrize("refused", [None, 1])
async def test_pipelined_changes_keep_their_order(warm, refused):
    """Each is announced when the one before it is answered, once; one that is refused stops none behind it."""
    rig, journal = await warm()
    caller = await announced(rig, journal, b"".join(post(b"%d" % number) for number in range(4)))
    for number in range(4):
        await eventually(lambda: journal.waiting)
        assert len(journal.waiting) == 1
        journal.tell(FULL if number == refused else None)
        assert (await caller.answer()).status == (503 if number == refused else 200)
    assert [it.body for it in rig.api.requests[1:]] == [b"%d" % number for number in range(4) if number != refused]
    assert len({intent.request_id for intent in journal.intents}) == len(journal.intents) == 4


@pytest.mark.parametrize("end", ["close", "cut", "reset"])
async def test_a_connection_that_dies_meanwhile_is_not_used(warm, end):
    """It was at hand when the change was announced, and is gone when it is told: another one carries it, once."""
    rig, journal = await warm()
    caller = await announced(rig, journal, post(b"declaration"))
    getattr(rig.api._connections[0], end)()
    await eventually(lambda: rig.pool.idle == 0)
    journal.tell()
    assert (await caller.answer()).status == 200
    assert (methods(rig), rig.api.opened, len(journal.intents)) == ([b"POST"], 2, 1)
    assert (await rig.records.next()).attempts == 1


@pytest.mark.parametrize(("queue", "resets", "sent"), [(1, False, 1), (0, False, 0), (1, True, 0)])
async def test_a_pool_that_is_full_by_then(warm, queue, resets, sent):
    """Another request has the last connection: the change queues for it, or ends on file as one that was not sent."""
    rig, journal = await warm(pool=f"connections = 1\nqueue = {queue}", profile="limits.concurrent = 2")
    caller = await announced(rig, journal, post(b"declaration"))
    rig.api.gate.clear()
    other = await rig.caller()
    await other.send(get())
    await eventually(lambda: methods(rig) == [b"GET"])
    journal.tell()
    await eventually(lambda: rig.pool.waiting == queue)
    if resets:
        caller.reset()
        await eventually(lambda: rig.running == 1)
    rig.api.gate.set()
    assert (await other.answer()).status == 200
    if not resets:
        assert (await caller.answer()).code == ("" if queue else "overloaded")
    records = [await rig.records.next(), await rig.records.next()]
    assert [record.attempts for record in records if record.method == b"POST"] == [sent]
    assert (methods(rig), rig.api.opened) == ([b"GET", b"POST"][: 1 + sent], 1)
    assert (len(journal.intents), await room(rig, 2)) == (1, True)


async def test_a_token_that_is_replaced_meanwhile(warm):
    """It is sent with the token on its record; the API refuses that one, and the replay needs no second intent."""
    rig, journal = await warm()
    caller = await announced(rig, journal, post(b"declaration"))
    rig.api.answer = lambda it: REFUSED_TOKEN if it.value("Authorization") == b"Bearer token-1" else OK
    assert (await rig.call(get())).status == 200
    journal.tell()
    assert (await caller.answer()).status == 200
    sent = [it.value("Authorization") for it in rig.api.requests if it.method == b"POST"]
    assert sent == [b"Bearer token-1", b"Bearer token-2"]
    (_, record), (intent,) = (await rig.records.next(), await rig.records.next()), journal.intents
    assert record.refused is not None
    assert (record.refused.token, record.attempts) == (intent.token, 2)


async def test_an_intent_of_which_nothing_is_ever_told(warm):
    """No deadline but that of the whole exchange ends it: 503 overloaded, not-sent, and nothing is sent later."""
    rig, journal = await warm(profile=ONE)
    caller = await announced(rig, journal, post(b"declaration"))
    rig.clock.advance(590)
    await rig.swept()
    assert (rig.running, rig.records.empty()) == (1, True)
    rig.clock.advance(11)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.problem["delivery"]) == (503, "overloaded", "not-sent")
    assert (await rig.records.next()).attempts == 0
    journal.tell()
    assert (methods(rig), rig.pool.busy, await room(rig, 1)) == ([], 0, True)


@pytest.mark.parametrize("seed", [3, 4])
async def test_whatever_becomes_of_many_at_once(warm, seed):
    """In any order, each exchange has one end and one record, and exactly what was told in time is sent."""
    rig, journal = await warm(pool="connections = 3", profile="limits.concurrent = 40")
    dice = random.Random(seed)  # noqa: S311 - accidents that can be had again
    fates = [dice.choice(["told", "refused", "gone"]) for _ in range(40)]
    exchanges = [(await announced(rig, journal, post(b"%d" % n)), journal.waiting.popleft()) for n in range(40)]
    connections = rig.connections
    await eventually(lambda: len(connections) == 40)
    for number in dice.sample(range(40), 40):
        (caller, told), fate, before = exchanges[number], fates[number], len(connections)
        if fate == "gone":
            caller.reset()
            await eventually(partial(lambda before: len(connections) < before, before))
        rig.gateway.server.connections.loop.call_soon(told, FULL if fate == "refused" else None)
    for (caller, _), fate in zip(exchanges, fates, strict=True):
        assert fate == "gone" or (await caller.answer()).status == {"told": 200, "refused": 503}[fate]
    records = [await rig.records.next() for _ in fates]
    assert (len({record.request_id for record in records}), rig.records.empty()) == (40, True)
    sent = sorted(int(request.body) for request in rig.api.requests[1:])
    assert sent == [number for number in range(40) if fates[number] == "told"]
    assert sum(record.attempts for record in records) == len(sent)
    assert (rig.pool.busy, rig.pool.waiting, await room(rig, 40)) == (0, 0, True)


async def test_a_reset_behind_a_fin_is_noticed(warm):
    """Behind a FIN nothing is read any more, so that the kernel must be asked whether the caller is still there."""
    rig, journal = await warm()
    caller = await announced(rig, journal, post(b"declaration"))
    caller.fin()
    await eventually(lambda: door(rig)._half_closed)
    caller.reset()
    journal.tell()
    record = await rig.records.next()
    assert (record.outcome, record.attempts, methods(rig)) == ("caller-gone", 0, [])


async def test_a_fault_of_ours_while_one_is_told_reaches_nobody_else(warm):
    """A code that no table knows stands for any fault: it is answered as one, and whoever told it goes on to others."""
    rig, journal = await warm(profile=ONE)
    caller = await announced(rig, journal, post(b"declaration"))
    with capture_logs() as logs:
        journal.tell(ProblemError("no-such-code", Text("?")))
    assert [event["event"] for event in logs] == ["exchange-failed"]
    assert ((answer := await caller.answer()).code, answer.problem["delivery"]) == ("internal-error", "not-sent")
    record = await rig.records.next()
    assert (record.code, record.attempts, rig.records.empty()) == ("internal-error", 0, True)
    assert await api_has_seen_nothing(rig)
    assert await room(rig, 1)


async def test_a_body_is_announced_where_all_of_it_is_in_hand(warm):
    """So its hash is on record before the first byte is sent; a request without a body has none."""
    rig, journal = await warm()
    for body in (b"declaration", b""):
        caller = await announced(rig, journal, post(body))
        journal.tell()
        assert (await caller.answer()).status == 200
    assert [it.body for it in journal.intents] == [b"declaration", b""]
    records = [await rig.records.next() for _ in range(2)]
    assert [it.body for it in records] == ["", ""]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_the_hash_of_a_body_that_is_still_coming_is_recorded_at_the_end(warm, chunked):
    """The intent has none; the outcome has that of all bytes, the first ones included. Half a body has none."""
    rig, journal = await warm()
    body, field, raw = body_of(200_000, chunked=chunked)
    caller = await announced(rig, journal, get(PATH, field, method="POST") + raw[:100_000])
    await caller.send(raw[100_000:150_000])
    journal.tell()
    await caller.send(raw[150_000:])
    assert (await caller.answer()).status == 200
    record = await rig.records.next()
    assert (journal.intents[0].body, record.body) == (b"", body.hex())
    caller = await announced(rig, journal, get(PATH, field, method="POST") + raw[:100_000])
    journal.tell()
    caller.close()
    record = await rig.records.next()
    assert not record.body


@pytest.mark.parametrize(
    ("status", "method", "made"),
    [("201 Created", "POST", b"42"), ("200 OK", "PUT", b"42"), ("302 Found", "POST", b""), ("400 No", "POST", b"")],
)
async def test_what_was_made_is_recorded_of_a_success(warm, status, method, made):
    """By its last segment, as the API wrote it."""
    rig, journal = await warm()
    rig.api.answer = lambda _: ok(b"", "Location: /REST/dimona/v2/declarations/42", status=status)
    caller = await announced(rig, journal, post(b"declaration", method=method))
    journal.tell()
    await caller.answer()
    assert (await rig.records.next()).made == made


async def test_an_answer_without_location_made_nothing_that_is_known(warm):
    """Content-Location is about the answer itself; of two places the first counts, in any spelling."""
    rig, journal = await warm()
    for fields, made in (
        (("Content-Location: /other/1", "Location2: /x"), b""),
        (("Content-Location: /other/1", "LOCATION: /x/2", "Location: /x/3"), b"2"),
    ):
        rig.api.answer = lambda _, fields=fields: ok(b"", *fields, status="201 Created")
        caller = await announced(rig, journal, post(b"declaration"))
        journal.tell()
        await caller.answer()
        assert (await rig.records.next()).made == made


async def test_nothing_is_made_by_reading(warm):
    """The Location of a GET is about something that is there."""
    rig, _ = await warm()
    rig.api.answer = lambda _: ok(b"", "Location: /REST/dimona/v2/declarations/42")
    await rig.call(get())
    assert not (await rig.records.next()).made
