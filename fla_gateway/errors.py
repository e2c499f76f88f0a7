"""The one family of errors that reach people.

Owns the root and the kinds of blame: the configuration, a key, a request that is answered with a problem. Outside of it
are the errors of `http1` and of the sandbox, which know nothing of this program, and those that a module raises for its
callers alone, who make one of these of them. Refuses to know HTTP: which status a problem has is decided by the table
in `problems`. No error of this family ever holds a secret.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Final

from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.lean_dataclass import dataclass


class GatewayError(Exception):
    """Root of everything that this program raises for a person to read."""

    @property
    def text(self) -> str:
        """What a person reads; a `Text` where the error was made of one."""
        first = self.args[0] if self.args else ""
        return first if isinstance(first, str) else str(self)


def reason_of(error: OSError) -> str:
    """Say why a file or socket failed: a `Text` where this program raised it, else the operating system's own words."""
    return error.strerror or type(error).__name__


def with_cure(message: Text, cure: Text) -> Text:
    """Put what is wrong and what to do about it into one sentence."""
    return Text("{message} ({cure})", message=message, cure=cure) if cure else message


def position_of(file: str, line: int | None, path: str) -> str:
    """Write where something is in a configuration, as far as that is known: ``gateway.toml:12: admin.listen``.

    Args:
        file: empty where it is not known.
        line: in that file, from 1; None where it is not known.
        path: of the key; empty for the whole file.
    """
    where = f"{file}:{line}" if file and line else file
    return ": ".join(part for part in (where, path) if part)


class InvalidValueError(ValueError):
    """A value of the configuration breaks a rule that it can be judged by alone.

    Attributes:
        message: which rule; the value itself, which may hold a secret, is not in it.
    """

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in the configuration.

    Attributes:
        path: path in the file, for example ``profiles.employer.environment``; empty if the whole file is meant.
        message: what is wrong, without the value of a secret.
        cure: what to do about it; empty if the message says it.
        file: name of the file, for example ``gateway.toml``; empty where it is not known, or no file is to blame.
        line: of the file, from 1; 0 where that is not sure. No part of what makes two faults the same.
    """

    path: str
    message: Message
    cure: Text = NOTHING
    file: str = ""
    line: int = field(default=0, compare=False)

    @property
    def code(self) -> str:
        """Says what is wrong to a program: the same in every language and version."""
        return self.message.code

    @property
    def place(self) -> str:
        """File and path in the file, for people."""
        return ": ".join(part for part in (self.file, self.path) if part)

    @property
    def position(self) -> str:
        """Its place, with the number of the line of the file."""
        return position_of(self.file, self.line, self.path)

    def members(self, spoken: Spoken = ENGLISH) -> dict[str, str | int | None]:
        """Return it as JSON has it, wherever that is written; `line` is null where it is not sure.

        Args:
            spoken: the language of message and cure.
        """
        return {
            "code": self.code,
            "path": self.path,
            "file": self.file,
            "line": self.line or None,
            "message": self.message.translated(spoken.catalogue),
            "cure": self.cure.translated(spoken.catalogue),
        }

    @property
    def located(self) -> Text:
        """All of it in a line, as `str` has it, with the number of the line of the file."""
        sentence = with_cure(self.message, self.cure)
        return Text("{place}: {message}", place=self.position, message=sentence) if self.position else sentence

    def __str__(self) -> str:
        sentence = with_cure(self.message, self.cure)
        return f"{self.place}: {sentence}" if self.place else sentence


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


class SettlementRefusedError(GatewayError):
    """Doubts are not settled, none of them; carries each request that cannot be, in the place of a path."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class UnusableKeyError(GatewayError):
    """A key or certificate cannot be used: unreadable, or against a rule of the channel.

    Attributes:
        message: what is wrong, in words for a reader who is no cryptographer.
        cure: what to do about it.
        valid_from: the moment from which it can be used without anything being done, or None.
    """

    def __init__(self, message: Message, cure: Text, valid_from: datetime | None = None) -> None:
        super().__init__(with_cure(message, cure))
        self.message = message
        self.cure = cure
        self.valid_from = valid_from


_TRANSIENT: Final = frozenset({"token-unreachable", "token-timeout", "token-throttled", "token-failed"})
"""Codes whose cause may pass within seconds, unless the place that raises one says otherwise."""


class ProblemError(GatewayError):
    """A request ends with an answer of the gateway's own (RFC 9457).

    Attributes:
        code: a code of `problems.PROBLEMS`.
        detail: what happened and what to do; without secrets.
        retry_after: whole seconds for the Retry-After field, or None.
        transient: whether the same attempt may succeed within seconds: a failure of the network, a 5xx, a 429.
    """

    def __init__(
        self, code: str, detail: Text, retry_after: int | None = None, *, transient: bool | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.transient = code in _TRANSIENT if transient is None else transient


class NoThreadError(GatewayError):
    """The system gives no thread, without which the process cannot go on; it may have one a moment later."""


class JournalError(GatewayError):
    """The audit journal cannot be read or written; says which file and why."""
