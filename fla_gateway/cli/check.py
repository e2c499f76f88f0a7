"""`fla-gateway check`: is this configuration right?

Owns what is shown of each profile and what counts as a finding; `caller_summary` has the lines about callers. Refuses
to open a connection: everything here can be determined from files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from fla_gateway.cli.caller_summary import caller_lines
from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError

if TYPE_CHECKING:  # cryptography is heavy; `--help` must not wait for it
    from fla_gateway.config.schema import Configuration
    from fla_gateway.keys.model import CertificateFacts, LoadedKey
    from fla_gateway.profiles import Profile
    from fla_gateway.runtime.composition.resolved_config import Configured
    from fla_gateway.runtime.composition.signing_keys import Keys

SUMMARY: Final = "check configuration, keys and certificates, offline"
DESCRIPTION: Final = """\
Check a configuration without opening any connection: every fault at once, then for each profile where it goes, with
which key, and how long the certificate lasts, for each caller how it is known and what it may do, and whether journal
and unix sockets can be where they are to be. Of more than 24 profiles, those that are well take one line each. Run it
as the gateway's user, or as root.

With --against-running the running gateway is asked instead, as by `reload --dry-run`: it reads the files that it was
started with, and says what a reload would change or why it would refuse.

Exit code 0: it can be served, perhaps with warnings; 1: a key that cannot be used, or a place that the gateway could
not have; with --strict warnings, too; 2: the configuration is faulty. With --against-running 0: a reload would apply
it; 1: not permitted; 2: it would be refused; 69: no gateway answers at the admin listener.

examples:
  fla-gateway check
  fla-gateway check --strict && echo nothing to say
  fla-gateway check --against-running
  fla-gateway check --config /etc/fla-gateway/gateway.toml"""

_WIDTH: Final = 14
FEW: Final = 24
"""Profiles, and callers, that are all shown in full; of more, those alone that deserve a look."""
_LONGEST_NAME: Final = 32


class _Finding(NamedTuple):
    """One line that deserves a look.

    Attributes:
        text: the line.
        grave: whether it keeps something from being served; the others are warnings.
    """

    text: str
    grave: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--strict", action="store_true", help="end with 1 on warnings as well")
    either.add_argument(
        "--against-running",
        action="store_true",
        help="ask the running gateway what a reload would change, and nothing else",
    )
    add_admin(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check and print."""
    if arguments.against_running:
        from fla_gateway.cli.reload import judge  # noqa: PLC0415 - rarely needed

        return judge(arguments)
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.signing_keys import load_keys, why_unusable  # noqa: PLC0415 - as above

    configured = read(config_of(arguments))
    _read_further_files(configured)
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    keys = load_keys(configured, now)
    found: list[_Finding] = []
    brief: list[str] = []
    for profile in configured.profiles:
        key = keys[profile.token_request.key]
        wrong = [*_findings(key, why_unusable(profile, key))]
        if wrong or len(configured.profiles) <= FEW:
            print("\n".join(_lines(profile, key, now, wrong)), end="\n\n")
        else:
            brief.append(_one_line(profile, key, now))
        found += wrong
    if brief:
        print("\n".join(sorted(brief, key=_environment)), end="\n\n")
    print("\n".join(caller_lines(configured.settings.configuration, now.timestamp(), FEW)))
    general = [*_general_findings(configured, now), *_idle_key_findings(configured.profiles, keys)]
    found += general
    print("\n".join([*(one.text for one in general), _verdict(len(found))]))
    return FINDINGS if any(one.grave or arguments.strict for one in found) else WELL


def _read_further_files(configured: Configured) -> None:
    """Read what `run` would read besides keys: roots, the corporate proxy's password, TLS of listeners, a cluster's CA.

    Raises:
        ConfigurationError: with every fault.
    """
    from fla_gateway.config.rules.listener_specs import encrypted  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.token_client import egress_of  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.trust_store import Trust  # noqa: PLC0415 - as above

    egress = configured.settings.configuration.egress
    reads: list[Callable[[], object]] = [
        partial(Trust(egress.ca_file, configured.files).prepare, configured.profiles),
        partial(egress_of, egress, configured.files),
        *(
            partial(server_context, tls, place, configured.files)
            for place, tls in encrypted(configured.settings.configuration)
        ),
    ]
    if (kubernetes := configured.settings.configuration.kubernetes) is not None:
        from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
        from fla_gateway.kubernetes.jwks_cache import ClusterKeys  # noqa: PLC0415 - as above

        reads.append(partial(ClusterKeys, kubernetes, SystemClock(), files=configured.files))
    faults: list[Fault] = []
    for read in reads:
        try:
            read()
        except ConfigurationError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigurationError(tuple(faults))


def _general_findings(configured: Configured, now: datetime) -> Iterator[_Finding]:
    """Name what belongs to no profile and no key."""
    from fla_gateway.config.rules.listener_specs import encrypted  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.listeners.tls_context import tls_warnings  # noqa: PLC0415 - as above

    yield from (_Finding(f"warning: {one}") for one in configured.warnings)
    for place, tls in encrypted(configured.settings.configuration):
        yield from (_Finding(f"warning: {one}") for one in tls_warnings(tls, place, now, configured.files))
    yield from _end_findings(configured, now)
    yield from (
        _Finding(f"would not start: {one}", grave=True) for one in _obstacles(configured.settings.configuration)
    )


