"""Rule: a letter as JSON, in the form of docs/alerts.md.

Owns names and order of the members, which are a contract. Refuses to send.
"""

from __future__ import annotations

import json
from typing import Any, Final

from fla_gateway.i18n.catalogues import Spoken
from fla_gateway.observe.alerts.alert import Alert, GatewayName, Letter
from fla_gateway.observe.alerts.wording import both_times, subject, utc

VERSION: Final = 1


def write(letter: Letter, gateway: GatewayName, spoken: Spoken) -> bytes:
    """Write the document, as UTF-8.

    Args:
        letter: the alerts.
        gateway: who sends them.
        spoken: the language of the texts; codes and names are the same in each.
    """
    document = {
        "version": VERSION,
        "id": letter.id,
        "time": utc(letter.time),
        "gateway": gateway._asdict(),
        "language": spoken.language,
        "text": _summary(letter, gateway, spoken),
        "alerts": [_members(it, spoken) for it in letter.alerts],
        "unlisted": letter.unlisted,
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _summary(letter: Letter, gateway: GatewayName, spoken: Spoken) -> str:
    """Write all of it as text: what a chat shows."""
    lines = (f"{it.text.translated(spoken.catalogue)} {_command(it)}".strip() for it in letter.alerts)
    return "\n".join((subject(letter, gateway), *lines))


def _command(alert: Alert) -> str:
    return alert.condition.command if alert.state == "raised" else ""


def _members(alert: Alert, spoken: Spoken) -> dict[str, Any]:
    condition = alert.condition
    return {
        "code": condition.code,
        "state": alert.state,
        "subject": condition.subject,
        "profiles": list(condition.profiles),
        "since": utc(alert.since),
        "since_local": both_times(alert.since),
        "ends": None if condition.ends is None else utc(condition.ends),
        "text": alert.text.translated(spoken.catalogue),
        "command": condition.command,
        "cure": condition.cure.translated(spoken.catalogue),
    }
