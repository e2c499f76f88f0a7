"""Rule: which profiles the page shows in full, which in one line, and which not.

Owns the filters of the page's address and the order of many profiles. Refuses to know how either is drawn. Everything
is a link: the page works without a script, and sends no form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from fla_gateway.admin.status.health import Level
from fla_gateway.admin.status.profile_status import ProfileStatus
from fla_gateway.lean_dataclass import dataclass

FEW: Final = 24
"""Profiles that are all shown in full; of more, these at most, the most serious first."""
_LONGEST: Final = 64
_SERIOUS: Final = (Level.BAD, Level.ATTENTION)

Judged = tuple[ProfileStatus, Level]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reader has chosen; empty texts choose everything.

    Attributes:
        level: a value of `Level`.
        environment: name of an environment.
        profile: name of a profile.
    """

    level: str = ""
    environment: str = ""
    profile: str = ""

    def has(self, profile: ProfileStatus, level: Level) -> bool:
        """Whether a profile is chosen."""
        return (
            self.level in {"", level.value}
            and self.environment in {"", profile.environment}
            and self.profile in {"", profile.name}
        )


def read_selection(query: Mapping[str, str]) -> Selection:
    """Read the query of the page's address; what is too long to be a name chooses everything."""
    level, environment, profile = (query.get(name, "") for name in ("level", "environment", "profile"))
    return Selection(*(text if len(text) <= _LONGEST else "" for text in (level, environment, profile)))


def arrange(profiles: Sequence[Judged], selection: Selection) -> tuple[list[Judged], list[Judged]]:
    """Choose profiles.

    Args:
        profiles: all of them, in the configuration's order.
        selection: what the reader has chosen.

    Returns:
        Those that are shown in full, and those that are shown in one line.
    """
    chosen = [one for one in profiles if selection.has(*one)]
    if len(chosen) <= FEW:
        return chosen, []
    serious = _by(chosen, lambda one: one[1], _SERIOUS)[:FEW]
    names = {profile.name for profile, _ in serious}
    return serious, [one for one in chosen if one[0].name not in names]


def _by(items: Sequence[T], of: Callable[[T], Level], order: Sequence[Level]) -> list[T]:
    return [item for level in order for item in items if of(item) is level]