def _end_findings(configured: Configured, now: datetime) -> Iterator[_Finding]:
    """Name what ends soon, or has ended; certificates of signing keys are named with their profiles."""
    from fla_gateway.config.rules.listener_specs import encrypted  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.config.values.timestamps import written  # noqa: PLC0415 - as above
    from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - as above
    from fla_gateway.observe.ends import soon  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above
    from fla_gateway.runtime.monitoring.known_ends import key_ends, listener_ends  # noqa: PLC0415 - as above

    configuration = configured.settings.configuration
    shown = encrypted(configuration)
    contexts = [(f"{place}.certificate", server_context(tls, place, configured.files)) for place, tls in shown]
    for end in soon([*listener_ends(contexts), *key_ends(configuration)], now):
        place = {"caller-key": f"callers.{end.name}", "admin-key": f"admin.key {end.name}"}.get(end.kind, end.name)
        verb = "expired" if end.ends <= now else "expires"
        yield _Finding(f"warning: {printable(place)}: {verb} on {written(end.ends.timestamp())} ({end.cure(now)})")


def _obstacles(configuration: Configuration) -> Iterator[Fault]:
    """Name what `run` would miss on this machine. No faults: a service manager or an installer may see to it yet."""
    from fla_gateway.config.rules.listener_specs import admin_listener_spec, listener_specs  # noqa: PLC0415 - as above
    from fla_gateway.config.values.address import UnixAddress  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.journal.writer import directory  # noqa: PLC0415 - as above
    from fla_gateway.listeners import unix_socket  # noqa: PLC0415 - as above
    from fla_gateway.observe.tracing.span_queue import missing_extra  # noqa: PLC0415 - as above

    for spec in (*listener_specs(configuration), admin_listener_spec(configuration)):
        if isinstance(spec.address, UnixAddress):
            seen = unix_socket.foreseen(spec.address.path, spec.listener.group, spec.place)
            if seen is not None:
                yield seen
    if configuration.audit is not None and (missed := directory.foreseen(configuration.audit.path)) is not None:
        yield missed
    if configuration.tracing is not None and (missing := missing_extra()) is not None:
        yield missing


def _findings(key: LoadedKey | UnusableKeyError, reason: object | None) -> Iterator[_Finding]:
    """Name what is wrong with a key and what deserves a look.

    Args:
        key: as loaded, or why it could not be.
        reason: why it cannot be used, or None if it can.
    """
    if reason is not None:
        yield _Finding(f"UNUSABLE KEY: {reason}", grave=True)
    if not isinstance(key, UnusableKeyError):
        yield from (_Finding(f"warning: {warning}") for warning in key.warnings)


def _idle_key_findings(profiles: tuple[Profile, ...], keys: Keys) -> Iterator[_Finding]:
    used = {profile.token_request.key for profile in profiles}
    for name, key in keys.items():
        if name not in used:
            reason = str(key) if isinstance(key, UnusableKeyError) else None
            for one in _findings(key, reason):
                yield _Finding(f"keys.{name}: {one.text}", grave=one.grave)


def _one_line(profile: Profile, key: LoadedKey | UnusableKeyError, now: datetime) -> str:
    """Show a profile that is well, among many."""
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - see TYPE_CHECKING above

    facts = {} if isinstance(key, UnusableKeyError) else dict(_facts(profile, key, now))
    shown = ", ".join(printable(facts[label]) for label in ("client id", "certificate") if label in facts)
    return f"{profile.name:<{_LONGEST_NAME}} {profile.environment_shown:<{_WIDTH}} {shown}"


def _environment(line: str) -> str:
    """Give what lines about profiles are grouped by; within a group they stay in the configuration's order."""
    return line[_LONGEST_NAME + 1 :].split(maxsplit=1)[0]


def _lines(profile: Profile, key: LoadedKey | UnusableKeyError, now: datetime, wrong: list[_Finding]) -> Iterator[str]:
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - see TYPE_CHECKING above

    yield profile.name
    for label, value in _facts(profile, key, now):
        yield f"  {label:<{_WIDTH}} {printable(value)}"
    for one in wrong:
        yield f"  {one.text}"


def _facts(profile: Profile, key: LoadedKey | UnusableKeyError, now: datetime) -> Iterator[tuple[str, str]]:
    request = profile.token_request
    yield "environment", profile.environment_shown
    yield "API", f"https://{profile.upstream.authority}"
    yield "paths", ", ".join(profile.prefixes) or "all of /REST/"
    borrowed = "  (PRODUCTION's: its tokens are good for real declarations)" if profile.borrows_production else ""
    yield "token server", request.token_url + borrowed
    yield "client id", request.client_id
    if request.scope:
        yield "scope", " ".join(request.scope)
    # The name of an inline key is made up of its profile: `profiles.key_sources`.
    name = "its own" if request.key.startswith("profile:") else request.key
    if isinstance(key, UnusableKeyError):
        yield "key", f"{name} (unusable)"
        return
    yield "key", f"{name}, signs with {request.assertion.alg or key.signer.algorithms[0]}"
    yield "certificate", _certificate(key.certificate, now)


def _certificate(facts: CertificateFacts | None, now: datetime) -> str:
    if facts is None:
        return "none given; its rules cannot be checked"
    days = (facts.not_after - now).days
    return f"{facts.subject}, until {facts.not_after:%Y-%m-%d}, {days} {'day' if days == 1 else 'days'} left"


def _verdict(count: int) -> str:
    return f"{count} {'finding' if count == 1 else 'findings'}" if count else "all well"
