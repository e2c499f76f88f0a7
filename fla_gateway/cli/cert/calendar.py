"""`fla-gateway cert calendar`: the ends of certificates, for a calendar.

Owns which ends are in it. Refuses to know the form (`keys.certificates.expiry_calendar`).
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import speaking
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.catalogues import spoken
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("write the ends of certificates as a calendar file (ICS)")
DESCRIPTION: Final = Text(
    """\
Write the ends of the certificates of all profiles as a calendar (iCalendar, .ics) on standard output, with reminders
60, 30 and 7 days before. Written again it has the same ids, so that nothing is doubled in a calendar. It is in the
language that --lang or `language` of [gateway] names.

Exit code 0: every end is in it; 1: a key cannot be read or has no certificate; 2: the configuration is faulty.

example:
  fla-gateway cert calendar > certificates.ics"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load the keys and print."""
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.keys.certificates.expiry_calendar import CalendarEntry, calendar  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.signing_keys import load_keys  # noqa: PLC0415 - as above

    configured = read(config_of(arguments))
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    keys = load_keys(configured, now)
    entries, code = [], WELL
    for profile in configured.profiles:
        for name in filter(None, (profile.token_request.key, profile.next_key)):
            key = keys[name]
            if isinstance(key, UnusableKeyError) or key.certificate is None:
                reason = key.text if isinstance(key, UnusableKeyError) else Text("it has no certificate")
                complain(
                    Text(
                        "{profile}: no end is known of '{key}': {reason}", profile=profile.name, key=name, reason=reason
                    )
                )
                code = FINDINGS
            else:
                entries.append(CalendarEntry(profile.name, name, key.certificate.not_after))
    language = arguments.lang or configured.settings.configuration.gateway.language
    sys.stdout.write(calendar(entries, now, spoken(language) if language else speaking()))
    return code
