"""Rule: the entries of `allow` permit a request or do not.

Owns the form of an entry and what it permits, on the very bytes that are forwarded: two spellings of a path are two
paths. Refuses to know the caller, and what makes a path ambiguous (`path_readings`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Final, NamedTuple

from fla_gateway.access.path_readings import fault_of, is_divided_differently, may_reach_tokens, read_path
from fla_gateway.access.refusal import Refusal
from fla_gateway.config.schema import OBSERVE
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass

ONE: Final = b"*"
"""Segment of a rule for exactly one segment, not empty."""
MANY: Final = b"**"
"""Segment of a rule for one or more segments; the first is not empty, and of the others only the path's last may be."""

# RFC 9110, section 5.6.2, without lower-case letters, which no registered method has (methods are case-sensitive),
# and without the star, which would look like a pattern.
_METHOD: Final = re.compile(r"[A-Z0-9!#$%&'+.^_`|~-]+").fullmatch
# RFC 3986, section 3.3: pchar, without ";", which begins a parameter for some readers of a path and not for others.
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})*").fullmatch
_EVERYTHING: Final = (b"REST", MANY)
_REST: Final = (MANY,)
_LONGEST_METHOD: Final = 32
_READING: Final = frozenset((b"GET", b"HEAD"))

_AMBIGUOUS: Final = Refusal(
    "ambiguous-path",
    Text(
        "The caller is permitted certain paths alone, and '%2F', '%5C', '\\', ';' or '//' could lead out of them, "
        "also encoded several times."
    ),
)


