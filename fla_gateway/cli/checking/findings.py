"""Value: what `fla-gateway check` finds, as a line for people and as a member of JSON.

Owns both forms, which are part of the public contract (docs/commands.md). Refuses to find anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fla_gateway.errors import Fault, with_cure
from fla_gateway.i18n.message import Message, Text


class Finding(NamedTuple):
    """One thing that deserves a look.

    Attributes:
        text: the line.
        fault: what the line says, taken apart.
        grave: whether it keeps something from being served; the others are warnings.
    """

    text: Text
    fault: Fault
    grave: bool = False

    @classmethod
    def warning(cls, fault: Fault) -> Finding:
        """Make a warning with its place."""
        return cls(Text("warning: {fault}", fault=fault.located), fault)

    @classmethod
    def obstacle(cls, fault: Fault) -> Finding:
        """Make what `run` would stop at."""
        return cls(Text("would not start: {fault}", fault=fault.located), fault, grave=True)

    @classmethod
    def of_key(cls, path: str, message: Message, cure: Text, *, label: Text, grave: bool = False) -> Finding:
        """Make what is said of a key below its profile, whose name is above it.

        Args:
            path: of the key in the configuration.
            message: what is wrong, or deserves a look.
            cure: what to do about it.
            label: begins the line; it says which part of the key is meant.
            grave: whether it keeps the profile from being served.
        """
        fault = Fault(path, message, cure)
        return cls(Text("{label}: {message}", label=label, message=with_cure(message, cure)), fault, grave)

    def located(self, locate: Callable[[Fault], Fault]) -> Finding:
        """Add file and line to what is said below a profile; its line stays as it is."""
        return self._replace(fault=locate(self.fault))


def document(file: Path | None, faults: Sequence[Fault], findings: Sequence[Finding], *, ok: bool) -> dict[str, Any]:
    """Write what was found as the members of a JSON object.

    Args:
        file: the configuration; None if there is none.
        faults: why it cannot be used; then there is nothing else.
        findings: of a configuration that can be used.
        ok: whether the exit code is 0.
    """
    errors = [_member("error", fault) for fault in faults]
    others = [_member("error" if it.grave else "warning", it.fault) for it in findings]
    return {"ok": ok, "file": None if file is None else str(file.absolute()), "findings": [*errors, *others]}


def _member(level: str, fault: Fault) -> dict[str, Any]:
    return {"level": level, **fault.members()}
