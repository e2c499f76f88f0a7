"""Rule: the kinds of values that the configuration has beside TOML's own, as annotated types.

Owns what can be judged of one value by itself, whatever key it is under. Refuses to know keys and tables
(`schema`), and most of the sentences that report a fault (`document.schema_errors`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

KEY: Final = "key"
"""In the metadata of a field: its key in the file, where that is no name in Python."""

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
MODE_PATTERN = r"^0?[0-7]{3}$"
# RFC 1123 names, as Kubernetes has them for namespaces and service accounts.
SERVICE_ACCOUNT_PATTERN = r"^[a-z0-9.-]+/[a-z0-9.-]+$"
# RFC 6749, section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
SCOPE_PATTERN = r"^[\x21\x23-\x5B\x5D-\x7E]+$"

EMPTY: Final = Message("value-empty", "must not be empty")

# RFC 5321, section 4.1.2, without quoted local parts and address literals, which no alert needs; and its limits.
MAIL_ADDRESS: Final = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)

_DAY_SECONDS = 86_400
_LAST_MOMENT = 253_402_300_800  # the end of 9999-12-31


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a number, a text or a list has to keep to.

    Attributes:
        gt: a number is greater than this.
        ge: a number is at least this.
        lt: a number is less than this.
        le: a number is at most this.
        min_length: a text or list has at least so many characters or entries.
        pattern: matches the whole of a text.
    """

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    min_length: int = 0
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """Makes a value of another before its type is looked at; raises InvalidValueError."""

    change: Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class After:
    """Makes a value of one that fits its type; raises InvalidValueError."""

    change: Callable[[Any], Any]


def _printable(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise InvalidValueError(
            Message("text-not-printable", "must have no spaces around it, no line breaks and no control characters")
        )
    return text


def _path(value: object) -> Path:
    """TOML has no paths, and a text is none."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise InvalidValueError(Message("path-not-text", "must be the path of a file or directory, in quotes"))
    if "-----BEGIN" in value or not value.isprintable():
        raise InvalidValueError(Message("path-is-content", "must be the path of a file, not what the file holds"))
    if not value:
        raise InvalidValueError(EMPTY)
    return Path(value)


def _mail_address(text: str) -> str:
    if MAIL_ADDRESS.fullmatch(text) is None:
        raise InvalidValueError(
            Message(
                "alert-address-malformed", "must be a mail address in ASCII and nothing else, as in it@company.example"
            )
        )
    return text


def _secret(value: object) -> object:
    """Wrapped before anything can repeat it; what is no text is judged as such."""
    return Secret(value) if isinstance(value, str) else value


def _moment(value: object) -> float:
    """A date lasts until its end; TOML's other times need an offset, since the host's zone may change."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidValueError(
                Message("moment-without-offset", "must have an offset, for example 2027-06-30T18:00:00Z, or be a date")
            )
        moment = value.timestamp()
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), UTC).timestamp() + _DAY_SECONDS
    elif isinstance(value, float):
        moment = value
    else:
        raise InvalidValueError(Message("moment-malformed", "must be a date without quotes, for example 2027-06-30"))
    if not 0 <= moment <= _LAST_MOMENT:
        raise InvalidValueError(Message("moment-out-of-range", "must be a date between 1970 and 9999"))
    return moment


Seconds = Annotated[float, Bounds(gt=0, le=86_400)]
Name = Annotated[str, Bounds(pattern=NAME_PATTERN)]
Text = Annotated[str, Bounds(min_length=1), After(_printable)]
MailAddress = Annotated[str, After(_mail_address)]
SecretText = Annotated[Secret, Before(_secret)]
"""A text that may hold a secret: whatever shows the configuration does not show it."""
FilePath = Annotated[Path, Before(_path)]
Moment = Annotated[float, Before(_moment)]
"""Seconds since the epoch; written as a date, which lasts to its end (UTC), or as a time with an offset."""
Sha256 = Annotated[str, Bounds(pattern=SHA256_PATTERN)]
ScopeToken = Annotated[str, Bounds(pattern=SCOPE_PATTERN)]
