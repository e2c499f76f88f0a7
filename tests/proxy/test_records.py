"""What an exchange leaves for the records, and the journal that must know before anything is sent."""

from __future__ import annotations

import asyncio

import pytest

from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.messages.request_fields import token_id
from fla_gateway.proxy.records.exchange_record import Notes
from tests.support.fakes import WholeBody
from tests.support.raw_http import get, ok, post
from tests.support.waiting import eventually

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Journal:
    """A journal in memory: a fake at the port. With `slow` a change is recorded only when `safe` is set."""

    def __init__(self, *, slow=False, broken=False):
        self.broken = broken
        self.intents = []
        self.safe = asyncio.Event()
        if not slow:
            self.safe.set()
        self._waiting = set()

    def begin_hash(self):
        """See `proxy.records.exchange_record.Journal`."""
        return WholeBody()

    def announce(self, intent, told):
        """See `proxy.records.exchange_record.Journal`."""
        waiting = asyncio.ensure_future(self._record(intent, told))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    async def _record(self, intent, told):
        if self.broken:
            told(ProblemError("journal-unavailable", Text("The disk is full."), 5))
            return
        self.intents.append(intent)
        await self.safe.wait()
        told(None)


async def test_notes_are_recorded_and_only_the_trace_id_is_forwarded(rig):
    """Reference and traceparent end here; BelGov-Trace-Id goes both ways."""
    rig.api.answer = lambda request: ok(b"", "BelGov-Trace-Id: theirs-1")
    fields = ("Fla-Gateway-Reference: klant Dupré 42".encode().decode("latin-1"), "BelGov-Trace-Id: mine-1")
    answer = await rig.call(get("/employer/REST/x", *fields, f"traceparent: {TRACEPARENT}"))
    assert answer.value("BelGov-Trace-Id") == b"theirs-1"
    (request,) = rig.api.requests
    assert request.value("BelGov-Trace-Id") == b"mine-1"
    assert {request.value("Fla-Gateway-Reference"), request.value("traceparent")} == {None}
    record = await rig.records.next()
    assert record.notes == Notes("klant Dupré 42", "mine-1", TRACEPARENT)
    assert record.trace == "theirs-1"


async def test_a_reference_in_latin_1_is_understood(rig):
    """Older programs send no UTF-8."""
    await rig.call(get("/employer/REST/x", "Fla-Gateway-Reference: caf\xe9"))
    assert (await rig.records.next()).notes.reference == "caf\xe9"


@pytest.mark.parametrize(
    "fields",
    [
        ("Fla-Gateway-Reference: " + "x" * 65,),
        ("Fla-Gateway-Reference: a\tb",),
        ("Fla-Gateway-Reference: a", "Fla-Gateway-Reference: b"),
        ("Fla-Gateway-Reference: \xc2\x85",),
    ],
)
async def test_a_reference_that_cannot_be_recorded_is_refused(rig, fields):
    """It would be missed on the day it is needed, so nothing is sent."""
    answer = await rig.call(get("/employer/REST/x", *fields))
    assert (answer.status, answer.problem["type"]) == (400, "urn:problem-type:fla-gateway:reference-malformed")
    assert not rig.api.requests


@pytest.mark.parametrize("trace", ["x" * 65, "a b", "caf\xe9", '"'])
async def test_a_strange_trace_id_is_forwarded_and_recorded_only_if_harmless(rig, trace):
    """Forwarding is byte for byte; records take printable ASCII of at most 64 characters."""
    await rig.call(get("/employer/REST/x", f"BelGov-Trace-Id: {trace}"))
    assert rig.api.requests[0].value("BelGov-Trace-Id") == trace.encode("latin-1")
    assert (await rig.records.next()).notes.trace == (trace if trace == '"' else "(unrecordable)")


async def test_a_record_names_the_token_without_telling_it(rig):
    """A keyed hash: the same for the same token, of no use to anybody who reads it."""
    await rig.call(get())
    await rig.call(get())
    first, second = await rig.records.next(), await rig.records.next()
    assert first.token == second.token != ""
    assert len(first.token) == 16
    assert first.token != token_id(
        await rig.tokens.fetch(rig.gateway.current.profiles[0].token_request), b"another key"
    )


async def test_both_attempts_of_a_replay_are_recorded(rig):
    """The refused attempt stands beside the one that counted, each with its token and trace."""
    challenge = 'WWW-Authenticate: Bearer error="invalid_token"'
    answers = [ok(b"", challenge, "BelGov-Trace-Id: a-1", status="401 Unauthorized"), ok(b"", "BelGov-Trace-Id: a-2")]
    rig.api.answer = lambda request: answers[len(rig.api.requests) - 1]
    await rig.call(post(b"{}"))
    record = await rig.records.next()
    assert (record.attempts, record.status, record.trace) == (2, 200, "a-2")
    assert record.refused is not None
    assert (record.refused.status, record.refused.trace) == (401, "a-1")
    assert record.refused.token != record.token


