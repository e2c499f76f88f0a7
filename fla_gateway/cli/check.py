"""`fla-gateway check`: is this configuration right?

Owns what is shown of each profile and what counts as a finding; `checking` has the lines about callers, what a start
would need, and the form of JSON. Refuses to open a connection to a server: everything here is found on this machine.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.checking.caller_summary import caller_lines
from fla_gateway.cli.checking.expiries import expiries_of
from fla_gateway.cli.checking.fault_lines import locator
from fla_gateway.cli.checking.findings import Finding, document
from fla_gateway.cli.checking.start_checks import foreign, in_use, obstacles, read_further_files, unavailable_here
from fla_gateway.cli.exit_codes import FINDINGS, IN_USE, WELL, WRONG_USE
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import shown, two_columns
from fla_gateway.errors import ConfigurationError, Fault, InUseError, UnusableKeyError
from fla_gateway.i18n.message import Plural, Text

if TYPE_CHECKING:  # cryptography is heavy; `--help` must not wait for it
    from fla_gateway.keys.model import CertificateFacts, LoadedKey, Objection
    from fla_gateway.profiles import Profile
    from fla_gateway.runtime.composition.resolved_config import Configured
    from fla_gateway.runtime.composition.signing_keys import Keys

SUMMARY: Final = Text("check configuration, keys and certificates, offline")
DESCRIPTION: Final = Text(
    """\
Check a configuration without opening any connection: every fault at once, then for each profile where it goes, with
which key, and how long the certificate lasts, for each caller how it is known and what it may do, and whether journal
and unix sockets can be where they are to be. It says "all well" only if `run` would start, and should. Of more than 24
profiles, those that are well take one line each. Run it as the gateway's user, or as root.

With --here every address is bound for a moment as well, and a journal in use counts: would a start succeed now?

With --against-running the running gateway is asked instead, as by `reload --dry-run`: it reads the files that it was
started with, and says what a reload would change or why it would refuse.

Exit code 0: it can be served, perhaps with warnings; 1: a key that cannot be used, or a place that the gateway could
not have; with --strict warnings, too; 2: the configuration is faulty. With --against-running 0: a reload would apply
it; 1: not permitted; 2: it would be refused; 69: no gateway answers at the admin listener.

examples:
  fla-gateway check
  fla-gateway check --strict && echo nothing to say
  fla-gateway check --here
  fla-gateway check --json | jq '.findings[] | select(.level == "error")'
  fla-gateway check --against-running
  fla-gateway check --config /etc/fla-gateway/gateway.toml"""
)

_CLIENT_ID: Final = Text("client id")
_CERTIFICATE: Final = Text("certificate")
_WIDTH: Final = 14
FEW: Final = 24
"""Profiles, and callers, that are all shown in full; of more, those alone that deserve a look."""
_LONGEST_NAME: Final = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--strict", action="store_true", help=Text("end with 1 on warnings as well"))
    either.add_argument(
        "--against-running",
        action="store_true",
        help=Text("ask the running gateway what a reload would change, and nothing else"),
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help=Text("also ask whether a start would have addresses and journal here and now"),
    )
    parser.add_argument("--json", action="store_true", help=Text("print every finding as JSON"))
    add_admin(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check and print."""
    if arguments.against_running:
        from fla_gateway.cli.reload import judge  # noqa: PLC0415 - rarely needed

        return judge(arguments, as_json=arguments.json)
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.signing_keys import load_keys, why_unusable  # noqa: PLC0415 - as above

    path = None
    try:
        path = config_of(arguments)
        configured = read(path)
        read_further_files(configured)
    except ConfigurationError as error:
        if not arguments.json:
            raise
        print(json.dumps(document(path, error.faults, (), ok=False), indent=2))
        return IN_USE if isinstance(error, InUseError) else WRONG_USE
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    keys, locate = load_keys(configured, now), locator(configured)
    of_profiles = [
        [
            *_findings(
                profile.name, keys[profile.token_request.key], why_unusable(profile, keys[profile.token_request.key])
            )
        ]
        for profile in configured.profiles
    ]
    of_profiles = [[it.located(locate) for it in found] for found in of_profiles]
    general = [
        *_general_findings(configured, now, locate, here=arguments.here),
        *(it.located(locate) for it in _idle_key_findings(configured.profiles, keys)),
    ]
    found = [*chain.from_iterable(of_profiles), *general]
    code = FINDINGS if any(one.grave or arguments.strict for one in found) else WELL
    if arguments.json:
        print(json.dumps(document(path, (), found, ok=code == WELL), indent=2))
        return code
    _print_profiles(configured.profiles, of_profiles, keys, now)
    print("\n".join(caller_lines(configured.settings.configuration, now.timestamp(), FEW)))
    print("\n".join(map(shown, [*(one.text for one in general), _verdict(len(found))])))
    return code


def _print_profiles(profiles: Sequence[Profile], found: Sequence[list[Finding]], keys: Keys, now: datetime) -> None:
    """Print each profile; of many, those that are well in a line each, grouped by environment."""
    brief: list[str] = []
    for profile, wrong in zip(profiles, found, strict=True):
        key = keys[profile.token_request.key]
        if wrong or len(profiles) <= FEW:
            print("\n".join(_lines(profile, key, now, wrong)), end="\n\n")
        else:
            brief.append(_one_line(profile, key, now))
    if brief:
        print("\n".join(sorted(brief, key=_environment)), end="\n\n")


