"""Rule: the kinds of values that the configuration has beside TOML's own, as types for pydantic.

Owns what can be judged of one value by itself, whatever key it is under. Refuses to know keys and tables
(`schema`), and most of the sentences that report a fault (`document.schema_errors`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
MODE_PATTERN = r"^0?[0-7]{3}$"
# RFC 1123 names, as Kubernetes has them for namespaces and service accounts.
SERVICE_ACCOUNT_PATTERN = r"^[a-z0-9.-]+/[a-z0-9.-]+$"
# RFC 6749, section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
SCOPE_PATTERN = r"^[\x21\x23-\x5B\x5D-\x7E]+$"

EMPTY: Final = Message("value-empty", "must not be empty")

_DAY_SECONDS = 86_400
_LAST_MOMENT = 253_402_300_800  # the end of 9999-12-31


def _printable(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise InvalidValueError(
            Message("text-not-printable", "must have no spaces around it, no line breaks and no control characters")
        )
    return text


def _path(value: object) -> Path:
    """TOML has no paths, and strict pydantic takes no text for one."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise InvalidValueError(Message("path-not-text", "must be the path of a file or directory, in quotes"))
    if "-----BEGIN" in value or not value.isprintable():
        raise InvalidValueError(Message("path-is-content", "must be the path of a file, not what the file holds"))
    if not value:
        raise InvalidValueError(EMPTY)
    return Path(value)


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


Seconds = Annotated[float, Field(gt=0, le=86_400)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_printable)]
FilePath = Annotated[Path, BeforeValidator(_path)]
Moment = Annotated[float, BeforeValidator(_moment)]
"""Seconds since the epoch; written as a date, which lasts to its end (UTC), or as a time with an offset."""
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
ScopeToken = Annotated[str, StringConstraints(pattern=SCOPE_PATTERN)]
