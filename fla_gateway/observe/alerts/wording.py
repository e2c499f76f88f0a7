"""Rule: alerts in the words of a language, for mails and webhooks alike.

Owns times for people, the lines of an alert and the subject. Refuses to know mails and JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from fla_gateway.i18n.catalogues import Spoken
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.observe.alerts.alert import Alert, GatewayName, Letter

_LONGEST_SUBJECT: Final = 200
_WORDS: Final = {"raised": "ALERT", "recovered": "OK"}


def utc(moment: float) -> str:
    """Write a time as RFC 3339 has it, to the second."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def both_times(moment: float) -> str:
    """Write a time as the clock of the host's place shows it, and in UTC."""
    return f"{datetime.fromtimestamp(moment, UTC).astimezone():%Y-%m-%d %H:%M:%S %z} ({utc(moment)})"


def subject(letter: Letter, gateway: GatewayName) -> str:
    """Write a subject that sorts: a fixed beginning, the gateway, the state, the code, what it concerns.

    It is the same in every language, so that filters go on working; line breaks and control characters of a name are
    made visible.
    """
    states = {it.state for it in letter.alerts}
    state = _WORDS["raised" if "raised" in states else "recovered"]
    first = letter.alerts[0].condition
    number = len(letter.alerts) + letter.unlisted
    about = (
        f"{first.code} {' '.join(first.profiles) or first.subject}"
        if number == 1
        else f"{number} {', '.join(dict.fromkeys(it.condition.code for it in letter.alerts))}"
    )
    return one_line(f"[fla-gateway] {gateway.name} {state} {about}".strip())[:_LONGEST_SUBJECT]


def one_line(text: str) -> str:
    """Make what is not printable visible, line breaks among it: nothing of a text can end a line."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def body(letter: Letter, gateway: GatewayName, spoken: Spoken) -> str:
    """Write all alerts of a letter as plain text.

    Args:
        letter: the alerts.
        gateway: who sends them.
        spoken: the language.
    """
    blocks = ["\n".join(_block(it, gateway, spoken)) for it in letter.alerts]
    if letter.unlisted:
        more = Plural(
            "{count} more is on the status page and in the log.",
            "{count} more are on the status page and in the log.",
            count=letter.unlisted,
        )
        blocks.append(more.translated(spoken.catalogue))
    end = Text("Written by fla-gateway {version}, which reads no answer.", version=gateway.version)
    return "\n\n\n".join([*blocks, f"-- \n{end.translated(spoken.catalogue)}"]) + "\n"


def _block(alert: Alert, gateway: GatewayName, spoken: Spoken) -> Iterator[str]:
    yield one_line(alert.text.translated(spoken.catalogue))
    yield ""
    for label, value in _rows(alert, gateway):
        yield one_line(Text("{label}: {value}", label=label, value=value).translated(spoken.catalogue))
    if alert.state == "raised":
        condition = alert.condition
        if condition.command:
            to_do = Text("What to do: {command}", command=condition.command)
            yield one_line(to_do.translated(spoken.catalogue))
        if condition.cure:
            yield one_line(condition.cure.translated(spoken.catalogue))


def _rows(alert: Alert, gateway: GatewayName) -> Iterator[tuple[Text, str]]:
    condition = alert.condition
    yield Text("Gateway"), gateway.name if gateway.name == gateway.host else f"{gateway.name} ({gateway.host})"
    if condition.profiles:
        yield Text("Profile"), ", ".join(condition.profiles)
    if condition.ends is not None:
        yield Text("Ends"), both_times(condition.ends)
    else:
        yield Text("Since"), both_times(alert.since)
    if alert.state == "recovered":
        yield Text("Over since"), both_times(alert.time)
    yield Text("Code"), condition.code
