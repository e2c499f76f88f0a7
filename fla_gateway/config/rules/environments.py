"""The government side: the three presets as data, and the rule of official hosts.

Owns what an environment is and which combinations of addresses may carry an official host. Refuses to know profiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fla_gateway.config.schema import EnvironmentTable
from fla_gateway.config.values.urls import Url, parse_url
from fla_gateway.errors import ConfigurationError, Fault, InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass

OFFICIAL_DOMAIN: Final = "socialsecurity.be"
ISSUER: Final = "issuer"
"""`audience` of a profile that means the name of the environment's authorization server (RFC 8414, section 2)."""

_PRODUCTION_TOKEN: Final = "https://services.socialsecurity.be/REST/oauth/v5/token"  # noqa: S105 - a public address
_ACCEPTANCE_TOKEN: Final = "https://services-acpt.socialsecurity.be/REST/oauth/v5/token"  # noqa: S105 - a public address

_WHY: Final = Message(
    "official-host-mixed",
    "an address of the official host is combined with others than its own: a foreign token_url would receive an "
    "assertion that is good for the official token server, a foreign api_base an official token",
)
_CURE: Final = Text("use environment = production, simulation or acceptance, or addresses without any official host")


@dataclass(frozen=True, slots=True)
class Environment:
    """One government side, or a substitute for it.

    Attributes:
        name: name in the configuration.
        host: host of the APIs, lower case, without brackets.
        port: TCP port of the APIs.
        token_url: address of the token endpoint.
        audience: `aud` of the assertion.
        issuer: name of the authorization server, or None where it is not known.
        production: whether its APIs act on real data.
        ca_file: further roots for this environment, or None.
    """

    name: str
    host: str
    port: int
    token_url: str
    audience: str
    production: bool = False
    ca_file: Path | None = None
    issuer: str | None = None


# Simulation has an API host of its own, but its tokens come from the production token server and are good for
# production as well (official e-Box and presenceRegistration documentation). The issuer of acceptance is what a
# maintained client of a federal body sends as audience; those of production and simulation are not public.
PRESETS: Final[Mapping[str, Environment]] = MappingProxyType(
    {
        "production": Environment(
            "production", "services.socialsecurity.be", 443, _PRODUCTION_TOKEN, _PRODUCTION_TOKEN, production=True
        ),
        "simulation": Environment(
            "simulation", "services-sim.socialsecurity.be", 443, _PRODUCTION_TOKEN, _PRODUCTION_TOKEN
        ),
        "acceptance": Environment(
            "acceptance",
            "services-acpt.socialsecurity.be",
            443,
            _ACCEPTANCE_TOKEN,
            _ACCEPTANCE_TOKEN,
            issuer="https://oauth-v5.acc.socialsecurity.be",
        ),
    }
)


def is_official(host: str) -> bool:
    """Whether a parsed host (lower case, no trailing dot) belongs to the social security."""
    return host == OFFICIAL_DOMAIN or host.endswith("." + OFFICIAL_DOMAIN)


def environment_faults(name: str, table: EnvironmentTable) -> tuple[Fault, ...]:
    """Say everything that is wrong with `[environments.NAME]`."""
    place = f"environments.{name}"
    if name in PRESETS:
        message = Message("environment-is-preset", "the name is that of a preset, which cannot be defined anew")
        return (Fault(place, message, Text("choose another name")),)
    faults = tuple(_address_faults(place, table))
    if faults or not _touches_official(table):
        return faults
    return () if _preset_of(table) else (Fault(place, _WHY, _CURE),)


def resolve_environment(name: str, table: EnvironmentTable) -> Environment:
    """Make the environment that a table describes.

    The rule of official hosts (see `environment_faults`) is applied here too, so that no caller can forget it. Where a
    table spells a preset's combination differently (upper case, port 443), the preset's own spelling is used, since
    a token server compares audiences as text.

    Raises:
        ConfigurationError: the table breaks a rule.
    """
    faults = environment_faults(name, table)
    if faults:
        raise ConfigurationError(faults)
    preset = _preset_of(table)
    if preset is not None:
        return replace(preset, name=name, ca_file=table.ca_file)
    api = parse_url(table.api_base, "https")
    return Environment(
        name, api.host, api.port, table.token_url, table.audience or table.token_url, ca_file=table.ca_file
    )


