"""Scripted faults: what goes wrong next, how often and until when.

Owns the kinds of faults and their bookkeeping. Refuses to know how a fault looks on the wire; that belongs to the
token endpoint and to the API gate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from fla_gateway.sandbox.errors import SandboxError

TOKEN_KINDS: Final = (
    "down",
    "slow",
    "429",
    "500",
    "503",
    "invalid_client",
    "wrong-clock",
    "empty",
    "html",
    "malformed",
    "line-break",
    "redirect",
)
API_KINDS: Final = (
    "down",
    "slow",
    "401-expired",
    "401-storm",
    "403-missing-scope",
    "429",
    "500",
    "503",
    "cut-body",
)
DELAY, RETRY_AFTER, OFFSET, STATUS = 3.0, 1, 3_600.0, 400
BOUNDS: Final = {
    "count": (1, 1_000_000),
    "seconds": (0, 86_400),
    "delay": (0, 600),
    "retry_after": (0, 86_400),
    "offset": (-1_000_000, 1_000_000),
    "status": (400, 599),
}
"""The numbers that an object may hold, each with its least and its greatest value."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault.

    Attributes:
        kind: a word of `TOKEN_KINDS` or `API_KINDS`.
        count: how many more requests it hits; None: every one.
        until: `Clock.monotonic` at which it ends; None: never by itself.
        delay: seconds that ``slow`` waits.
        retry_after: seconds in Retry-After of ``429`` and ``503``; 0 leaves the field out.
        offset: seconds by which ``wrong-clock`` is ahead of the true time.
        status: status code of ``invalid_client``.
        path: only requests whose path begins so are hit (API faults).
    """

    kind: str
    count: int | None = None
    until: float | None = None
    delay: float = DELAY
    retry_after: int = RETRY_AFTER
    offset: float = OFFSET
    status: int = STATUS
    path: str = "/"


class FaultPlan:
    """The fault of one side (token server or APIs), if there is one."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._kinds = kinds
        self._fault: Fault | None = None

    def script(self, wish: object, now: float) -> None:
        """Set the fault from its JSON form: None, a kind, or an object with `kind` and attributes of `Fault`.

        ``seconds`` in the object ends the fault that many seconds after `now` (`Clock.monotonic`).

        Raises:
            SandboxError: the wish is not understood; the fault stays as it was.
        """
        self._fault = read_fault(wish, self._kinds, now)

    def take(self, path: str, now: float) -> Fault | None:
        """Give the fault that hits a request for `path`, counting it."""
        fault = self.current(now)
        if fault is None or not path.startswith(fault.path):
            return None
        if fault.count is not None:
            self._fault = replace(fault, count=fault.count - 1) if fault.count > 1 else None
        return fault

    def current(self, now: float) -> Fault | None:
        """Give the fault in force, without counting."""
        if self._fault is not None and self._fault.until is not None and self._fault.until <= now:
            self._fault = None
        return self._fault

    def describe(self, now: float) -> dict[str, Any] | None:
        """Give the fault in force for `/state`."""
        fault = self.current(now)
        return None if fault is None else asdict(fault)


def read_fault(wish: object, kinds: tuple[str, ...], now: float) -> Fault | None:
    """Read a fault from its JSON form.

    Args:
        wish: a kind, an object with `kind` and attributes of `Fault`, or None.
        kinds: those that the side knows.
        now: `Clock.monotonic`, from which ``seconds`` counts.

    Raises:
        SandboxError: the wish is not understood.
    """
    if wish is None:
        return None
    members = {"kind": wish} if isinstance(wish, str) else wish
    if not isinstance(members, dict):
        raise SandboxError("a fault is null, a kind, or an object with the member kind")
    kind = members.get("kind")
    if kind not in kinds:
        raise SandboxError(f"kind must be one of {', '.join(kinds)}")
    path = members.get("path", "/")
    if not isinstance(path, str):
        raise SandboxError("path must be the beginning of a path")
    numbers = {name: _number(name, value) for name, value in members.items() if name not in {"kind", "path"}}
    seconds = numbers.pop("seconds", None)
    # One expired token is the interesting case; a storm has a kind of its own.
    count = int(numbers.pop("count", 1 if kind == "401-expired" else 0)) or None
    return Fault(
        kind=kind,
        count=count,
        until=None if seconds is None else now + seconds,
        delay=numbers.get("delay", DELAY),
        retry_after=int(numbers.get("retry_after", RETRY_AFTER)),
        offset=numbers.get("offset", OFFSET),
        status=int(numbers.get("status", STATUS)),
        path=path,
    )


def _number(name: str, value: object) -> float:
    if name not in BOUNDS:
        raise SandboxError(f"{name} is not a member of a fault; known are kind, path, {', '.join(BOUNDS)}")
    least, most = BOUNDS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise SandboxError(f"{name} must be a number from {least} to {most}")
    return float(value)
