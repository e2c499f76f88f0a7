"""Root: a diagnosis of one profile, outside of a running gateway.

Owns the wiring of key, token client and dialer for `fla-gateway doctor`. Refuses to know which check follows which.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.clock import Clock
from fla_gateway.diagnosis.findings import Check, is_fatal, skip
from fla_gateway.diagnosis.hops import Target, check_connections, skip_connections
from fla_gateway.diagnosis.key_checks import machine_checks
from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import NOTHING, Plural, Text, joined
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.resolver import Resolver
from fla_gateway.oauth.client import TokenClient
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.profiles import Profile
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.signing_keys import KeyFiles, signing_key, why_unusable
from fla_gateway.runtime.composition.token_client import egress_of
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.default_executor import UnwaitedExecutor

_RUNNING: Final = Text("The running gateway is asked what it knows")
_CALLS: Final = Text("Calls of programs are answered by the APIs")
_FAIL: Final = Text(
    "the running gateway meets it with the calls of programs; if every check of the way is fine, the API itself fails"
)
_MEANWHILE: Final = Text(
    "docs/government-down.md says what to do meanwhile; `fla-gateway audit show --in-doubt` lists what may have been "
    "made all the same"
)


@dataclass(frozen=True, slots=True)
class Running:
    """What the running gateway knows of a profile.

    Attributes:
        wait_seconds: how long it asks nothing after failures.
        negotiations: its last ones, the latest first.
        failing: the APIs that fail now: service, since when, and the code or status.
        why_unknown: why nothing is known of it; empty where it answered.
    """

    wait_seconds: float = 0.0
    negotiations: tuple[Negotiation, ...] = ()
    failing: tuple[tuple[str, str, str], ...] = ()
    why_unknown: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found.

    Attributes:
        checks: in their order.
        negotiations: those of the running gateway and the diagnosis' own, the latest first.
    """

    checks: tuple[Check, ...]
    negotiations: tuple[Negotiation, ...]


def diagnose(configured: Configured, profile: Profile, clock: Clock, running: Running) -> Diagnosis:
    """Carry out every check, offline ones first.

    Args:
        configured: what was read.
        profile: the one that is examined.
        clock: the host's clocks.
        running: what is known of a gateway that runs.

    Raises:
        ConfigurationError: a file that the configuration names cannot be used.
    """
    now = datetime.fromtimestamp(clock.wall(), UTC)
    key = KeyFiles(configured, lambda: now, validate=True).load(profile.token_request.key)
    unfit = why_unusable(profile, key)
    first = (*machine_checks(profile, key, unfit, configured.warnings, now), _gateway(running))
    if isinstance(key, UnusableKeyError) or is_fatal(first):
        return Diagnosis((*first, *skip_connections(), _calls(running)), running.negotiations)
    files, egress = configured.files, configured.settings.configuration.egress
    trust = Trust(egress.ca_file, files)
    trust.prepare((profile,))
    resolver = Resolver(clock.monotonic)
    dialer = Dialer(clock.monotonic, resolver)
    keys = {profile.token_request.key_id: signing_key(key)}
    proxy = egress_of(egress, files)
    client = TokenClient(keys, trust.context, clock, egress=proxy, dialer=dialer)
    target = Target(
        profile, load_catalogue(), client, trust.context(profile.upstream.ca_file), proxy, dialer, resolver,
        egress.ca_file is not None or profile.upstream.ca_file is not None, clock.wall(),
        running.wait_seconds, running.negotiations,
    )  # fmt: skip
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())
        checks = runner.run(_all(target))
    own = client.negotiations.of(profile.token_request)
    return Diagnosis((*first, *checks, _calls(running)), (*own, *running.negotiations))


def _gateway(running: Running) -> Check:
    """Say whether the running gateway was asked: what it knows of earlier attempts is worth more than one more."""
    if running.why_unknown:
        return skip("gateway", "machine", _RUNNING, running.why_unknown)
    number = len(running.negotiations)
    seen = Plural("it knows one token negotiation", "it knows {count} token negotiations", count=number)
    return Check("gateway", "machine", _RUNNING, "ok", seen, shared=seen)


def _calls(running: Running) -> Check:
    """Say which APIs fail for the calls of programs: no call of the diagnosis' own can show it."""
    if running.why_unknown:
        return skip("calls", "api", _CALLS, running.why_unknown)
    if not running.failing:
        fine = Text("none fails, as far as the running gateway has seen calls")
        return Check("calls", "api", _CALLS, "ok", fine, shared=fine)
    failing = [
        Text("{service} fails since {since} UTC ({code})", service=service, since=since, code=code)
        for service, since, code in running.failing
    ]
    seen = joined(failing, "; ")
    return Check("calls", "api", _CALLS, "warning", seen, _FAIL, _MEANWHILE, shared=seen)


async def _all(target: Target) -> tuple[Check, ...]:
    try:
        return tuple([check async for check in check_connections(target)])
    finally:
        await target.client.close()