def audience_fault(where: str, text: str, environment: Environment) -> Fault | None:
    """Say what is wrong with the `audience` of a profile.

    Args:
        where: its place.
        text: `ISSUER`, or an address.
        environment: of the profile.
    """
    official = is_official(environment.host)
    if text == ISSUER:
        if environment.issuer is not None:
            return None
        message = Message(
            "issuer-unknown",
            "the issuer's name is not known for {environment}, only for acceptance",
            environment=environment.name,
        )
        leave = Text("leave audience out, then it is the token_url")
        return Fault(where, message, leave if official else Text("write the name itself: https://..."))
    try:
        host = parse_url(text, "https").host
    except InvalidValueError as error:
        message = Message(
            "audience-malformed", 'is neither "issuer" nor a usable address: it {reason}', reason=error.message
        )
        return Fault(where, message, Text("leave it out for the token_url"))
    if official and not host.endswith("." + OFFICIAL_DOMAIN):
        message = Message(
            "audience-not-official",
            "the token server of {environment} is official, and this host is not below {domain}",
            environment=environment.name,
            domain=OFFICIAL_DOMAIN,
        )
        return Fault(where, message, Text("an assertion for one server is not handed to another; leave audience out"))
    if not official and is_official(host):
        return Fault(where, _WHY, _CURE)
    return None


def audience_of(text: str | None, environment: Environment) -> str:
    """Return the `aud` of a profile's assertions; the text has no fault."""
    if text == ISSUER and environment.issuer is not None:
        return environment.issuer
    return text or environment.audience


def is_production(name: str, tables: Mapping[str, EnvironmentTable]) -> bool:
    """Whether an environment acts on real data, by whatever name; one that is unknown or breaks a rule does not.

    Args:
        name: as a profile writes it.
        tables: `[environments.*]`.
    """
    if name in PRESETS or name not in tables:
        return name in PRESETS and PRESETS[name].production
    table = tables[name]
    return not environment_faults(name, table) and resolve_environment(name, table).production


def _address_faults(place: str, table: EnvironmentTable) -> Iterator[Fault]:
    for key, text in (("api_base", table.api_base), ("token_url", table.token_url)):
        try:
            url = parse_url(text, "https")
        except InvalidValueError as error:
            yield Fault(f"{place}.{key}", error.message)
            continue
        if key == "api_base" and url.path not in {"", "/"}:
            message = Message("api-base-with-path", "must end after the host and port")
            yield Fault(f"{place}.{key}", message, Text("paths are written by the caller: /REST/..."))


def _touches_official(table: EnvironmentTable) -> bool:
    hosts = (parse_url(table.api_base, "https").host, parse_url(table.token_url, "https").host)
    return any(map(is_official, hosts)) or _audience_is_official(table.audience or table.token_url)


def _audience_is_official(audience: str) -> bool:
    for scheme in ("https", "http"):
        try:
            return is_official(parse_url(audience, scheme).host)
        except ValueError:
            continue
    # No URL by our grammar: refused if it could be taken for an official one by a more generous reader.
    return OFFICIAL_DOMAIN in audience.lower()


def _preset_of(table: EnvironmentTable) -> Environment | None:
    api = parse_url(table.api_base, "https")
    token = parse_url(table.token_url, "https")
    try:
        audience = parse_url(table.audience or table.token_url, "https")
    except ValueError:
        return None
    for preset in PRESETS.values():
        if (api.host, api.port, token, audience) == (preset.host, preset.port, *_parsed(preset)):
            return preset
    return None


@cache
def _parsed(preset: Environment) -> tuple[Url, Url]:
    return parse_url(preset.token_url, "https"), parse_url(preset.audience, "https")
