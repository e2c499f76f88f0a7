"""Values: what the status page and /status show of one profile at one moment.

Owns the shape, which is part of the public contract (docs/status.md). Refuses to hold a secret, and to know which
part supplies what: `runtime.monitoring.status_report` puts it together.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong.

    Attributes:
        time: when.
        code: a problem code (docs/errors.md), or empty where the API itself answered.
        status: status code that the caller got, or 0.
        detail: what happened, in the program's own words; may be empty.
        outcome: how the exchange ended, or empty where it was no exchange.
    """

    time: datetime
    code: str = ""
    status: int = 0
    detail: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """The token of a profile.

    Attributes:
        state: ``fresh``, ``stale``, ``expired``, ``idle`` (expired unused: the next call fetches another) or ``none``.
        obtained: when it was asked for, or None without a token.
        expires: when its life ends, or None without a token.
        renewal: when another one is asked for without a call; None while that is being done, and where `in_use` is not.
        backoff_seconds: how long nothing is asked after a failure; 0 without a back-off.
        failures: failed attempts since the last good one.
        last_failure: also one that has been made good since, or None.
        in_use: whether another one is fetched without a call: a call has used this one, or the profile is `warm`.
    """

    state: str
    obtained: datetime | None = None
    expires: datetime | None = None
    renewal: datetime | None = None
    backoff_seconds: float = 0.0
    failures: int = 0
    last_failure: Failure | None = None
    in_use: bool = True


@dataclass(frozen=True, slots=True)
class NegotiationStatus:
    """One attempt to get a token; `oauth.negotiations.Negotiation` has the meaning of each member."""

    time: datetime
    endpoint: str
    environment: str
    header: Mapping[str, str]
    claims: Mapping[str, str | int]
    certificate: str
    certificate_ends: datetime | None
    clock_offset: float
    clock_sample: float | None
    phases: Mapping[str, float]
    status: int
    fields: Mapping[str, str]
    result: str
    detail: str
    error: str
    scope: str
    lifetime: float
    answer: str = ""

    @property
    def seconds(self) -> float:
        """How long it took, all phases together."""
        return sum(self.phases.values())


@dataclass(frozen=True, slots=True)
class FindingStatus:
    """What `fla-gateway doctor` would say first of a profile, of what is known without asking.

    Attributes:
        code: of the check.
        description: what was checked.
        verdict: ``warning`` or ``fatal``.
        seen: what was seen.
        cause: what causes it; a guess is called one; may be empty.
        cure: what to do; may be empty.
        anchor: where the documentation explains it.
    """

    code: str
    description: str
    verdict: str
    seen: str
    cause: str
    cure: str
    anchor: str


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The certificate of a profile's key.

    Attributes:
        subject: distinguished name (RFC 4514).
        not_after: end of validity.
        days_left: whole days until then; negative afterwards.
    """

    subject: str
    not_after: datetime
    days_left: int


@dataclass(frozen=True, slots=True)
class BrakeStatus:
    """An API that calls are kept away from for a while, or whose refusals of tokens count no longer.

    Attributes:
        service: name of the API, or ``(other)``.
        reason: ``api`` (it throttles the gateway) or ``token`` (it refuses good tokens).
        until: when the brake ends.
    """

    service: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class FailingApiStatus:
    """An API that fails; see `observe.api_health`.

    Attributes:
        service: name of the API, or ``(other)``.
        reason: a problem code (docs/errors.md), ``missing-scope``, or the status of its answers.
        since: when the first of these failures was.
        latest: when the last one was.
        failures: how many there were.
    """

    service: str
    reason: str
    since: datetime
    latest: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """Connections to the API; see `proxy.records.exchange_record.PoolSnapshot`."""

    idle: int
    busy: int
    opening: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Minute:
    """Calls that ended within one minute.

    Attributes:
        start: its begin.
        answered: by the API, with less than 500.
        refused: by the gateway, with less than 500: the request was at fault.
        failed: all others.
    """

    start: datetime
    answered: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class NextKeyStatus:
    """The key that is to take the place of a profile's, or that it has taken the place of.

    Attributes:
        name: of the key.
        ends: end of its certificate; None where there is none, or it cannot be read.
        last_token: when this process got its last token with it; None: not since it began.
    """

    name: str
    ends: datetime | None = None
    last_token: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """One account of the channel.

    Attributes:
        name: in the configuration and in the address.
        environment: name of the environment.
        production: whether its calls act on real data.
        borrows_production: whether its tokens are good for production although its API is another.
        client_id: as configured.
        api: host of the API, with a port if it is not 443.
        token_server: address of the token endpoint.
        served: whether it can be called.
        why_not: why it cannot; empty if it can.
        former_key: why the key that is configured now cannot be used, where the profile is served with the former one;
            else empty.
        loading: whether its key is still being loaded, so that neither is known.
        token: None where it is not served.
        certificate: None where there is none, or it cannot be read.
        next_key: None where none is configured.
        in_flight: exchanges that run.
        pool: None where it is not served.
        brakes: those that hold.
        failing: APIs that fail.
        last_success: end of the last call that the API answered with less than 500, and neither with 401 or 429 nor
            with a missing scope; or None.
        last_failure: the last one that failed, or that it answered with one of those; or None.
        negotiations: the last attempts to get a token, the latest first; of many profiles the latest alone.
        finding: the worst of what is found without asking; None where nothing is, or many profiles are shown.
        minutes: traffic of the last hour, `observe.recent_exchanges.MINUTES` of them, the oldest first; empty before
            the first call.
    """

    name: str
    environment: str
    production: bool
    borrows_production: bool
    client_id: str
    api: str
    token_server: str
    served: bool
    why_not: str = ""
    former_key: str = ""
    token: TokenStatus | None = None
    certificate: CertificateStatus | None = None
    next_key: NextKeyStatus | None = None
    in_flight: int = 0
    pool: PoolStatus | None = None
    brakes: tuple[BrakeStatus, ...] = ()
    failing: tuple[FailingApiStatus, ...] = ()
    last_success: datetime | None = None
    last_failure: Failure | None = None
    minutes: tuple[Minute, ...] = ()
    loading: bool = False
    negotiations: tuple[NegotiationStatus, ...] = ()
    finding: FindingStatus | None = None

    @property
    def granted(self) -> str:
        """Scopes of the latest token, as the token server wrote them; empty where that is not known."""
        return next((it.scope for it in self.negotiations if it.lifetime), "")
