"""The shape of the configuration file (TOML), as dataclasses.

Owns the names, types and defaults of every key. Refuses to know what a value may look like (`values.constraints`), how
a document is held against it (`document.schema_check`), files, the environment, the catalogue, and rules between
tables (`load` and `profiles` hold those). An object of these classes is not judged: only what `schema_check` made is.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Final, Literal

from fla_gateway.config.values.constraints import (
    KEY,
    MODE_PATTERN,
    SERVICE_ACCOUNT_PATTERN,
    Before,
    Bounds,
    FilePath,
    MailAddress,
    Moment,
    Name,
    ScopeToken,
    Seconds,
    SecretText,
    Sha256,
    Text,
)
from fla_gateway.lean_dataclass import dataclass

OBSERVE: Final = "observe"
"""In the place of a list of `allow`: what is asked for until `observe_until` is let through and reported."""


def _observed(value: object) -> object:
    """`observe`, with or without methods, is written in the place of a list; no other text is."""
    return [value] if isinstance(value, str) and value.split(" ", 1)[0] == OBSERVE else value


def _listener(value: object) -> object:
    """An address alone is short for a table with nothing else."""
    return {"address": value} if isinstance(value, str) else value


def _addresses(value: object) -> object:
    """One address alone is short for a list of one."""
    return [value] if isinstance(value, str) else value


def _webhook(value: object) -> object:
    """An address alone is short for a table with nothing else."""
    return {"url": value} if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """`[gateway.timeouts]`: how long each phase of an exchange may take, in seconds."""

    head: Seconds = 15
    """From a request's first byte to the end of its head."""
    idle: Seconds = 75
    """A caller's connection without a request."""
    connect: Seconds = 5
    """DNS, TCP, proxy and TLS, for all addresses of the API together."""
    first_byte: Seconds = 60
    """From the end of the request to the first byte of the API's answer."""
    write_stall: Seconds = 60
    """A peer that takes no bytes, or a body that brings none, although bytes are waited for."""
    exchange: Seconds = 600
    """A whole exchange, from its head to the last byte of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`[gateway.pool]`: the connections to the API, per profile."""

    connections: Annotated[int, Bounds(ge=1, le=1024)] = 64
    """Connections open at most."""
    queue: Annotated[int, Bounds(ge=0, le=10_000)] = 256
    """Requests that may wait for a connection."""
    queue_seconds: Seconds = 10
    """How long a request waits for a connection."""
    idle_seconds: Seconds = 30
    """A connection unused for longer is closed."""
    max_age_seconds: Seconds = 600
    """A connection older than this is closed after the exchange it carries."""
    changing_idle_seconds: Annotated[float, Bounds(ge=0, le=86_400)] = 2
    """A request other than GET and HEAD travels on a connection idle for less than this, or on a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerTls:
    """`tls` of a listener: callers speak TLS with the gateway."""

    certificate: FilePath
    """PEM file with the server's certificate and what its chain needs."""
    key: FilePath
    """PEM file with the server's private key."""
    password_file: FilePath | None = None
    """File with the password of the key."""
    client_ca: FilePath | None = None
    """File with the roots of client certificates; with it callers may prove who they are by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An entry of `listen`: an address, or a table with an address and how it is served."""

    address: Text
    """`host:port`, `[IPv6]:port`, `unix:/path`, `unix:@name` for an abstract name, or `fd:name` from systemd."""
    tls: ListenerTls | None = None
    """Certificate and key, for a TCP address on which TLS is spoken."""
    mode: Annotated[str, Bounds(pattern=MODE_PATTERN)] | None = None
    """Mode of a unix socket's file, in octal digits and quotes; `0600` by default."""
    group: Text | None = None
    """Group of a unix socket's file, by name or number."""


ListenerEntry = Annotated[Listener, Before(_listener)]
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
class Gateway:
    """`[gateway]`: the side that callers see."""

    listen: Annotated[list[ListenerEntry], Bounds(min_length=1)] = field(
        default_factory=lambda: [Listener(address="127.0.0.1:8480"), Listener(address="[::1]:8480")]
    )
    """Addresses to listen on; a machine without IPv6 is no fault."""
    hosts: list[Text] = field(default_factory=list)
    """Further names that callers may use in the Host field."""
    trusted_origins: list[Text] = field(default_factory=list)
    """Origins of web pages that may call, for ERP clients built on a web view; all other pages are refused."""
    drain_seconds: Annotated[float, Bounds(ge=0, le=3600)] = 25
    """How long running exchanges may go on after SIGTERM and `drain_delay`."""
    drain_delay: Annotated[float, Bounds(ge=0, le=3600)] = 0
    """How long the gateway goes on accepting after SIGTERM, unready; 3 to 5 in Kubernetes."""
    watch: bool = False
    """Reload when a file of the configuration has changed, unless that would open more, or keep less, than before."""
    max_connections: Annotated[int, Bounds(ge=1, le=100_000)] = 1024
    """Callers' connections open at most; at the limit the gateway stops accepting until one closes."""
    browser_headers: bool = True
    """Add `nosniff` and a sandbox policy to answers of the API that a browser could run."""
    replay_limit: Annotated[int, Bounds(ge=0, le=1_048_576)] = 65_536
    """Bytes of a request body kept for the one replay after a 401."""
    language: Literal["en", "nl", "fr"] | None = None
    """Language of status page, alerts and calendar; without it the page follows the browser, the others are English."""
    unsafe_allow_anonymous: bool = False
    """Listen beyond loopback although no caller has to identify itself."""
    unsafe_cleartext: bool = False
    """Listen beyond loopback although nothing is encrypted."""
    timeouts: Timeouts = Timeouts()
    pool: Pool = Pool()


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


MailAddresses = Annotated[list[MailAddress], Before(_addresses), Bounds(min_length=1)]
"""Who gets mails: an address, or a list of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMail:
    """`[alerts.mail]`: alerts as mails, through one mail server."""

    to: MailAddresses
    """Who gets them: one address or several; two are better, one of them not a person's."""
    sender: MailAddress = field(metadata={KEY: "from"})
    """Who they come from, as the mail server permits it."""
    server: Text
    """`host:port` of the mail server that takes them, usually port 587, or 465 with `tls = "implicit"`."""
    tls: Literal["starttls", "implicit"] = "starttls"
    """`starttls`: encryption is asked for before anything else is said, and is required; `implicit`: from the start."""
    user: Text | None = None
    """User name for the mail server."""
    password_file: FilePath | None = None
    """File with the password of `user`; one line break at its end does not count."""
    ca_file: FilePath | None = None
    """File with further roots for the mail server."""
    unsafe_cleartext: bool = False
    """Use a relay that speaks no TLS, and no password: alerts can be read and changed on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`[alerts.webhook]`: alerts as JSON, posted to one address. The address alone is short for `{ url = ... }`."""

    url: SecretText
    """`https://` address that takes them; it may hold a token, and is never shown."""
    ca_file: FilePath | None = None
    """File with further roots for its host."""
    direct: bool = False
    """Go around the proxy of `[egress]`, to a host of the own network."""


WebhookEntry = Annotated[Webhook, Before(_webhook)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """`[alerts]`: what a person has to know, sent by mail or to a webhook. Without this table nothing is sent."""

    mail: AlertMail | None = None
    webhook: WebhookEntry | None = None
    name: Text | None = None
    """What alerts call this gateway; by default the name of its host."""


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
