"""Value: a condition that a person has to know, the alerts about it, and the letter that has them.

Owns the shapes and the codes. Refuses to know how a condition is found (`conditions`), when it is said (`ledger`) and
how a letter is written (`mail_message`, `webhook_document`).
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass

Code = Literal[
    "certificate-ends", "listener-certificate-ends", "caller-key-ends", "admin-key-ends", "profile-not-served",
    "no-token", "api-failing", "calls-in-doubt", "reload-refused", "test",
]  # fmt: skip
"""Part of the contract (docs/alerts.md): the same in every language and version."""

State = Literal["raised", "recovered"]
MOST_IN_A_LETTER: Final = 50
"""Alerts that a letter lists; those beyond are counted, and the page and the log have them."""


class Condition(NamedTuple):
    """Something that holds, and that a person has to know.

    Attributes:
        code: what kind of thing.
        subject: which one of its kind: a key, a caller, a profile, an API; empty where there is one only.
        what: what happened, as a sentence; without secrets, personal data and paths.
        command: the one command that leads on.
        cure: what it does, or what else to do, as a sentence.
        profiles: those that are concerned; empty where it is the gateway.
        level: how far it has come: it is said again where it has grown.
        over: what is said when it has ended; empty: nothing.
        since: since when it holds, in seconds since 1970; None: since it was first seen.
        ends: the end that it is about, in seconds since 1970; None where there is none.
    """

    code: Code
    subject: str
    what: Text
    command: str
    cure: Text = NOTHING
    profiles: tuple[str, ...] = ()
    level: int = 1
    over: Text = NOTHING
    since: float | None = None
    ends: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What distinguishes it from others."""
        return self.code, self.subject


class Alert(NamedTuple):
    """What is said of a condition.

    Attributes:
        state: whether it holds, or has ended.
        condition: as it was seen last.
        since: since when it held, in seconds since 1970.
        time: when it was said, in seconds since 1970.
    """

    state: State
    condition: Condition
    since: float
    time: float

    @property
    def text(self) -> Text:
        """What happened."""
        return self.condition.what if self.state == "raised" else self.condition.over


@dataclass(frozen=True, slots=True)
class Letter:
    """Alerts that are sent together: one mail, or one request to the webhook.

    Attributes:
        id: a UUID, the same for each attempt to send it.
        time: when it was made, in seconds since 1970.
        alerts: at least one.
        unlisted: alerts beyond those.
    """

    id: str
    time: float
    alerts: tuple[Alert, ...]
    unlisted: int = 0


class GatewayName(NamedTuple):
    """Who sends alerts.

    Attributes:
        name: of the gateway, as configured; by default that of its host.
        host: name of the machine or container.
        version: of this program.
    """

    name: str
    host: str
    version: str


@dataclass(slots=True)
class AlertNumbers:
    """What metrics say of a way out, since the start of the process.

    Attributes:
        sent: letters that were taken.
        failures: attempts that failed.
        lost: letters that were given up.
        waiting: letters that wait now.
    """

    sent: int = 0
    failures: int = 0
    lost: int = 0
    waiting: int = 0
