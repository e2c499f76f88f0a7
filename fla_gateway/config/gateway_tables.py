"""The shape of `[gateway]` and of its listeners, as dataclasses; a part of the schema.

Owns the names, types and defaults of their keys. Refuses to know the same as `schema`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from fla_gateway.config.values.constraints import (
    MODE_PATTERN,
    Before,
    Bounds,
    FilePath,
    Seconds,
    Text,
)
from fla_gateway.lean_dataclass import dataclass


def _listener(value: object) -> object:
    """An address alone is short for a table with nothing else."""
    return {"address": value} if isinstance(value, str) else value


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
