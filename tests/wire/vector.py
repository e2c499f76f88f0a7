"""Value: one raw message on the wire and what may come of it.

Owns the words in which the vectors are written. Refuses to know how they are run: `test_requests` and `test_responses`
do that through real sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

ANY: frozenset[str] = frozenset()


class Named(Protocol):
    """What has a name for the report."""

    @property
    def name(self) -> str:
        """The name."""
        ...


V = TypeVar("V", bound=Named)


@dataclass(frozen=True, slots=True)
class Refused:
    """One answer of the gateway's own; not a byte of the request comes to the upstream.

    Attributes:
        statuses: permitted status codes.
        codes: permitted problem codes; empty: any.
        closes: whether the connection ends after the answer; None: either, but if it stays open it must be in step.
    """

    statuses: frozenset[int]
    codes: frozenset[str] = ANY
    closes: bool | None = True


@dataclass(frozen=True, slots=True)
class Reaches:
    """Exactly one well-formed request comes to the upstream, and its answer to the caller.

    Attributes:
        method: as the upstream must see it.
        target: as the upstream must see it.
        body: as the upstream must see it, framing removed.
        has: whole field lines, ``name: value`` with the caller's case, that must arrive in this order.
        lacks: field names in lower case that must not arrive.
        closes: as for `Refused`.
    """

    method: bytes = b"GET"
    target: bytes = b"/REST/echo"
    body: bytes = b""
    has: tuple[bytes, ...] = ()
    lacks: tuple[bytes, ...] = ()
    closes: bool | None = False


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The head is in order and the body is not: the upstream never sees a complete request.

    The caller gets one of these statuses or, where ``silent`` permits it, only the end of the connection.
    """

    statuses: frozenset[int] = frozenset({400})
    silent: bool = False


Outcome = Refused | Reaches | Unfinished


@dataclass(frozen=True, slots=True)
class Vector:
    """One connection's worth of bytes from a caller.

    Attributes:
        name: unique, for the report.
        why: the section of the RFC, or the class of attack.
        raw: the bytes; the gateway's profiles are ``employer`` (all of /REST/) and ``narrow`` (/REST/dimona/v2).
        expect: one entry for each answer in turn; a tuple of outcomes where more than one is right.
        fin: whether the caller shuts down his sending side afterwards.
    """

    name: str
    why: str
    raw: bytes
    expect: tuple[Outcome | tuple[Outcome, ...], ...]
    fin: bool = False


def grouped(vectors: Sequence[V]) -> list[Sequence[V]]:
    """Put vectors into tests by the dozen: a test of its own costs as much as what it sends."""
    return [vectors[at : at + 12] for at in range(0, len(vectors), 12)]


def failures(vectors: Sequence[V], judge: Callable[[V], None]) -> dict[str, str]:
    """Judge each vector; give what was wrong with which."""
    found = {}
    for vector in vectors:
        try:
            judge(vector)
        except AssertionError as error:
            found[vector.name] = str(error)
    return found


def refused(*statuses: int, code: str = "", closes: bool | None = True) -> Refused:
    """Say that the gateway answers with one of the statuses, and with this problem code if one is given."""
    return Refused(frozenset(statuses), frozenset(code.split()), closes)


def message(line: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """Put a message together from its lines, CRLF between them."""
    return b"\r\n".join((line, *fields, b"", body))


def get(*fields: bytes, target: bytes = b"/employer/REST/echo", host: bytes = b"Host: localhost") -> bytes:
    """Write a GET in order, with these further field lines."""
    return message(b"GET " + target + b" HTTP/1.1", host, *fields)


def post(*fields: bytes, body: bytes = b"", target: bytes = b"/employer/REST/echo") -> bytes:
    """Write a POST whose framing fields are among the given ones."""
    return message(b"POST " + target + b" HTTP/1.1", b"Host: localhost", *fields, body=body)


def chunked(body: bytes, *fields: bytes) -> bytes:
    """Write a POST in chunked coding whose coded body is given raw."""
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


@dataclass(frozen=True, slots=True)
class Relayed:
    """The caller gets the upstream's answer, whole.

    Attributes:
        status: status code.
        body: with the framing removed.
        has: whole field lines, ``name: value``, that must arrive in this order.
        lacks: field names in lower case that must not arrive.
        interim: status codes of the interim answers before it.
        repeated: whether the request was sent twice, and the second answer is the one relayed.
    """

    status: int = 200
    body: bytes = b""
    has: tuple[bytes, ...] = ()
    lacks: tuple[bytes, ...] = ()
    interim: tuple[int, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The caller gets 502 of origin network, whose delivery is unknown."""

    codes: frozenset[str] = frozenset({"api-malformed"})


@dataclass(frozen=True, slots=True)
class Truncated:
    """The head has been passed on, so the only honest signal is a connection that ends in mid-body."""

    body: bytes


Relay = Relayed | Failed | Truncated


@dataclass(frozen=True, slots=True)
class ResponseVector:
    """One answer of the upstream's.

    Attributes:
        name: unique, for the report.
        why: the section of the RFC, or the class of attack.
        raw: the bytes; ``{API}`` stands for the upstream's authority.
        expect: outcomes that are right.
        method: of the request.
        ending: what becomes of the upstream's connection behind the bytes, as `support.upstream.Ending`.
        reused: whether the next request may travel on the same connection; None: either.
        minor: HTTP minor version of the caller.
    """

    name: str
    why: str
    raw: bytes
    expect: tuple[Relay, ...]
    method: bytes = b"GET"
    ending: Literal["keep", "close", "cut", "reset"] = "keep"
    reused: bool | None = False
    minor: int = 1


def answer(*fields: bytes, body: bytes = b"", line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Put an answer together from its lines."""
    return message(line, *fields, body=body)