async def test_durations_tell_where_the_time_went(rig):
    """Waiting for a token, for a connection and for the API are told apart."""
    rig.tokens.gate.clear()
    caller = await rig.caller()
    await caller.send(get())
    await rig.tokens.asked.wait()
    rig.clock.advance(3)
    rig.tokens.gate.set()
    rig.api.gate.clear()
    await eventually(lambda: rig.api.requests)
    rig.clock.advance(5)
    rig.api.gate.set()
    await caller.answer()
    record = await rig.records.next()
    # The clock that is moved goes by itself as well.
    assert 3 <= record.token_seconds < 5 <= record.upstream_seconds < 8
    assert record.connection_seconds < 3
    assert record.seconds >= 8


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_a_change_is_on_record_before_its_first_byte_is_sent(start, method):
    """The journal has the intent when the API sees the request; the outcome bears the same id."""
    journal = Journal()
    rig = await start(journal=journal)
    seen = []

    def answer(_request):
        seen.append(len(journal.intents))
        return ok(b"")

    rig.api.answer = answer
    await rig.call(post(b"{}", "Fla-Gateway-Reference: r", method=method))
    assert seen == [1]
    record = await rig.records.next()
    (intent,) = journal.intents
    assert (intent.request_id, intent.profile, intent.method, intent.path) == (
        record.request_id, "employer", method.encode(), record.path,
    )  # fmt: skip
    assert (intent.admission, intent.notes, intent.token) == (record.admission, record.notes, record.token)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_request_that_changes_nothing_needs_no_intent(start, method):
    """Reading is recorded once, when it is over."""
    journal = Journal(broken=True)
    rig = await start(journal=journal)
    assert (await rig.call(get(method=method), method)).status == 200


async def test_without_a_record_a_change_is_not_sent(start):
    """503 not-sent with Retry-After; reading goes on, and so do changes once the journal can be written again."""
    journal = Journal(broken=True)
    rig = await start(journal=journal)
    assert (await rig.call(get())).status == 200
    answer = await rig.call(post(b"{}"))
    assert (answer.status, answer.value("Retry-After")) == (503, b"5")
    assert answer.problem["type"] == "urn:problem-type:fla-gateway:journal-unavailable"
    assert (answer.problem["delivery"], answer.problem["retryable"]) == ("not-sent", True)
    assert len(rig.api.requests) == 1
    assert (rig.pool.busy, rig.pool.waiting) == (0, 0)
    journal.broken = False
    assert (await rig.call(post(b"{}"))).status == 200


async def test_where_the_disk_must_have_it_nothing_is_sent_before(start):
    """With fsync = always the request waits for the disk, and the API sees nothing until then."""
    journal = Journal(slow=True)
    rig = await start(journal=journal)
    await rig.call(get())
    caller = await rig.caller()
    await caller.send(post(b"{}"))
    await eventually(lambda: journal.intents)
    assert len(rig.api.requests) == 1
    journal.safe.set()
    assert (await caller.answer()).status == 200
    assert len(journal.intents) == 1


async def test_a_replay_needs_no_second_intent(start):
    """One intent and one outcome make one exchange, however often it was tried."""
    journal = Journal()
    rig = await start(journal=journal)
    challenge = 'WWW-Authenticate: Bearer error="invalid_token"'
    answers = [ok(b"", challenge, status="401 Unauthorized"), ok(b"")]
    rig.api.answer = lambda request: answers[len(rig.api.requests) - 1]
    assert (await rig.call(post(b"{}"))).status == 200
    assert len(journal.intents) == 1


@pytest.mark.parametrize(
    ("fields", "body", "missing"),
    [
        (['WWW-Authenticate: Bearer error="insufficient_scope", scope="a"'], b"no", True),
        (["Content-Type: application/problem+json"], b'{"type": "urn:problem-type:belgif:missingScope"}', True),
        (["Content-Type: application/problem+json"], b'{"type": "urn:problem-type:belgif:missingPermission"}', False),
        ([], b'{"type": "urn:problem-type:belgif:missingScope"}', False),
    ],
)
async def test_a_missing_scope_is_recorded(rig, fields, body, missing):
    """A 403 for want of a scope concerns the account, and is told from one about an employer."""
    rig.api.answer = lambda request: ok(body, *fields, status="403 Forbidden")
    assert (await rig.call(get())).status == 403
    assert (await rig.records.next()).missing_scope is missing
