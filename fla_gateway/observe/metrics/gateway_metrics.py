"""Adapter: what the parts of the gateway report becomes metric families.

Owns names, labels and help texts of the metrics about tokens, connections, limits, the journal and the configuration.
Refuses to query those parts: it is given what they report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client.core import Metric

from fla_gateway.observe.alerts.alert import AlertNumbers
from fla_gateway.observe.metrics.families import Samples, counter, gauge
from fla_gateway.observe.metrics.sources import Facts, JournalNumbers, ReloadNumbers
from fla_gateway.profiles import Profile
from fla_gateway.proxy.records.exchange_record import DoorSnapshot, PoolSnapshot
from fla_gateway.tokens.snapshot import HeldBrake, TokenSnapshot

STATES: Final = ("fresh", "stale", "expired", "idle", "none")

_PROFILE: Final = ("profile",)
_CHANNEL: Final = ("channel",)


def token_states(profiles: Sequence[Profile], snapshots: Mapping[object, TokenSnapshot]) -> Iterator[Metric]:
    """Give the families about tokens, each under the profiles that use it.

    Args:
        profiles: every profile served.
        snapshots: by token request.
    """
    states: Samples = {}
    ages: Samples = {}
    rests: Samples = {}
    backoffs: Samples = {}
    failures: Samples = {}
    mints: Samples = {}
    for profile in profiles:
        snapshot = snapshots.get(profile.token_request)
        state = snapshot.state if snapshot else "none"
        states.update({(profile.name, one): float(one == state) for one in STATES})
        if snapshot is None:
            continue
        if snapshot.age_seconds is not None:
            ages[profile.name,] = snapshot.age_seconds
        if snapshot.expires_in_seconds is not None:
            rests[profile.name,] = snapshot.expires_in_seconds
        backoffs[profile.name,] = snapshot.backoff_seconds
        failures[profile.name,] = snapshot.failures
        mints.update({(profile.name, result): number for result, number in snapshot.mints.items()})
    yield gauge("token_state", "1 for the state that the profile's token is in.", ("profile", "state"), states)
    yield gauge("token_age_seconds", "Since the profile's token was asked for.", _PROFILE, ages)
    yield gauge("token_expires_in_seconds", "To the end of the token's life.", _PROFILE, rests)
    yield gauge("token_backoff_seconds", "Until the next attempt to get a token; 0 if none.", _PROFILE, backoffs)
    yield gauge("token_failures", "Attempts that failed since the last good one.", _PROFILE, failures)
    yield counter("token_mints", "Attempts to get a token: ok, or a problem code.", ("profile", "result"), mints)


def clocks_and_certificates(
    offsets: Mapping[str, float], certificates: Mapping[str, float], of_listeners: Mapping[str, float]
) -> Iterator[Metric]:
    """Give what an alarm should watch of time itself.

    Args:
        offsets: learned clock offset in seconds by token server.
        certificates: end of validity, in seconds since 1970, by name of the key.
        of_listeners: the same of what listeners show, by address.
    """
    text = "The token server's clock less the host's, as learned."
    servers: Samples = {(server,): offset for server, offset in offsets.items()}
    yield gauge("token_server_clock_offset_seconds", text, ("server",), servers)
    text = "End of validity of a key's certificate, in seconds since 1970."
    keys: Samples = {(key,): moment for key, moment in certificates.items()}
    yield gauge("certificate_not_after_timestamp_seconds", text, ("key",), keys)
    text = "End of validity of the certificate that a listener shows, in seconds since 1970."
    listeners: Samples = {(address,): moment for address, moment in of_listeners.items()}
    yield gauge("listener_certificate_not_after_timestamp_seconds", text, ("listener",), listeners)


def connections(pools: Sequence[PoolSnapshot]) -> Iterator[Metric]:
    """Give the families about connections to the APIs."""
    states: Samples = {
        (pool.profile, state): float(number)
        for pool in pools
        for state, number in (("idle", pool.idle), ("busy", pool.busy), ("opening", pool.opening))
    }
    waiting: Samples = {(pool.profile,): pool.waiting for pool in pools}
    opened: Samples = {(pool.profile,): pool.opened for pool in pools}
    reused: Samples = {(pool.profile,): pool.reused for pool in pools}
    failed: Samples = {(pool.profile,): pool.failed for pool in pools}
    yield gauge("upstream_connections", "Connections to the API.", ("profile", "state"), states)
    yield gauge("upstream_waiting", "Requests that wait for a connection to the API.", _PROFILE, waiting)
    yield counter("upstream_connections_opened", "Connections to the API that were opened.", _PROFILE, opened)
    yield counter("upstream_connections_reused", "Exchanges that found an open connection.", _PROFILE, reused)
    yield counter("upstream_connections_failed", "Connections to the API that could not be opened.", _PROFILE, failed)


def caller_connections(snapshot: DoorSnapshot) -> Iterator[Metric]:
    """Give the families about the callers' side."""
    yield gauge("caller_connections", "Callers' connections that are open.", (), {(): snapshot.connections})
    yield gauge("exchanges_in_flight", "Exchanges that run.", (), {(): snapshot.in_flight})
    limited = "1 while the gateway does not accept connections because a limit is reached."
    yield gauge("accepting_limited", limited, (), {(): float(snapshot.limited)})


