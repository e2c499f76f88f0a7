"""Rule: configuration and catalogue become profiles.

Owns the resolved profile: token request, upstream, permitted paths. Refuses to know keys, sockets and tokens; it
names the key and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from fla_gateway.catalog.model import Catalogue, Service
from fla_gateway.catalog.prefix import parse_prefix
from fla_gateway.config.document.key_path import place
from fla_gateway.config.document.schema_errors import suggestion
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.rules.environments import (
    PRESETS,
    Environment,
    audience_fault,
    audience_of,
    environment_faults,
    resolve_environment,
)
from fla_gateway.config.rules.table_rules import reference_faults
from fla_gateway.config.schema import Assertion, Configuration, KeySource, ProfileTable
from fla_gateway.config.values.address import uri_host
from fla_gateway.errors import ConfigurationError, Fault, InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.model import AssertionOptions, TokenRequest

_BY_NAME: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Upstream:
    """The origin that a profile forwards to, always over TLS.

    Attributes:
        host: name or address, without brackets, lower case.
        port: TCP port.
        ca_file: further roots of the environment, or None.
    """

    host: str
    port: int
    ca_file: Path | None = None

    @property
    def authority(self) -> str:
        """Value of the Host field (RFC 9110, section 7.2): the port is left out where it is 443."""
        host = uri_host(self.host)
        return host if self.port == 443 else f"{host}:{self.port}"  # noqa: PLR2004 - the default port of https


@dataclass(frozen=True, slots=True)
class Profile:
    """One account of the channel, resolved: nothing is guessed after this.

    Attributes:
        name: name in the configuration and in the address.
        environment: name of the environment.
        production: whether its tokens act on real data: the production environment's API.
        token_request: what is asked of the token server.
        upstream: where requests go.
        prefixes: permitted path prefixes, each beginning with ``/REST/`` and without a slash at the end;
            empty: all of /REST/.
        listen: the profile's own listener, or None.
        warm: whether a token is kept fresh although no call uses it.
        next_key: name of the key that takes the place of the present one, or the other way round; None without one.
    """

    name: str
    environment: str
    production: bool
    token_request: TokenRequest
    upstream: Upstream
    prefixes: tuple[str, ...] = ()
    listen: Listener | None = None
    warm: bool = False
    next_key: str | None = None

    @property
    def environment_shown(self) -> str:
        """The environment for people: in capitals where calls are real, so that it is not overlooked."""
        return self.environment.upper() if self.production else self.environment

    @property
    def borrows_production(self) -> bool:
        """Whether its tokens are good for production although its API is another: simulation, by whatever name."""
        return not self.production and self.token_request.token_url == PRESETS["production"].token_url


def resolve(
    configuration: Configuration, catalogue: Catalogue, digests: Mapping[str, str] = _BY_NAME
) -> tuple[Profile, ...]:
    """Make the profiles of a configuration, in its order.

    Args:
        configuration: a configuration without faults of its own.
        catalogue: the known APIs.
        digests: `TokenRequest.key_digest` of each key, by its name; where one is missing, the name alone identifies it.

    Raises:
        ConfigurationError: with every fault of every profile; places are paths of keys, without a file.
    """
    found = faults(configuration, catalogue)
    if found:
        raise ConfigurationError(found)
    environments = _environments(configuration)
    return tuple(
        _profile(name, table, environments[table.environment], catalogue, digests)
        for name, table in configuration.profiles.items()
    )


def faults(configuration: Configuration, catalogue: Catalogue) -> tuple[Fault, ...]:
    """Say everything for which `resolve` would refuse; a rule to hand to `config.load.load`."""
    found = list(reference_faults(configuration))
    for name, environment in configuration.environments.items():
        found.extend(environment_faults(name, environment))
    environments = _environments(configuration)
    for name, profile in configuration.profiles.items():
        if profile.audience is not None and profile.environment in environments:
            where = place(("profiles", name, "audience"))
            fault = audience_fault(where, profile.audience, environments[profile.environment])
            found.extend([fault] if fault else [])
        for index, text in enumerate(profile.services or ()):
            fault = _service_fault(place(("profiles", name, "services", index)), text, catalogue)
            found.extend([fault] if fault else [])
    return tuple(found)


def warnings(configuration: Configuration, catalogue: Catalogue) -> tuple[Fault, ...]:
    """Say what is odd about the services of profiles without being a fault.

    Depends on no date: what is served today is served tomorrow, and said in the same words.
    """
    found: list[Fault] = []
    for name, profile in configuration.profiles.items():
        for index, text in enumerate(profile.services or ()):
            service = catalogue.get(text)
            where = place(("profiles", name, "services", index))
            if service is not None:
                found.extend(Fault(where, words) for words in _oddities(service, profile.environment))
        found.extend(_repealed(name, configuration, catalogue))
    return tuple(found)


def key_sources(configuration: Configuration) -> dict[str, KeySource]:
    """List the key sources by the name that `TokenRequest.key` has.

    An inline one is called ``profile:NAME``, an inline `next_key` ``next:NAME``.
    """
    inline = {
        called: key
        for name, profile in configuration.profiles.items()
        for called, key in ((_inline_key(name), profile.key), (_inline_next_key(name), profile.next_key))
        if isinstance(key, KeySource)
    }
    return {**configuration.keys, **inline}


def with_next_key(profile: Profile, digests: Mapping[str, str] = _BY_NAME) -> Profile:
    """Return the profile as it would be after `fla-gateway cert switch`; it has a next key.

    Args:
        profile: as it is.
        digests: as for `resolve`.
    """
    key, former = profile.next_key or "", profile.token_request.key
    request = replace(profile.token_request, key=key, key_digest=digests.get(key, ""))
    return replace(profile, token_request=request, next_key=former)


def _environments(configuration: Configuration) -> dict[str, Environment]:
    """Resolve the environments that have no fault."""
    tables = configuration.environments.items()
    own = {name: resolve_environment(name, table) for name, table in tables if not environment_faults(name, table)}
    return {**own, **PRESETS}


def _profile(
    name: str, table: ProfileTable, environment: Environment, catalogue: Catalogue, digests: Mapping[str, str]
) -> Profile:
    key = table.key if isinstance(table.key, str) else _inline_key(name)
    request = TokenRequest(
        environment=environment.name,
        token_url=environment.token_url,
        audience=audience_of(table.audience, environment),
        client_id=table.client_id,
        scope=tuple(table.scope),
        key=key,
        assertion=_assertion_options(table.assertion),
        ca_file=environment.ca_file,
        key_digest=digests.get(key, ""),
    )
    return Profile(
        name=name,
        environment=environment.name,
        production=environment.production,
        token_request=request,
        upstream=Upstream(environment.host, environment.port, environment.ca_file),
        prefixes=tuple(dict.fromkeys(_prefix(text, catalogue) for text in table.services or ())),
        listen=table.listen,
        warm=table.warm,
        next_key=_inline_next_key(name) if isinstance(table.next_key, KeySource) else table.next_key,
    )


def _assertion_options(table: Assertion) -> AssertionOptions:
    return AssertionOptions(
        alg=table.alg,
        kid=table.kid,
        x5t=table.x5t,
        x5t_s256=table.x5t_s256,
        iat=table.iat,
        lifetime=table.lifetime,
        typ=table.typ or None,
    )


def _inline_key(profile: str) -> str:
    return f"profile:{profile}"


def _inline_next_key(profile: str) -> str:
    return f"next:{profile}"


def _prefix(text: str, catalogue: Catalogue) -> str:
    """Give the prefix that an entry of `services` means.

    Raises:
        InvalidValueError: with a sentence that does not repeat the entry.
    """
    if text.startswith("/"):
        return parse_prefix(text)
    service = catalogue.get(text)
    if service is None:
        raise InvalidValueError(Message("service-unknown", "there is no such service in the catalogue"))
    if service.prefix is None:
        raise InvalidValueError(Message("service-without-path", "the path of this service is not public"))
    return service.prefix


def _service_fault(where: str, text: str, catalogue: Catalogue) -> Fault | None:
    try:
        _prefix(text, catalogue)
    except InvalidValueError as error:
        return Fault(where, error.message, _service_cure(text, catalogue))
    return None


def _service_cure(text: str, catalogue: Catalogue) -> Text:
    if text.startswith("/"):
        return Text("for example /REST/dimona/v2; leave services out for all of /REST/")
    if catalogue.get(text) is not None:
        return Text("write it as a literal prefix: /REST/...")
    hint = suggestion(text, catalogue.names)
    return hint or Text("`fla-gateway catalog` lists the names; a literal prefix begins with /REST/")


def _oddities(service: Service, environment: str) -> Iterator[Message]:
    if environment in PRESETS and service.environments and environment not in service.environments:
        yield Message(
            "service-not-in-environment",
            "{service} is not known to exist in {environment}, only in {known}",
            service=service.name,
            environment=environment,
            known=", ".join(service.environments),
        )


def _repealed(name: str, configuration: Configuration, catalogue: Catalogue) -> Iterator[Fault]:
    """Find what a profile serves of repealed services: by name, path or scope, or by what callers are allowed."""
    for service in catalogue.services:
        if service.status == "repealed":
            for found in _places_of(service, name, configuration):
                yield Fault(
                    found, Message("service-repealed", "{service}: {note}", service=service.name, note=service.note)
                )


def _places_of(service: Service, name: str, configuration: Configuration) -> Iterator[str]:
    profile = configuration.profiles[name]
    for index, text in enumerate(profile.services or ()):
        if text == service.name or _is_at(text, service):
            yield place(("profiles", name, "services", index))
    for index, scope in enumerate(profile.scope):
        if scope in service.scopes:
            yield place(("profiles", name, "scope", index))
    for caller, table in configuration.callers.items():
        for index, rule in enumerate(table.allow.get(name, ())):
            if _is_at(rule.partition(" ")[2].strip(), service):
                yield place(("callers", caller, "allow", name, index))


def _is_at(path: str, service: Service) -> bool:
    """Return whether a path or pattern leads to a service, in whatever version."""
    if service.prefix is None:
        return False
    family = service.prefix.rpartition("/")[0]
    return path == family or path.startswith(family + "/")
