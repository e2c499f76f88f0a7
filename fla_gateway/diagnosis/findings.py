"""Value: what one check found, and what follows from several.

Owns the verdicts and the branches in which checks depend on each other. Refuses to check anything, and to print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.phase_timer import Phase

Verdict = Literal["ok", "warning", "fatal", "skipped"]
VERDICT_WORDS: Final[Mapping[Verdict, Text]] = {
    "ok": Text("ok"),
    "warning": Text("warning"),
    "fatal": Text("FATAL"),
    "skipped": Text("skipped"),
}
"""What people read; in JSON the verdicts themselves."""
Branch = Literal["machine", "token-server", "token", "api"]
BRANCHES: Final[dict[Branch, Text]] = {
    "machine": Text("This machine"),
    "token-server": Text("The way to the token server"),
    "token": Text("The token"),
    "api": Text("The way to the API"),
}
"""In the order in which they are checked; a fatal finding of one keeps later ones from being checked."""
HOPS: Final[dict[Phase, tuple[str, Text]]] = {
    "dns": ("name", Text("The name is resolved")),
    "tcp": ("tcp", Text("A TCP connection is accepted")),
    "proxy": ("proxy", Text("The corporate proxy opens a tunnel")),
    "tls": ("tls", Text("The server proves who it is (TLS)")),
}
"""Code and description of the check of each hop, by the phase of a connection."""
_PAGE: Final = "docs/doctor.md"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        code: says which, in every language and version.
        branch: what it belongs to.
        description: what was checked.
        verdict: what came of it.
        seen: what was seen, or why nothing was.
        cause: what causes it; a guess is called one.
        cure: what to do, and who can do it.
        rules_out: what is no cause any more.
        seconds: how long it took, where that means something.
        shared: what a help desk may read of `seen`: no path, and no name or address of the company's network.
    """

    code: str
    branch: Branch
    description: Text
    verdict: Verdict
    seen: Text
    cause: Text = NOTHING
    cure: Text = NOTHING
    rules_out: Text = NOTHING
    seconds: float | None = None
    shared: Text = NOTHING

    @property
    def anchor(self) -> str:
        """Where the documentation explains it."""
        return f"{_PAGE}#{self.code}"

    def members(self) -> dict[str, Any]:
        """Write it as the members of a JSON object."""
        return {
            "code": self.code,
            "branch": self.branch,
            "description": str(self.description),
            "verdict": self.verdict,
            "seen": str(self.seen),
            "cause": str(self.cause),
            "cure": str(self.cure),
            "rules_out": str(self.rules_out),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "anchor": self.anchor,
        }


def worst(checks: Iterable[Check]) -> Check | None:
    """Choose what to look at first: the first fatal finding, else the first warning; None where nothing was found."""
    found = [it for it in checks if it.verdict in {"warning", "fatal"}]
    return min(found, key=lambda it: it.verdict != "fatal", default=None)


def is_fatal(checks: Iterable[Check]) -> bool:
    """Whether a check found what keeps the profile from being served."""
    return any(it.verdict == "fatal" for it in checks)


def nothing_to_say(checks: Iterable[Check]) -> bool:
    """Whether every check was fine, or was skipped with a reason."""
    return all(it.verdict in {"ok", "skipped"} for it in checks)


def skip(code: str, branch: Branch, description: Text, reason: Text) -> Check:
    """Make a check that was not carried out.

    Args:
        code: of the check.
        branch: which leg it belongs to.
        description: what would have been looked at.
        reason: why it was not; it names nothing that a help desk may not read.
    """
    return Check(code, branch, description, "skipped", reason, shared=reason)


def ruled_out(checks: Sequence[Check]) -> tuple[Text, ...]:
    """Give what is no cause, of the checks that were fine, in their order and once each."""
    return tuple(dict.fromkeys(it.rules_out for it in checks if it.verdict == "ok" and it.rules_out))