def brakes(tokens: Iterable[HeldBrake], apis: Iterable[HeldBrake]) -> Iterator[Metric]:
    """Give the families about services that are spared for a while.

    Args:
        tokens: services that refuse good tokens.
        apis: services that throttle the gateway.
    """
    text = "How long refusals by this service do not lead to another token."
    yield gauge("token_brake_seconds", text, ("profile", "service"), _seconds(tokens))
    text = "How long this service is left alone, since it asked for patience."
    yield gauge("api_brake_seconds", text, ("profile", "service"), _seconds(apis))


def failing_apis(names: Iterable[tuple[str, str]]) -> Iterator[Metric]:
    """Give the family about APIs that fail.

    Args:
        names: profile and service of each.
    """
    text = "1 while the last calls to this service failed, in the network or at the API; see the event api-failing."
    yield gauge("api_failing", text, ("profile", "service"), dict.fromkeys(names, 1.0))


def _seconds(held: Iterable[HeldBrake]) -> Samples:
    longest: Samples = {}
    for one in held:
        # Two may have one name: what is beyond those that are distinguished, and what does not look like an API's.
        labels = (one.profile, one.service)
        longest[labels] = max(longest.get(labels, 0.0), one.seconds)
    return longest


def journal(numbers: JournalNumbers) -> Iterator[Metric]:
    """Give the families about the audit journal."""
    waiting = "Records of the journal that are not written yet."
    yield gauge("journal_waiting_records", waiting, (), {(): numbers.waiting})
    lag = "Since when the oldest record waits to be written, or to be on the disk."
    yield gauge("journal_lag_seconds", lag, (), {(): numbers.lag_seconds})
    failures = "Times that the journal could not be written."
    yield counter("journal_failures", failures, (), {(): numbers.failures})
    yield gauge("journal_failing", "1 while the journal cannot be written.", (), {(): float(numbers.failing)})
    yield counter("journal_lost_records", "Records that were never written.", (), {(): numbers.lost})
    text = "Calls in doubt that no person has settled: of this run, and of earlier ones as the journal had them."
    yield gauge("journal_in_doubt", text, (), {(): numbers.in_doubt})
    yield gauge("journal_sequence", "Number of the journal's last record.", (), {(): numbers.seq})
    if numbers.head:
        text = "Hash of the last record of the day before, to be kept elsewhere; always 1."
        yield gauge("journal_head_info", text, ("head",), {(numbers.head,): 1})


