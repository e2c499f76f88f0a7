"""Admits requests of the callers of one configuration, with a cache of what has been judged already.

Owns what is remembered of earlier requests, and for how long. Refuses to judge anything itself: `proofs` maps a proof
to a caller, `authorization.allow_list` decides what that caller may do. Both results depend on little and are needed
for every request, so they are looked up; a wrong credential is never remembered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from fla_gateway.access.authentication.caller import Admission, Peer, Presented
from fla_gateway.access.authentication.proofs import (
    MISSING,
    REFUSED,
    Evidence,
    Proven,
    ServiceAccounts,
    known_digest,
    prove,
    requirement,
)
from fla_gateway.access.authorization.allow_list import Rule, judge, parse_observe, parse_rule
from fla_gateway.access.bounded_cache import MemoryLimit
from fla_gateway.access.refusal import Refusal
from fla_gateway.clock import Clock
from fla_gateway.config.rules.caller_rules import LONGEST_OBSERVED
from fla_gateway.config.schema import CallerTable
from fla_gateway.i18n.message import Text

LONGEST_REMEMBERED: Final = 512
"""Bytes of a method and a path that are remembered."""
# Bytes of an entry beside the text of its question; measured.
_PROOF_ENTRY: Final = 700
_VERDICT_ENTRY: Final = 600
TRUSTED_SECONDS: Final = 60.0
"""After this, and at the moment when a proof or an observation ends, it is judged anew: the host's clock may step."""

_NO_PEER: Final = Peer()
_PROFILE_NOT_ALLOWED: Final = Refusal(
    "caller-not-permitted",
    Text(
        "This caller is permitted nothing in this profile. Add the profile to [callers.NAME.allow] in the "
        "configuration, with the requests that it needs."
    ),
)


class Identity:
    """A caller by one of its proofs, and what it may do.

    Attributes:
        name: the caller's.
        proof: how the caller was proven, in the words of `Admission`.
        admission: the same, for a request that has not been permitted yet.
        judged_until: moment up to which what was permitted stays so, by `Clock.monotonic`.
    """

    __slots__ = ("_admissions", "_clock", "_memory", "_observe_until", "_observed", "_observing", "_rules", "_verdicts",
                 "admission", "judged_until", "name", "proof")  # fmt: skip

    def __init__(
        self,
        proven: Proven,
        rules: Mapping[str, tuple[Rule, ...]],
        observed: Mapping[str, frozenset[bytes]],
        observe_until: float | None,
        clock: Clock,
        memory: MemoryLimit,
    ) -> None:
        """Take the caller, and its rules by profile.

        Args:
            proven: caller and proof.
            rules: those of each profile that the caller may use.
            observed: methods of each profile that has no rules, and is observed instead.
            observe_until: moment up to which the rules are not enforced, in seconds since the epoch, or None.
            clock: the time.
            memory: limit of what is remembered.
        """
        self._memory = memory
        self.name = proven.caller
        self.proof = proven.proof
        self.admission = Admission(proven.caller, proven.proof)
        self._rules = rules
        self._observed = observed
        self._observe_until = observe_until
        self._clock = clock
        self._observing = False
        self.judged_until = -math.inf
        self._verdicts: dict[tuple[str, bytes, bytes], Admission | Refusal] = {}
        # Made once, so that a record of a request costs nothing.
        self._admissions: dict[tuple[str, bool], Admission] = {}

    @property
    def profiles(self) -> Iterable[str]:
        """Names of the profiles that it may use."""
        return (*self._rules, *self._observed)

    def permit(self, profile: str, method: bytes, path: bytes, now: float) -> Admission | Refusal:
        """Judge one request of the caller.

        Args:
            profile: name of the profile that it is for.
            method: as written in the request line.
            path: as it is forwarded, without its query.
            now: `Clock.monotonic`.
        """
        if now >= self.judged_until:
            self._begin(now)
        key = (profile, method, path)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._judge(profile, method, path)
            if len(method) + len(path) <= LONGEST_REMEMBERED:
                self._memory.remember(self._verdicts, key, verdict, _VERDICT_ENTRY + len(path))
        return verdict

    def _begin(self, now: float) -> None:
        """Forget what depends on the time, which without `observe_until` is nothing."""
        self.judged_until = math.inf
        if self._observe_until is not None:
            left = self._observe_until - self._clock.wall()
            self._observing = left > 0
            self.judged_until = now + (min(left, TRUSTED_SECONDS) if left > 0 else TRUSTED_SECONDS)
            self._verdicts.clear()

    def _judge(self, profile: str, method: bytes, path: bytes) -> Admission | Refusal:
        rules = self._rules.get(profile)
        if not rules:
            return self._observe(profile, method, path)
        rule = judge(rules, method, path)
        if isinstance(rule, Rule):
            return self._admission(rule.text, observed=False)
        if self._observing and rule.code == "caller-not-permitted":
            return self._admission("", observed=True)
        return rule

    def _observe(self, profile: str, method: bytes, path: bytes) -> Admission | Refusal:
        """Judge a request to a profile without rules: what is observed is let through, if it can be read in one way."""
        methods = self._observed.get(profile)
        if methods is None or not self._observing or self._too_early():
            return _PROFILE_NOT_ALLOWED
        refusal = judge((), method, path)
        if isinstance(refusal, Refusal) and (refusal.code != "caller-not-permitted" or method not in methods):
            return refusal
        return self._admission("", observed=True)

    def _too_early(self) -> bool:
        """Return whether the end is further ahead than a profile without rules may be observed."""
        return self._observe_until is not None and self._observe_until - self._clock.wall() > LONGEST_OBSERVED

    def _admission(self, rule: str, *, observed: bool) -> Admission:
        admission = self._admissions.get((rule, observed))
        if admission is None:
            admission = self._admissions[rule, observed] = Admission(self.name, self.proof, rule, observed)
        return admission


