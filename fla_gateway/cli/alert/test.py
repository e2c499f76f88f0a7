"""`fla-gateway alert test`: does an alert arrive?

Owns what is said of each server's answer. Refuses to show the password and the webhook's address beyond its host.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import shown
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.runtime.composition.alert_trial import Tried

SUMMARY: Final = Text("send one alert now, and say what each server answered")
DESCRIPTION: Final = Text(
    """\
Send a test alert by mail and to the webhook, as `[alerts]` of the configuration says; without an option to every one
that is configured. The gateway need not run. One attempt is made; a running gateway would try again for a day. The
password and the address of the webhook are not shown.

Exit code 0: each server took it, for every recipient; 1: one did not; 2: it is not configured, or the configuration is
faulty.

examples:
  fla-gateway alert test
  fla-gateway alert test --mail"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    parser.add_argument("--mail", action="store_true", help=Text("by mail alone"))
    parser.add_argument("--webhook", action="store_true", help=Text("to the webhook alone; both options: both"))


def run(arguments: argparse.Namespace) -> int:
    """Send and print."""
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.observe.logs import event_log  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.alert_trial import try_channels  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above

    configured = read(config_of(arguments))
    # Otherwise events would go to standard output.
    event_log.configure(configured.settings.configuration.log)
    wanted = {name for name in ("mail", "webhook") if getattr(arguments, name)}
    tried = try_channels(configured, wanted, SystemClock())
    missing = sorted(wanted - {it.name for it in tried})
    if missing or not tried:
        place = f"alerts.{missing[0]}" if missing else "alerts"
        message = Message("alerts-not-configured", "is not in the configuration, so that nothing was sent")
        raise ConfigurationError((Fault(place, message, Text("see docs/alerts.md")),))
    for one in tried:
        print(shown(_line(one)))
    return WELL if all(it.taken for it in tried) else FINDINGS


def _line(one: Tried) -> Text:
    name, place = one.name, one.place
    if one.failure is not None:
        if one.failure.answer:
            return Text(
                "{name}: {place} did not take it. {reason} It answered: {answer}",
                name=name,
                place=place,
                reason=one.failure.message,
                answer=one.failure.answer,
            )
        return Text("{name}: {place} did not take it. {reason}", name=name, place=place, reason=one.failure.message)
    if one.refused:
        return Text(
            "{name}: {place} took it, but not for {refused} of the recipients. It answered: {answer}",
            name=name,
            place=place,
            refused=one.refused,
            answer=one.answer,
        )
    return Text("{name}: {place} took it. It answered: {answer}", name=name, place=place, answer=one.answer)
