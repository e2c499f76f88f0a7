"""The shape of the configuration file (TOML), as dataclasses.

Owns the names, types and defaults of every key, but for those of `[gateway]` (`gateway_tables`) and `[alerts]`
(`alert_tables`). Refuses to know what a value may look like (`values.constraints`), how a document is held against it
(`document.schema_check`), files, the environment, the catalogue, and rules between tables (`load` and `profiles` hold
those). An object of these classes is not judged: only what `schema_check` made is.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Final, Literal

from fla_gateway.config.alert_tables import Alerts
from fla_gateway.config.gateway_tables import Gateway, Listener, ListenerEntry
from fla_gateway.config.values.constraints import (
    KEY,
    SERVICE_ACCOUNT_PATTERN,
    Before,
    Bounds,
    FilePath,
    Moment,
    Name,
    ScopeToken,
    Seconds,
    Sha256,
    Text,
)
from fla_gateway.lean_dataclass import dataclass

OBSERVE: Final = "observe"
"""In the place of a list of `allow`: what is asked for until `observe_until` is let through and reported."""


def _observed(value: object) -> object:
    """`observe`, with or without methods, is written in the place of a list; no other text is."""
    return [value] if isinstance(value, str) and value.split(" ", 1)[0] == OBSERVE else value


AllowEntries = Annotated[list[Text], Before(_observed), Bounds(min_length=1)]
"""What a caller may do in a profile: a list of rules, or `observe`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`limits` of a profile or of a caller. Left out: no limit of the gateway's own."""

    concurrent: Annotated[int, Bounds(ge=1, le=100_000)] | None = None
    """Exchanges that run at the same time."""
    per_second: Annotated[float, Bounds(gt=0, le=100_000)] | None = None
    """Requests per second, on average; one second's worth may come at once."""
    body_bytes: Annotated[int, Bounds(ge=0)] | None = None
    """Bytes of a request body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key made by `fla-gateway caller new`, by its digest: the configuration never holds the key itself."""

    sha256: Sha256
    """SHA-256 of the key, in hexadecimal digits."""
    expires: Moment | None = None
    """When the key stops being accepted; by default never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """`[admin]`: probes, metrics and the status page, on a listener of their own."""

    listen: ListenerEntry = Listener(address="127.0.0.1:8481")
    """Address to listen on; empty text is a fault, the listener cannot be turned off."""
    key: ApiKey | None = None
    """Key that the status page asks for; probes and metrics need none."""
    actions: bool = False
    """Let the key also reload, drain and end the gateway; root and the gateway's own user may on this machine."""
    ready: Literal["any", "all"] = "any"
    """When /readyz is 200: while one profile is served, or while every one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """`[egress]`: the corporate network between the gateway and the government, for both legs."""

    proxy: Text | None = None
    """`http://host:port` of a proxy that answers CONNECT; the environment's proxy variables are never read."""
    proxy_user: Text | None = None
    """User name for the proxy (Basic)."""
    proxy_password_file: FilePath | None = None
    """File with the password for the proxy."""
    ca_file: FilePath | None = None
    """File with further roots, in addition to those of the system and of certifi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """`[log]`: what is said on standard error and standard output."""

    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON elsewhere."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level of events that are written."""
    requests: bool = True
    """One line for each exchange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """`[audit]`: the journal of what was sent for which caller. Without this table there is none."""

    path: FilePath
    """Directory of the journal; made if its parent exists, mode 0700."""
    fsync: Literal["never", "interval", "always"] = "interval"
    """When records are forced to the disk; `always`: before the first byte of a changing request is sent."""
    fsync_seconds: Seconds = 1
    """The interval of `fsync = "interval"`."""
    on_failure: Literal["refuse", "continue"] = "refuse"
    """What becomes of changing requests while the journal cannot be written: 503, or sent without a record."""
    retention_days: Annotated[int, Bounds(ge=1, le=36_500)] = 1_096
    """Segments whose last record is older are removed whole."""
    segment_bytes: Annotated[int, Bounds(ge=65_536, le=4_294_967_296)] = 67_108_864
    """A segment that has grown to this size is closed and the next one begun; each day begins one as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """`[security]`: what the process denies itself."""

    landlock: bool = False
    """Confine the process to the files it needs (Linux 5.13 or newer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes:
    """`[kubernetes]`: how service-account tokens of callers are verified, off line."""

    issuer: Text
    """`iss` of the tokens, as the cluster's discovery document has it."""
    audience: Text
    """`aud` that a projected token must have, for example `fla-gateway`."""
    jwks_file: FilePath | None = None
    """File with the cluster's JWKS."""
    jwks_url: Text | None = None
    """Address to fetch the JWKS from, for example `https://kubernetes.default.svc/openid/v1/jwks`."""
    ca_file: FilePath | None = None
    """File with the roots for `jwks_url`."""
    token_file: FilePath | None = None
    """File with the gateway's own service-account token, sent to `jwks_url`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """`[tracing]`: OpenTelemetry; needs the extra `otel`."""

    endpoint: Text
    """Address of an OTLP/HTTP collector, for example `http://127.0.0.1:4318/v1/traces`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """`[keys.NAME]` or a profile's inline `key`: where a private key and its certificate are."""

    pkcs12: FilePath | None = None
    """A PKCS#12 file (.pfx, .p12)."""
    pem: FilePath | None = None
    """A PEM file with the private key, and with the certificate if it is in the same file."""
    certificate: FilePath | None = None
    """The certificate as registered in ChaMan (.cer), DER or PEM."""
    password_file: FilePath | None = None
    """File with the password of the key; one line break at its end does not count."""
    password_env: Text | None = None
    """Environment variable with the password of the key."""
    alias: Text | None = None
    """Which key of a PKCS#12 file with several, by its alias (friendly name)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """`assertion` of a profile: how the client assertion is written. The defaults fit the official example."""

    alg: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512"] | None = None
    """JWS algorithm; by default RS256, ES384 or ES512, as the key demands."""
    kid: Text | None = None
    """`kid` header parameter; left out by default."""
    x5t: bool = False
    """Send the SHA-1 thumbprint of the certificate."""
    x5t_s256: bool = field(default=False, metadata={KEY: "x5t#S256"})
    """Send the SHA-256 thumbprint of the certificate."""
    iat: bool = True
    """Send the time of issue."""
    lifetime: Annotated[int, Bounds(ge=10, le=600)] = 120
    """Seconds until the assertion expires; the manual allows 600."""
    typ: str = "JWT"
    """`typ` header parameter; empty to leave it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTable:
    """`[profiles.NAME]`: one account of the channel, under one address of the gateway."""

    environment: Text
    """production, simulation, acceptance, or the name of one of `[environments.*]`."""
    client_id: Text
    """Client id as ChaMan shows it; opaque."""
    key: Name | KeySource
    """Name of one of `[keys.*]`, or the key itself."""
    next_key: Name | KeySource | None = None
    """The key that `fla-gateway cert switch` exchanges with `key`; the gateway asks for no token with it."""
    audience: Text | None = None
    """`issuer`, for the name of the environment's token server, or an `https://` address; by default the token_url."""
    scope: list[ScopeToken] = field(default_factory=list)
    """Scopes to ask for; normally left out, then the account's default scopes apply."""
    services: Annotated[list[Text], Bounds(min_length=1)] | None = None
    """Names of the catalogue or literal path prefixes that the profile serves; by default all of /REST/."""
    listen: ListenerEntry | None = None
    """A further address for this profile alone, without /<profile> in the path."""
    warm: bool = False
    """Keep a token ready without calls as well; by default one that no call has used is not renewed."""
    anonymous: bool = False
    """Serve production although no callers are configured, so that every local program may call."""
    limits: Limits = Limits()
    """Limits of all callers of the profile together; each gets a fair share."""
    assertion: Assertion = Assertion()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerTable:
    """`[callers.NAME]`: a program that may call. Every kind of proof that is given here is needed."""

    keys: list[ApiKey] = field(default_factory=list)
    """API keys; any one of them proves the caller, so that keys can be rotated."""
    uid: Annotated[int, Bounds(ge=0, lt=4_294_967_295)] | None = None
    """User id of the caller's process, on a unix socket."""
    gid: Annotated[int, Bounds(ge=0, lt=4_294_967_295)] | None = None
    """Group id of the caller's process, on a unix socket."""
    service_account: Annotated[str, Bounds(pattern=SERVICE_ACCOUNT_PATTERN)] | None = None
    """Kubernetes service account, `namespace/name`; see `[kubernetes]`."""
    certificate_names: list[Text] = field(default_factory=list)
    """Subject alternative names (DNS, URI or e-mail) of a client certificate; any one of them proves the caller."""
    allow: dict[Name, AllowEntries] = field(default_factory=dict)
    """Per profile: method and path pattern of each permitted request (`*` one segment, `**` more), or `observe`."""
    observe_until: Moment | None = None
    """Until then requests outside of `allow` are admitted and reported; the profile must still be allowed."""
    limits: Limits = Limits()
    """Limits of this caller, in each profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentTable:
    """`[environments.NAME]`: a government side that is not one of the presets."""

    api_base: Text
    """Origin of the APIs, for example `https://localhost:9443`."""
    token_url: Text
    """Address of the token endpoint."""
    audience: Text | None = None
    """`aud` of the assertion; by default the token_url."""
    ca_file: FilePath | None = None
    """File with further roots for this environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A whole configuration, after `include` has been followed."""

    include: list[Text] = field(default_factory=list)
    """Patterns of further files, relative to this one."""
    gateway: Gateway = Gateway()
    admin: Admin = Admin()
    egress: Egress = Egress()
    log: Log = Log()
    audit: Audit | None = None
    security: Security = Security()
    kubernetes: Kubernetes | None = None
    tracing: Tracing | None = None
    alerts: Alerts | None = None
    keys: dict[Name, KeySource] = field(default_factory=dict)
    environments: dict[Name, EnvironmentTable] = field(default_factory=dict)
    profiles: dict[Name, ProfileTable] = field(default_factory=dict)
    callers: dict[Name, CallerTable] = field(default_factory=dict)