def _general_findings(
    configured: Configured, now: datetime, locate: Callable[[Fault], Fault], *, here: bool
) -> Iterator[Finding]:
    """Name what belongs to no profile and no key."""
    from fla_gateway.config.rules.listener_specs import encrypted  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.listeners.tls_context import tls_warnings  # noqa: PLC0415 - as above

    configuration = configured.settings.configuration
    warnings = [
        *configured.warnings,
        *chain.from_iterable(
            tls_warnings(tls, place, now, configured.files) for place, tls in encrypted(configuration)
        ),
        *expiries_of(configured, now),
        *foreign(configuration),
    ]
    # A gateway that runs holds its journal rightly; a start here and now would stop at that.
    held = [*in_use(configuration)]
    yield from (Finding.warning(locate(it)) for it in (*warnings, *(() if here else held)))
    missed = (*obstacles(configuration), *((*held, *unavailable_here(configured)) if here else ()))
    yield from (Finding.obstacle(locate(it)) for it in missed)


def _findings(name: str, key: LoadedKey | UnusableKeyError, reason: Objection | None) -> Iterator[Finding]:
    """Name what is wrong with a profile's key and what deserves a look.

    Args:
        name: of the profile.
        key: as loaded, or why it could not be.
        reason: why it cannot be used, or None if it can.
    """
    path = f"profiles.{name}.key"
    if reason is not None:
        yield Finding.of_key(path, reason.message, reason.cure, label=Text("UNUSABLE KEY"), grave=True)
    if not isinstance(key, UnusableKeyError):
        yield from (Finding.of_key(path, it.message, it.cure, label=Text("warning")) for it in key.warnings)


def _idle_key_findings(profiles: tuple[Profile, ...], keys: Keys) -> Iterator[Finding]:
    used = {profile.token_request.key for profile in profiles}
    for name, key in keys.items():
        if name in used:
            continue
        path = f"keys.{name}"
        if isinstance(key, UnusableKeyError):
            yield Finding.of_key(path, key.message, key.cure, label=Text("{path}: UNUSABLE KEY", path=path), grave=True)
        else:
            yield from (
                Finding.of_key(path, it.message, it.cure, label=Text("{path}: warning", path=path))
                for it in key.warnings
            )


def _one_line(profile: Profile, key: LoadedKey | UnusableKeyError, now: datetime) -> str:
    """Show a profile that is well, among many."""
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - see TYPE_CHECKING above

    facts = {} if isinstance(key, UnusableKeyError) else dict(_facts(profile, key, now))
    few = ", ".join(printable(shown(facts[label])) for label in (_CLIENT_ID, _CERTIFICATE) if label in facts)
    return f"{profile.name:<{_LONGEST_NAME}} {profile.environment_shown:<{_WIDTH}} {few}"


def _environment(line: str) -> str:
    """Give what lines about profiles are grouped by; within a group they stay in the configuration's order."""
    return line[_LONGEST_NAME + 1 :].split(maxsplit=1)[0]


def _lines(profile: Profile, key: LoadedKey | UnusableKeyError, now: datetime, wrong: list[Finding]) -> Iterator[str]:
    yield profile.name
    yield from (f"  {line}" for line in two_columns(_facts(profile, key, now), _WIDTH))
    for one in wrong:
        yield f"  {shown(one.text)}"


def _facts(profile: Profile, key: LoadedKey | UnusableKeyError, now: datetime) -> Iterator[tuple[str, str]]:
    request = profile.token_request
    yield Text("environment"), profile.environment_shown
    yield Text("API"), f"https://{profile.upstream.authority}"
    yield Text("paths"), ", ".join(profile.prefixes) or Text("all of /REST/")
    yield Text("token server"), _token_server(profile)
    yield _CLIENT_ID, request.client_id
    if request.scope:
        yield Text("scope"), " ".join(request.scope)
    # The name of an inline key is made up of its profile: `profiles.key_sources`.
    name = Text("its own key") if request.key.startswith("profile:") else request.key
    if isinstance(key, UnusableKeyError):
        yield Text("key"), Text("{name} (unusable)", name=name)
        return
    algorithm = request.assertion.alg or key.signer.algorithms[0]
    yield Text("key"), Text("{name}, signs with {algorithm}", name=name, algorithm=algorithm)
    yield _CERTIFICATE, _certificate(key.certificate, now)


def _token_server(profile: Profile) -> str:
    if not profile.borrows_production:
        return profile.token_request.token_url
    return Text("{url}  (PRODUCTION's: its tokens are good for real declarations)", url=profile.token_request.token_url)


def _certificate(facts: CertificateFacts | None, now: datetime) -> Text:
    if facts is None:
        return Text("none given; its rules cannot be checked")
    return Plural(
        "{subject}, until {end}, {count} day left",
        "{subject}, until {end}, {count} days left",
        count=(facts.not_after - now).days,
        subject=facts.subject,
        end=f"{facts.not_after:%Y-%m-%d}",
    )


def _verdict(number: int) -> Text:
    return Plural("{count} finding", "{count} findings", count=number) if number else Text("all well")
