"""Rule: what was seen becomes entries of `allow`, for a person to review.

Owns which exchanges count, how a masked path becomes a pattern, and the smallest list that covers them. Refuses to
judge whether a caller should do what it did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Final, NamedTuple

from fla_gateway.access.authorization.allow_list import MANY, ONE, Rule, matches, parse_rule
from fla_gateway.access.path_masking import MOST_SEGMENTS
from fla_gateway.config.values.constraints import NAME_PATTERN
from fla_gateway.i18n.message import Plural, Text, joined, text_from
from fla_gateway.journal.reader.exchange_history import Exchange
from fla_gateway.lean_dataclass import dataclass

REFUSED_BY_API: Final = frozenset({401, 403, 404, 405})
"""Answers that say that a request was not for this account, or leads nowhere."""
MOST_PATTERNS: Final = 1_000
"""Distinct entries for one caller and profile; what comes after is counted only."""

_SHORTEST_PREFIX: Final = 2  # /REST/<service>: a wider entry is for a person to write
_MASKED: Final = re.compile(r"~[0-9a-f]{12}")
NAME: Final = re.compile(NAME_PATTERN)


@dataclass(slots=True)
class Seen:
    """What was seen of one entry.

    Attributes:
        count: exchanges.
        last: time of the newest.
        observed: of them, those that no entry of the configuration permitted.
        statuses: status codes of their answers.
    """

    count: int = 0
    last: str = ""
    observed: int = 0
    statuses: set[int] = field(default_factory=set)

    def add(self, other: Seen) -> None:
        """Take in what was seen of another entry."""
        self.count += other.count
        self.last = max(self.last, other.last)
        self.observed += other.observed
        self.statuses |= other.statuses


class Proposal(NamedTuple):
    """An entry of `allow`.

    Attributes:
        text: as it is written in the configuration.
        seen: what it covers.
    """

    text: str
    seen: Seen


class Target(NamedTuple):
    """Whose `allow` an entry belongs to."""

    caller: str
    profile: str


class Suggestions:
    """What was seen so far.

    Args:
        anonymous: name of the caller that gets the exchanges for which no proof was required.

    Attributes:
        left_out: exchanges that count, but that no entry can be written for.
    """

    def __init__(self, anonymous: str) -> None:
        self._anonymous = anonymous
        self._seen: dict[Target, dict[Rule, Seen]] = {}
        self.left_out = 0

    def take(self, exchange: Exchange) -> None:
        """Take note of an exchange, if it counts."""
        if not _counts(exchange):
            return
        target = Target(exchange.text("caller") or self._anonymous, exchange.text("profile"))
        rule = _rule_of(exchange.text("method"), exchange.text("path"))
        rules = self._seen.setdefault(target, {})
        if rule is None or not all(map(NAME.fullmatch, target)) or (rule not in rules and len(rules) >= MOST_PATTERNS):
            self.left_out += 1
            return
        status = int(exchange.number("status"))
        one = Seen(1, exchange.time, int(exchange.members.get("observed") is True), {status})
        rules.setdefault(rule, Seen()).add(one)

    def proposals(self, wide: int | None = None) -> Mapping[Target, tuple[Proposal, ...]]:
        """Give the entries for each caller and profile, in the order of their paths.

        Args:
            wide: if given, more than so many entries with one prefix become one that ends in ``**``.
        """
        return {target: _proposals(rules, wide) for target, rules in sorted(self._seen.items()) if rules}


def toml(proposals: Mapping[Target, tuple[Proposal, ...]]) -> Iterator[str]:
    """Write proposals as lines of a configuration, each with a comment that states its evidence."""
    caller = ""
    for target, entries in proposals.items():
        if target.caller != caller:
            caller = target.caller
            yield from ("", f"[callers.{caller}.allow]")
        yield f"{target.profile} = ["
        for text, seen in entries:
            yield text_from("    # {what}", {"what": _describe(seen)})
            yield f'    "{text}",'
        yield "]"


def _counts(exchange: Exchange) -> bool:
    if exchange.outcome is None or not exchange.number("attempts"):
        return False
    if exchange.members.get("observed") is True:
        return True
    return exchange.text("origin") == "upstream" and exchange.number("status") not in REFUSED_BY_API


def _rule_of(method: str, path: str) -> Rule | None:
    """Write the entry for a masked path; None if none can be written."""
    segments = path.split("/")
    if len(segments) > MOST_SEGMENTS:
        # The last may represent several.
        return None
    patterns = [ONE.decode() if _MASKED.fullmatch(segment) else segment for segment in segments]
    return _parse(f"{method} {'/'.join(patterns)}")


def _parse(text: str) -> Rule | None:
    try:
        return parse_rule(text)
    except ValueError:
        return None


def _proposals(rules: Mapping[Rule, Seen], wide: int | None) -> tuple[Proposal, ...]:
    kept = _without_covered(rules if wide is None else _widened(rules, wide))
    ordered = sorted(kept.items(), key=lambda item: (item[0].segments, item[0].method))
    return tuple(Proposal(rule.text, seen) for rule, seen in ordered)


def _widened(rules: Mapping[Rule, Seen], most: int) -> Mapping[Rule, Seen]:
    """Join entries from the longest prefix to the shortest."""
    current = dict(rules)
    longest = max((len(rule.segments) for rule in rules), default=0)
    for depth in range(longest - 1, _SHORTEST_PREFIX - 1, -1):
        groups: dict[str, list[Rule]] = {}
        for rule in current:
            # `**` covers no empty segment at its first place.
            if len(rule.segments) > depth and rule.segments[depth] and MANY not in rule.segments[:depth]:
                path = b"/".join((*rule.segments[:depth], MANY)).decode()
                groups.setdefault(f"{rule.method.decode()} /{path}", []).append(rule)
        for text, members in groups.items():
            joined = _parse(text) if len(members) > most else None
            if joined:
                _join(current, joined, members)
    return current


def _join(rules: dict[Rule, Seen], joined: Rule, members: Iterable[Rule]) -> None:
    total = Seen()
    for member in members:
        total.add(rules.pop(member))
    rules[joined] = total


def _without_covered(rules: Mapping[Rule, Seen]) -> Mapping[Rule, Seen]:
    kept = {rule: Seen(seen.count, seen.last, seen.observed, set(seen.statuses)) for rule, seen in rules.items()}
    patterns = sorted((rule for rule in kept if ONE in rule.segments or MANY in rule.segments), key=_reach)
    for rule in sorted(kept, key=_reach, reverse=True):
        # Without a star only GET covers another: HEAD with the same path.
        twin = _parse(f"GET{rule.text.removeprefix('HEAD')}") if rule.method == b"HEAD" else None
        others = (*patterns, twin) if twin else patterns
        cover = next((other for other in others if other in kept and other != rule and _covers(other, rule)), None)
        if cover:
            kept[cover].add(kept.pop(rule))
    return kept


def _reach(rule: Rule) -> tuple[bool, int, bool]:
    """Sort the widest first: an entry is covered by none that comes after it."""
    return MANY not in rule.segments, -rule.segments.count(ONE), rule.method != b"GET"


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Return whether one entry covers all that another does; the stars of the other are compared like any segment."""
    if MANY in narrow.segments and MANY not in wide.segments:
        return False
    return matches(wide, narrow.method, b"/" + b"/".join(narrow.segments))


def _describe(seen: Seen) -> Text:
    parts: list[Text] = [
        Plural("{count} time, last {last}", "{count} times, last {last}", count=seen.count, last=seen.last)
    ]
    if seen.observed:
        parts.append(Text("{count} of them observed: not permitted so far", count=seen.observed))
    if seen.statuses <= REFUSED_BY_API:
        parts.append(Text("answered with {statuses} only", statuses=", ".join(map(str, sorted(seen.statuses)))))
    return joined(parts, "; ")