class Authenticator:
    """The callers of one configuration."""

    __slots__ = ("_callers", "_clock", "_digests", "_identities", "_known", "_memory", "_overflow_gid",
                 "_overflow_uid", "_requirements", "_rules", "_service_accounts")  # fmt: skip

    def __init__(
        self,
        callers: Mapping[str, CallerTable],
        service_accounts: ServiceAccounts | None,
        clock: Clock,
        overflow_uid: int,
        overflow_gid: int,
        memory: MemoryLimit | None = None,
    ) -> None:
        """Take the callers.

        Args:
            callers: tables by name, without faults.
            service_accounts: verifier of their tokens; None where none are accepted.
            clock: the time.
            overflow_uid: what the kernel reports for a user id that has no counterpart here; proves no caller.
            overflow_gid: the same for group ids.
            memory: limit of what is remembered, shared with the request readers; None: one of its own.

        Raises:
            ValueError: an entry of `allow` is malformed, which the configuration's faults would have reported.
        """
        self._memory = memory or MemoryLimit()
        self._callers = callers
        self._service_accounts = service_accounts
        self._clock = clock
        self._overflow_uid = overflow_uid
        self._overflow_gid = overflow_gid
        self._requirements = tuple(requirement(name, table) for name, table in callers.items())
        self._digests = tuple({digest: None for needed in self._requirements for digest in needed.keys})
        self._rules = {name: _rules(table) for name, table in callers.items()}
        self._identities: dict[tuple[str, str], Identity] = {}
        self._known: dict[tuple[str | None, Peer | None], tuple[Identity, float]] = {}

    def identify(self, presented: Presented | None, peer: Peer | None, now: float) -> Identity | Refusal:
        """Identify the caller of a request.

        Args:
            presented: the credential of the request, or None.
            peer: what the connection proves, or None.
            now: `Clock.monotonic`.
        """
        if presented is not None and presented.key_sha256 is None and presented.token is None:
            return REFUSED
        key = (_shown(presented), peer)
        known = self._known.get(key)
        if known is not None and now < known[1]:
            return known[0]
        return self._identify(presented, key, now)

    def trusted_until(self, presented: Presented | None, peer: Peer | None) -> float:
        """Return the moment up to which the result of `identify` for a proof holds, by `Clock.monotonic`.

        Args:
            presented: the credential of the request, or None.
            peer: what the connection proves, or None.
        """
        known = self._known.get((_shown(presented), peer))
        return -math.inf if known is None else known[1]

    def _identify(
        self, presented: Presented | None, key: tuple[str | None, Peer | None], now: float
    ) -> Identity | Refusal:
        self._known.pop(key, None)
        wall = self._clock.wall()
        evidence = self._evidence(presented, key[1] or _NO_PEER, wall)
        if isinstance(evidence, Refusal):
            return evidence
        proven = prove(self._requirements, evidence, wall)
        if proven is None:
            return MISSING if presented is None else REFUSED
        identity = self._identity(proven)
        until = now + min(TRUSTED_SECONDS, proven.expires - wall)
        self._memory.remember(self._known, key, (identity, until), _size(key))
        return identity

    def _evidence(self, presented: Presented | None, peer: Peer, wall: float) -> Evidence | Refusal:
        evidence = Evidence(
            uid=None if peer.uid == self._overflow_uid else peer.uid,
            gid=None if peer.gid == self._overflow_gid else peer.gid,
            # RFC 5280, section 4.1.2.5: the validity period includes both of its ends.
            certificate_names=peer.certificate_names if peer.not_before <= wall <= peer.not_after else frozenset(),
            certificate_expires=peer.not_after,
        )
        if presented is None:
            return evidence
        if presented.key_sha256 is not None:
            digest = known_digest(self._digests, presented.key_sha256)
            return REFUSED if digest is None else evidence._replace(key=digest)
        if presented.token is None or self._service_accounts is None:
            return REFUSED
        verified = self._service_accounts.verify(presented.token, wall)
        if isinstance(verified, Refusal):
            # The caller learns that no token can be verified at all, but never what is wrong with its own.
            return REFUSED if verified.code == REFUSED.code else verified
        return evidence._replace(service_account=verified[0], expires=verified[1])

    def _identity(self, proven: Proven) -> Identity:
        """Return the one object for a caller and a proof; their number is bounded by the configuration."""
        key = (proven.caller, proven.proof)
        identity = self._identities.get(key)
        if identity is None:
            table = self._callers[proven.caller]
            rules, observed = self._rules[proven.caller], _observed(table)
            identity = self._identities[key] = Identity(
                proven, rules, observed, table.observe_until, self._clock, self._memory
            )
        return identity


def _shown(presented: Presented | None) -> str | None:
    """Return what distinguishes one credential from all others: a digest and a token never look alike."""
    if presented is None:
        return None
    return presented.key_sha256 or (presented.token.reveal() if presented.token is not None else None)


def _size(key: tuple[str | None, Peer | None]) -> int:
    shown, peer = key
    names = () if peer is None else peer.certificate_names
    return _PROOF_ENTRY + len(shown or "") + sum(map(len, names))


def _rules(table: CallerTable) -> dict[str, tuple[Rule, ...]]:
    lists = {profile: entries for profile, entries in table.allow.items() if parse_observe(entries) is None}
    return {profile: tuple(map(parse_rule, entries)) for profile, entries in lists.items()}


def _observed(table: CallerTable) -> dict[str, frozenset[bytes]]:
    found = {profile: parse_observe(entries) for profile, entries in table.allow.items()}
    return {profile: methods for profile, methods in found.items() if methods is not None}
