"""Rules of `[alerts]`: where alerts may be sent, and what must be encrypted on the way.

Owns what a mail server and a webhook must fulfil. Refuses to know files, and to resolve names: whether a name leads to
a listener of this gateway is looked at once more when a connection is open (`observe.alerts.webhook`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.config.alert_tables import AlertMail
from fla_gateway.config.rules.environments import is_official
from fla_gateway.config.rules.listener_specs import admin_listener_spec, listener_specs
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.address import TcpAddress, clash, parse_listen
from fla_gateway.config.values.urls import Url, parse_webhook_url
from fla_gateway.errors import Fault, InvalidValueError
from fla_gateway.i18n.message import Message, Text

_NOT_HERE: Final = Message(
    "alert-to-official-host", "is a host of the social security, to which nothing but calls of profiles is ever sent"
)
_TAKE_OUT: Final = Text("take it out, or take unsafe_cleartext out")


def alert_faults(configuration: Configuration) -> Iterator[Fault]:
    """Yield what is wrong with `[alerts]`."""
    alerts = configuration.alerts
    if alerts is None:
        return
    if alerts.mail is None and alerts.webhook is None:
        message = Message("alerts-without-way", "has neither mail nor webhook, so that nothing could be sent")
        yield Fault(
            "alerts", message, Text('add mail = {{ to, from, server }} or webhook = "https://...", or take it out')
        )
    if alerts.mail is not None:
        yield from _mail_faults(alerts.mail)
    if alerts.webhook is not None:
        yield from _webhook_faults(alerts.webhook.url.reveal(), configuration)


def parse_mail_server(text: str) -> TcpAddress:
    """Read host and port of a mail server.

    Raises:
        InvalidValueError: it is something else.
    """
    try:
        address = parse_listen(text)
    except InvalidValueError:
        address = None
    if not isinstance(address, TcpAddress) or not address.port:
        raise InvalidValueError(Message("mail-server-malformed", "must be a host and a port, and nothing else"))
    return address


def _mail_faults(mail: AlertMail) -> Iterator[Fault]:
    try:
        if is_official(parse_mail_server(mail.server).host):
            yield Fault("alerts.mail.server", _NOT_HERE, Text("name a mail server of your own"))
    except InvalidValueError as error:
        yield Fault("alerts.mail.server", error.message, Text("for example mail.company.example:587"))
    if (mail.user is None) != (mail.password_file is None):
        message = Message("mail-credentials-incomplete", "has only one of user and password_file")
        yield Fault("alerts.mail", message, Text("give both, or neither"))
    if not mail.unsafe_cleartext:
        return
    if mail.user is not None or mail.password_file is not None:
        message = Message("mail-password-in-cleartext", "would send a password without encryption")
        yield Fault("alerts.mail.unsafe_cleartext", message, Text("take it out, or take user and password_file out"))
    if mail.tls == "implicit":
        message = Message("mail-tls-contradicted", "says the opposite of unsafe_cleartext")
        yield Fault("alerts.mail.tls", message, _TAKE_OUT)
    if mail.ca_file is not None:
        message = Message("mail-roots-unused", "has no effect with unsafe_cleartext, which verifies nothing")
        yield Fault("alerts.mail.ca_file", message, _TAKE_OUT)


def _webhook_faults(text: str, configuration: Configuration) -> Iterator[Fault]:
    where = "alerts.webhook"
    try:
        url = parse_webhook_url(text)
    except InvalidValueError as error:
        yield Fault(where, error.message, Text("for example https://alerts.company.example/fla-gateway"))
        return
    if is_official(url.host):
        yield Fault(where, _NOT_HERE, Text("name a host of your own"))
    if _is_own(url, configuration):
        message = Message("webhook-to-itself", "is a listener of this gateway")
        yield Fault(where, message, Text("name the address of what takes alerts"))


def own_ports(configuration: Configuration) -> frozenset[int]:
    """List the TCP ports that the gateway listens on; 0 is none that can be known here."""
    found = (spec.address for spec in (*listener_specs(configuration), admin_listener_spec(configuration)))
    return frozenset(it.port for it in found if isinstance(it, TcpAddress) and it.port)


def _is_own(url: Url, configuration: Configuration) -> bool:
    if url.port in own_ports(configuration) and url.host in configuration.gateway.hosts:
        return True
    there = TcpAddress(url.host, url.port)
    specs = (*listener_specs(configuration), admin_listener_spec(configuration))
    return any(spec.address is not None and clash(there, spec.address) for spec in specs)