class _Steps(NamedTuple):
    """The segments of a pattern, each of them a bit; bit n represents the pattern's first n segments.

    Attributes:
        literal: by segment, the bits of those that are this very text.
        stars: bits of those that take any segment that is not empty.
        repeated: bits behind each `MANY`, which takes further segments.
        whole: bit of the whole pattern.
    """

    literal: dict[bytes, int]
    stars: int
    repeated: int
    whole: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `allow`.

    Attributes:
        text: as it is written in the configuration.
        method: the method that it permits; GET permits HEAD as well.
        segments: of the path, without the slash in front of it; literal bytes, `ONE` or `MANY`.
        prefix: the path up to its first star, with which every path begins that it covers.
        tail: the segments from its first star on; none: it covers one path alone, which is the prefix.
        steps: the tail as it is compared.
    """

    text: str
    method: bytes
    segments: tuple[bytes, ...]
    prefix: bytes
    tail: tuple[bytes, ...]
    steps: _Steps = field(compare=False, repr=False)


def parse_rule(text: str) -> Rule:
    """Read an entry, for example ``GET /REST/dimona/v2/**``.

    Raises:
        ValueError: with a sentence for the person who wrote the entry; the entry is not in it.
    """
    method, _, path = text.partition(" ")
    if not path or " " in path:
        raise InvalidValueError(
            Message(
                "allow-entry-malformed",
                "must be a method and a path with one space between them, for example GET /REST/dimona/v2/**",
            )
        )
    _check_method(method)
    if not path.startswith("/REST/") or path == "/REST/":
        raise InvalidValueError(
            Message("allow-path-outside-rest", "the path must begin with /REST/ and name something after it")
        )
    segments = path[1:].split("/")
    if "" in segments[:-1]:
        raise InvalidValueError(Message("allow-path-with-empty-segment", "the path must have no // in it"))
    for segment in segments:
        _check_segment(segment)
    if may_reach_tokens(read_path(path.encode())):
        raise InvalidValueError(
            Message(
                "allow-path-of-token-server",
                "the path must not reach into /REST/oauth, which the gateway never forwards to",
            )
        )
    whole = tuple(segment.encode() for segment in segments)
    literal = next((at for at, segment in enumerate(whole) if segment in {ONE, MANY}), len(whole))
    tail = whole[literal:]
    return Rule(text, method.encode(), whole, path.partition("*")[0].encode(), tail, _steps(tail))


def parse_observe(entries: Sequence[str]) -> frozenset[bytes] | None:
    """Read what is written in the place of a list: ``observe``, or ``observe GET POST``; None for a list of rules.

    Returns:
        The methods that are observed; GET and HEAD where none is named.

    Raises:
        ValueError: as `parse_rule`.
    """
    word, *methods = entries[0].split(" ") if len(entries) == 1 else [""]
    if word != OBSERVE:
        return None
    for method in methods:
        _check_method(method)
    named = frozenset(method.encode() for method in methods) or _READING
    return named | {b"HEAD"} if b"GET" in named else named


def matches(rule: Rule, method: bytes, path: bytes) -> bool:
    """Return whether a rule covers a request.

    Args:
        rule: the entry.
        method: as written in the request line.
        path: as it is forwarded, without its query.
    """
    return _covers(rule.method, method) and b"//" not in path and _fits(rule, path)


def judge(rules: Iterable[Rule], method: bytes, path: bytes) -> Rule | Refusal:
    """Find the rule that permits a request.

    Args:
        rules: of one caller for one profile.
        method: as written in the request line.
        path: as it is forwarded, without its query.

    Returns:
        The first rule that covers it, or why it is refused.
    """
    covering = [rule for rule in rules if _covers(rule.method, method)]
    for rule in covering:
        if rule.segments == _EVERYTHING:
            return rule
    # Asked before any rule is: what a path means to the API decides, and these marks let it mean two things.
    if is_divided_differently(read_path(path)):
        return _AMBIGUOUS
    for rule in covering:
        if _fits(rule, path):
            return rule
    return _not_permitted(method)


def _check_method(method: str) -> None:
    if method == "*":
        raise InvalidValueError(
            Message(
                "allow-method-unnamed", "the method must be named; write one entry for each method, GET covers HEAD"
            )
        )
    if method.upper() in {"CONNECT", "TRACE"}:
        raise InvalidValueError(Message("allow-method-never-forwarded", "CONNECT and TRACE are never forwarded"))
    if _METHOD(method) is None:
        raise InvalidValueError(
            Message("allow-method-malformed", "the method must be in capitals, as in GET, POST, PUT, PATCH or DELETE")
        )


def _check_segment(segment: str) -> None:
    if _SEGMENT(segment) is None:
        raise InvalidValueError(
            Message(
                "allow-path-not-as-sent",
                "the path must be written as it is sent: percent-encoded, and without ;, ?, #, \\ and spaces",
            )
        )
    if "*" in segment and segment not in {"*", "**"}:
        raise InvalidValueError(
            Message("allow-star-not-a-segment", "a star must be a whole segment: * for one segment, ** for one or more")
        )
    readings = read_path(b"/" + segment.encode())
    if fault_of(readings) is not None:
        raise InvalidValueError(
            Message(
                "allow-path-ambiguous",
                "the path must have no . or .. segments, and no encoding that servers read in different ways",
            )
        )
    if is_divided_differently(readings):
        raise InvalidValueError(
            Message(
                "allow-path-divided-differently",
                "the path must have no %2F and no %5C, which some servers take for a slash",
            )
        )


def _covers(permitted: bytes, method: bytes) -> bool:
    # RFC 9110, section 9.3.2: HEAD is GET without the content.
    return permitted == method or (permitted == b"GET" and method == b"HEAD")


def _fits(rule: Rule, path: bytes) -> bool:
    """Compare a path that has no empty segment, unless it is the last."""
    if not path.startswith(rule.prefix):
        return False
    if not rule.tail:
        return path == rule.prefix
    rest = path[len(rule.prefix) :]
    return bool(rest) if rule.tail == _REST else _fits_tail(rule.steps, rest.split(b"/"))


def _steps(pattern: tuple[bytes, ...]) -> _Steps:
    literal: dict[bytes, int] = {}
    stars = repeated = 0
    for at, segment in enumerate(pattern):
        if segment in {ONE, MANY}:
            stars |= 1 << at
        else:
            literal[segment] = literal.get(segment, 0) | 1 << at
        if segment == MANY:
            repeated |= 2 << at
    return _Steps(literal, stars, repeated, 1 << len(pattern))


def _fits_tail(steps: _Steps, segments: list[bytes]) -> bool:
    """Compare segment by segment, with all the places of the pattern that may have been reached at once.

    So each segment is looked at once, however many `MANY` there are and wherever they are.
    """
    literal, stars, repeated, whole = steps
    reached = 1
    for segment in segments:
        taken = literal.get(segment, 0) | stars if segment else literal.get(segment, 0)
        reached = (reached & taken) << 1 | reached & repeated
        if not reached:
            return False
    return bool(reached & whole)


def _not_permitted(method: bytes) -> Refusal:
    named = method.decode("ascii", "replace") if len(method) <= _LONGEST_METHOD else Text("This method")
    return Refusal(
        "caller-not-permitted",
        Text(
            "{method} with this path is in no 'allow' entry of this caller for this profile. Add an entry to "
            "[callers.NAME.allow] in the configuration. For many, `fla-gateway policy suggest` proposes entries from "
            "what `observe_until` lets through.",
            method=named,
        ),
    )
