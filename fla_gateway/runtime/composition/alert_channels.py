"""Root: the ways out for alerts that a configuration has.

Owns the joining of mail server and webhook with their roots, passwords, the dialer and the corporate proxy, and the
name of this gateway. Refuses to send.
"""

from __future__ import annotations

import socket
from functools import partial

from fla_gateway import __version__
from fla_gateway.config.alert_tables import AlertMail, Webhook
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.rules.alert_rules import own_ports, parse_mail_server
from fla_gateway.config.rules.named_files import files_of
from fla_gateway.config.schema import Configuration
from fla_gateway.config.values.urls import parse_webhook_url
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.catalogues import SOURCE_LANGUAGE, Spoken, spoken
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.alerts.alert import GatewayName
from fla_gateway.observe.alerts.outbox import Channel
from fla_gateway.runtime.composition.password_file import read_password
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.token_client import egress_of
from fla_gateway.runtime.composition.trust_store import system_roots, verifying_context


def alert_channels(configured: Configured, dialer: Dialer) -> tuple[Channel, ...]:
    """Make the ways out; nothing is opened.

    Args:
        configured: the configuration, with the files that it names.
        dialer: opens connections.

    Raises:
        ConfigurationError: with every file of them that cannot be used.
    """
    configuration, files = configured.settings.configuration, configured.files
    alerts = configuration.alerts
    if alerts is None:
        return ()
    gateway, language = _gateway_name(alerts.name), language_of(configuration)
    found: list[Channel] = []
    faults: list[Fault] = []
    for make in (
        partial(_mail, alerts.mail, configuration, files, dialer, gateway, language),
        partial(_webhook, alerts.webhook, configuration, files, dialer, gateway, language),
    ):
        try:
            channel = make()
        except ConfigurationError as error:
            faults.extend(error.faults)
        else:
            found.extend(() if channel is None else (channel,))
    if faults:
        raise ConfigurationError(tuple(faults))
    return tuple(found)


def channel_key(configuration: Configuration, files: FileSnapshot) -> tuple[object, ...]:
    """Return what the ways out depend on: of two configurations with equal keys the same ways serve."""
    alerts, egress = configuration.alerts, configuration.egress
    if alerts is None:
        return ()
    tables = (alerts.mail, alerts.webhook, egress)
    digests = tuple(files.sha256(it) for table in tables if table is not None for it in files_of(table))
    return alerts, egress, digests, system_roots(), own_ports(configuration), configuration.gateway.language


def language_of(configuration: Configuration) -> Spoken:
    """Choose the language of alerts: the gateway's, English where it has none."""
    return spoken(configuration.gateway.language or SOURCE_LANGUAGE)


def _gateway_name(name: str | None) -> GatewayName:
    host = socket.gethostname()
    return GatewayName(name or host, host, __version__)


def _mail(
    mail: AlertMail | None,
    configuration: Configuration,
    files: FileSnapshot,
    dialer: Dialer,
    gateway: GatewayName,
    language: Spoken,
) -> Channel | None:
    if mail is None:
        return None
    from fla_gateway.observe.alerts.mail_message import compose  # noqa: PLC0415 - read where it is configured
    from fla_gateway.observe.alerts.smtp import MailChannel  # noqa: PLC0415 - as above
    from fla_gateway.observe.alerts.smtp_session import MailServer  # noqa: PLC0415 - as above

    address, place = parse_mail_server(mail.server), "alerts.mail"
    if mail.unsafe_cleartext:
        server = MailServer(address, "none")
    else:
        roots = ((configuration.egress.ca_file, "egress.ca_file"), (mail.ca_file, f"{place}.ca_file"))
        file = mail.password_file
        password = None if file is None else read_password(file, f"{place}.password_file", files)
        server = MailServer(address, mail.tls, verifying_context(roots, files), mail.user or "", password)
    write = partial(compose, gateway=gateway, sender=mail.sender, to=mail.to, spoken=language)
    return MailChannel(server, dialer, mail.sender, mail.to, write)


def _webhook(
    webhook: Webhook | None,
    configuration: Configuration,
    files: FileSnapshot,
    dialer: Dialer,
    gateway: GatewayName,
    language: Spoken,
) -> Channel | None:
    if webhook is None:
        return None
    from fla_gateway.observe.alerts.webhook import Receiver, WebhookChannel  # noqa: PLC0415 - as above
    from fla_gateway.observe.alerts.webhook_document import write  # noqa: PLC0415 - as above

    roots = ((configuration.egress.ca_file, "egress.ca_file"), (webhook.ca_file, "alerts.webhook.ca_file"))
    tls = verifying_context(roots, files)
    tls.set_alpn_protocols(["http/1.1"])
    proxy = None if webhook.direct else egress_of(configuration.egress, files)
    receiver = Receiver(parse_webhook_url(webhook.url.reveal()), tls, proxy, own_ports(configuration))
    return WebhookChannel(receiver, dialer, partial(write, gateway=gateway, spoken=language))
