"""Value: the states of an exchange, the events possible in each, and the states that follow.

Owns the names and the table. Refuses to change anything: `exchange` does, and never looks the table up; it is for
readers, and for a test that walks all of it.

How it works. An exchange is between two connections, and receives events from four sources, always on the event loop
and one at a time:

- from the caller's connection: further bytes of the body, and that the caller is gone;
- from what it waits for: the task that acquires token and connection, and the journal that writes the intent of a
  changing request before it is sent;
- from the connection to the API: interim answers, the head of the final one, its bytes, its end, or the connection's;
- from the sweep and the end of the process: that it has to fail.

The state says two things at once: how far the request may have come, which decides what may be reported of its outcome,
and whether a caller still waits. Before SENT not a byte has left, so whatever happens, "not sent" is true. From SENT on
the API may have acted, so that a failure is "unknown". From ANSWERING on the answer is passed to the caller as it
comes, and only where it ends remains to be reported.

When a caller disconnects, its exchange ends, with one exception: a change that was sent completely is followed to its
end without a caller (FOLLOWED), since its outcome belongs in the records. In these two states the register keeps the
exchange alive, in all others the caller's connection does.

Two transitions lead back: a 401 for a token that was fresh, and a connection that had died idle before it was used.
Both go from SENT to ACQUIRING, each at most once and only while nothing of an answer has been passed on.

Every path ends in ENDED, with exactly one record. An event that comes later (a journal that answers an exchange
which has ended) changes nothing. A pair that the table does not have cannot happen; `follow` raises for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class State(Enum):
    """How far an exchange is."""

    ADMITTED = auto()
    """It is made, and nothing has been done yet."""
    ACQUIRING = auto()
    """A task waits for a token, a connection or both; what comes of the body is held."""
    ANNOUNCED = auto()
    """The journal has the intent, and has not reported yet that it is written."""
    DROPPED = auto()
    """The caller was found to be gone when all was ready; its connection is aborted and reports its loss next."""
    SENT = auto()
    """The request, or its beginning, is with the API; the head of the answer is not there."""
    ANSWERING = auto()
    """The head of the answer is there; the rest follows."""
    FOLLOWED = auto()
    """As SENT, without a caller."""
    FOLLOWED_ANSWERING = auto()
    """As ANSWERING, without a caller."""
    ENDED = auto()
    """It is recorded."""


class Event(Enum):
    """What happens to an exchange."""

    BEGIN = auto()
    """It is begun, with the first bytes of the body."""
    BODY = auto()
    """Further bytes of the body have come."""
    WRITTEN = auto()
    """The intent is on record."""
    UNWRITTEN = auto()
    """The intent cannot be recorded."""
    ACQUIRED = auto()
    """What the task was to acquire is there."""
    NOT_ACQUIRED = auto()
    """It cannot be had."""
    INTERIM = auto()
    """An interim answer."""
    HEAD = auto()
    """The head of the final answer."""
    PAYLOAD = auto()
    """Bytes of the answer that are not its last."""
    LAST = auto()
    """The end of the answer."""
    UPSTREAM_LOST = auto()
    """The connection to the API ended before the answer was whole, or what came on it was malformed."""
    CALLER_LOST = auto()
    """The caller's connection is lost."""
    FAIL = auto()
    """A deadline has passed, or the process ends."""


ADMITTED: Final = State.ADMITTED
ACQUIRING: Final = State.ACQUIRING
ANNOUNCED: Final = State.ANNOUNCED
DROPPED: Final = State.DROPPED
SENT: Final = State.SENT
ANSWERING: Final = State.ANSWERING
FOLLOWED: Final = State.FOLLOWED
FOLLOWED_ANSWERING: Final = State.FOLLOWED_ANSWERING
ENDED: Final = State.ENDED

Next = frozenset[State]
_END: Final[Next] = frozenset({ENDED})


def _to(*states: State) -> Next:
    return frozenset(states)


TABLE: Final[Mapping[State, Mapping[Event, Next]]] = MappingProxyType({
    ADMITTED: {
        # ENDED: a chunked body that is too large already.
        Event.BEGIN: _to(SENT, ACQUIRING, ANNOUNCED, ENDED),
    },
    ACQUIRING: {
        Event.BODY: _to(ACQUIRING, ENDED),
        # ENDED: another generation was published meanwhile, and refuses it.
        Event.ACQUIRED: _to(SENT, ANNOUNCED, DROPPED, ENDED),
        Event.NOT_ACQUIRED: _END,
        Event.CALLER_LOST: _END,
        Event.FAIL: _END,
    },
    ANNOUNCED: {
        Event.BODY: _to(ANNOUNCED, ENDED),
        # ENDED: as above.
        Event.WRITTEN: _to(SENT, ACQUIRING, DROPPED, ENDED),
        Event.UNWRITTEN: _END,
        Event.CALLER_LOST: _END,
        Event.FAIL: _END,
    },
    DROPPED: {
        Event.CALLER_LOST: _END,
        Event.FAIL: _END,
    },
    SENT: {
        Event.BODY: _to(SENT, ENDED),
        Event.INTERIM: _to(SENT),
        # ACQUIRING: the API refused the token.
        Event.HEAD: _to(ANSWERING, ACQUIRING),
        # ACQUIRING: the connection had died idle.
        Event.UPSTREAM_LOST: _to(ENDED, ACQUIRING),
        Event.CALLER_LOST: _to(FOLLOWED, ENDED),
        Event.FAIL: _END,
    },
    ANSWERING: {
        Event.BODY: _to(ANSWERING, ENDED),
        Event.PAYLOAD: _to(ANSWERING),
        Event.LAST: _END,
        Event.UPSTREAM_LOST: _END,
        Event.CALLER_LOST: _to(FOLLOWED_ANSWERING, ENDED),
        Event.FAIL: _END,
    },
    FOLLOWED: {
        Event.INTERIM: _to(FOLLOWED),
        # A 401 as well: without a caller there is no second attempt.
        Event.HEAD: _to(FOLLOWED_ANSWERING),
        Event.UPSTREAM_LOST: _END,
        Event.FAIL: _END,
    },
    FOLLOWED_ANSWERING: {
        Event.PAYLOAD: _to(FOLLOWED_ANSWERING),
        Event.LAST: _END,
        Event.UPSTREAM_LOST: _END,
        Event.FAIL: _END,
    },
    ENDED: {
        # The journal answers all that were announced, also those that are over.
        Event.WRITTEN: _END,
        Event.UNWRITTEN: _END,
    },
})  # fmt: skip


class ImpossibleEventError(Exception):
    """What the table does not have was said to happen."""


def follow(state: State, event: Event) -> Next:
    """Return the states to which an event may lead.

    Raises:
        ImpossibleEventError: it cannot happen in this state.
    """
    found = TABLE[state].get(event)
    if found is None:
        raise ImpossibleEventError(f"{event.name} cannot happen to an exchange that is {state.name}")
    return found