def facts(known: Facts, version: str, python: str, compiled: str) -> Iterator[Metric]:
    """Give the families about program and configuration.

    Args:
        known: what the configuration says.
        version: of this program.
        python: of the interpreter.
        compiled: whether the data path is compiled, ``yes`` or ``no``.
    """
    build: Samples = {(version, python, known.event_loop, compiled): 1}
    yield gauge("build_info", "What runs here; always 1.", ("version", "python", "event_loop", "compiled"), build)
    text = "The configuration in use; always 1."
    yield gauge("configuration_info", text, ("fingerprint",), {(known.fingerprint,): 1})
    yield gauge("callers", "Callers that are configured.", (), {(): known.callers})
    text = "End of an API key, in seconds since 1970."
    expiries: Samples = {(caller, key): moment for (caller, key), moment in known.key_expiries.items()}
    yield gauge("caller_key_expires_timestamp_seconds", text, ("caller", "key"), expiries)
    if known.admin_key_expires is not None:
        text = "End of the admin key, in seconds since 1970."
        yield gauge("admin_key_expires_timestamp_seconds", text, (), {(): known.admin_key_expires})
    text = "Exchanges that may run at the same time; of all callers together where caller is empty."
    concurrent: Samples = {(it.profile, it.caller): it.concurrent for it in known.limits if it.concurrent is not None}
    yield gauge("limit_concurrent", text, ("profile", "caller"), concurrent)
    text = "Requests per second that may come; of all callers together where caller is empty."
    rates: Samples = {(it.profile, it.caller): it.per_second for it in known.limits if it.per_second is not None}
    yield gauge("limit_per_second", text, ("profile", "caller"), rates)


def actions(counts: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """Give the family about actions on the admin listener.

    Args:
        counts: by action and result.
    """
    text = "What was asked of the admin listener: reload, dry-run, drain, quit."
    yield counter("admin_actions", text, ("action", "result"), {key: float(count) for key, count in counts.items()})


def reload(numbers: ReloadNumbers) -> Iterator[Metric]:
    """Give the families about the last reload."""
    text = "1 if the last reload was applied, 0 if it was refused and the former configuration is in force."
    yield gauge("config_last_reload_successful", text, (), {(): float(numbers.successful)})
    text = "When the configuration in force was applied, in seconds since 1970."
    yield gauge("config_last_reload_success_timestamp_seconds", text, (), {(): numbers.last_success})
    text = "Files that the disk no longer has as they were read for the configuration in force: reload to apply them."
    yield gauge("config_changed_files", text, (), {(): float(numbers.differing_files)})


def alerts(numbers: Mapping[str, AlertNumbers]) -> Iterator[Metric]:
    """Give the families about alerts.

    Args:
        numbers: by the way out, ``mail`` or ``webhook``.
    """
    text = "Letters with alerts that were taken."
    yield counter("alert_letters_sent", text, _CHANNEL, {(name,): it.sent for name, it in numbers.items()})
    text = "Attempts to send such a letter that failed."
    yield counter("alert_failures", text, _CHANNEL, {(name,): it.failures for name, it in numbers.items()})
    text = "Letters that were given up; the event alert-lost has their texts."
    yield counter("alert_letters_lost", text, _CHANNEL, {(name,): it.lost for name, it in numbers.items()})
    text = "Letters that wait to be sent, or to be sent again."
    yield gauge("alert_letters_waiting", text, _CHANNEL, {(name,): it.waiting for name, it in numbers.items()})


def losses(lines: int, events: int, untraced: int | None) -> Iterator[Metric]:
    """Give what is known to be missing elsewhere.

    Args:
        lines: request lines lost.
        events: events lost.
        untraced: exchanges whose spans were lost, or None where nothing is traced.
    """
    text = "Request lines lost because standard output was not read, or failed."
    yield counter("request_lines_dropped", text, (), {(): lines})
    text = "Events lost because standard error was not read, or failed."
    yield counter("events_dropped", text, (), {(): events})
    if untraced is not None:
        text = "Exchanges whose spans were lost because the collector was too slow, or failed."
        yield counter("untraced_exchanges", text, (), {(): untraced})
