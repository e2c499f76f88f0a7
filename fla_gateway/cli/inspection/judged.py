"""Value: a file that was looked into, with how each rule came out.

Owns what counts as a finding. Refuses to know a form.
"""

from __future__ import annotations

from datetime import datetime

from fla_gateway.keys.certificates.rule_report import RuleResult, judge
from fla_gateway.keys.inspected_file import Identity, InspectedFile
from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A file and its judgement.

    Attributes:
        file: what it holds.
        rules: of each identity, in their order.
        now: the time that it was judged by.
    """

    file: InspectedFile
    rules: tuple[tuple[RuleResult, ...], ...]
    now: datetime

    @property
    def identities(self) -> tuple[tuple[Identity, tuple[RuleResult, ...]], ...]:
        """Each identity with its rules."""
        return tuple(zip(self.file.identities, self.rules, strict=True))

    @property
    def is_well(self) -> bool:
        """Whether every rule holds that can be judged, and the file is closed to others."""
        return not self.file.warnings and all(rule.holds is not False for rules in self.rules for rule in rules)


def judged(file: InspectedFile, now: datetime) -> JudgedFile:
    """Judge each identity of a file."""
    rules = tuple(
        judge(it.key, it.certificate, now, foreign=it.foreign, explicit=it.curve, pss=it.pss) for it in file.identities
    )
    return JudgedFile(file, rules, now)
