"""The shape of `[alerts]`, as dataclasses; a part of the schema.

Owns the names, types and defaults of its keys. Refuses to know the same as `schema`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from fla_gateway.config.values.constraints import (
    KEY,
    Before,
    Bounds,
    FilePath,
    MailAddress,
    SecretText,
    Text,
)
from fla_gateway.lean_dataclass import dataclass


def _addresses(value: object) -> object:
    """One address alone is short for a list of one."""
    return [value] if isinstance(value, str) else value


def _webhook(value: object) -> object:
    """An address alone is short for a table with nothing else."""
    return {"url": value} if isinstance(value, str) else value


MailAddresses = Annotated[list[MailAddress], Before(_addresses), Bounds(min_length=1)]
"""Who gets mails: an address, or a list of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMail:
    """`[alerts.mail]`: alerts as mails, through one mail server."""

    to: MailAddresses
    """Who gets them: one address or several; two are better, one of them not a person's."""
    sender: MailAddress = field(metadata={KEY: "from"})
    """Who they come from, as the mail server permits it."""
    server: Text
    """`host:port` of the mail server that takes them, usually port 587, or 465 with `tls = "implicit"`."""
    tls: Literal["starttls", "implicit"] = "starttls"
    """`starttls`: encryption is asked for before anything else is said, and is required; `implicit`: from the start."""
    user: Text | None = None
    """User name for the mail server."""
    password_file: FilePath | None = None
    """File with the password of `user`; one line break at its end does not count."""
    ca_file: FilePath | None = None
    """File with further roots for the mail server."""
    unsafe_cleartext: bool = False
    """Use a relay that speaks no TLS, and no password: alerts can be read and changed on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`[alerts.webhook]`: alerts as JSON, posted to one address. The address alone is short for `{ url = ... }`."""

    url: SecretText
    """`https://` address that takes them; it may hold a token, and is never shown."""
    ca_file: FilePath | None = None
    """File with further roots for its host."""
    direct: bool = False
    """Go around the proxy of `[egress]`, to a host of the own network."""


WebhookEntry = Annotated[Webhook, Before(_webhook)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """`[alerts]`: what a person has to know, sent by mail or to a webhook. Without this table nothing is sent."""

    mail: AlertMail | None = None
    webhook: WebhookEntry | None = None
    name: Text | None = None
    """What alerts call this gateway; by default the name of its host."""
