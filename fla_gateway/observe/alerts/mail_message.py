"""Rule: a letter as a mail (RFC 5322), written by the standard library.

Owns fields and body. Refuses to send, and to put anything but checked addresses and one-line texts into a field.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from fla_gateway.i18n.catalogues import Spoken
from fla_gateway.observe.alerts.alert import GatewayName, Letter
from fla_gateway.observe.alerts.wording import body, subject

_POLICY: Final = SMTP.clone(cte_type="7bit")
"""Whatever the languages are, every server takes the bytes as they are."""


def compose(letter: Letter, gateway: GatewayName, sender: str, to: Sequence[str], spoken: Spoken) -> bytes:
    """Write the mail; for the same letter the same Message-ID, so that one that arrives twice is known by it.

    Args:
        letter: what it says.
        gateway: who sends it.
        sender: its address; no answer is read there.
        to: addresses of those who get it.
        spoken: the language.
    """
    message = EmailMessage(_POLICY)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = subject(letter, gateway)
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.time, UTC))
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    # RFC 3834, section 5.1: programs such as vacation(1) do not answer it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body(letter, gateway, spoken))
    message["Content-Language"] = spoken.language
    return message.as_bytes()
