"""The one family of errors.

Owns the root and the kinds of blame: the configuration, a key, a request that is answered with a problem. Refuses to
know HTTP: which status a problem has is decided by the table in `problems`. No error of this family ever holds a
secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final


class GatewayError(Exception):
    """Root of everything that this program raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in the configuration.

    Attributes:
        place: file and path in the file, for example ``gateway.toml: profiles.employer.environment``.
        message: what is wrong, without the value of a secret.
        cure: what to do about it; empty if the message says it.
    """

    place: str
    message: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.cure})" if self.cure else "")


class ConfigurationError(GatewayError):
    """The configuration cannot be used; carries every fault found, not only the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class InUseError(ConfigurationError):
    """Another process has an address or the journal of the configuration; the same start may succeed later."""


class ReloadRefusedError(GatewayError):
    """A reload is not applied, and the former configuration stays in force; carries every fault found."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class UnusableKeyError(GatewayError):
    """A key or certificate cannot be used: unreadable, or against a rule of the channel.

    Attributes:
        message: what is wrong, in words for a person who is no cryptographer.
        cure: what to do about it.
        valid_from: the moment from which it can be used without anything being done, or None.
    """

    def __init__(self, message: str, cure: str, valid_from: datetime | None = None) -> None:
        super().__init__(f"{message} ({cure})" if cure else message)
        self.message = message
        self.cure = cure
        self.valid_from = valid_from


_TRANSIENT: Final = frozenset({"token-unreachable", "token-timeout", "token-throttled", "token-failed"})
"""Codes whose cause may pass within seconds, unless the place that raises one says otherwise."""


class ProblemError(GatewayError):
    """A request ends with an answer of the gateway's own (RFC 9457).

    Attributes:
        code: a code of `problems.PROBLEMS`.
        detail: what happened and what to do; printable, bounded, without secrets.
        retry_after: whole seconds for the Retry-After field, or None.
        transient: whether the same attempt may succeed within seconds: a failure of the network, a 5xx, a 429.
    """

    def __init__(
        self, code: str, detail: str, retry_after: int | None = None, *, transient: bool | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.transient = code in _TRANSIENT if transient is None else transient


class JournalError(GatewayError):
    """The audit journal cannot be read or written; says which file and why."""
