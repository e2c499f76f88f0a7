"""The shape of the configuration file (TOML), as pydantic models.

Owns the names, types and defaults of every key, and what can be judged of one value by itself. Refuses to know files,
the environment, the catalogue, and rules between tables (`config.load` and `profiles` hold those). Inputs are hidden
in errors, since any of them may be a secret that was put in the wrong place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)
from pydantic_core import PydanticCustomError

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"


def _printable(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise PydanticCustomError("text", "must have no spaces around it, no line breaks and no control characters")
    return text


def _path(value: object) -> Path:
    """TOML has no paths, and strict pydantic takes no text for one."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("path", "must be the path of a file, in quotes")
    if "-----BEGIN" in value or not value.isprintable():
        raise PydanticCustomError("path", "must be the path of a file, not what stands in the file")
    if not value:
        raise PydanticCustomError("path", "must not be empty")
    return Path(value)


def _key_form(value: object) -> str:
    return "<name>" if isinstance(value, str) else "<source>"


Seconds = Annotated[float, Field(gt=0, le=86_400)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_printable)]
FilePath = Annotated[Path, BeforeValidator(_path)]
# RFC 6749, section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
ScopeToken = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]


class Table(BaseModel):
    """A TOML table: strict types, no unknown keys, frozen, and no input in its errors."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Timeouts(Table):
    """`[gateway.timeouts]`: how long each phase of an exchange may take, in seconds."""

    head: Seconds = 15
    """From a request's first byte to the end of its head."""
    idle: Seconds = 75
    """A caller's connection without a request."""
    connect: Seconds = 5
    """DNS, TCP, proxy and TLS towards one address of the API; the addresses are tried in turn."""
    first_byte: Seconds = 60
    """From the end of the request to the first byte of the API's answer."""
    write_stall: Seconds = 60
    """A peer that takes no bytes, or a body that brings none, although bytes are waited for."""
    exchange: Seconds = 600
    """A whole exchange, from its head to the last byte of the answer."""


class Pool(Table):
    """`[gateway.pool]`: the connections to the API, per profile."""

    connections: Annotated[int, Field(ge=1, le=1024)] = 64
    """Connections open at most."""
    queue: Annotated[int, Field(ge=0, le=10_000)] = 256
    """Requests that may wait for a connection."""
    queue_seconds: Seconds = 10
    """How long a request waits for a connection."""
    idle_seconds: Seconds = 30
    """A connection unused for longer is closed."""
    max_age_seconds: Seconds = 600
    """A connection older than this is closed after the exchange it carries."""
    changing_idle_seconds: Annotated[float, Field(ge=0, le=86_400)] = 2
    """A request other than GET and HEAD travels on a connection idle for less than this, or on a new one."""


class Gateway(Table):
    """`[gateway]`: the side that callers see."""

    listen: Annotated[list[Text], Field(min_length=1)] = ["127.0.0.1:8480", "[::1]:8480"]
    """Addresses to listen on: `host:port` or `unix:/path`; a machine without IPv6 is no fault."""
    hosts: list[Text] = []
    """Further names that callers may use in the Host field."""
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 25
    """How long running exchanges may go on after SIGTERM."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1024
    """Callers' connections open at most; at the limit the gateway stops accepting until one closes."""
    replay_limit: Annotated[int, Field(ge=0, le=1_048_576)] = 65_536
    """Bytes of a request body kept for the one replay after a 401."""
    unsafe_allow_anonymous: bool = False
    """Listen beyond loopback although nobody is asked who he is."""
    unsafe_cleartext: bool = False
    """Listen beyond loopback although nothing is encrypted."""
    timeouts: Timeouts = Timeouts()
    pool: Pool = Pool()


class Admin(Table):
    """`[admin]`: probes and metrics, on a listener of their own."""

    listen: Text = "127.0.0.1:8481"
    """Address to listen on; empty text is a fault, the listener cannot be turned off."""


class Egress(Table):
    """`[egress]`: the corporate network between the gateway and the government, for both legs."""

    proxy: Text | None = None
    """`http://host:port` of a proxy that answers CONNECT; the environment's proxy variables are never read."""
    proxy_user: Text | None = None
    """User name for the proxy (Basic)."""
    proxy_password_file: FilePath | None = None
    """File with the password for the proxy."""
    ca_file: FilePath | None = None
    """PEM file with further roots, in addition to those of the system and of certifi."""


class Log(Table):
    """`[log]`: what is said on standard error and standard output."""

    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON elsewhere."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level of events that are written."""
    requests: bool = True
    """One line for each exchange."""


class KeySource(Table):
    """`[keys.NAME]` or a profile's inline `key`: where a private key and its certificate are."""

    pkcs12: FilePath | None = None
    """A PKCS#12 file (.pfx, .p12)."""
    pem: FilePath | None = None
    """A PEM file with the private key, and with the certificate if it stands in the same file."""
    certificate: FilePath | None = None
    """The certificate as registered in ChaMan (.cer), DER or PEM."""
    password_file: FilePath | None = None
    """File with the password of the key; one line break at its end does not count."""
    password_env: Text | None = None
    """Environment variable with the password of the key."""


class Assertion(Table):
    """`assertion` of a profile: how the client assertion is written. The defaults fit the official example."""

    alg: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512"] | None = None
    """JWS algorithm; by default RS256, ES384 or ES512, as the key demands."""
    kid: Text | None = None
    """`kid` header parameter; left out by default."""
    x5t: bool = False
    """Send the SHA-1 thumbprint of the certificate."""
    x5t_s256: Annotated[bool, Field(alias="x5t#S256")] = False
    """Send the SHA-256 thumbprint of the certificate."""
    iat: bool = True
    """Send the time of issue."""
    lifetime: Annotated[int, Field(ge=10, le=600)] = 120
    """Seconds until the assertion expires; the manual allows 600."""
    typ: str = "JWT"
    """`typ` header parameter; empty to leave it out."""


class ProfileTable(Table):
    """`[profiles.NAME]`: one account of the channel, under one address of the gateway."""

    environment: Text
    """production, simulation, acceptance, or the name of one of `[environments.*]`."""
    client_id: Text
    """Client id as ChaMan shows it; opaque."""
    key: Annotated[Annotated[Name, Tag("<name>")] | Annotated[KeySource, Tag("<source>")], Discriminator(_key_form)]
    """Name of one of `[keys.*]`, or the key itself."""
    scope: list[ScopeToken] = []
    """Scopes to ask for; normally left out, then the account's default scopes apply."""
    services: Annotated[list[Text], Field(min_length=1)] | None = None
    """Names of the catalogue or literal path prefixes that the profile serves; by default all of /REST/."""
    listen: Text | None = None
    """A further address for this profile alone, without /<profile> in the path."""
    assertion: Assertion = Assertion()


class EnvironmentTable(Table):
    """`[environments.NAME]`: a government side that is not one of the presets."""

    api_base: Text
    """Origin of the APIs, for example `https://localhost:9443`."""
    token_url: Text
    """Address of the token endpoint."""
    audience: Text | None = None
    """`aud` of the assertion; by default the token_url."""
    ca_file: FilePath | None = None
    """PEM file with further roots for this environment."""


class Configuration(Table):
    """A whole configuration, after `include` has been followed."""

    include: list[Text] = []
    """Patterns of further files, relative to this one."""
    gateway: Gateway = Gateway()
    admin: Admin = Admin()
    egress: Egress = Egress()
    log: Log = Log()
    keys: dict[Name, KeySource] = {}
    environments: dict[Name, EnvironmentTable] = {}
    profiles: dict[Name, ProfileTable] = {}
